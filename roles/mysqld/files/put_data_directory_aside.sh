#!/bin/sh
# Put the data directory aside that MySQL was shut down in before it had finished, and print the
# name of a configuration for apt with which the next try of the package finds, as mysqld, the
# program that is on standard input. Without such a directory nothing is done, and nothing printed.
set -e
log=/var/log/mysql/error.log
# Read in any case: who writes it would fail when nobody does.
mysqld=$(cat)
# Otherwise there was another reason, which the next try meets again and tells.
if test -e "$log" && awk '/ initializing of server in progress / {shut = unusable = 0}
    / ready for connections/ {shut = unusable = 0}
    / Received SHUTDOWN / {shut = 1}
    / \[MY-013236\] / {unusable = 1}
    END {exit !(shut && unusable)}' "$log"
then
  aside=$(mktemp --directory /var/lib/mysql-unfinished.XXXXXX)
  find /var/lib/mysql -mindepth 1 -maxdepth 1 -exec mv --target-directory="$aside" {} +
  first=$(mktemp --directory /run/mysql-first.XXXXXX)
  printf '%s\n' "$mysqld" >"$first/mysqld"
  chmod +x "$first/mysqld"
  echo "DPkg::Path \"$first:/usr/sbin:/usr/bin:/sbin:/bin\";" >"$first/apt.conf"
  echo "$first/apt.conf"
fi
