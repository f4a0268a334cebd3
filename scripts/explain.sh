#!/usr/bin/env bash
# Tells what would become of a request, and sends nothing:
# explain.sh request.json [--config envoy.yaml] [--path /v1/messages] [--key ID] [--header 'name: value'] ..
set -euo pipefail
here=$PWD
. "$(dirname "${BASH_SOURCE[0]}")/where.sh"

root=$PWD
python="${PYTHON:-$root/.venv/bin/python}"
[[ -n ${PYTHON:-} ]] || scripts/setup.sh scripts
if [[ -z ${LLM_GATEWAY_WASM:-} ]]; then
  scripts/setup.sh run
  scripts/build.sh >&2 # at once when nothing has changed
fi
LLM_GATEWAY_WASM="$(realpath "${LLM_GATEWAY_WASM:-$wasm}")"
ENVOY_BIN="$(find_envoy)" || fail "no Envoy: run scripts/setup.sh run, or set ENVOY_BIN"
export LLM_GATEWAY_WASM ENVOY_BIN
cd "$here"
exec "$python" "$root/scripts/explain.py" "$@"
