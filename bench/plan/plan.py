"""Prints what planning costs inside Envoy's V8: plan.py <envoy> <wasm>. Called by scripts/bench.sh.

`choose` is the choice of the targets and their order, `role` all that the gateway role does with a request of 1 KB:
reading it, asking the dialect of each target, writing the plan and what is handed over.
The plugin measures while it is configured, which Envoy's validation does; it logs `plan <name> <microseconds>`.
"""

import json
import pathlib
import re
import subprocess
import sys
import tempfile

TARGET = 20.0  # microseconds for a whole plan with 50 models and 10 targets


def config(wasm):
    kinds = "type.googleapis.com/envoy.extensions.filters"
    plugin = {
        "name": "bench",
        "root_id": "bench",
        "vm_config": {"vm_id": "bench", "runtime": "envoy.wasm.runtime.v8", "code": {"local": {"filename": wasm}}},
    }
    filters = [
        {"name": "wasm", "typed_config": {"@type": f"{kinds}.http.wasm.v3.Wasm", "config": plugin}},
        {"name": "router", "typed_config": {"@type": f"{kinds}.http.router.v3.Router"}},
    ]
    manager = {
        "@type": f"{kinds}.network.http_connection_manager.v3.HttpConnectionManager",
        "stat_prefix": "bench",
        "route_config": {},
        "http_filters": filters,
    }
    listener = {
        "address": {"socket_address": {"address": "127.0.0.1", "port_value": 0}},
        "filter_chains": [{"filters": [{"name": "http", "typed_config": manager}]}],
    }
    return {"static_resources": {"listeners": [listener]}}


def main():
    envoy, wasm = sys.argv[1:3]
    with tempfile.TemporaryDirectory() as folder:
        path = pathlib.Path(folder) / "plan.json"
        path.write_text(json.dumps(config(wasm)))
        command = [envoy, "--mode", "validate", "-c", str(path), "--log-level", "info"]
        done = subprocess.run(command, capture_output=True, text=True, timeout=600, check=False)
    rows = re.findall(r"plan (.+) ([\d.]+)$", done.stderr, re.M)
    if done.returncode or not rows:
        sys.exit(f"error: Envoy measured nothing\n{done.stderr[-3000:]}")
    print(f"{'50 models, 10 targets, inside V8':44} microseconds")
    # Every thread configures the plugin: the quietest one tells.
    for name in dict(rows):
        micros = min(float(told) for other, told in rows if other == name)
        over = f"  above the target of {TARGET:.0f}" if name.startswith("choose") and micros > TARGET else ""
        print(f"{name:44} {micros:12.2f}{over}")


main()
