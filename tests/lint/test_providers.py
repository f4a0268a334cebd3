"""Each file of envoy/providers is a cluster that Envoy accepts and that keeps the house rules."""

import json
import sys
from pathlib import Path

import pytest
import trustme
import yaml
from fake.door import key_form
from fake.gateway import validate, wasm

ROOT = Path(__file__).parents[2]
FOLDER = ROOT / "envoy/providers"
FILES = sorted(path.stem for path in FOLDER.glob("*.yaml"))
# tests/schema.rs holds this list against the registry.
DIALECTS = json.loads((ROOT / "envoy/config.schema.json").read_text())["$defs"]["dialect"]["enum"]
LOCAL = {"ollama", "vllm"}
BEARER = ("authorization", "Bearer ")
# The header of each provider's key, and what stands before it. Source: their API references, read 2026-11.
KEYS = dict.fromkeys(FILES, BEARER) | {
    "anthropic": ("x-api-key", ""),
    "azure": ("api-key", ""),
    "gemini": ("x-goog-api-key", ""),
    "ollama": None,  # takes none
    "bedrock": None,  # signed
    "anthropic-bedrock": None,
}

sys.path.insert(0, str(ROOT / "scripts"))
import lint  # noqa: E402


def load(name):
    """The file's clusters, the provider's own first."""
    clusters = yaml.load((FOLDER / f"{name}.yaml").read_text(), lint.Strict)["clusters"]
    assert clusters[0]["name"] == name
    return clusters


def filters(cluster):
    (options,) = cluster["typed_extension_protocol_options"].values()
    return options["http_filters"]


def place(value, folder):
    """The same with the paths of this machine: the filter, and a secret that is in its place."""
    if isinstance(value, dict):
        if str(value.get("filename", "")).endswith(lint.WASM):
            return {"filename": str(wasm())}
        if "sds_config" in value:
            secret = folder / f"{value['name']}.yaml"
            generic = {"secret": {"inline_string": "a-key"}}
            kind = "type.googleapis.com/envoy.extensions.transport_sockets.tls.v3.Secret"
            secret.write_text(yaml.safe_dump({"resources": [{"@type": kind, "name": value["name"], "generic_secret": generic}]}))
            source = {"path": str(secret), "watched_directory": {"path": str(folder)}}
            return {"name": value["name"], "sds_config": {"path_config_source": source}}
        return {key: place(child, folder) for key, child in value.items()}
    return [place(child, folder) for child in value] if isinstance(value, list) else value


def test_every_dialect_has_a_cluster_and_every_cluster_a_dialect():
    assert set(FILES) == set(DIALECTS)


def test_envoy_accepts_every_cluster(tmp_path):
    """All in one Envoy, whose log names the one that it refuses."""
    clusters = [cluster for name in FILES for cluster in place(load(name), tmp_path)]
    node = {"id": "test", "cluster": "test"}  # secrets from files want one
    code, log = validate({"node": node, "static_resources": {"clusters": clusters}}, tmp_path)
    assert code == 0, log


@pytest.mark.parametrize("name", sorted(LOCAL))
def test_tls_to_a_server_of_one_s_own_is_a_comment_that_envoy_accepts(name, tmp_path):
    text = (FOLDER / f"{name}.yaml").read_text()
    begin, end = text.index("  # transport_socket:"), text.index("  connect_timeout:")
    cluster = yaml.safe_load(text[:begin] + text[begin:end].replace("  # ", "  ") + text[end:])["clusters"][0]
    ca = cluster["transport_socket"]["typed_config"]["common_tls_context"]["validation_context"]["trusted_ca"]
    assert ca == {"filename": "/etc/envoy/my-ca.pem"}
    ca["filename"] = str(trusted := tmp_path / "ca.pem")
    trustme.CA().cert_pem.write_to_path(trusted)
    node = {"id": "test", "cluster": "test"}
    code, log = validate({"node": node, "static_resources": {"clusters": [place(cluster, tmp_path)]}}, tmp_path)
    assert code == 0, log


@pytest.mark.parametrize("name", FILES)
def test_the_house_rules_hold_for_the_cluster_of(name):
    cluster = load(name)[0]
    ((position, plugin),) = lint.plugins(f"cluster {name}", filters(cluster))
    assert list(lint.cluster_problems(cluster, position, plugin, filters(cluster))) == []
    assert plugin.settings["dialect"] == name
    signers = [item for item in filters(cluster) if lint.kind(item) in lint.SIGNERS]
    assert len(signers) == (0 if name == "ollama" else 1)
    assert lint.kind(filters(cluster)[-1]) == "UpstreamCodec"
    # One address and the last resort: half is more than may rest.
    assert cluster["outlier_detection"]["max_ejection_percent"] < 50
    assert cluster["type"] == "STRICT_DNS"
    assert cluster["load_assignment"]["policy"] == {"overprovisioning_factor": 100000}
    _, last = cluster["load_assignment"]["endpoints"]
    closed = {"endpoint": {"address": {"socket_address": {"address": "127.0.0.1", "port_value": 1}}}}
    assert last == {"priority": 1, "lb_endpoints": [closed]}
    if name not in LOCAL:
        host = plugin.settings["host"]
        tls = cluster["transport_socket"]["typed_config"]
        assert (tls["sni"], tls["auto_sni_san_validation"]) == (host, True)
        assert tls["common_tls_context"]["validation_context"]["trusted_ca"]["filename"]
        (endpoint,) = cluster["load_assignment"]["endpoints"][0]["lb_endpoints"]
        assert endpoint["endpoint"]["address"]["socket_address"] == {"address": host, "port_value": 443}
        (options,) = cluster["typed_extension_protocol_options"].values()
        assert "http2_protocol_options" in options["auto_config"]


@pytest.mark.parametrize("name", FILES)
def test_the_key_has_its_provider_s_form_in_the_file_of(name):
    forms = [(found["header"], found.get("header_value_prefix", "")) for found in lint.find(load(name)[0], "Generic")]
    assert forms == ([KEYS[name]] if KEYS[name] else [])
    # What the fakes of the end-to-end tests ask for.
    assert key_form(name) == (KEYS[name] or BEARER)


@pytest.mark.parametrize("name", FILES)
def test_no_secret_stands_in_the_file_of(name):
    for message in lint.find(load(name)[0], "Generic"):
        path = message["credential"]["sds_config"]["path_config_source"]["path"]
        assert path == f"/etc/envoy/secrets/{message['credential']['name']}.yaml"
