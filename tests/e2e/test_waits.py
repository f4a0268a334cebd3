"""A provider that asks for a short pause when nobody else is left: Envoy waits for it and asks it again."""

import json
import time
from concurrent.futures import ThreadPoolExecutor

import pytest

from fake.client import Client, marker
from fake.gateway import Upstream, render
from fake.provider import Provider

ONE = {"provider": "one", "model": "one-model"}
TWO = {"provider": "two", "model": "two-model"}
GONE = {"provider": "gone", "model": "gone-model"}
WAIT = {"wait_for_retry_after": "3s"}
MODELS = {
    "alone": {"targets": [ONE], **WAIT},
    # Another model: what a test has said of the first one may cool down.
    "both": {"targets": [ONE | {"model": "one-spare"}, TWO], **WAIT},
    "never": {"targets": [ONE]},
    "short": {"targets": [ONE], **WAIT, "total_timeout": "600ms"},
    "gone": {"targets": [GONE], **WAIT},
}


@pytest.fixture(scope="module")
def world(start_for_all, closed_port):
    fakes = {"one": Provider("openai"), "two": Provider("openai")}
    role = {
        "role": "gateway",
        "models": MODELS,
        "providers": {name: {"dialect": "openai"} for name in (*fakes, "gone")},
    }
    upstreams = {name: Upstream(fake.port, "openai") for name, fake in fakes.items()}
    upstreams["gone"] = Upstream(closed_port.getsockname()[1], "openai")
    gateway = start_for_all(render(role, upstreams))
    yield gateway, Client(gateway.url), fakes
    for fake in fakes.values():
        fake.stop()


def took(ask):
    began = time.monotonic()
    reply = ask()
    return reply, time.monotonic() - began


def asked(fake, mark):
    return [seen for seen in fake.seen if mark.encode() in seen.body]


@pytest.mark.parametrize("stream", [True, False])
@pytest.mark.parametrize("status", [429, 503])
def test_the_only_target_is_asked_again_after_its_pause(world, status, stream):
    gateway, client, fakes = world
    mark = marker()
    reply, seconds = took(lambda: client.chat(f"{mark} [[one-model once {status} retry-after=1]]", "alone", stream=stream))
    assert (reply.status, reply.cut, reply.headers["x-llm-attempts"]) == (200, False, "2")
    assert 1 <= seconds < 10
    assert "x-llm-wait" not in reply.headers
    assert len(asked(fakes["one"], mark)) == 2
    first, second = json.loads(gateway.record(reply.id)["attempts"])
    assert (first["status"], first["retry_after"], first["wait_ms"]) == (status, "1", 1000)
    assert (second["status"], second["reason"]) == (200, None)
    assert second["at_ms"] - first["at_ms"] >= 1000


def test_a_long_pause_is_the_client_s(world):
    gateway, client, fakes = world
    mark = marker()
    reply, seconds = took(lambda: client.chat(f"{mark} [[one-model status 429 json retry-after=30]]", "alone"))
    assert (reply.status, reply.error["code"]) == (429, "rate_limit_exceeded")
    assert reply.headers["retry-after"] == "30"
    assert seconds < 2.9
    assert len(asked(fakes["one"], mark)) == 1
    (only,) = json.loads(gateway.record(reply.id)["attempts"])
    assert (only["status"], "wait_ms" in only) == (429, False)


def test_another_target_is_not_kept_waiting(world):
    _, client, fakes = world
    mark = marker()
    text = f"{mark} [[one-spare status 429 json retry-after=2]]"
    reply, seconds = took(lambda: client.chat(text, "both"))
    assert (reply.status, reply.headers["x-llm-provider"]) == (200, "two")
    assert seconds < 1.9
    assert [len(asked(fake, mark)) for fake in fakes.values()] == [1, 1]


def test_the_last_of_several_targets_is_waited_for(world):
    gateway, client, fakes = world
    mark = marker()
    busy = "status 503 json retry-after=2"
    reply, seconds = took(lambda: client.chat(f"{mark} [[one-spare {busy}]] [[two-model {busy}]]", "both"))
    assert (reply.status, reply.headers["x-llm-attempts"]) == (503, "3")
    assert 2 <= seconds < 10
    attempts = json.loads(gateway.record(reply.id)["attempts"])
    # Which is asked first depends on who cools down by now.
    assert attempts[0]["provider"] != attempts[1]["provider"] == attempts[2]["provider"]
    assert [attempt.get("wait_ms") for attempt in attempts] == [None, 2000, None]
    assert sorted(len(asked(fake, mark)) for fake in fakes.values()) == [1, 2]


@pytest.mark.parametrize("script", ["status 500", "reset", "status 429"])
def test_other_failures_are_not_tried_once_more(world, script):
    gateway, client, fakes = world
    mark = marker()
    reply, seconds = took(lambda: client.chat(f"{mark} [[one-model {script}]]", "alone"))
    assert reply.status == {"status 500": 500, "reset": 502, "status 429": 429}[script]
    assert reply.headers["x-llm-attempts"] == "1"
    assert seconds < 5
    assert len(asked(fakes["one"], mark)) == 1
    assert len(json.loads(gateway.record(reply.id)["attempts"])) == 1


def test_a_target_that_cannot_be_reached_is_one_attempt(world):
    gateway, client, _ = world
    reply, seconds = took(lambda: client.chat("Hello", "gone"))
    assert (reply.status, reply.headers["x-llm-attempts"]) == (502, "1")
    assert seconds < 5
    assert len(json.loads(gateway.record(reply.id)["attempts"])) == 1


def test_without_the_setting_nobody_waits(world):
    _, client, _ = world
    reply, seconds = took(lambda: client.chat("[[one-model status 429 json retry-after=2]]", "never"))
    assert (reply.status, reply.headers["x-llm-attempts"]) == (429, "1")
    assert seconds < 1.9


def test_the_total_timeout_ends_the_wait(world):
    _, client, _ = world
    reply, seconds = took(lambda: client.chat("[[one-model status 429 json retry-after=2]]", "short"))
    assert reply.status in (429, 502, 504)
    assert 0.5 < seconds < 1.9


def test_many_wait_at_once(world):
    _, client, fakes = world
    marks = [marker() for _ in range(12)]

    def ask(mark):
        return mark, *took(lambda: client.chat(f"{mark} [[one-model once 429 retry-after=1]]", "alone"))

    with ThreadPoolExecutor(len(marks)) as pool:
        for mark, reply, seconds in pool.map(ask, marks):
            assert (reply.status, len(asked(fakes["one"], mark))) == (200, 2)
            assert seconds >= 1
