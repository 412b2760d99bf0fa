#!/bin/sh
site=$HOME/.wadi-web
mkdir -p "$site/pages" "$site/temporary"
# What people write as the title is text, not markup.
title=$(printf '%s' "$TITLE" | sed 's/&/\&amp;/g; s/</\&lt;/g; s/>/\&gt;/g')
cat >"$site/index.new" <<END
<!doctype html>
<meta charset="utf-8">
<title>$title</title>
<h1>$title</h1>
<p>This is $WADI_NAME at $WADI_IP, of the cluster $WADI_CLUSTER.</p>
END
mv "$site/index.new" "$site/pages/index.html"
cat >"$site/nginx.conf" <<END
pid $site/nginx.pid;
error_log $site/error.log;
events { }
http {
  access_log off;
  default_type text/html;
  charset utf-8;
  client_body_temp_path $site/temporary;
  proxy_temp_path $site/temporary;
  fastcgi_temp_path $site/temporary;
  uwsgi_temp_path $site/temporary;
  scgi_temp_path $site/temporary;
  server {
    listen $WADI_IP:$WEB_PORT;
    root $site/pages;
  }
}
END
