#!/bin/sh
busybox pkill -f "httpd -p $PAGE_PORT" || true
