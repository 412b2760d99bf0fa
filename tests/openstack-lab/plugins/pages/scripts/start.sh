#!/bin/sh
mkdir -p "$HOME/pages"
printf '%s\n' "$WADI_NAME" >"$HOME/pages/index.html"
pgrep -f "httpd -p $PAGE_PORT" >/dev/null && exit 0
busybox httpd -p "$PAGE_PORT" -h "$HOME/pages"
