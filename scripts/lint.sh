#!/usr/bin/env bash
# Checks what Envoy itself cannot see in a configuration of the gateway: lint.sh [envoy.yaml ..].
set -euo pipefail
root="$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)"
python="${PYTHON:-$root/.venv/bin/python}"
[[ -n ${PYTHON:-} ]] || "$root/scripts/setup.sh" scripts
[[ $# -gt 0 ]] || set -- "$root/envoy/envoy.yaml"
exec "$python" "$root/scripts/lint.py" "$@"
