#!/usr/bin/env bash
# A failover as the server's manual has it, with its client: the peer of replica_set_failover.yml.
# Nobody asks whether the active writer is dead, or what the other server may lack.
#   stock_failover.sh NEW_SOCKET
set -euo pipefail
new=$1

on() { mariadb --no-defaults --socket="$new" --user=root --batch --execute="$1" "${@:2}"; }

on "STOP SLAVE IO_THREAD"
# All that it has received is applied before it takes writes.
received=$(on "SHOW SLAVE STATUS\G" | sed -n 's/^ *Gtid_IO_Pos: //p')
[ "$(on "SELECT MASTER_GTID_WAIT('$received', 10)" --skip-column-names)" = 0 ]
on "STOP SLAVE; RESET SLAVE ALL; SET GLOBAL rpl_semi_sync_master_enabled = 1; SET GLOBAL read_only = 0"
