#!/usr/bin/env bash
# SPDX-License-Identifier: GPL-2.0-or-later
# The completion, asked as bash would, with the real program for subcommands and options.
#     completion_test.sh COMPLETION XL
set -euo pipefail
export XL_SOCKET=/nonexistent
# shellcheck source=/dev/null
source "$1"
program=$2

complete_line() {
  COMP_WORDS=("$program" "$@")
  COMP_CWORD=$#
  _xl
}

expect() {
  local wanted=$1
  shift
  complete_line "$@"
  if [[ " ${COMPREPLY[*]} " != *" $wanted "* ]]; then
    printf 'completing "%s": expected %s, got %s\n' "$*" "$wanted" "${COMPREPLY[*]}" >&2
    exit 1
  fi
}

expect create cre
expect cpupool-list cpupool-
expect help he
expect -N -
expect shutdown -f shut
expect --vncviewer create --vnc
expect -p create -
expect network-attach help network-
touch "/tmp/xl-completion-$$"
trap 'rm -f "/tmp/xl-completion-$$"' EXIT
expect "/tmp/xl-completion-$$" create "/tmp/xl-completion-$$"
complete_line nosuchverb
((${#COMPREPLY[@]} == 0))
