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
