# Sourced by the other scripts: where things are, and how to speak.

set -euo pipefail

ROOT=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
cd "$ROOT"

# The demo's folder, and the third number of its servers' addresses: another
# folder and number, and a second demo runs beside the first.
LOCAL_DIR=${LOCAL_DIR:-$ROOT/.demo}
LOCAL_NET=${LOCAL_NET:-0}
[[ $LOCAL_DIR = /* ]] || LOCAL_DIR=$ROOT/$LOCAL_DIR

VENV=$ROOT/.venv
export ROOT VENV LOCAL_DIR LOCAL_NET
# An ordinary user's PATH lacks the folders that servers live in.
PATH="$PATH:/usr/local/sbin:/usr/sbin:/sbin:/usr/libexec"
# Images of Python set this. Every start of Ansible would compile anew what it imports, which
# takes it longer than a short playbook.
unset PYTHONDONTWRITEBYTECODE

if [ -t 1 ]; then bold=$'\e[1m' plain=$'\e[0m'; else bold='' plain=''; fi

step() { printf '\n%s==> %s%s\n' "$bold" "$*" "$plain"; }
say() { printf '%s\n' "$*"; }
die() {
  printf '%s: %s\n' "${0##*/}" "$*" >&2
  exit 1
}

# The demo's servers: processes whose first argument is an option file below its
# folder. Not read from pid files, whose numbers can be other processes' by now.
demo_pids() {
  _demo_processes 1 "--defaults-file=$LOCAL_DIR/" /my.cnf
}

# The agents of the demo's replica set.
demo_agents() {
  _demo_processes 3 "$LOCAL_DIR/" /agent.json
}

# Numbers of processes whose command line has a word with this beginning and this end at this place.
# Quoted: a folder's name may have what a pattern has, and other demos' processes are nobody's to end.
_demo_processes() {
  local place=$1 beginning=$2 end=$3 cmdline words
  for cmdline in /proc/[0-9]*/cmdline; do
    mapfile -d '' -t words 2>/dev/null <"$cmdline" || continue
    [[ ${words[place]:-} = "$beginning"*"$end" ]] || continue
    cmdline=${cmdline#/proc/}
    echo "${cmdline%/cmdline}"
  done
} 2>/dev/null
