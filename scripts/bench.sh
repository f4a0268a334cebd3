#!/usr/bin/env bash
# Measures and prints tables: bench.sh [--quick] [translate] [plan] [guard] [tokens] [envoy] (default: all).
# translate: what each dialect costs; plan: where a request goes, inside Envoy's V8; guard: looking for
# personal data and secrets; tokens: counting against other counters; envoy: the filter against plain Envoy.
# Linux, two cores.
set -euo pipefail
. "$(dirname "${BASH_SOURCE[0]}")/where.sh"

sections=() options=()
for argument in "$@"; do
  case $argument in
  translate | plan | guard | tokens | envoy) sections+=("$argument") ;;
  *) options+=("$argument") ;;
  esac
done
((${#sections[@]})) || sections=(translate plan guard tokens envoy)

bench_translate() { cargo bench --quiet --bench translate -- "${options[@]}"; }

bench_plan() {
  scripts/setup.sh bench-plan
  local -x CARGO_TARGET_DIR=target/bench-plan
  wasm_cargo wasm32-unknown-unknown build --quiet --release --manifest-path bench/plan/Cargo.toml
  python3 bench/plan/plan.py "$(find_envoy)" "$CARGO_TARGET_DIR/wasm32-unknown-unknown/release/bench_plan.wasm"
}

bench_guard() {
  scripts/setup.sh bench-guard
  mkdir -p target
  .venv/bin/python bench/guard/presidio.py >target/presidio.txt
  cargo bench --quiet --bench guard -- --peer "$PWD/target/presidio.txt" "${options[@]}"
}

bench_tokens() {
  local vocabularies
  scripts/setup.sh bench-tokens
  scripts/build.sh >&2
  CARGO_TARGET_DIR=target/bench-tokens cargo build --quiet --release --manifest-path bench/tokens/Cargo.toml
  # PyPI tiktoken would fetch its vocabularies; the crate that the tests use has the same files.
  vocabularies=$(cargo metadata --format-version 1 --filter-platform "$(rustc -vV | sed -n 's/^host: //p')" |
    python3 -c 'import json, pathlib, sys
packages = json.load(sys.stdin)["packages"]
print(next(pathlib.Path(p["manifest_path"]).parent / "assets" for p in packages if p["name"] == "tiktoken-rs"))')
  .venv/bin/python bench/tokens/tokens.py "$PWD/target/bench-tokens/release/bench-tokens" "$vocabularies" \
    "$(find_envoy)" "$wasm" "${options[@]}"
}

bench_envoy() {
  [[ -r /proc/self/schedstat ]] || fail "the benchmark reads /proc/<pid>/task/*/schedstat, which is not here"
  scripts/setup.sh bench
  scripts/build.sh >&2
  local driver
  driver="$(dirname "$wasm")/bench-driver"
  [[ $driver -nt bench/driver.rs ]] || rustc --edition 2024 -O -o "$driver" bench/driver.rs
  python3 bench/bench.py "$(find_envoy)" "$wasm" "$driver" "${options[@]}"
}

for section in "${sections[@]}"; do "bench_$section"; done
