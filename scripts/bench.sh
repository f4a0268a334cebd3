#!/usr/bin/env bash
# Measures the translations alone, then the filter against plain Envoy, and prints tables of ratios:
# bench.sh [--quick] [--translate]. --translate: only the first, which needs no Envoy. Linux, two cores.
set -euo pipefail
. "$(dirname "${BASH_SOURCE[0]}")/where.sh"

translate_only=false options=()
for option in "$@"; do
  case $option in
  --translate) translate_only=true ;;
  *) options+=("$option") ;;
  esac
done

cargo bench --quiet --bench translate -- "${options[@]}"
if $translate_only; then exit; fi

[[ -r /proc/self/schedstat ]] || fail "the benchmark reads /proc/<pid>/task/*/schedstat, which is not here"
scripts/setup.sh bench
scripts/build.sh >&2
driver="$(dirname "$wasm")/bench-driver"
[[ $driver -nt bench/driver.rs ]] || rustc --edition 2024 -O -o "$driver" bench/driver.rs
exec python3 bench/bench.py "$(find_envoy)" "$wasm" "$driver" "${options[@]}"
