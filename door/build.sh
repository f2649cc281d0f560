# shellcheck shell=bash
# SPDX-License-Identifier: GPL-2.0-or-later
# Configuring and building a preset of CMakePresets.json in build/<preset>.

# Object files are the same wherever the tree lies, so that all checkouts share ccache.
export CCACHE_BASEDIR=$top CCACHE_NOHASHDIR=1

build_dir() { printf '%s/build/%s' "$top" "$1"; }

# The targets of the product, without any test: "src/base/all" and so on.
product_targets() {
  local list
  for list in "$top"/src/*/CMakeLists.txt "$top"/{ovs-integration,systemd,templates}/CMakeLists.txt; do
    [[ -e $list ]] || continue
    list=${list#"$top"/}
    printf '%s/all\n' "${list%/CMakeLists.txt}"
  done
}

configure() {
  step "configuring $1" "$top/build/log/configure-$1.log" \
    cmake -S "$top" --preset "$1" -B "$(build_dir "$1")"
}

# build PRESET [TARGET...]; all targets without one. In a subshell, which holds the lock no longer than
# the build takes.
build() (
  preset=$1
  shift
  need_packages build tools
  with_lock "$top/build/.lock" "builds"
  cd "$top"
  configure "$preset"
  step "building $preset" "$top/build/log/build-$preset.log" \
    nice ninja -C "$(build_dir "$preset")" -j "$(nproc)" "$@"
)
