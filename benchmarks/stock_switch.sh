#!/usr/bin/env bash
# A planned switch as the server's manual has it, with its client: the peer of replica_set_switch.yml.
# It is as quick as a script can be: no server is judged, and nothing is there to go on after an error.
#   stock_switch.sh OLD_SOCKET NEW_SOCKET NEW_HOST PORT USER PASSWORD
set -euo pipefail
old=$1 new=$2 host=$3 port=$4 user=$5 password=$6

on() { mariadb --no-defaults --socket="$1" --user=root --batch --skip-column-names --execute="$2"; }

# The lock ends with the session; read_only stays.
on "$old" "FLUSH TABLES WITH READ LOCK; SET GLOBAL read_only = 1"
position=$(on "$old" "SELECT @@gtid_binlog_pos")
[ "$(on "$new" "SELECT MASTER_GTID_WAIT('$position', 10)")" = 0 ]
on "$new" "STOP SLAVE; RESET SLAVE ALL; SET GLOBAL rpl_semi_sync_master_enabled = 1; SET GLOBAL read_only = 0"
on "$old" "SET GLOBAL rpl_semi_sync_master_enabled = 0;
  CHANGE MASTER TO MASTER_HOST='$host', MASTER_PORT=$port, MASTER_USER='$user', MASTER_PASSWORD='$password',
    MASTER_USE_GTID=slave_pos, MASTER_DEMOTE_TO_SLAVE=1;
  START SLAVE"
