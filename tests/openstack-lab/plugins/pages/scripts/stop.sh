#!/bin/sh
pkill -f "httpd -p $PAGE_PORT" || true
