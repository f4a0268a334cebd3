"""Tells what would become of a request, and sends nothing.

A private Envoy is started with the filter's roles as the given configuration has them, and nothing else of it: no route to a
provider, no credential, no address. It is asked with a key that is drawn for this one question. Nothing cools down there.
"""

import argparse
import copy
import hashlib
import json
import os
import secrets
import signal
import subprocess
import sys
import tempfile
import time
import urllib.error
import urllib.parse
import urllib.request
from pathlib import Path

import yaml
from lint import Strict, dig, find, plugins

SHIPPED = Path(__file__).parents[1] / "envoy/envoy.yaml"
PATIENCE = 90  # seconds until Envoy is ready, on a busy machine
BUFFER = (128 << 20) + 1  # the filter's largest body
HERE = {"socket_address": {"address": "127.0.0.1", "port_value": 0}}
HTTP = "type.googleapis.com/envoy.extensions.filters"


class Fault(Exception):
    """Why nothing can be told; for a person."""


def roles(config):
    """The plugin of the first gateway, and those of the clusters."""
    found = {}
    for cluster in dig(config, "static_resources", "clusters", default=[]):
        for options in find(cluster.get("typed_extension_protocol_options"), "HttpProtocolOptions"):
            for _, plugin in plugins(f"cluster {cluster.get('name')}", options.get("http_filters", [])):
                found[cluster.get("name")] = plugin
    for listener in dig(config, "static_resources", "listeners", default=[]):
        for hcm in find(listener, "HttpConnectionManager"):
            for _, plugin in plugins(f"listener {listener.get('name')}", hcm.get("http_filters", [])):
                return plugin, found
    raise Fault("no listener has this filter with role gateway")


def wasm(plugin, name, settings, filename):
    """A plugin as it stands there, with these settings and the filter that was built here."""
    config = copy.deepcopy(plugin.wasm) | {"name": name, "root_id": name}
    value = json.dumps(settings)
    config["configuration"] = {"@type": "type.googleapis.com/google.protobuf.StringValue", "value": value}
    config["vm_config"] = {"vm_id": "explain", "runtime": dig(plugin.wasm, "vm_config", "runtime", default="envoy.wasm.runtime.v8")}
    config["vm_config"]["code"] = {"local": {"filename": filename}}
    return {"name": "llm", "typed_config": {"@type": f"{HTTP}.http.wasm.v3.Wasm", "config": config}}


def render(config, digest, filename):
    """An Envoy that can plan as this configuration does, and reach nobody."""
    gateway, providers = roles(config)
    for plugin in (gateway, *providers.values()):
        if plugin.fault or not isinstance(plugin.settings, dict):
            raise Fault(f"{plugin.place}: configuration {plugin.fault or 'is no map'}")
    admin = {"id": f"explain-{digest[:8]}", "sha256": digest, "admin": True}
    settings = gateway.settings | {"keys": [*(gateway.settings.get("keys") or []), admin]}
    nowhere = {"prefix": "/"}
    routes = [{"match": nowhere, "direct_response": {"status": 500}}]
    manager = {
        "@type": f"{HTTP}.network.http_connection_manager.v3.HttpConnectionManager",
        "stat_prefix": "explain",
        "route_config": {"virtual_hosts": [{"name": "explain", "domains": ["*"], "routes": routes}]},
        "http_filters": [
            wasm(gateway, "gateway", settings, filename),
            {"name": "router", "typed_config": {"@type": f"{HTTP}.http.router.v3.Router"}},
        ],
    }
    chain = {"filters": [{"name": "http", "typed_config": manager}]}
    listener = {"name": "explain", "address": HERE, "per_connection_buffer_limit_bytes": BUFFER, "filter_chains": [chain]}
    return {
        "node": {"id": "explain", "cluster": "explain"},
        "admin": {"address": HERE},
        "static_resources": {
            "listeners": [listener],
            "clusters": [cluster(name, plugin, filename) for name, plugin in providers.items()],
        },
    }


def cluster(name, plugin, filename):
    """A cluster without a host, that carries the provider role."""
    codec = {"@type": f"{HTTP}.http.upstream_codec.v3.UpstreamCodec"}
    options = {
        "@type": "type.googleapis.com/envoy.extensions.upstreams.http.v3.HttpProtocolOptions",
        "explicit_http_config": {"http_protocol_options": {}},
        "http_filters": [wasm(plugin, name, plugin.settings, filename), {"name": "codec", "typed_config": codec}],
    }
    extension = {"envoy.extensions.upstreams.http.v3.HttpProtocolOptions": options}
    return {"name": name, "type": "STATIC", "load_assignment": {"cluster_name": name}, "typed_extension_protocol_options": extension}


def ready(process, log, folder):
    """The port of the listener, once it is there."""
    end = time.monotonic() + PATIENCE
    admin = folder / "admin"
    while time.monotonic() < end:
        if process.poll() is not None:
            said = [line for line in log.read_text().splitlines() if "[error]" in line or "[critical]" in line]
            raise Fault("Envoy does not take the configuration:\n" + "\n".join(said or log.read_text().splitlines()[-5:]))
        try:
            base = f"http://{admin.read_text()}"
            if get(base + "/ready") == "LIVE\n":
                (listener,) = json.loads(get(base + "/listeners?format=json"))["listener_statuses"]
                return listener["local_address"]["socket_address"]["port_value"]
        except OSError:
            pass
        time.sleep(0.05)
    raise Fault(f"Envoy was not ready within {PATIENCE} seconds")


# Never by way of a proxy.
OPENER = urllib.request.build_opener(urllib.request.ProxyHandler({}))


def get(url):
    with OPENER.open(url, timeout=5) as answer:
        return answer.read().decode()


def ask(port, key, options, body):
    """The status and the body of the answer."""
    path = "/gateway/explain?path=" + urllib.parse.quote(options.path, safe="")
    headers = {"content-type": "application/json", "authorization": f"Bearer {key}"}
    if options.key:
        headers["x-llm-explain-key"] = options.key
    for line in options.header:
        name, colon, value = line.partition(":")
        if not colon:
            raise Fault(f"--header {line!r} is not of the form 'name: value'")
        headers[name.strip().lower()] = value.strip()
    request = urllib.request.Request(f"http://127.0.0.1:{port}{path}", body, headers, method="POST")
    try:
        with OPENER.open(request, timeout=PATIENCE) as answer:
            return answer.status, answer.read()
    except urllib.error.HTTPError as error:
        return error.code, error.read()


def explain(options, body):
    try:
        config = yaml.load(Path(options.config).read_text(), Strict)
    except yaml.MarkedYAMLError as error:
        raise Fault(f"{options.config}: line {error.problem_mark.line + 1}: {error.problem}") from error
    key = secrets.token_urlsafe(24)
    config = render(config, hashlib.sha256(key.encode()).hexdigest(), os.environ["LLM_GATEWAY_WASM"])
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        path, log = folder / "envoy.yaml", folder / "log"
        path.write_text(yaml.safe_dump(config))
        command = [os.environ["ENVOY_BIN"], "-c", path, "--admin-address-path", folder / "admin"]
        command += ["--concurrency", "1", "--disable-hot-restart", "--log-level", "error"]
        with log.open("w") as said:
            process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=said)
        try:
            return ask(ready(process, log, folder), key, options, body)
        finally:
            process.terminate()
            try:
                process.wait(10)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()


def main():
    parser = argparse.ArgumentParser(prog="explain.sh", description="Tells what would become of a request, and sends nothing.")
    parser.add_argument("request", help="a file with the request's body; -: standard input")
    parser.add_argument("--config", default=SHIPPED, help="the Envoy configuration (default: the shipped one)")
    parser.add_argument("--path", default="/v1/chat/completions", help="the path that the request would have")
    parser.add_argument("--key", metavar="ID", help="the id of the key that it would have, as in the configuration")
    parser.add_argument("--header", action="append", default=[], metavar="'NAME: VALUE'", help="a header that it would have")
    options = parser.parse_args()
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))  # or Envoy would stay behind
    try:
        body = sys.stdin.buffer.read() if options.request == "-" else Path(options.request).read_bytes()
        status, answer = explain(options, body)
    except (Fault, OSError) as fault:
        print(f"error: {fault}", file=sys.stderr)
        return 2
    try:
        answer = json.dumps(json.loads(answer), indent=2, ensure_ascii=False)
    except ValueError:
        answer = answer.decode(errors="replace")
    print(answer)
    return 0 if status == 200 else 1


if __name__ == "__main__":
    sys.exit(main())
