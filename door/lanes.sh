# shellcheck shell=bash
# SPDX-License-Identifier: GPL-2.0-or-later
# Tests, lint, benchmarks and packages. A lane is a program tests/<lane>/run: it prints what it does,
# ends with the line "N passed, N failed" (", N skipped" may follow) and a status that says the same;
# status 77 means that it cannot run on this machine. It finds the tree in KRONOS_TOP.
export KRONOS_TOP=$top

# What runs without a name. The unit tests run once, under the sanitizers (asan), where the corpora of
# the fuzz targets are replayed as well; "unit" is the quick build of the same tests, and "fuzz" looks
# further than the corpora.
default_lanes=(asan door api clients crash guest tsan packages lab)

# Which packages a lane needs besides the group of its own name.
lane_packages() {
  case $1 in
    door | api | clients | crash | guest | packages) echo "build tools run" ;;
    lab) echo "build tools run packages" ;;
    *) echo "build tools" ;;
  esac
}

# What must be built before a lane starts; the others build their own.
build_for_lane() {
  local -a product
  mapfile -t product < <(product_targets)
  case $1 in
    door | api | clients | crash | guest) build dev "${product[@]}" ;;
    lab) build dev hypervisor_contract_test ;;
  esac
}

# run_program NAME PROGRAM: shows what it prints and keeps it in build/log/test-NAME.log.
run_program() {
  local log=$top/build/log/test-$1.log
  mkdir -p "$top/build/log"
  "$2" 2>&1 </dev/null | tee "$log"
}

# counts LOG: "passed failed" of its closing line; nothing when it has none.
counts() {
  sed -nE 's/^([0-9]+) passed, ([0-9]+) failed(, [0-9]+ skipped)?$/\1 \2/p' "$1" | tail -n 1
}

run_lanes() {
  local -a lanes=() allowed=()
  while (($#)); do
    case $1 in
      --allow-missing)
        [[ ${2:-} ]] || die "--allow-missing takes the name of a lane"
        allowed+=("$2")
        shift 2
        ;;
      -*) die "test has no option '$1'" ;;
      *)
        [[ -x $top/tests/$1/run ]] || die "no lane '$1': tests/$1/run is not there"
        lanes+=("$1")
        shift
        ;;
    esac
  done
  ((${#lanes[@]})) || lanes=("${default_lanes[@]}")

  local lane passed=0 failed=0 table=""
  for lane in "${lanes[@]}"; do
    local start=$SECONDS status=0 result verdict
    say "== $lane"
    # shellcheck disable=SC2046
    need_packages $(lane_packages "$lane") "$lane"
    if ! build_for_lane "$lane"; then
      verdict="could not be built"
      failed=$((failed + 1))
      table+=$(printf '%-9s %7s  %s' "$lane" "$(clock $((SECONDS - start)))" "$verdict")$'\n'
      continue
    fi
    run_program "$lane" "$top/tests/$lane/run" || status=$?
    result=$(counts "$top/build/log/test-$lane.log")
    if ((status == 77)); then
      if [[ " ${allowed[*]-} " == *" $lane "* ]]; then
        verdict="CANNOT RUN HERE (allowed)"
      else
        verdict="CANNOT RUN HERE"
        failed=$((failed + 1))
      fi
    elif [[ -z $result ]]; then
      verdict="ended with status $status and no count"
      failed=$((failed + 1))
    else
      verdict="${result% *} passed, ${result#* } failed"
      passed=$((passed + ${result% *}))
      failed=$((failed + ${result#* }))
      # A lane that says 0 failed and ends badly has failed somewhere it did not count.
      if ((status != 0 && ${result#* } == 0)); then
        verdict+=", status $status"
        failed=$((failed + 1))
      elif [[ $result == "0 0" ]]; then
        verdict="ran no test"
        failed=$((failed + 1))
      fi
    fi
    table+=$(printf '%-9s %7s  %s' "$lane" "$(clock $((SECONDS - start)))" "$verdict")$'\n'
  done
  printf '\n%s\n%d passed, %d failed\n' "$table" "$passed" "$failed"
  ((failed == 0 && passed > 0))
}

run_lint() {
  need_packages tools lint
  run_program lint "$top/tests/lint/run"
}

run_bench() {
  local name program
  local -a names=("$@")
  if ((!$#)); then
    mapfile -t names < <(find "$top/tests/bench" -maxdepth 1 -type f -perm -u+x -printf '%P\n' | sort)
  fi
  ((${#names[@]})) || die "there is no benchmark in tests/bench"
  need_packages build tools run bench
  local -a product
  mapfile -t product < <(product_targets)
  build release "${product[@]}" tests/bench/all
  for name in "${names[@]}"; do
    program=$top/tests/bench/$name
    [[ -x $program ]] || die "no benchmark '$name': tests/bench/$name is not there"
    say "== $name"
    "$program"
  done
}

api_coverage() {
  need_packages build
  python3 "$top/src/datamodel/generate.py" --coverage "$@"
}

build_packages() {
  need_root packages
  need_packages build tools packages
  "$top/door/make-packages" "$@"
}
