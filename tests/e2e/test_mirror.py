"""Envoy's own mirror: what a shadowed request carries, and that nobody notices it."""

import hashlib
import time

import pytest

from fake.client import Client, marker
from fake.gateway import Upstream, connection_manager, render
from fake.provider import Provider

MODELS = {"m": {"targets": [{"provider": "one", "model": "own-model"}, {"provider": "two", "model": "two-model"}]}}
KEY = "gw-mirror-key"


def mirrored_to(name, shadow_port=None):
    def change(config):
        for route in connection_manager(config)["route_config"]["virtual_hosts"][0]["routes"]:
            route["route"]["request_mirror_policies"] = [{"cluster": name}]
        if shadow_port:
            here = {"address": {"socket_address": {"address": "127.0.0.1", "port_value": shadow_port}}}
            load = {"cluster_name": name, "endpoints": [{"lb_endpoints": [{"endpoint": here}]}]}
            config["static_resources"]["clusters"].append({"name": name, "type": "STATIC", "load_assignment": load})

    return change


@pytest.fixture
def make(start):
    fakes = {"one": Provider("openai"), "two": Provider("anthropic"), "shadow": Provider("shadow")}

    def maker(name, shadow_port=None):
        digest = hashlib.sha256(KEY.encode()).hexdigest()
        providers = {"one": {"dialect": "openai"}, "two": {"dialect": "anthropic"}}
        role = {"role": "gateway", "models": MODELS, "providers": providers, "keys": [{"id": "k", "sha256": digest, "overrides": True}]}
        config = render(role, {"one": Upstream(fakes["one"].port, "openai"), "two": Upstream(fakes["two"].port, "anthropic")})
        mirrored_to(name, shadow_port)(config)
        gateway = start(config)
        return gateway, Client(gateway.url, KEY)

    yield maker, fakes
    for fake in fakes.values():
        fake.stop()


def seen_at(fake, text):
    end = time.monotonic() + 5
    while time.monotonic() < end:
        if seen := fake.asked(text):
            return seen
        time.sleep(0.02)
    return []


@pytest.mark.parametrize("stream", [False, True], ids=["whole", "stream"])
def test_a_server_of_openai_s_language_gets_the_client_s_own_request_and_no_key(make, stream):
    maker, fakes = make
    gateway, client = maker("shadow", fakes["shadow"].port)
    text = marker()
    reply = client.chat(text, "m", stream=stream, headers={"x-llm-provider": "one"})
    assert (reply.status, reply.headers["x-llm-provider"], reply.cut) == (200, "one", False)
    (shadow,) = seen_at(fakes["shadow"], text)
    assert shadow.path == "/v1/chat/completions"
    assert shadow.json["model"] == "m"
    assert shadow.json["messages"] == [{"role": "user", "content": text}]
    assert KEY not in shadow.head.decode()
    assert not [name for name in shadow.headers if name in ("authorization", "x-api-key", "cookie") or name.startswith("x-llm-")]
    record = gateway.record(reply.id)
    assert (record["provider"], record["attempt_count"], record["outcome"], record["served_model"]) == ("one", "1", "ok", "own-model-2026-01-01")


@pytest.mark.parametrize("script", ["hang", "reset", "status 500", "garbage"])
def test_whatever_the_shadow_does_the_client_notices_nothing(make, script):
    maker, fakes = make
    gateway, client = maker("shadow", fakes["shadow"].port)
    text = f"{marker()} [[shadow {script}]]"
    began = time.monotonic()
    reply = client.chat(text, "m")
    assert (reply.status, reply.headers["x-llm-attempts"]) == (200, "1")
    assert time.monotonic() - began < 3
    assert gateway.crashes() == {}


def test_a_cluster_with_the_provider_role_refuses_a_shadow_because_it_comes_without_a_plan(make):
    maker, fakes = make
    gateway, client = maker("two")
    text = marker()
    reply = client.chat(text, "m", headers={"x-llm-provider": "one"})
    assert (reply.status, reply.headers["x-llm-provider"]) == (200, "one")
    time.sleep(0.5)
    assert fakes["two"].asked(text) == []
    assert gateway.crashes() == {}
