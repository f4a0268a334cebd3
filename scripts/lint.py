"""Checks what Envoy itself cannot see in a configuration of the gateway.

Envoy checks each part; this checks that the parts fit: the two roles of the filter, the route
between them and the clusters. Every problem is printed, and the exit code is 1 when there is one.
Of a configuration that is well, it prints which labels can reach which clusters.
Only what stands in the file is judged; field names are those of Envoy's documentation (snake_case).
"""

import json
import re
import sys
from pathlib import Path

import jsonschema
import yaml

SCHEMA = json.loads((Path(__file__).parents[1] / "envoy/config.schema.json").read_text())
WASM = "envoy_llm_gateway.wasm"
MIN_RETRIES = 100
MAX_NESTED = 5  # models in models; the filter refuses more
DEFAULT_BUFFER = 1 << 20  # Envoy's per_connection_buffer_limit_bytes
DEFAULT_SILENCE = "300s"  # Envoy's stream_idle_timeout
UNITS = {"ms": 0.001, "s": 1, "m": 60, "h": 3600}
SIGNERS = ("CredentialInjector", "AwsRequestSigning", "GcpAuthnFilterConfig")


class Strict(yaml.SafeLoader):
    """YAML as Envoy reads it: keys are text, so that `on` is no truth value; and a key that stands twice in one map is an
    error, not a silent choice."""

    def construct_mapping(self, node, deep=False):
        seen = set()
        for key, _ in node.value:
            if key.tag == "tag:yaml.org,2002:merge":
                continue
            if isinstance(key, yaml.ScalarNode):
                key.tag = "tag:yaml.org,2002:str"
            if key.value in seen:
                what = f"{key.value!r} stands here twice"
                raise yaml.MarkedYAMLError(problem=what, problem_mark=key.start_mark)
            seen.add(key.value)
        return super().construct_mapping(node, deep)


# Envoy knows neither dates nor numbers to the base of sixty: 2024-10-21 and 10:30 are text.
OLD = ("tag:yaml.org,2002:timestamp", "tag:yaml.org,2002:int", "tag:yaml.org,2002:float")
Strict.yaml_implicit_resolvers = {
    first: [(tag, form) for tag, form in forms if tag not in OLD] for first, forms in yaml.SafeLoader.yaml_implicit_resolvers.items()
}
Strict.add_implicit_resolver("tag:yaml.org,2002:int", re.compile(r"[-+]?(0|[1-9][0-9]*|0x[0-9a-fA-F]+)$"), list("-+0123456789"))
Strict.add_implicit_resolver("tag:yaml.org,2002:float", re.compile(r"[-+]?([0-9]+\.[0-9]*|\.[0-9]+|[0-9]+)([eE][-+]?[0-9]+)?$"), list("-+.0123456789"))


def dig(value, *keys, default=None):
    """A value further inside, or the default where a step is missing."""
    for key in keys:
        if not isinstance(value, dict) or value.get(key) is None:
            return default
        value = value[key]
    return value


def kind(value):
    """The last part of a message's type, e.g. `Wasm`."""
    url = dig(value, "typed_config", "@type", default="")
    return url.removesuffix(".Config").removesuffix(".v3").rsplit(".", 1)[-1]


def find(value, name):
    """Every message of a type, wherever it stands."""
    if isinstance(value, dict):
        if value.get("@type", "").endswith("." + name):
            yield value
        children = value.values()
    else:
        children = value if isinstance(value, list) else ()
    for child in children:
        yield from find(child, name)


class Plugin:
    """One use of the filter in a list of HTTP filters."""

    def __init__(self, place, wasm):
        self.place = place
        self.wasm = wasm
        self.fault = None
        self.settings = {}
        given = dig(wasm, "configuration", default={})
        form = given.get("@type", "").rsplit(".", 1)[-1]
        if form == "Struct":
            self.settings = given.get("value")
        elif form == "StringValue":
            try:
                self.settings = json.loads(given.get("value", ""))
            except ValueError as error:
                self.fault = f"is not JSON: {error}"
        else:
            self.fault = "must be a google.protobuf.Struct or a google.protobuf.StringValue"
        self.role = dig(self.settings, "role")

    def is_ours(self):
        code = dig(self.wasm, "vm_config", "code", "local", "filename", default="")
        return self.role in ("gateway", "provider") or code.endswith(WASM)

    def problems(self, role):
        place = f"{self.place}, plugin {dig(self.wasm, 'name', default='without a name')}"
        if self.fault:
            yield f"{place}: configuration {self.fault}"
        elif self.role != role:
            yield f"{place}: configuration.role must be {role} here"
        else:
            schema = {"$ref": f"#/$defs/{role}", "$defs": SCHEMA["$defs"]}
            errors = jsonschema.Draft202012Validator(schema).iter_errors(self.settings)
            for error in sorted(errors, key=lambda error: error.json_path):
                yield f"{place}: configuration {error.json_path}: {error.message}"
        if self.wasm.get("failure_policy") != "FAIL_RELOAD":
            yield f"{place}: failure_policy must be FAIL_RELOAD; else a crash closes the gateway for good, or opens it to all"
        if self.wasm.get("allow_on_headers_stop_iteration") is not True:
            yield f"{place}: allow_on_headers_stop_iteration must be true; else nothing can be held back until it was read"


def plugins(place, filters):
    """The filter's uses in a list of HTTP filters, with their positions."""
    for position, item in enumerate(filters):
        if kind(item) == "Wasm":
            plugin = Plugin(place, dig(item, "typed_config", "config", default={}))
            if plugin.is_ours():
                yield position, plugin


def cluster_problems(cluster, position, plugin, filters):
    place = f"cluster {cluster.get('name')}"
    yield from plugin.problems("provider")
    for place_of, item in enumerate(filters):
        if kind(item) in SIGNERS and place_of < position:
            yield f"{place}: {item.get('name')} must come after the filter; else the filter removes the credential"
        if kind(item) == "CredentialInjector" and dig(item, "typed_config", "overwrite") is not True:
            yield f"{place}: {item.get('name')} needs `overwrite: true`"
    retries = 3
    for threshold in dig(cluster, "circuit_breakers", "thresholds", default=[]):
        if threshold.get("priority", "DEFAULT") == "DEFAULT":
            budget = threshold.get("retry_budget")
            retries = threshold.get("max_retries", 3) if budget is None else dig(budget, "min_retry_concurrency", default=3)
    if int(retries) < MIN_RETRIES:
        yield f"{place}: circuit_breakers allow {retries} retries at a time; set max_retries to {MIN_RETRIES} or more, else fallbacks are dropped under load"
    panic = dig(cluster, "common_lb_config", "healthy_panic_threshold")
    if panic is not None and not panic.get("value"):
        yield f"{place}: healthy_panic_threshold must not be 0; a cluster without a healthy host ends the fallback"


def gateway_problems(plugin, clusters, provider_plugins, elsewhere):
    """Whether the clusters that the gateway names carry the provider that it expects."""
    providers = dig(plugin.settings, "providers", default={})
    for name, destination in providers.items() if isinstance(providers, dict) else ():
        several = dig(destination, "clusters", default=None) or [dig(destination, "cluster", default=name)]
        for cluster in several if isinstance(several, list) else ():
            place = f"{plugin.place}, provider {name}"
            yield from provider_problems(place, name, destination, cluster, clusters, provider_plugins, elsewhere)


def provider_problems(place, name, destination, cluster, clusters, provider_plugins, elsewhere):
    """Whether one cluster of a provider is there and carries what the gateway expects."""
    if cluster not in clusters:
        if not elsewhere:
            yield f"{place}: there is no cluster {cluster}; the clusters are: {', '.join(clusters)}"
        return
    if cluster not in provider_plugins:
        yield f"{place}: cluster {cluster} lacks this filter with role provider"
        return
    settings = provider_plugins[cluster].settings
    there, here = dig(settings, "dialect"), dig(destination, "dialect", default=name)
    if there is not None and there != here:
        yield f"{place}: the gateway speaks {here}, cluster {cluster} speaks {there}"
    for key, default in (("unknown_parameters", "keep"), ("responses", True)):
        there, here = dig(settings, key, default=default), dig(destination, key, default=default)
        if there != here:
            yield f"{place}: {key} is {here} in the gateway and {there} in cluster {cluster}; plans need the same"


def mirror_problems(plugin, routes, provider_plugins):
    """Whether Envoy makes the copies that models ask for, and their clusters can read what the gateway signs."""
    models = dig(plugin.settings, "models", default={})
    names = [name for name in models if dig(models, name, "mirror")] if isinstance(models, dict) else []
    if not names:
        return
    machine = dig(plugin.wasm, "vm_config", "vm_id", default="")
    for cluster in sorted({cluster for name in names for cluster, _ in mirrors(plugin.settings, name)}):
        there = dig(provider_plugins[cluster].wasm, "vm_config", "vm_id", default="") if cluster in provider_plugins else machine
        if there != machine:
            yield f"{plugin.place}: cluster {cluster} gets copies and must have the gateway's vm_config.vm_id {machine!r}; else it refuses them"
    if routes is None:
        return
    policies = [
        policy
        for host in dig(routes, "virtual_hosts", default=[])
        for route in host.get("routes", [])
        for policy in dig(route, "route", "request_mirror_policies", default=[])
        if policy.get("cluster_header") == "x-llm-mirror"
    ]
    if not policies:
        yield f"{plugin.place}: models have a mirror, and no route has request_mirror_policies with `cluster_header: x-llm-mirror`; nothing is copied"
    for policy in policies:
        said = [dig(one, "append", "header", default={}) for one in policy.get("request_headers_mutations", [])]
        if not any(header.get("key") == "x-envoy-upstream-rq-timeout-ms" for header in said):
            yield f"{plugin.place}: the mirror policy must set x-envoy-upstream-rq-timeout-ms to %REQ(x-llm-mirror-timeout)%; else a copy may hang for ever"


def call_problems(plugin, clusters, provider_plugins, elsewhere):
    """Whether the clusters that guards are called in can be called from this filter."""
    guards = dig(plugin.settings, "guards", default=[])
    for guard in guards if isinstance(guards, list) else ():
        cluster = dig(guard, "call", "cluster")
        place = f"{plugin.place}, guard {dig(guard, 'name', default='without a name')}"
        if cluster is None:
            continue
        if cluster in provider_plugins:
            yield f"{place}: cluster {cluster} carries this filter; a call into it would end every stream of the worker, so give the guard a cluster of its own"
        elif cluster not in clusters and not elsewhere:
            yield f"{place}: there is no cluster {cluster}; the clusters are: {', '.join(clusters)}"


def is_unbuffered(host, number):
    """Whether only requests come to this route that have one attempt: those that the filter marks."""
    marked = lambda route, present: any(
        header.get("name") == "x-llm-unbuffered" and header.get("present_match") is present
        for header in dig(route, "match", "headers", default=[])
    )
    routes = host.get("routes", [])
    return marked(routes[number], True) or any(marked(route, False) for route in routes[:number])


def waits(settings):
    """Whether a plan may wait for a provider that asks for a pause."""
    models = dig(settings, "models", default={})
    holders = [settings, *(models.values() if isinstance(models, dict) else ())]
    return any(dig(holder, "wait_for_retry_after") for holder in holders)


def route_problems(place, routes, body_limit, buffer, waiting):
    """Whether each route that follows plans does so from attempt to attempt, with the whole body.

    Returns the problems and the metadata namespaces in which the routes look for the plan.
    """
    problems, namespaces = [], set()
    shared = {dig(item, "extension", "name"): item for item in dig(routes, "cluster_specifier_plugins", default=[])}
    for host in dig(routes, "virtual_hosts", default=[]):
        for number, route in enumerate(host.get("routes", [])):
            action = dig(route, "route", default={})
            specifier = action.get("inline_cluster_specifier_plugin") or shared.get(action.get("cluster_specifier_plugin"))
            if kind(dig(specifier, "extension")) != "PriorityGroupClusterSpecifier":
                continue
            here = f"{place}, route {route.get('name') or number}"
            namespace = dig(specifier, "extension", "typed_config", "override_metadata_namespace")
            namespaces.add(namespace)
            if not namespace:
                problems.append(f"{here}: priority_group needs override_metadata_namespace; else it never sees a plan")
            tried_once = is_unbuffered(host, number)
            retry = action.get("retry_policy") or host.get("retry_policy") or {}
            if retry.get("refresh_cluster_on_retry") is not True and not tried_once:
                problems.append(f"{here}: retry_policy.refresh_cluster_on_retry must be true; else every attempt goes to the first cluster")
            resets = dig(retry, "rate_limited_retry_back_off", "reset_headers", default=[])
            if waiting and not tried_once and {"name": "x-llm-wait", "format": "SECONDS"} not in resets:
                problems.append(f"{here}: wait_for_retry_after needs the retry_policy's rate_limited_retry_back_off with the reset header x-llm-wait in SECONDS; else Envoy asks again at once")
            if action.get("timeout") not in ("0s", "0.0s"):
                problems.append(f"{here}: timeout must be 0s; Envoy's default of 15s ends long answers")
            limit = int(route.get("request_body_buffer_limit") or host.get("request_body_buffer_limit") or buffer)
            if body_limit > limit and not tried_once:
                problems.append(f"{here}: bodies are kept up to {limit} bytes, body_limit_bytes is {body_limit}; raise request_body_buffer_limit")
    if not namespaces:
        problems.append(f"{place}: no route has the cluster specifier priority_group, so no plan is followed")
    return problems, namespaces


def chain_problems(place, filters, namespaces):
    """Whether the plan's header becomes the metadata that the routes read, and they are asked again."""
    kinds = [kind(item) for item in filters]
    rules = [
        (position, dig(rule, "on_header_present", default={}))
        for position, item in enumerate(filters) if kinds[position] == "header_to_metadata"
        for rule in dig(item, "typed_config", "request_rules", default=[]) if rule.get("header") == "x-llm-plan" and rule.get("remove") is True
    ]
    if not rules:
        yield f"{place}: after the gateway, header_to_metadata must turn x-llm-plan into metadata and remove it"
        return
    position, rule = rules[0]
    for namespace in sorted(name for name in namespaces if name):
        if (rule.get("metadata_namespace"), rule.get("key")) != (namespace, "priority_groups"):
            yield f"{place}: x-llm-plan must become the metadata {namespace}/priority_groups, which the route reads"
    clears = (dig(item, "typed_config", "clear_route_cache") is True for item in filters[position:])
    if not any(clears):
        yield f"{place}: after header_to_metadata, set_filter_state needs `clear_route_cache: true`; else the first attempt ignores the plan"


def state_problems(plugin, hcm):
    """Facts that Envoy is to use by themselves, and that the gateway role does not give it so."""
    given = dig(plugin.settings, "filter_state", default=[])
    asked = set(re.findall(r"wasm\.llm\.(\w+)", json.dumps(hcm))) - {"record"}
    for fact in sorted(asked - set(given if isinstance(given, list) else [])):
        yield f"{plugin.place}: wasm.llm.{fact} is used here and must be named in filter_state; the access log has every fact in wasm.llm.record"


def whose_problems(plugin):
    """Rules and guards for somebody whom no key makes a client to be: written wrong, they hold for nobody."""
    keys = dig(plugin.settings, "keys", default=None)
    if not isinstance(keys, list):
        return
    asked = [("rules", at, word, dig(rule, "when", word)) for at, rule in enumerate(dig(plugin.settings, "rules", default=[])) for word in ("key", "team", "user", "project")]
    asked += [("guards", at, "teams", dig(guard, "teams")) for at, guard in enumerate(dig(plugin.settings, "guards", default=[]))]
    for block, at, word, wanted in asked:
        fact = {"key": "id", "teams": "team"}.get(word, word)
        known = {str(dig(key, fact)) for key in keys if dig(key, fact) is not None}
        for name in [] if wanted is None else wanted if isinstance(wanted, list) else [wanted]:
            name = str(name)
            if not any(name == one or name.endswith("*") and one.startswith(name[:-1]) for one in known):
                yield f"{plugin.place}: {block}[{at}] is for {word} {name}, which no key has; keys have: {', '.join(sorted(known)) or 'none'}"


def seconds(text):
    """A duration, `10s` for example; None where it is none."""
    parts = re.fullmatch(r"([0-9.]+)(ms|s|m|h)", str(text))
    return float(parts[1]) * UNITS[parts[2]] if parts else None


def silence_problems(place, role, hcm):
    """Whether Envoy waits as long as the attempts of a request may take that is answered at once and not in a stream."""
    defaults = SCHEMA["$defs"]["gateway"]["properties"]
    silence = seconds(hcm.get("stream_idle_timeout", DEFAULT_SILENCE))
    for name, model in dig(role, "models", default={}).items():
        def said(key):
            return dig(model, key, default=dig(role, key, default=dig(defaults, key, "default")))

        answer, most, each = seconds(said("answer_timeout")), said("attempts"), said("attempts_per_target")
        if not (silence and answer and isinstance(most, int) and isinstance(each, int)):
            continue
        attempts = min(len([*leaves(role, name), *longer(role, name)]) * each, most)
        longest = min(attempts * answer, seconds(said("total_timeout")) or attempts * answer)
        if longest > silence:
            yield f"{place}: {attempts} attempts at {name} may take {longest:g}s without a word; raise stream_idle_timeout ({silence:g}s) above that, or lower answer_timeout, attempts or total_timeout"


def listener_problems(listener, hcm, clusters, provider_plugins, elsewhere):
    place = f"listener {listener.get('name')}"
    filters = hcm.get("http_filters", [])
    for position, plugin in plugins(place, filters):
        yield from plugin.problems("gateway")
        if plugin.role != "gateway":
            continue
        yield from gateway_problems(plugin, clusters, provider_plugins, elsewhere)
        yield from mirror_problems(plugin, hcm.get("route_config"), provider_plugins)
        yield from call_problems(plugin, clusters, provider_plugins, elsewhere)
        yield from state_problems(plugin, hcm)
        yield from whose_problems(plugin)
        yield from silence_problems(place, plugin.settings, hcm)
        default = SCHEMA["$defs"]["gateway"]["properties"]["body_limit_bytes"]["default"]
        limit = dig(plugin.settings, "body_limit_bytes", default=default)
        namespaces = set()
        if "route_config" in hcm:
            buffer = listener.get("per_connection_buffer_limit_bytes", DEFAULT_BUFFER)
            problems, namespaces = route_problems(place, hcm["route_config"], limit if isinstance(limit, int) else 0, buffer, waits(plugin.settings))
            yield from problems
        yield from chain_problems(place, filters[position + 1:], namespaces)


def covering(models, asked):
    """The configured name that covers a name: the same, else the longest beginning."""
    begins = [name for name in models if name.endswith("*") and asked.startswith(name[:-1]) and asked != name[:-1]]
    return asked if asked in models else max(begins, key=len, default=None)


def text_of(value):
    return str(value).lower() if isinstance(value, bool) else str(value)


def clusters_of(provider, name):
    """The clusters of a provider: several, one, or the one of its name."""
    return dig(provider, "clusters") or [dig(provider, "cluster", default=name)]


def leaves(role, name, depth=0):
    """The clusters that a model leads to, each with its labels, through the models that it leads to."""
    model = dig(role, "models", name, default={})
    for target in dig(model, "targets", default=[]) if depth < MAX_NESTED else ():
        if "route_to" in target:
            yield from leaves(role, covering(role["models"], target["route_to"]), depth + 1)
            continue
        provider = dig(role, "providers", target.get("provider"), default={})
        labels = dig(provider, "labels", default={}) | dig(target, "labels", default={})
        labels = {key: text_of(value) for key, value in labels.items()}
        for cluster in clusters_of(provider, target.get("provider")):
            yield cluster, labels


def longer(role, name):
    """The clusters of the model that gets what is too long for a model."""
    words = ("refuse", "route_on", "ignore")
    follows = dig(role, "models", name, "on_context_length", default=dig(role, "on_context_length", default="refuse"))
    return [] if follows in words else list(leaves(role, covering(role["models"], follows)))


def mirrors(role, name):
    """The clusters that get copies of a model's requests; those of models that it leads to have none."""
    mirror = dig(role, "models", name, "mirror")
    if mirror:
        provider = dig(role, "providers", mirror.get("provider"), default={})
        labels = dig(provider, "labels", default={}) | dig(mirror, "labels", default={})
        labels = {key: text_of(value) for key, value in labels.items()}
        for cluster in clusters_of(provider, mirror.get("provider")):
            yield cluster, labels


def unnamed(role, may_override):
    """The clusters that requests without a model can reach: one provider's, or any where a client may choose it."""
    providers = dig(role, "providers", default={})
    passing = dig(role, "passthrough", "provider")
    for name in sorted(providers) if may_override else [passing] if passing else []:
        labels = {key: text_of(value) for key, value in dig(providers, name, "labels", default={}).items()}
        for cluster in clusters_of(providers[name], name):
            yield cluster, labels


def required(needs):
    """Labels that are needed, each with the values that will do."""
    listed = {key: value if isinstance(value, list) else [value] for key, value in sorted((needs or {}).items())}
    return {key: [text_of(one) for one in values] for key, values in listed.items()}


def fitting(found, needs):
    """Those clusters whose labels will do."""
    return {cluster for cluster, labels in found if all(labels.get(key) in values for key, values in needs.items())}


def reach(role):
    """What labels can reach, line by line: first each label, then what each key and rule requires, model by model.

    As the plan decides it: a target complies when it has each label with one of the values; a rule and a key together
    are narrower than either, so that nothing reaches more than what stands here.
    """
    models = sorted(dig(role, "models", default={}))
    everything = [leaf for name in models for leaf in [*leaves(role, name), *mirrors(role, name)]]
    pairs = sorted({pair for _, labels in everything for pair in labels.items()})
    for key, value in pairs:
        clusters = sorted({cluster for cluster, labels in everything if labels.get(key) == value})
        yield f"label {key}={value}: {', '.join(clusters)}"
    sources = [(f"key {key.get('id')}", key, None) for key in dig(role, "keys", default=[])]
    sources += [(f"rule {rule.get('name')}", rule, rule.get("use")) for rule in dig(role, "rules", default=[])]
    for source, holder, instead in sources:
        needs = required(holder.get("require"))
        if not needs:
            continue
        said = ", ".join(f"{key}={'|'.join(values)}" for key, values in needs.items())
        for name in [covering(models, instead)] if instead else models:
            first, behind, copies = (fitting(found, needs) for found in (leaves(role, name), longer(role, name), mirrors(role, name)))
            # Without a target of its own that complies, a request is refused.
            fit = first | behind if first else first
            yield f"{source} requires {said}: {name} -> {', '.join(sorted(fit)) or 'refused'}"
            if first and copies:
                yield f"{source} requires {said}: {name}, copies -> {', '.join(sorted(copies))}"
        overrides = dig(role, "overrides", default=False)
        keys = [holder] if source.startswith("key ") else dig(role, "keys", default=[{}])
        may_override = any(dig(key, "overrides", default=overrides) for key in keys)
        if dig(role, "passthrough", "provider") or may_override:
            fit = fitting(unnamed(role, may_override), needs)
            yield f"{source} requires {said}: requests without a model -> {', '.join(sorted(fit)) or 'refused'}"


def reachable(config):
    """What labels can reach, for each gateway of an Envoy configuration that is well."""
    for listener in dig(config, "static_resources", "listeners", default=[]):
        for hcm in find(listener, "HttpConnectionManager"):
            for _, plugin in plugins(f"listener {listener.get('name')}", hcm.get("http_filters", [])):
                yield from (f"{plugin.place}: {line}" for line in reach(plugin.settings))


def problems(config):
    """Everything that is wrong with an Envoy configuration."""
    clusters = {cluster.get("name"): cluster for cluster in dig(config, "static_resources", "clusters", default=[])}
    listeners = dig(config, "static_resources", "listeners", default=[])
    found, provider_plugins, gateways = [], {}, 0
    for name, cluster in clusters.items():
        for options in find(cluster.get("typed_extension_protocol_options"), "HttpProtocolOptions"):
            filters = options.get("http_filters", [])
            for position, plugin in plugins(f"cluster {name}", filters):
                provider_plugins[name] = plugin
                found += cluster_problems(cluster, position, plugin, filters)
    elsewhere = dig(config, "dynamic_resources", "cds_config") is not None
    for listener in listeners:
        for hcm in find(listener, "HttpConnectionManager"):
            gateways += len(list(plugins("", hcm.get("http_filters", []))))
            found += listener_problems(listener, hcm, clusters, provider_plugins, elsewhere)
    if not gateways:
        found.append("no listener has this filter with role gateway")
    return found


def main(paths):
    count = 0
    for path in paths:
        lines = []
        try:
            config = yaml.load(Path(path).read_text(), Strict)
            found = problems(config)
            lines = list(reachable(config)) if not found else []
        except yaml.MarkedYAMLError as error:
            found = [f"line {error.problem_mark.line + 1}: {error.problem}"]
        except (OSError, UnicodeDecodeError, yaml.YAMLError) as error:
            found = [str(error)]
        except (AttributeError, TypeError, ValueError):
            found = ["has not the shape of an Envoy configuration; envoy --mode validate says more"]
        for problem in found:
            print(f"{path}: {problem}")
        for line in lines:
            print(f"{path}: {line}")
        if not found:
            print(f"{path}: ok")
        count += len(found)
    return 1 if count else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
