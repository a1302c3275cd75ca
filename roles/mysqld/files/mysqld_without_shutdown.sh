#!/bin/sh
# Stands in for mysqld while its package makes the data directory: the server ends by itself after
# the statements of the package, and not by SHUTDOWN. It and its folder are removed then.
if test "$1" = --initialize-insecure; then
  for argument
  do case $argument in
    --init-file=*) sed -i '/^SHUTDOWN;$/d' "${argument#*=}" ;;
  esac
  done
  rm -r "${0%/*}"
fi
exec /usr/sbin/mysqld "$@"
