"""The shipped configuration itself: it starts, it rejects mistakes, it trusts nobody by accident, its keys rotate."""

import json
import os
import shutil
import ssl
import sys
import time
from urllib.request import urlopen

import pytest
import trustme
import yaml

from fake.client import Client, marker
from fake.gateway import (
    ROOT,
    SHIPPED,
    Upstream,
    connection_manager,
    credential,
    http_options,
    plugin,
    render,
    shipped,
    validate,
    wasm,
)  # fmt: skip
from fake.provider import Provider
from fake.warm import Refused
from fake.world import role


sys.path.insert(0, str(ROOT / "scripts"))
import lint  # noqa: E402


def test_the_shipped_configuration_is_valid_as_it_stands(tmp_path, monkeypatch):
    monkeypatch.setenv("OPENAI_API_KEY", "placeholder")
    monkeypatch.setenv("ANTHROPIC_API_KEY", "placeholder")
    text = SHIPPED.read_text()
    assert text.count("/etc/envoy/envoy_llm_gateway.wasm") == 1
    code, log = validate_text(text.replace("/etc/envoy/envoy_llm_gateway.wasm", str(wasm())), tmp_path)
    assert code == 0, log
    assert "[warning][misc]" not in log, log  # a deprecated field
    assert "no `keys` are configured" in log


def test_the_shipped_configuration_starts_and_answers(start_new, monkeypatch):
    """As it stands but for the ports, the filter's path, and the providers' addresses, which lead nowhere."""
    monkeypatch.setenv("OPENAI_API_KEY", "placeholder")
    monkeypatch.setenv("ANTHROPIC_API_KEY", "placeholder")
    text = SHIPPED.read_text().replace("/etc/envoy/envoy_llm_gateway.wasm", str(wasm()))
    text = text.replace("0.0.0.0, port_value: 8080", "127.0.0.1, port_value: 0").replace(
        "port_value: 9901", "port_value: 0"
    )
    for host in ("api.openai.com", "api.anthropic.com"):
        text = text.replace(f"address: {host}, port_value: 443", "address: localhost, port_value: 1")
    client = Client(start_new(yaml.safe_load(text)).url)
    assert client.chat("Hello", "echo").answer.content == "Hello"
    assert [model["id"] for model in client.get("/v1/models").json["data"]] == [
        "anthropic/*", "claude-*", "echo", "gpt-*", "openai/*", "smart",
    ]  # fmt: skip
    reply = client.chat("Hello", "smart")
    assert (reply.status, reply.error["message"]) == (
        502,
        "No provider could answer `smart`. Tried: anthropic (claude-sonnet-4-6) could not be reached; "
        "openai (gpt-5-mini) could not be reached.",
    )


def validate_text(text: str, folder) -> tuple[int, str]:
    return validate(yaml.safe_load(text), folder)


BAD_GATEWAY = {
    "role": "gateway",
    "models": {
        "a": {"targets": [{"provider": "nobody"}]},
        "b": {"targets": []},
        "c": {"targets": [{"provider": "openai"}], "first_token_timeout": "soon"},
        "echo": {"targets": [{"provider": "openai"}]},
    },
    "providers": {"openai": {"dialekt": "openai"}, "x": {"dialect": "x"}},
    "keys": [],
    "body_limit_bytes": "many",
}
BAD_GATEWAY_PATHS = [
    "$.models.a.targets[0].provider",
    "$.models.b.targets",
    "$.models.c.first_token_timeout",
    "$.models.echo",
    "$.providers.openai.dialekt",
    "$.providers.x.dialect",
    "$.keys",
    "$.body_limit_bytes",
]
BAD_PROVIDER = {
    "role": "provider",
    "dialect": "openai",
    "base_path": "v1",
    "headers": {"authorization": "x"},
    "hots": "h",
}
BAD_PROVIDER_PATHS = ["$.base_path", "$.headers.authorization", "$.hots"]


def as_struct(value):
    return {"@type": "type.googleapis.com/google.protobuf.Struct", "value": value}


def as_text(value):
    return {"@type": "type.googleapis.com/google.protobuf.StringValue", "value": json.dumps(value)}


def bad_gateway(upstreams, form) -> dict:
    config = render(role(), upstreams)
    plugin(connection_manager(config)["http_filters"])["configuration"] = form(BAD_GATEWAY)
    return config


def bad_provider(upstreams, form) -> dict:
    config = render(role(), upstreams)
    cluster = config["static_resources"]["clusters"][0]
    plugin(http_options(cluster)["http_filters"])["configuration"] = form(BAD_PROVIDER)
    return config


BOTH_ROLES = pytest.mark.parametrize(
    ("bad", "paths"), [(bad_gateway, BAD_GATEWAY_PATHS), (bad_provider, BAD_PROVIDER_PATHS)], ids=["gateway", "provider"]
)


@BOTH_ROLES
def test_a_bad_configuration_does_not_start_and_names_every_problem(bad, paths, upstreams, tmp_path):
    code, log = validate(bad(upstreams, as_struct), tmp_path)
    assert code == 1
    assert [path for path in paths if path not in log] == [], log


@BOTH_ROLES
@pytest.mark.parametrize("form", [as_struct, as_text])
def test_a_running_envoy_refuses_a_bad_configuration_and_names_every_problem(bad, paths, form, upstreams, start):
    with pytest.raises(Refused) as refused:
        start(bad(upstreams, form))
    assert [path for path in paths if path not in str(refused.value)] == [], refused.value


@pytest.mark.parametrize(
    ("value", "problem"),
    [
        ("", "$: the configuration is empty; it needs at least `role`: gateway or provider"),
        ("{", "$: not JSON: EOF while parsing an object at line 1 column 1; allowed: a google.protobuf.Struct, or "),
        ("[]", "$: expected an object, found a list"),
        ("role: gateway", "$: not JSON: expected value at line 1 column 1; allowed: a google.protobuf.Struct, or "),
        ('{"role":"gateway","role":"provider"}', "$.role: stands here twice; leave one out"),
        ('{"role":"x"}', '$.role: unknown value "x"; allowed: gateway, provider'),
    ],
)
def test_a_configuration_that_is_none_is_refused(value, problem, upstreams, start):
    config = render(role(), upstreams)
    configuration = {"@type": "type.googleapis.com/google.protobuf.StringValue", "value": value}
    plugin(connection_manager(config)["http_filters"])["configuration"] = configuration
    with pytest.raises(Refused) as refused:
        start(config)
    assert problem in str(refused.value)


def test_a_text_configuration_does_what_the_yaml_one_does(start, upstreams):
    config = render(role(), upstreams)
    gateway_plugin = plugin(connection_manager(config)["http_filters"])
    gateway_plugin["configuration"] = as_text(gateway_plugin["configuration"]["value"])
    for cluster in config["static_resources"]["clusters"]:
        role_plugin = plugin(http_options(cluster)["http_filters"])
        role_plugin["configuration"] = as_text(role_plugin["configuration"]["value"])
    client = Client(start(config).url)
    reply = client.chat("[[openai status 503]]")
    assert (reply.status, reply.headers["x-llm-provider"]) == (200, "anthropic")


def test_a_provider_s_settings_reach_it(start):
    provider = Provider("openai", base="/openai/v2")
    settings = {
        "host": "llm.example",
        "base_path": "/openai/v2",
        "headers": {"X-Title": "gateway"},
        "forward_trace": True,
    }
    upstream = Upstream(provider.port, "openai", role=settings)
    models = {"models": {"m": {"targets": [{"provider": "openai"}]}}, "providers": {"openai": {}}}
    client, text = Client(start(render(role(**models), {"openai": upstream})).url), marker()
    trace = f"00-{'1' * 32}-{'2' * 16}-01"
    assert client.chat(text, "m", headers={"traceparent": trace}).status == 200
    (seen,) = provider.asked(text)
    told = {name: seen.headers.get(name) for name in ("host", "x-title", "traceparent")}
    assert (seen.path, told) == (
        "/openai/v2/chat/completions",
        {"host": "llm.example", "x-title": "gateway", "traceparent": trace},
    )
    provider.stop()


def test_a_provider_without_a_host_is_an_error_in_openai_s_shape(start, openai_provider, closed_port):
    """No host, or no such cluster: Envoy answers by itself, and does not go on to the next target."""
    providers = {"openai": {}, "empty": {"dialect": "openai"}, "missing": {"dialect": "openai"}}
    models = {name: {"targets": [{"provider": name}]} for name in ("empty", "missing")}
    for name in ("empty", "missing"):
        models[f"openai-{name}"] = {"targets": [{"provider": "openai"}, {"provider": name}]}
    upstreams = {"openai": Upstream(openai_provider.port, "openai"), "empty": Upstream(1, "openai")}
    config = render(role(models=models, providers=providers), upstreams)
    config["static_resources"]["clusters"][1]["load_assignment"]["endpoints"] = []
    client = Client(start(config).url)
    for name in ("empty", "missing"):
        reply = client.chat(model=name)
        assert (reply.status, reply.error["code"]) == (503, "provider_overloaded")
        assert reply.error["message"].startswith("No provider is available")
        reply = client.chat("[[openai status 500]]", f"openai-{name}")
        assert reply.error["message"] == (
            f"No provider could answer `openai-{name}`. Tried: openai (openai-{name}) 500 provider_failed; "
            f"{name} (openai-{name}) could not be reached."
        )


@pytest.fixture(scope="module")
def authority(tmp_path_factory):
    folder, ca = tmp_path_factory.mktemp("ca"), trustme.CA()
    ca.cert_pem.write_to_path(folder / "ca.pem")
    return ca, folder / "ca.pem"


def serving(ca: trustme.CA, name: str) -> ssl.SSLContext:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    ca.issue_cert(name).configure_cert(context)
    context.set_alpn_protocols(["http/1.1"])
    return context


def test_a_provider_is_believed_only_with_its_own_certificate(start, authority):
    """The shipped TLS settings, with another authority in the place of the system's."""
    ca, bundle = authority
    foreign = trustme.CA()
    fakes = {
        "right": Provider("right", serving(ca, "api.openai.com")),
        "wrong-name": Provider("wrong-name", serving(ca, "api.openai.com.evil.example")),
        "wrong-authority": Provider("wrong-authority", serving(foreign, "api.openai.com")),
    }
    providers = {name: {"dialect": "openai"} for name in fakes}
    models = {name: {"targets": [{"provider": name}]} for name in fakes}
    models["smart"] = {"targets": [{"provider": name} for name in ("wrong-name", "wrong-authority", "right")]}
    upstreams = {
        name: Upstream(fake.port, "openai", tls=True, role={"host": "api.openai.com"}) for name, fake in fakes.items()
    }
    config = render(role(models=models, providers=providers), upstreams)
    for cluster in config["static_resources"]["clusters"]:
        tls = cluster["transport_socket"]["typed_config"]["common_tls_context"]
        assert tls["validation_context"]["trusted_ca"]["filename"] == "/etc/ssl/certs/ca-certificates.crt"
        tls["validation_context"]["trusted_ca"]["filename"] = str(bundle)
    try:
        client = Client(start(config).url)
        assert [client.chat(model=name).status for name in fakes] == [200, 502, 502]
        reply = client.chat(model="smart")
        assert (reply.headers["x-llm-provider"], reply.headers["x-llm-attempts"]) == ("right", "3")
        assert [len(fake.seen) for fake in fakes.values()] == [2, 0, 0]
    finally:
        for fake in fakes.values():
            fake.stop()


def pieces() -> list[dict]:
    """What the README shows of a gateway role."""
    blocks = [block.split("```")[0] for block in (ROOT / "README.md").read_text().split("```yaml\n")[1:]]
    trees = [yaml.load(block, lint.Strict) for block in blocks]
    rules = [{"guards": tree} for tree in trees if isinstance(tree, list) and "action" in tree[0]]
    fields = {"models", "providers", "rules", "guards", "keys"}
    return rules + [tree for tree in trees if isinstance(tree, dict) and set(tree) <= fields]


def test_the_readme_s_pieces_are_accepted_where_their_models_and_providers_are(start):
    targets = {"targets": [{"provider": "openai"}]}
    around = {"models": dict.fromkeys(("smart", "self-hosted", "gpt-*"), targets), "providers": {"openai": {}, "anthropic": {}}}
    assert len(pieces()) >= 6
    for piece in pieces():
        whole = {key: around.get(key, {}) | value if isinstance(value, dict) else value for key, value in (around | piece).items()}
        start(render(role(**whole), {"openai": Upstream(1, "openai")}))


def test_a_key_in_a_file_changes_without_a_restart(start, openai_provider, tmp_path):
    secrets = tmp_path / "secrets"
    shutil.copytree(ROOT / "envoy" / "secrets", secrets)
    example = (secrets / "openai-key.yaml.example").read_text()
    assert "put-your-openai-key-here" in example

    def put(key: str) -> None:
        (secrets / "new").write_text(example.replace("put-your-openai-key-here", key))
        os.rename(secrets / "new", secrets / "openai-key.yaml")

    put("first-key")
    models = {"models": {"m": {"targets": [{"provider": "openai"}]}}, "providers": {"openai": {}}}
    config = render(role(**models), {"openai": Upstream(openai_provider.port, "openai")})
    # The line that the shipped configuration has in a comment, with the folder of this test.
    path = {"path": str(secrets / "openai-key.yaml"), "watched_directory": {"path": str(secrets)}}
    assert (
        "# credential: {name: openai-key, sds_config: {path_config_source: {path: /etc/envoy/secrets/openai-key.yaml, "
        "watched_directory: {path: /etc/envoy/secrets}}}}"
    ) in SHIPPED.read_text()
    credential(config["static_resources"]["clusters"][0])["credential"] = {
        "name": "openai-key",
        "sds_config": {"path_config_source": path},
    }
    gateway = start(config)
    client = Client(gateway.url)

    def key_in_use() -> str:
        text = marker()
        assert client.chat(text, "m").status == 200
        return openai_provider.asked(text)[0].headers["authorization"]

    assert key_in_use() == "Bearer first-key"
    put("second-key")
    end = time.monotonic() + 10
    while key_in_use() != "Bearer second-key":
        assert time.monotonic() < end, "the new key was not taken"
    assert gateway.process.poll() is None


def test_envoy_does_not_show_a_key(gateway):
    with urlopen(f"{gateway.admin}/config_dump") as answer:
        assert b"key-of-" not in answer.read()


def test_the_quick_start_s_models_name_only_its_providers():
    models = plugin(connection_manager(shipped())["http_filters"])["configuration"]["value"]["models"]
    targets = {target["provider"] for model in models.values() for target in model["targets"]}
    assert targets == {cluster["name"] for cluster in shipped()["static_resources"]["clusters"]}
