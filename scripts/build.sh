#!/usr/bin/env bash
# Builds the filter and prints its path and size.
set -euo pipefail
. "$(dirname "${BASH_SOURCE[0]}")/where.sh"

scripts/setup.sh build
wasm_cargo wasm32-wasip1 build --release --lib
printf '%s %s bytes\n' "$wasm" "$(wc -c <"$wasm" | tr -d ' ')"
