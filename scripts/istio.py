"""Prints an Envoy configuration of the gateway as an EnvoyFilter for Istio: what it adds to an ingress gateway.

Istio makes the listener, its TLS, the virtual hosts and the router itself. The filters, the route and the clusters are
taken over as they stand, with operations that only insert; of the connection manager and the listener just the settings
that the gateway needs are merged in. A static secret becomes a file in a mounted folder: Istio keeps none.
Field names are those of Envoy's documentation (snake_case).
"""

import argparse
from pathlib import Path

import yaml
from lint import Strict, dig, find, plugins

SHIPPED_FOLDER = "/etc/envoy/"
WASM = "envoy_llm_gateway.wasm"
MANAGER = "envoy.filters.network.http_connection_manager"
ROUTER = "envoy.filters.http.router"
# What Istio does not set, or sets otherwise.
OF_MANAGER = ("scheme_header_transformation", "always_set_request_id_in_response", "request_timeout", "stream_idle_timeout", "access_log")
OF_LISTENER = ("per_connection_buffer_limit_bytes",)
OF_ROUTER = ("suppress_envoy_headers", "upstream_log")
PRIORITY = 10  # after EnvoyFilters without one, so that theirs do not stand between the filter and the router


class Plain(yaml.SafeDumper):
    """YAML without anchors, which kubectl would take but people would not."""

    def ignore_aliases(self, data):
        return True


def main():
    arguments = read_arguments()
    config = yaml.load(Path(arguments.config).read_text(), Strict)
    labels = dict(label.partition("=")[::2] for label in arguments.selector.split(","))
    made = {
        "apiVersion": "networking.istio.io/v1alpha3",
        "kind": "EnvoyFilter",
        "metadata": {"name": arguments.name, "namespace": arguments.namespace},
        "spec": {"workloadSelector": {"labels": labels}, "priority": PRIORITY, "configPatches": patches(config, arguments.folder)},
    }
    print(yaml.dump(made, Dumper=Plain, sort_keys=False, width=150), end="")


def read_arguments():
    parser = argparse.ArgumentParser(prog="istio.sh", description=__doc__.splitlines()[0])
    parser.add_argument("config", nargs="?", default=Path(__file__).parents[1] / "envoy/envoy.yaml", help="default: envoy/envoy.yaml")
    parser.add_argument("--name", default="llm-gateway")
    parser.add_argument("--namespace", default="llm-gateway")
    parser.add_argument("--selector", default="istio=llm-gateway", metavar="LABEL=VALUE[,..]", help="labels of the gateway's pods")
    parser.add_argument("--folder", default="/etc/llm-gateway", help="where the pods have the filter and secrets/")
    return parser.parse_args()


def patches(config, folder):
    """The patches, in the order in which Istio must apply them."""
    config = fitted(config, folder)
    resources = config["static_resources"]
    listener, manager = serving(resources)
    *filters, router = manager["http_filters"]
    routes = carried(manager["route_config"])
    in_manager = {"listener": {"filterChain": {"filter": {"name": MANAGER}}}}
    in_router = {"listener": {"filterChain": {"filter": {"name": MANAGER, "subFilter": {"name": ROUTER}}}}}

    limit = {name: listener[name] for name in OF_LISTENER if name in listener}
    made = [patch("CLUSTER", {}, "ADD", cluster) for cluster in resources["clusters"]]
    made += [patch("LISTENER", {}, "MERGE", limit)] if limit else []
    made.append(patch("NETWORK_FILTER", in_manager, "MERGE", part(MANAGER, manager, OF_MANAGER)))
    made.append(patch("HTTP_FILTER", in_router, "MERGE", part(ROUTER, router["typed_config"], OF_ROUTER)))
    made += [patch("HTTP_FILTER", in_router, "INSERT_BEFORE", item) for item in filters]
    # Each goes to the front, so the last one stands first.
    made += [patch("HTTP_ROUTE", {}, "INSERT_FIRST", route) for route in reversed(routes)]
    return made


def serving(resources):
    """The listener with the gateway role, and its connection manager; others, for metrics say, are Istio's affair."""
    for listener in resources.get("listeners", []):
        for manager in find(listener, "HttpConnectionManager"):
            if any(plugin.role == "gateway" for _, plugin in plugins("", manager.get("http_filters", []))):
                return listener, manager
    raise SystemExit("istio.sh: the configuration has no listener with the gateway role, so there is nothing that a gateway could serve")


def carried(config):
    """The routes, with what their virtual host says for all of them."""
    if len(config["virtual_hosts"]) != 1:
        raise SystemExit("istio.sh: the gateway's routes stand in several virtual hosts; in Istio they serve all hosts, so keep one")
    (host,) = config["virtual_hosts"]
    shared = {dig(item, "extension", "name"): item for item in config.get("cluster_specifier_plugins", [])}
    routes = []
    for route in host["routes"]:
        route, action = dict(route), dict(route.get("route", {}))
        if "request_body_buffer_limit" in host:
            route.setdefault("request_body_buffer_limit", host["request_body_buffer_limit"])
        if action and "retry_policy" in host:
            action.setdefault("retry_policy", host["retry_policy"])
        if named := action.pop("cluster_specifier_plugin", None):
            action["inline_cluster_specifier_plugin"] = shared[named]
        routes.append(route | ({"route": action} if action else {}))
    return routes


def patch(where, match, operation, value):
    return {"applyTo": where, "match": {"context": "GATEWAY"} | match, "patch": {"operation": operation, "value": value}}


def part(name, message, fields):
    """A filter with no more than some of its settings."""
    return {"name": name, "typed_config": {"@type": message["@type"]} | {field: message[field] for field in fields if field in message}}


def fitted(value, folder, secrets=None):
    """The configuration with the filter and the secrets where the pods have them."""
    if isinstance(value, str) and value.startswith(SHIPPED_FOLDER):
        return f"{folder}/{value.removeprefix(SHIPPED_FOLDER)}"
    if isinstance(value, list):
        return [fitted(item, folder, secrets) for item in value]
    if not isinstance(value, dict):
        return value
    if secrets is None:
        secrets = {secret["name"] for secret in value["static_resources"].get("secrets", [])}
    if set(value) == {"name"} and value["name"] in secrets:
        source = {"path": f"{folder}/secrets/{value['name']}.yaml", "watched_directory": {"path": f"{folder}/secrets"}}
        return value | {"sds_config": {"path_config_source": source}}
    if Path(str(value.get("filename", ""))).name == WASM:
        return value | {"filename": f"{folder}/{WASM}"}
    return {key: fitted(item, folder, secrets) for key, item in value.items()}


if __name__ == "__main__":
    main()
