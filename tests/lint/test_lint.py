"""What scripts/lint.sh says about configurations that Envoy would accept and that would not work."""

import copy
import json
import os
import subprocess
import sys
from pathlib import Path

import jsonschema
import pytest
import yaml

ROOT = Path(__file__).parents[2]
GOOD = Path(__file__).with_name("good.yaml")
SCHEMA = json.loads((ROOT / "envoy/config.schema.json").read_text())


def run(*paths):
    """The exit code and the lines of one run."""
    env = {**os.environ, "PYTHON": sys.executable}
    done = subprocess.run(
        [ROOT / "scripts/lint.sh", *paths], env=env, cwd="/", capture_output=True, text=True, timeout=30, check=False
    )
    assert done.stderr == ""
    return done.returncode, done.stdout.splitlines()


class Parts:
    """The places of good.yaml that tests break."""

    def __init__(self, config):
        static = config["static_resources"]
        self.config = config
        self.listener = static["listeners"][0]
        self.hcm = self.listener["filter_chains"][0]["filters"][0]["typed_config"]
        self.filters = self.hcm["http_filters"]
        self.plugin = self.filters[0]["typed_config"]["config"]
        self.gateway = self.plugin["configuration"]["value"]
        self.route = self.hcm["route_config"]["virtual_hosts"][0]["routes"][0]
        self.action = self.route["route"]
        self.openai, self.vllm = self.clusters = static["clusters"]

    @staticmethod
    def upstream(cluster):
        (options,) = cluster["typed_extension_protocol_options"].values()
        return options["http_filters"]


def dialects_differ(p):
    p.upstream(p.vllm)[0]["typed_config"]["config"]["configuration"]["value"] = '{"role": "provider", "dialect": "other"}'


def settings_that_plans_need_differ(p):
    p.upstream(p.vllm)[0]["typed_config"]["config"]["configuration"]["value"] = '{"role": "provider", "dialect": "openai", "responses": false, "unknown_parameters": "refuse"}'


def a_cluster_is_missing(p):
    p.gateway["providers"]["spare"] = {"cluster": "nowhere", "dialect": "openai"}


def one_of_several_clusters_is_missing(p):
    local = p.gateway["providers"]["local"]
    local["clusters"] = [local.pop("cluster"), "vllm-2"]


def a_cluster_lacks_the_filter(p):
    del p.upstream(p.vllm)[0]


def guards_are_called_where_nobody_can_call(p):
    calls = [{"kind": "webhook", "cluster": name} for name in ("vllm", "nowhere")]
    p.gateway["guards"] = [{"name": call["cluster"], "action": "block", "call": call} for call in calls]


def retries_are_at_envoy_s_default(p):
    del p.openai["circuit_breakers"]
    p.vllm["circuit_breakers"]["thresholds"][1]["retry_budget"] = {}


def nobody_tells_envoy_how_long_to_wait(p):
    next(iter(p.gateway["models"].values()))["wait_for_retry_after"] = "3s"


def copies_are_asked_for_and_not_made(p):
    p.gateway["models"]["smart"]["mirror"] = {"provider": "local", "percent": 5}
    wasm = p.upstream(p.vllm)[0]["typed_config"]["config"]
    wasm["vm_config"] = wasm["vm_config"] | {"vm_id": "another"}


def copies_may_hang(p):
    p.gateway["models"]["smart"]["mirror"] = {"provider": "openai", "percent": 5}
    p.action["request_mirror_policies"] = [{"cluster_header": "x-llm-mirror"}]


def the_panic_threshold_is_zero(p):
    p.vllm["common_lb_config"]["healthy_panic_threshold"] = {}


def bodies_are_larger_than_what_envoy_keeps(p):
    p.gateway["body_limit_bytes"] = 16777217


def bodies_are_kept_up_to_the_connection_s_limit(p):
    del p.route["request_body_buffer_limit"]


def policies_are_left_at_their_defaults(p):
    del p.plugin["failure_policy"]
    plugin = p.upstream(p.vllm)[0]["typed_config"]["config"]
    plugin["failure_policy"] = "FAIL_OPEN"
    del plugin["allow_on_headers_stop_iteration"]


def the_credential_comes_first(p):
    p.upstream(p.openai)[:2] = reversed(p.upstream(p.openai)[:2])
    del p.upstream(p.openai)[0]["typed_config"]["overwrite"]


def the_route_does_not_follow_the_plan(p):
    del p.action["retry_policy"]["refresh_cluster_on_retry"]
    del p.action["timeout"]
    del p.action["inline_cluster_specifier_plugin"]["extension"]["typed_config"]["override_metadata_namespace"]


def the_route_for_uploads_has_a_timeout(p):
    marked = {"match": {"prefix": "/", "headers": [{"name": "x-llm-unbuffered", "present_match": True}]}}
    specifier = p.action["inline_cluster_specifier_plugin"]
    p.hcm["route_config"]["virtual_hosts"][0]["routes"].insert(0, marked | {"route": {"inline_cluster_specifier_plugin": specifier}})


def there_is_no_such_route(p):
    p.route["route"] = {"cluster": "openai"}


def the_plan_is_written_elsewhere(p):
    p.filters[1]["typed_config"]["request_rules"][0]["on_header_present"]["metadata_namespace"] = "other"
    del p.filters[2]["typed_config"]["clear_route_cache"]


def the_plan_is_not_written(p):
    del p.filters[1]


def configurations_break_the_schema(p):
    p.gateway["modles"] = p.gateway.pop("models")
    p.upstream(p.openai)[0]["typed_config"]["config"]["configuration"]["value"]["host"] = "https://x"
    p.upstream(p.vllm)[0]["typed_config"]["config"]["configuration"]["value"] = "role: provider"


def roles_are_in_the_wrong_place(p):
    p.gateway["role"] = "provider"


def a_log_asks_for_facts_that_are_not_given(p):
    p.gateway["filter_state"] = ["team"]
    form = {"team": "%FILTER_STATE(wasm.llm.team:PLAIN)%", "model": "%FILTER_STATE(wasm.llm.model:PLAIN)%", "all": "%FILTER_STATE(wasm.llm.record:PLAIN)%"}
    p.hcm["access_log"] = [{"typed_config": {"log_format": {"json_format": form}}}]


def the_gateway_is_missing(p):
    del p.filters[0]


def rules_and_guards_are_for_nobody(p):
    p.gateway["keys"] = [{"id": "a", "sha256": "0" * 64, "team": "legal"}, {"id": "b", "sha256": "1" * 64, "team": "research"}]
    rules = [{"team": "legl"}, {"team": ["legal", "re*"], "key": "c"}, {"user": "ann"}]
    p.gateway["rules"] = [{"name": str(at), "when": when, "use": "smart"} for at, when in enumerate(rules)]
    p.gateway["guards"] = [{"name": "g", "detect": "PII", "action": "block", "teams": ["legl", "l*"]}]


def envoy_is_less_patient_than_the_attempts(p):
    p.hcm["stream_idle_timeout"] = "1200s"
    p.gateway["models"]["smart"] |= {"attempts_per_target": 2, "answer_timeout": "10m"}
    p.gateway["models"]["bounded"] = p.gateway["models"]["smart"] | {"total_timeout": "20m"}
    p.gateway["models"]["one"] = {"targets": [{"route_to": "smart"}], "attempts": 2}


def envoy_has_its_default_patience(p):
    del p.hcm["stream_idle_timeout"]
    p.gateway["answer_timeout"] = "200s"


CASES = {
    dialects_differ: [
        f"cluster vllm, plugin vllm: configuration $.dialect: 'other' is not one of {SCHEMA['$defs']['dialect']['enum']}",
        "listener llm, provider local: the gateway speaks openai, cluster vllm speaks other",
    ],
    settings_that_plans_need_differ: [
        "listener llm, provider local: unknown_parameters is keep in the gateway and refuse in cluster vllm; plans need the same",
        "listener llm, provider local: responses is True in the gateway and False in cluster vllm; plans need the same",
    ],
    a_cluster_is_missing: ["listener llm, provider spare: there is no cluster nowhere; the clusters are: openai, vllm"],
    one_of_several_clusters_is_missing: [
        "listener llm, provider local: there is no cluster vllm-2; the clusters are: openai, vllm"
    ],
    a_cluster_lacks_the_filter: ["listener llm, provider local: cluster vllm lacks this filter with role provider"],
    guards_are_called_where_nobody_can_call: [
        "listener llm, guard vllm: cluster vllm carries this filter; a call into it would end every stream of the worker, so give the guard a cluster of its own",
        "listener llm, guard nowhere: there is no cluster nowhere; the clusters are: openai, vllm",
    ],
    copies_are_asked_for_and_not_made: [
        "listener llm: cluster vllm gets copies and must have the gateway's vm_config.vm_id 'llm'; else it refuses them",
        "listener llm: models have a mirror, and no route has request_mirror_policies with `cluster_header: x-llm-mirror`; nothing is copied",
    ],
    copies_may_hang: [
        "listener llm: the mirror policy must set x-envoy-upstream-rq-timeout-ms to %REQ(x-llm-mirror-timeout)%; else a copy may hang for ever"
    ],
    retries_are_at_envoy_s_default: [
        "cluster openai: circuit_breakers allow 3 retries at a time; set max_retries to 100 or more, else fallbacks are dropped under load",
        "cluster vllm: circuit_breakers allow 3 retries at a time; set max_retries to 100 or more, else fallbacks are dropped under load",
    ],
    nobody_tells_envoy_how_long_to_wait: [
        "listener llm, route 0: wait_for_retry_after needs the retry_policy's rate_limited_retry_back_off with the reset header x-llm-wait in SECONDS; else Envoy asks again at once"
    ],
    the_panic_threshold_is_zero: [
        "cluster vllm: healthy_panic_threshold must not be 0; a cluster without a healthy host ends the fallback"
    ],
    bodies_are_larger_than_what_envoy_keeps: [
        "listener llm, route 0: bodies are kept up to 16777216 bytes, body_limit_bytes is 16777217; raise request_body_buffer_limit"
    ],
    bodies_are_kept_up_to_the_connection_s_limit: [
        "listener llm, route 0: bodies are kept up to 1048576 bytes, body_limit_bytes is 16777216; raise request_body_buffer_limit"
    ],
    policies_are_left_at_their_defaults: [
        "cluster vllm, plugin vllm: failure_policy must be FAIL_RELOAD; else a crash closes the gateway for good, or opens it to all",
        "cluster vllm, plugin vllm: allow_on_headers_stop_iteration must be true; else nothing can be held back until it was read",
        "listener llm, plugin gateway: failure_policy must be FAIL_RELOAD; else a crash closes the gateway for good, or opens it to all",
    ],
    the_credential_comes_first: [
        "cluster openai: envoy.filters.http.credential_injector must come after the filter; else the filter removes the credential",
        "cluster openai: envoy.filters.http.credential_injector needs `overwrite: true`",
    ],
    the_route_does_not_follow_the_plan: [
        "listener llm, route 0: priority_group needs override_metadata_namespace; else it never sees a plan",
        "listener llm, route 0: retry_policy.refresh_cluster_on_retry must be true; else every attempt goes to the first cluster",
        "listener llm, route 0: timeout must be 0s; Envoy's default of 15s ends long answers",
    ],
    the_route_for_uploads_has_a_timeout: [
        "listener llm, route 0: timeout must be 0s; Envoy's default of 15s ends long answers"
    ],
    there_is_no_such_route: [
        "listener llm: no route has the cluster specifier priority_group, so no plan is followed"
    ],
    the_plan_is_written_elsewhere: [
        "listener llm: x-llm-plan must become the metadata llm/priority_groups, which the route reads",
        "listener llm: after header_to_metadata, set_filter_state needs `clear_route_cache: true`; else the first attempt ignores the plan",
    ],
    the_plan_is_not_written: [
        "listener llm: after the gateway, header_to_metadata must turn x-llm-plan into metadata and remove it"
    ],
    configurations_break_the_schema: [
        r"cluster openai, plugin openai: configuration $.host: 'https://x' does not match '^[A-Za-z0-9._:\\[\\]-]+$'",
        "cluster vllm, plugin vllm: configuration is not JSON: Expecting value: line 1 column 1 (char 0)",
        "listener llm, plugin gateway: configuration $: 'models' is a required property",
        "listener llm, plugin gateway: configuration $: Additional properties are not allowed ('modles' was unexpected)",
    ],
    roles_are_in_the_wrong_place: ["listener llm, plugin gateway: configuration.role must be gateway here"],
    a_log_asks_for_facts_that_are_not_given: [
        "listener llm: wasm.llm.model is used here and must be named in filter_state; the access log has every fact in wasm.llm.record"
    ],
    rules_and_guards_are_for_nobody: [
        "listener llm: rules[0] is for team legl, which no key has; keys have: legal, research",
        "listener llm: rules[1] is for key c, which no key has; keys have: a, b",
        "listener llm: rules[2] is for user ann, which no key has; keys have: none",
        "listener llm: guards[0] is for teams legl, which no key has; keys have: legal, research",
    ],
    envoy_is_less_patient_than_the_attempts: [
        "listener llm: 4 attempts at smart may take 2400s without a word; raise stream_idle_timeout (1200s) above that, or lower answer_timeout, attempts or total_timeout"
    ],
    envoy_has_its_default_patience: [
        "listener llm: 2 attempts at smart may take 400s without a word; raise stream_idle_timeout (300s) above that, or lower answer_timeout, attempts or total_timeout"
    ],
    the_gateway_is_missing: ["no listener has this filter with role gateway"],
}


@pytest.mark.parametrize("breaks", CASES, ids=lambda breaks: breaks.__name__)
def test_a_broken_configuration_is_refused_when(breaks, tmp_path):
    parts = Parts(copy.deepcopy(yaml.safe_load(GOOD.read_text())))
    breaks(parts)
    broken = tmp_path / "envoy.yaml"
    broken.write_text(yaml.safe_dump(parts.config))
    assert run(broken) == (1, [f"{broken}: {line}" for line in CASES[breaks]])


def test_dates_and_times_are_text_as_envoy_reads_them(tmp_path):
    written = tmp_path / "envoy.yaml"
    text = GOOD.read_text().replace("{openai: {},", "{openai: {dialect: anthropic},")
    text = text.replace("role: provider, dialect: openai,", "role: provider, dialect: anthropic, version: 2023-06-01,")
    written.write_text(text)
    assert run(written) == (0, [f"{written}: ok"])


def test_what_fits_together_is_accepted():
    assert run(GOOD) == (0, [f"{GOOD}: ok"])


@pytest.mark.parametrize(("detect", "is_good"), [("PII", True), ("[EMAIL_ADDRESS, IBAN]", True), ("EMIAL_ADDRESS", False)])
def test_keys_are_text_as_for_envoy_and_entities_are_known(tmp_path, detect, is_good):
    """YAML 1.1 would take `on` for a truth value."""
    guard = f"guards: [{{name: pii, detect: {detect}, on: both, action: mask}}]\n                    providers:"
    (tmp_path / "envoy.yaml").write_text(GOOD.read_text().replace("providers:", guard, 1))
    code, lines = run(tmp_path / "envoy.yaml")
    assert code == (0 if is_good else 1), lines
    assert is_good or "$.guards[0].detect" in lines[0]


def test_several_files_are_all_read(tmp_path):
    missing = tmp_path / "missing.yaml"
    twice = tmp_path / "twice.yaml"
    twice.write_text("a: 1\na: 2\n")
    cut = tmp_path / "cut.yaml"
    cut.write_text("a: [1\n")
    odd = tmp_path / "odd.yaml"
    odd.write_text("static_resources: {clusters: [7]}\n")
    assert run(missing, twice, cut, odd, GOOD) == (
        1,
        [
            f"{missing}: [Errno 2] No such file or directory: '{missing}'",
            f"{twice}: line 2: 'a' stands here twice",
            f"{cut}: line 2: expected ',' or ']', but got '<stream end>'",
            f"{odd}: has not the shape of an Envoy configuration; envoy --mode validate says more",
            f"{GOOD}: ok",
        ],
    )


def test_the_schema_is_a_schema_and_its_examples_follow_it():
    jsonschema.Draft202012Validator.check_schema(SCHEMA)

    def follow(node):
        whole = {**{key: value for key, value in SCHEMA.items() if key == "$defs"}, **node}
        for example in node.get("examples", []):
            jsonschema.Draft202012Validator(whole).validate(example)
        for child in [*node.get("properties", {}).values(), *node.get("$defs", {}).values()]:
            follow(child)

    follow(SCHEMA)


def test_the_model_for_long_prompts_can_be_reached_where_its_labels_will_do(tmp_path):
    parts = Parts(copy.deepcopy(yaml.safe_load(GOOD.read_text())))
    parts.gateway["providers"]["openai"]["labels"] = {"region": "ch"}
    parts.gateway["providers"]["local"]["labels"] = {"region": "eu"}
    parts.gateway["models"] = {
        "brief": {"targets": [{"provider": "local"}]},
        "far": {"targets": [{"provider": "openai", "labels": {"region": "us"}}]},
        "long": {"targets": [{"provider": "openai"}]},
        "shut": {"targets": [{"provider": "local"}], "on_context_length": "refuse"},
    }
    parts.gateway["on_context_length"] = "long"
    parts.gateway["keys"] = [{"id": "near", "sha256": "0" * 64, "require": {"region": ["eu", "ch"]}}]
    path = tmp_path / "envoy.yaml"
    path.write_text(yaml.safe_dump(parts.config))
    code, lines = run(path)
    place = f"{path}: listener llm: key near requires region=eu|ch: "
    assert (code, [line.removeprefix(place) for line in lines if line.startswith(place)]) == (
        0,
        ["brief -> openai, vllm", "far -> refused", "long -> openai", "shut -> vllm"],
    )


def test_it_says_which_labels_can_reach_which_clusters(tmp_path):
    parts = Parts(copy.deepcopy(yaml.safe_load(GOOD.read_text())))
    parts.gateway["providers"]["openai"]["labels"] = {"region": "us"}
    parts.gateway["providers"]["local"]["labels"] = {"region": "eu", "hipaa": True}
    parts.gateway["models"]["far"] = {"targets": [{"provider": "openai"}]}
    parts.gateway["models"]["near-*"] = {"targets": [{"route_to": "smart"}, {"provider": "openai", "labels": {"region": "ch"}}]}
    parts.gateway["keys"] = [{"id": "clinic", "sha256": "0" * 64, "require": {"region": ["eu", "ch"], "hipaa": True}}]
    parts.gateway["rules"] = [{"name": "legal", "use": "near-1", "require": {"region": ["eu", "ch"]}}]
    parts.gateway["passthrough"] = {"provider": "local"}
    path = tmp_path / "envoy.yaml"
    path.write_text(yaml.safe_dump(parts.config))
    code, lines = run(path)
    place = f"{path}: listener llm: "
    assert (code, lines) == (
        0,
        [
            f"{place}label hipaa=true: vllm",
            f"{place}label region=ch: openai",
            f"{place}label region=eu: vllm",
            f"{place}label region=us: openai",
            f"{place}key clinic requires hipaa=true, region=eu|ch: far -> refused",
            f"{place}key clinic requires hipaa=true, region=eu|ch: near-* -> vllm",
            f"{place}key clinic requires hipaa=true, region=eu|ch: smart -> vllm",
            f"{place}key clinic requires hipaa=true, region=eu|ch: requests without a model -> vllm",
            f"{place}rule legal requires region=eu|ch: near-* -> openai, vllm",
            f"{place}rule legal requires region=eu|ch: requests without a model -> vllm",
            f"{path}: ok",
        ],
    )


def test_it_says_where_copies_and_a_client_s_own_choice_can_reach(tmp_path):
    parts = Parts(copy.deepcopy(yaml.safe_load(GOOD.read_text())))
    parts.gateway["providers"]["openai"]["labels"] = {"region": "us"}
    parts.gateway["providers"]["local"]["labels"] = {"region": "eu"}
    mirror = {"provider": "openai", "percent": 0.5}
    parts.gateway["models"] = {
        "far": {"targets": [{"provider": "openai"}], "mirror": mirror | {"labels": {"region": "eu"}}},
        "near": {"targets": [{"provider": "local"}], "mirror": mirror},
        "own": {"targets": [{"provider": "local"}], "mirror": mirror | {"labels": {"region": "eu"}}},
    }
    needs = {"region": "eu"}
    parts.gateway["keys"] = [
        {"id": "free", "sha256": "0" * 64, "require": {"region": ["eu", "us"]}, "overrides": True},
        {"id": "near", "sha256": "1" * 64, "require": needs},
    ]
    parts.gateway["passthrough"] = {"provider": "openai"}
    timeout = {"append": {"header": {"key": "x-envoy-upstream-rq-timeout-ms", "value": "%REQ(x-llm-mirror-timeout)%"}}}
    policy = {"cluster_header": "x-llm-mirror", "request_headers_mutations": [timeout]}
    parts.action["request_mirror_policies"] = [policy]
    path = tmp_path / "envoy.yaml"
    path.write_text(yaml.safe_dump(parts.config))
    code, lines = run(path)
    place = f"{path}: listener llm: "
    lines = [line.removeprefix(place) for line in lines]
    assert code == 0
    assert lines[:2] == ["label region=eu: openai, vllm", "label region=us: openai"]
    assert "key free requires region=eu|us: requests without a model -> openai, vllm" in lines
    assert [line.removeprefix("key near requires region=eu: ") for line in lines if line.startswith("key near")] == [
        "far -> refused",
        "near -> vllm",
        "own -> vllm",
        "own, copies -> openai",
        "requests without a model -> refused",
    ]
