"""The EnvoyFilter that is shipped, and what scripts/istio.sh makes of configurations."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
import yaml

ROOT = Path(__file__).parents[2]


def run(*arguments) -> str:
    env = {**os.environ, "PYTHON": sys.executable}
    command = [ROOT / "scripts/istio.sh", *arguments]
    return subprocess.run(command, env=env, cwd="/", capture_output=True, text=True, timeout=30, check=True).stdout


def test_the_shipped_filter_is_what_the_shipped_configuration_gives():
    assert (ROOT / "envoy/istio.yaml").read_text() == run(), "run scripts/istio.sh > envoy/istio.yaml"


def test_name_namespace_pods_and_folder_are_one_s_own(tmp_path):
    made = yaml.safe_load(run("--name", "n", "--namespace", "s", "--selector", "app=llm,tier=edge", "--folder", "/llm"))
    assert made["metadata"] == {"name": "n", "namespace": "s"}
    assert made["spec"]["workloadSelector"]["labels"] == {"app": "llm", "tier": "edge"}
    text = yaml.safe_dump(made)
    assert "/etc/envoy" not in text
    assert text.count("filename: /llm/envoy_llm_gateway.wasm") == 3
    assert text.count("path: /llm/secrets/openai-key.yaml") == 1


def test_keys_stay_the_text_that_they_are(tmp_path):
    """YAML 1.1 would take `on` for a truth value."""
    text = (ROOT / "envoy/envoy.yaml").read_text()
    guard = "guards: [{name: pii, detect: PII, on: both, action: mask}]\n                    providers:"
    (tmp_path / "envoy.yaml").write_text(text.replace("providers:", guard, 1))
    patches = yaml.safe_load(run(tmp_path / "envoy.yaml"))["spec"]["configPatches"]
    assert '"on": "both"' in json.dumps(patches)


@pytest.mark.parametrize("provider", sorted(path.name for path in (ROOT / "envoy/providers").glob("*.yaml")))
def test_every_shipped_cluster_can_be_added(tmp_path, provider):
    config = yaml.safe_load((ROOT / "envoy/envoy.yaml").read_text())
    clusters = yaml.safe_load((ROOT / "envoy/providers" / provider).read_text())
    config["static_resources"]["clusters"] = clusters if isinstance(clusters, list) else clusters["clusters"]
    (tmp_path / "envoy.yaml").write_text(yaml.safe_dump(config))
    patches = yaml.safe_load(run(tmp_path / "envoy.yaml"))["spec"]["configPatches"]
    assert "/etc/envoy/" not in yaml.safe_dump(patches)
    added = [patch["patch"]["value"]["name"] for patch in patches if patch["applyTo"] == "CLUSTER"]
    assert added == [cluster["name"] for cluster in config["static_resources"]["clusters"]]


@pytest.fixture
def parts():
    """The shipped configuration and the places in it that these tests change."""
    config = yaml.safe_load((ROOT / "envoy/envoy.yaml").read_text())
    (listener,) = config["static_resources"]["listeners"]
    manager = listener["filter_chains"][0]["filters"][0]["typed_config"]
    return config, manager, manager["route_config"]["virtual_hosts"][0]


def patches(config, folder) -> list[dict]:
    (folder / "envoy.yaml").write_text(yaml.safe_dump(config))
    return yaml.safe_load(run(folder / "envoy.yaml"))["spec"]["configPatches"]


def test_the_listener_with_the_gateway_counts_wherever_it_stands(tmp_path, parts):
    config, _, _ = parts
    before = patches(config, tmp_path)
    additions = yaml.safe_load((ROOT / "envoy/production.yaml").read_text())
    config["static_resources"]["listeners"][:0] = additions["listeners"]
    assert patches(config, tmp_path) == before


def test_what_the_virtual_host_says_for_its_routes_is_theirs(tmp_path, parts):
    config, manager, host = parts
    before = patches(config, tmp_path)
    first = host["routes"][0]
    host["request_body_buffer_limit"] = first.pop("request_body_buffer_limit")
    plugin = first["route"].pop("inline_cluster_specifier_plugin")
    manager["route_config"]["cluster_specifier_plugins"] = [plugin]
    first["route"]["cluster_specifier_plugin"] = plugin["extension"]["name"]
    host["routes"][1]["request_body_buffer_limit"] = 0  # says something of its own
    expected = json.loads(json.dumps(before))
    last = [patch for patch in expected if patch["applyTo"] == "HTTP_ROUTE"][0]
    last["patch"]["value"]["request_body_buffer_limit"] = 0
    assert patches(config, tmp_path) == expected
    host["retry_policy"] = first["route"].pop("retry_policy")
    routes = [patch["patch"]["value"] for patch in patches(config, tmp_path) if patch["applyTo"] == "HTTP_ROUTE"]
    assert all(route["route"]["retry_policy"] == host["retry_policy"] for route in routes)


def test_another_filter_s_module_stays_its_own(tmp_path, parts):
    config, manager, _ = parts
    other = json.loads(json.dumps(manager["http_filters"][1]))
    other["typed_config"]["config"]["vm_config"]["code"]["local"]["filename"] = "/etc/envoy/coraza.wasm"
    manager["http_filters"].insert(0, other)
    text = yaml.safe_dump(patches(config, tmp_path))
    assert text.count("filename: /etc/llm-gateway/coraza.wasm") == 1
    assert text.count("filename: /etc/llm-gateway/envoy_llm_gateway.wasm") == 3


@pytest.mark.parametrize("hosts", [0, 2])
def test_what_cannot_be_carried_is_said(tmp_path, parts, hosts):
    config, manager, host = parts
    manager["route_config"]["virtual_hosts"] = [host] * hosts
    if not hosts:
        config["static_resources"]["listeners"] = []
    with pytest.raises(subprocess.CalledProcessError) as failed:
        patches(config, tmp_path)
    assert failed.value.stderr.startswith("istio.sh: the ") and "Traceback" not in failed.value.stderr
