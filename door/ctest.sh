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

# unit_tests PRESET: the tests labelled "unit"; prints the closing line; false when anything failed.
unit_tests() {
  build "$1" all
  run_ctest unit "$(build_dir "$1")"
}

# part_tests PRESET PART...: builds and runs the unit tests of these parts alone.
part_tests() {
  local preset=$1 part
  local -a targets=() directories=()
  shift
  for part in "$@"; do
    targets+=("tests/unit/$part/all")
    directories+=("$(build_dir "$preset")/tests/unit/$part")
  done
  build "$preset" "${targets[@]}"
  run_ctest unit "${directories[@]}"
}

# run_ctest LABEL DIRECTORY...
run_ctest() {
  local label=$1 directory log status=0
  local -a logs=()
  shift
  for directory in "$@"; do
    log=$directory/Testing/Temporary/LastTest.log
    rm -f "$log"
    ctest --test-dir "$directory" --output-on-failure -j "$(nproc)" -L "$label" || status=$?
    [[ -s $log ]] || die "CTest ran nothing in $directory; it ended with status $status"
    logs+=("$log")
  done
  count_cases "$status" "${logs[@]}"
  return "$status"
}

# count_cases STATUS LOG...: test cases of GoogleTest, and other programs as one each. A program that
# ended badly without naming a failed case counts as one.
count_cases() {
  local status=$1
  shift
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
    }' "$@"
}
