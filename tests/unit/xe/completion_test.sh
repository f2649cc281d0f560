#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# Bash completion against a fake xe: each check types a line and compares what is offered, one
# candidate between each pair of bars. Usage: completion_test.sh <completion file>
set -u
dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT
failures=0

cat >"$dir/xe" <<'FAKE'
#!/bin/bash
echo "$*" >>"$XE_FAKE_LOG"
case "$*" in
  'help --minimal --all'*)
    echo 'help,host-list,vbd-create,vm-clone,vm-export,vm-list,vm-param-add,vm-start' ;;
  'help vm-clone vm-export vm-list vm-param-add vm-start'*)
    for c in vm-clone vm-export vm-list vm-param-add vm-start; do
      printf 'command name        : %s\n        reqd params     : \n    optional params     : \n' $c
      printf '        description     : About %s. More words: here.\n\n\n' $c
    done ;;
  'help vm-clone'*)
    printf 'command name        : vm-clone\n        reqd params     : new-name-label\n'
    printf '    optional params     : new-name-description, <vm-selectors>\n        description     : x.\n' ;;
  'help vm-list'*)
    printf 'command name        : vm-list\n        reqd params     : \n'
    printf '    optional params     : params, database:, uuid, name-label, power-state, tags, tags:contains, other-config, other-config:\n' ;;
  'help vm-param-add'*)
    printf 'command name        : vm-param-add\n        reqd params     : uuid, param-name\n    optional params     : param-key\n' ;;
  'help vm-export'*)
    printf 'command name        : vm-export\n        reqd params     : filename, uuid\n    optional params     : compress\n' ;;
  'help vbd-create'*)
    printf 'command name        : vbd-create\n        reqd params     : vm-uuid, device\n    optional params     : type, other-config:\n' ;;
  'vm-list params=uuid --minimal'*) echo 'aaaa-1,aaaa-2,bbbb-3' ;;
  'vm-list params=name-label --minimal'*) echo 'one,two,three' ;;
  'vm-list params=name-label is-control-domain=false --minimal'*)
    echo 'my vm\, old,my vm,<not in database>,with\\slash' ;;
  'vm-param-list uuid=aaaa-1'*)
    printf 'uuid ( RO)           : aaaa-1\n    name-label ( RW): x\n        tags (SRW): \n'
    printf '    other-config (MRW): a: b\n  allowed-operations (SRO): x\n  old (MRW) [DEPRECATED]: x\n' ;;
  'sm-list params=type --minimal'*) echo 'ext,nfs' ;;
  'sm-list params=configuration type=nfs --minimal'*) echo 'server: host name; serverpath: path' ;;
  *) echo 'unknown request' >&2; exit 1 ;;
esac
FAKE
chmod +x "$dir/xe"
export PATH="$dir:$PATH" XE_FAKE_LOG="$dir/log"
# shellcheck disable=SC1090
source "$1"

# expect <line up to the cursor> <candidates>
expect() {
  COMP_LINE=$1 COMP_POINT=${#1} COMPREPLY=()
  local COMP_WORDBREAKS=$' \t\n"\'><=;|&(:'
  : >"$XE_FAKE_LOG"
  _xe 2>"$dir/stderr"
  local got
  got=$(printf '%s|' "${COMPREPLY[@]}")
  ((${#COMPREPLY[@]})) || got=''
  if [[ $got != "$2" ]]; then
    printf 'typed    %s\nexpected %s\ngot      %s\n' "$1" "$2" "$got"
    failures=$((failures + 1))
  fi
  if [[ -s $dir/stderr ]]; then
    printf 'typed %s: noise on stderr:\n%s\n' "$1" "$(cat "$dir/stderr")"
    failures=$((failures + 1))
  fi
}

# expect_calls <number>: how often xe was run for the last line.
expect_calls() {
  local calls
  calls=$(wc -l <"$XE_FAKE_LOG")
  if ((calls != $1)); then
    printf 'expected %s calls of xe, there were:\n%s\n' "$1" "$(cat "$XE_FAKE_LOG")"
    failures=$((failures + 1))
  fi
}

# Command names: groups first, then names with what they do, then one name.
expect 'xe ' 'help|host-|vbd-|vm-|'
expect_calls 1
expect 'xe h' 'help|host-|'
expect 'xe vm-' 'vm-clone - About vm-clone|vm-export - About vm-export|vm-list - About vm-list|vm-param-add - About vm-param-add|vm-start - About vm-start|'
expect_calls 2
expect 'xe vm-s' 'vm-start |'
expect 'xe vbd' 'vbd-create |'
expect 'xe help vbd' 'vbd-create |'
expect 'xe nosuch' ''
expect 'xe -s h -pw "a b" vm-s' 'vm-start |'
if ! grep -q -- '-s h -pw a b' "$XE_FAKE_LOG"; then
  echo 'the options on the line did not reach xe'
  failures=$((failures + 1))
fi

# Parameters.
expect 'xe vm-export ' 'filename=  REQUIRED|uuid=  REQUIRED|compress=  OPTIONAL|'
expect_calls 1
expect 'xe vm-export u' 'uuid=|'
expect 'xe vm-export uuid=aaaa-1 ' 'filename=  REQUIRED|compress=  OPTIONAL|'
expect 'xe vbd-create o' 'other-config:|'
expect 'xe vm-clone n' 'new-name-label=|new-name-description=|name-label=|'
expect 'xe vm-clone vm' 'vm=|'
expect 'xe vm-list --m' '--minimal|--multiple|'

# Values: glued words, escapes, remarks.
expect 'xe vm-export uuid=' 'aaaa-1 (one)|aaaa-2 (two)|bbbb-3 (three)|'
expect 'xe vm-export uuid=b' 'bbbb-3 |'
expect 'xe vbd-create vm-uuid=aaaa' 'aaaa-1 (one)|aaaa-2 (two)|'
expect 'xe vm-clone vm=' 'my\ vm\,\ old|my\ vm|with\\slash|'
expect 'xe vm-clone vm=my\ vm,' 'my\ vm\,\ old |'
expect 'xe vm-clone vm="w' 'with\\slash |'
expect 'xe vbd-create type=' 'Disk|CD|Floppy|'
expect 'xe sr-create type=n' 'nfs |'
expect 'xe sr-create type=nfs device-config:' 'server=|serverpath=|'
expect 'xe sr-create type=nfs device-config:serverp' 'serverpath=|'
expect 'xe vm-export compress=t' 'true |'
expect 'xe vm-export nosuch=' ''
touch "$dir/disk one.img"
expect "xe vm-export filename=$dir/di" "$dir/disk\\ one.img |"

# Fields.
expect 'xe vm-list params=' 'all|uuid|name-label|power-state|tags|other-config|'
expect 'xe vm-list params=uuid,na' 'uuid,name-label|'
expect 'xe vm-list params=uuid,u' ''
expect 'xe vm-param-add uuid=aaaa-1 param-name=' 'tags|other-config|'
expect 'xe vm-param-get uuid=aaaa-1 param-name=' 'uuid|name-label|tags|other-config|allowed-operations|'
expect 'xe vm-param-add param-name=' 'tags|other-config|'

# Alt-q.
READLINE_LINE='xe vm-export uuid=x' READLINE_POINT=3
_xe_append_required
[[ $READLINE_LINE == 'xe vm-export uuid=x filename=' ]] || {
  echo "Alt-q made: $READLINE_LINE"
  failures=$((failures + 1))
}

# The trace file.
export XE_COMPLETION_DEBUG_FILE="$dir/trace"
expect 'xe vm-s' 'vm-start |'
grep -q 'call: help' "$dir/trace" || { echo 'no trace written'; failures=$((failures + 1)); }

((failures == 0)) && echo 'all completions as expected'
exit $((failures > 0))
