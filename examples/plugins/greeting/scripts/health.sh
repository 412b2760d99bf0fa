#!/bin/sh
head -n 1 greeting
