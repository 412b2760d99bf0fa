#!/bin/sh
site=$HOME/.wadi-web
PATH=$PATH:/usr/sbin:/usr/local/sbin
if [ -s "$site/nginx.pid" ] && kill -0 "$(cat "$site/nginx.pid")" 2>/dev/null; then
  nginx -c "$site/nginx.conf" -e "$site/error.log" -s reload
else
  nginx -c "$site/nginx.conf" -e "$site/error.log"
fi
