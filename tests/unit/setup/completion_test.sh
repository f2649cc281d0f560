#!/usr/bin/env bash
# SPDX-License-Identifier: GPL-2.0-or-later
# completion_test.sh SRC-SETUP PROGRAM: what bash offers after some beginnings of a command line.
set -euo pipefail
directory=$1 program=$2
# shellcheck source=/dev/null
source "$directory/completion/$program"

# offered WORD...: what completes the last word.
offered() {
  COMP_WORDS=("$directory/$program" "$@")
  COMP_CWORD=$#
  "_${program//-/_}"
  printf '%s\n' "${COMPREPLY[@]}"
}

# expect WANTED WORD...: the candidates, joined by blanks.
expect() {
  local wanted=$1 got
  shift
  got=$(offered "$@" | paste -sd ' ')
  if [[ $got != "$wanted" ]]; then
    echo "after '$*': '$got' instead of '$wanted'" >&2
    exit 1
  fi
}

case $program in
  xcp-host-check)
    expect "--kvm" --k
    expect "--color --help --json --kvm --quiet --strict --xen" ""
    expect "auto always" --color a
    ;;
  xcp-setup)
    expect "dom0" d
    expect "--memory" dom0 --m
    expect "com1,115200 com2,115200" dom0 --console c
    expect "auto" dom0 --memory ""
    ;;
esac
