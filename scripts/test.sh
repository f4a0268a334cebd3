#!/usr/bin/env bash
# Runs all tests; stops at the first suite that fails or that runs no test at all.
set -euo pipefail
. "$(dirname "${BASH_SOURCE[0]}")/where.sh"

scripts/setup.sh test
record="$(mktemp)"
trap 'rm -f "$record"' EXIT

# suite <pattern of a summary line with at least one passed test> <command>
suite() {
  local pattern=$1
  shift
  say "--- $*"
  "$@" 2>&1 | tee "$record"
  # Some runners call it a success when they find nothing to run.
  grep -qE "$pattern" "$record" || fail "no test ran in: $*"
}
node_tests() { (cd tests/sdk/node && node --test); }
rust='^test result: ok\. [1-9][0-9]* passed'

suite "$rust" cargo test --no-fail-fast
export CARGO_TARGET_WASM32_UNKNOWN_UNKNOWN_RUNNER=wasm-bindgen-test-runner
# The fixtures are embedded, and a new file among them is no reason to compile for cargo.
touch tests/wasm.rs
suite "$rust" wasm_cargo wasm32-unknown-unknown test --test wasm

scripts/build.sh >&2
ENVOY_BIN="$(find_envoy)"
LLM_GATEWAY_WASM="$(realpath "$wasm")"
export ENVOY_BIN LLM_GATEWAY_WASM
# Some processes, each with Envoys and providers of its own: one more than there are cores, because tests also wait.
# The tests of a file stay together.
cores="$(nproc)"
suite '[1-9][0-9]* passed' .venv/bin/python -m pytest -n "$((cores < 8 ? cores + 1 : 8))" --dist=loadfile \
  tests/lint tests/oracle tests/e2e tests/sdk </dev/null
suite '^(#|ℹ) pass [1-9]' node_tests </dev/null
