#!/bin/sh
# Written aside and renamed: a script may be run twice, and whoever reads the file sees the old or the new one.
{
  printf '%s from %s\n' "$TEXT" "$WADI_NAME"
  wadi_machines greeter | while read -r name ip _; do
    printf 'knows %s at %s\n' "$name" "$ip"
  done
} >greeting.new
mv greeting.new greeting
