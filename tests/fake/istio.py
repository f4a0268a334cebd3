"""An Istio ingress gateway as its Envoy sees it: what Istio itself would make, with an EnvoyFilter's patches in it, from
files that may change at any time."""

import os
import sys
from pathlib import Path

import yaml

from .gateway import Gateway, render, wasm

ROOT = Path(__file__).resolve().parents[2]
HCM = "type.googleapis.com/envoy.extensions.filters.network.http_connection_manager.v3.HttpConnectionManager"
DISCOVERED = {
    "lds": "type.googleapis.com/envoy.config.listener.v3.Listener",
    "cds": "type.googleapis.com/envoy.config.cluster.v3.Cluster",
    "rds": "type.googleapis.com/envoy.config.route.v3.RouteConfiguration",
}


def patches(config: dict, folder: Path) -> list[dict]:
    """What scripts/istio.py makes of a configuration."""
    sys.path.insert(0, str(ROOT / "scripts"))
    import istio

    return istio.patches(config, str(folder))


class Ingress:
    """A gateway's pod: `folder` is what is mounted into it."""

    def __init__(self, gateway: dict, upstreams: dict, folder: Path):
        self.folder = folder
        (folder / "envoy_llm_gateway.wasm").symlink_to(wasm())
        self.keys: dict[str, str] = {}
        self.listeners, self.changes = [], -1  # the listener as it was sent last, and how often it was changed
        self.configure(gateway, upstreams)
        source = {kind: {"path_config_source": {"path": str(folder / f"{kind}.yaml")}} for kind in DISCOVERED}
        bootstrap = {
            "node": {"id": "router~10.0.0.1~llm-gateway.llm~llm.svc.cluster.local", "cluster": "llm-gateway.llm"},
            "admin": {"address": {"socket_address": {"address": "127.0.0.1", "port_value": 0}}},
            "dynamic_resources": {"lds_config": source["lds"], "cds_config": source["cds"]},
        }
        self.envoy = Gateway(bootstrap, folder)

    def configure(self, gateway: dict, upstreams: dict) -> None:
        """What Istio sends, now with these settings."""
        config = render(gateway, upstreams)
        self.secrets({name: upstream.key for name, upstream in upstreams.items()})
        made = patched(generated(self.folder), patches(config, self.folder))
        if made["lds"] != self.listeners:
            self.listeners = made["lds"]
            self.changes += 1
        for kind in ("cds", "rds", "lds"):
            resources = [{"@type": DISCOVERED[kind]} | resource for resource in made[kind]]
            replace(self.folder / f"{kind}.yaml", {"version_info": str(self.changes), "resources": resources})

    def secrets(self, keys: dict[str, str]) -> None:
        """A mounted Secret: Kubernetes swaps the whole folder by a link."""
        self.keys |= keys
        mounted = self.folder / "secrets"
        mounted.mkdir(exist_ok=True)
        made = mounted / f"..{len(list(mounted.iterdir()))}"
        made.mkdir()
        for name, key in self.keys.items():
            secret = {"name": f"{name}-key", "generic_secret": {"secret": {"inline_string": key}}}
            kind = "type.googleapis.com/envoy.extensions.transport_sockets.tls.v3.Secret"
            (made / f"{name}-key.yaml").write_text(yaml.safe_dump({"resources": [{"@type": kind} | secret]}))
        link = mounted / "..data_tmp"
        link.symlink_to(made.name)
        os.replace(link, mounted / "..data")
        for name in self.keys:
            file = mounted / f"{name}-key.yaml"
            if not file.is_symlink():
                file.symlink_to(f"..data/{name}-key.yaml")

    def takes_effect(self) -> None:
        """Waits until new connections come to the gateway role that was configured last."""
        manager = "listener_manager"
        done = {f"{manager}.listener_modified": self.changes, f"{manager}.total_listeners_warming": 0}
        self.envoy.wait(lambda: self.envoy.stats("listener_modified|listeners_warming") == done)


def replace(path: Path, value: dict) -> None:
    written = path.with_suffix(".new")
    written.write_text(yaml.safe_dump(value))
    os.replace(written, path)


def generated(folder: Path) -> dict:
    """What Istio makes of a Gateway and a VirtualService, as far as it matters here."""
    kinds = {
        "cors": "envoy.extensions.filters.http.cors.v3.Cors",
        "fault": "envoy.extensions.filters.http.fault.v3.HTTPFault",
        "router": "envoy.extensions.filters.http.router.v3.Router",
    }
    filters = [
        {"name": f"envoy.filters.http.{name}", "typed_config": {"@type": f"type.googleapis.com/{kind}"}}
        for name, kind in kinds.items()
    ]
    manager = {
        "@type": HCM,
        "stat_prefix": "outbound_0.0.0.0_8080",
        "use_remote_address": True,
        "server_name": "istio-envoy",
        "rds": {"route_config_name": "http.8080", "config_source": {"path_config_source": {"path": str(folder / "rds.yaml")}}},
        "http_filters": filters,
    }
    listener = {
        "name": "0.0.0.0_8080",
        "address": {"socket_address": {"address": "127.0.0.1", "port_value": 0}},
        "filter_chains": [{"filters": [{"name": "envoy.filters.network.http_connection_manager", "typed_config": manager}]}],
    }
    host = {
        "name": "*:8080",
        "domains": ["*"],
        "include_request_attempt_count": True,
        "routes": [{"name": "app", "match": {"prefix": "/"}, "direct_response": {"status": 418}}],
    }
    return {"lds": [listener], "cds": [], "rds": [{"name": "http.8080", "virtual_hosts": [host]}]}


def patched(made: dict, patches: list[dict]) -> dict:
    """The operations that scripts/istio.py uses, as Istio's reference tells them."""
    (listener,), (routes,) = made["lds"], made["rds"]
    (manager,) = listener["filter_chains"][0]["filters"]
    filters = manager["typed_config"]["http_filters"]
    router = filters[-1]
    for patch in patches:
        operation, value = patch["patch"]["operation"], patch["patch"]["value"]
        match patch["applyTo"], operation:
            case "CLUSTER", "ADD":
                made["cds"].append(value)
            case "LISTENER", "MERGE":
                merge(listener, value)
            case "NETWORK_FILTER", "MERGE":
                merge(manager, value)
            case "HTTP_FILTER", "MERGE":
                merge(router, value)
            case "HTTP_FILTER", "INSERT_BEFORE":
                filters.insert(filters.index(router), value)
            case "HTTP_ROUTE", "INSERT_FIRST":
                routes["virtual_hosts"][0]["routes"].insert(0, value)
            case other:
                raise ValueError(f"not an operation of scripts/istio.py: {other}")
    return made


def merge(message: dict, more: dict) -> None:
    """As protobuf merges: messages into one another, lists end to end, anything else is replaced."""
    for key, value in more.items():
        if isinstance(value, dict) and isinstance(message.get(key), dict):
            merge(message[key], value)
        elif isinstance(value, list):
            message[key] = message.get(key, []) + value
        else:
            message[key] = value
