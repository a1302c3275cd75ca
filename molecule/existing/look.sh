#!/bin/sh
# Tell line by line what a host is, but for what the shop writes meanwhile.

systemctl show shopdb shop --property=Id,MainPID,ExecMainStartTimestamp | sed -n 's/^./service &/p'
printf 'binlog %s\n' /srv/shop/log.0*[0-9]

files() {
  top=$1; shift
  find "$top" -xdev \( -path /srv/shop -o -path /var/log -o -path /var/lib/systemd -o -path /root/.ansible \) \
    -prune -o -type f "$@"
}
# Whatever is done to a file, nobody can set back the time of its last change.
# The second is a disk of its own.
for top in / /var/lib/mysql; do files "$top" -printf 'file %p %m %u:%g %s %T@ %C@\n'; done
files /etc -print0 | xargs -0 sha256sum | sed 's/^\([^ ]*\)  \(.*\)/file \2 \1/'

schema=shop
test -d /srv/shop/shop || schema=reports
# Its next id moves on.
mariadb-dump --no-data --skip-comments --routines --events --databases "$schema" \
  | sed 's/ AUTO_INCREMENT=[0-9]*//; s/^/definition /'
mariadb --batch --skip-column-names "$schema" <<'SQL'
SELECT 'row', 'orders', orders.* FROM orders WHERE session = 0;
SELECT 'row', 'kinds', kinds.* FROM kinds;
SELECT 'table', table_schema, table_name, engine, create_time FROM information_schema.tables
  WHERE table_schema NOT IN ('information_schema', 'performance_schema');
SELECT 'account', user, host, priv FROM mysql.global_priv;
SELECT 'grant', grantee, privilege_type, is_grantable FROM information_schema.user_privileges;
SELECT 'grant', grantee, table_schema, privilege_type, is_grantable FROM information_schema.schema_privileges;
SELECT 'grant', grantee, table_schema, table_name, privilege_type FROM information_schema.table_privileges;
SELECT 'grant', roles_mapping.* FROM mysql.roles_mapping;
SELECT 'channel', connection_name FROM information_schema.slave_status;
-- Positions move on.
SELECT 'variable', variable_name, variable_value FROM information_schema.global_variables
  WHERE variable_name NOT LIKE 'gtid%';
SQL
