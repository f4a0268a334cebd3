#!/usr/bin/env bash
# Prints a configuration of the gateway as an EnvoyFilter for Istio: istio.sh [envoy.yaml] [--help].
set -euo pipefail
root="$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)"
python="${PYTHON:-$root/.venv/bin/python}"
[[ -n ${PYTHON:-} ]] || "$root/scripts/setup.sh" scripts
exec "$python" "$root/scripts/istio.py" "$@"
