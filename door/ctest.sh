# shellcheck shell=bash
# SPDX-License-Identifier: GPL-2.0-or-later
# For the lanes that run the unit tests: builds a preset, runs CTest, counts test cases. To be sourced
# with KRONOS_TOP set.
top=$KRONOS_TOP
# shellcheck source=door/say.sh
source "$top/door/say.sh"
# shellcheck source=door/packages.sh
source "$top/door/packages.sh"
# shellcheck source=door/build.sh
source "$top/door/build.sh"

# unit_tests PRESET [CTEST OPTION...]: prints the closing line; false when anything failed.
unit_tests() {
  local preset=$1 status=0 log
  shift
  build "$preset" all
  log=$(build_dir "$preset")/Testing/Temporary/LastTest.log
  rm -f "$log"
  ctest --test-dir "$(build_dir "$preset")" --output-on-failure -j "$(nproc)" -L unit "$@" || status=$?
  [[ -s $log ]] || die "CTest left no log; it ended with status $status"
  # A program that ended badly without naming a failed case counts as one.
  awk -v status="$status" '
    /^\[  PASSED  \] [0-9]+ test/ { passed += $4; seen = 1 }
    /^\[  FAILED  \] [0-9]+ test/ { failed += $4; named = 1 }
    /^"[^"]+" end time/ { seen = 0 }
    /^Test (Passed|Failed)/ {
      if ($2 == "Failed." && !named) ++failed
      if ($2 == "Passed." && !seen) ++passed
      named = 0; seen = 0
    }
    END {
      if (status != 0 && failed == 0) failed = 1
      printf "%d passed, %d failed\n", passed, failed
    }' "$log"
  return "$status"
}
