"""A provider that falls silent: Envoy's idle timeout per attempt, as the README's example sets it."""

import time

import pytest

from fake.client import Client
from fake.gateway import Upstream, connection_manager, render
from fake.provider import Provider

MODELS = {"m": {"targets": [{"provider": "one", "model": "one-model"}, {"provider": "two", "model": "two-model"}]}}


@pytest.fixture(scope="module")
def world(start):
    fakes = {"one": Provider("openai"), "two": Provider("openai")}
    role = {
        "role": "gateway",
        "models": MODELS,
        "providers": {name: {"dialect": "openai"} for name in fakes},
        "health": {"enabled": False},
    }
    config = render(role, {name: Upstream(fake.port, "openai") for name, fake in fakes.items()})
    for route in connection_manager(config)["route_config"]["virtual_hosts"][0]["routes"]:
        if policy := route["route"].get("retry_policy"):
            policy["per_try_idle_timeout"] = "1s"
    gateway = start(config)
    yield gateway, Client(gateway.url)
    for fake in fakes.values():
        fake.stop()


def test_a_stream_that_falls_silent_is_cut_and_counted(world):
    gateway, client = world
    began = time.monotonic()
    reply = client.chat("[[one-model hang-midstream]]", "m", stream=True)
    assert 0.9 < time.monotonic() - began < 5
    assert (reply.status, reply.cut) == (200, True)
    assert gateway.record(reply.id)["outcome"] == "partial"


@pytest.mark.parametrize("script", ["hang", "hang-after-headers"])
def test_silence_before_the_first_token_moves_on(world, script):
    _, client = world
    began = time.monotonic()
    reply = client.chat(f"[[one-model {script}]]", "m", stream=True)
    assert 0.9 < time.monotonic() - began < 5
    assert (reply.status, reply.headers["x-llm-attempts"]) == (200, "2")


def test_a_stream_that_keeps_talking_is_not_cut(world):
    """The filter holds the last events until the end, so that their pauses add up."""
    _, client = world
    reply = client.chat("[[one-model slow 0.2]]", "m", stream=True)
    assert (reply.status, reply.cut, reply.headers["x-llm-attempts"]) == (200, False, "1")
