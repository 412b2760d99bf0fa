#!/bin/sh
rm -f greeting
