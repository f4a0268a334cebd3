#!/usr/bin/env bash
# Compares the filter with plain Envoy and prints a table of ratios: bench.sh [--quick]. Linux, two cores.
set -euo pipefail
. "$(dirname "${BASH_SOURCE[0]}")/where.sh"

[[ -r /proc/self/schedstat ]] || fail "the benchmark reads /proc/<pid>/task/*/schedstat, which is not here"
scripts/setup.sh bench
scripts/build.sh >&2
driver="$(dirname "$wasm")/bench-driver"
[[ $driver -nt bench/driver.rs ]] || rustc --edition 2024 -O -o "$driver" bench/driver.rs
exec python3 bench/bench.py "$(find_envoy)" "$wasm" "$driver" "$@"
