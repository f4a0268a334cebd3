"""A provider that falls silent: a model's `idle_timeout`, and Envoy's own for all attempts."""

import json
import time
from concurrent.futures import ThreadPoolExecutor

import pytest

from fake.client import Client
from fake.gateway import Upstream, connection_manager, render
from fake.provider import Provider

MODELS = {"m": {"targets": [{"provider": "one", "model": "one-model"}, {"provider": "two", "model": "two-model"}]}}


@pytest.fixture(scope="module")
def world(start_for_all):
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
    gateway = start_for_all(config)
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


IDLE = {"idle_timeout": "1s"}
SILENT_MODELS = {
    "m": MODELS["m"] | IDLE,
    "alone": {"targets": [{"provider": "one", "model": "one-model"}], **IDLE},
    "endless": MODELS["m"],
    "claude": {"targets": [{"provider": "three", "model": "three-model"}, {"provider": "two", "model": "two-model"}], **IDLE},
}


@pytest.fixture(scope="module")
def silent(start_for_all):
    """The same by the filter, for models that say so."""
    fakes = {"one": Provider("openai"), "two": Provider("openai"), "three": Provider("anthropic")}
    dialects = {"one": "openai", "two": "openai", "three": "anthropic"}
    role = {
        "role": "gateway",
        "models": SILENT_MODELS,
        "providers": {name: {"dialect": dialect} for name, dialect in dialects.items()},
        "overrides": True,
        "health": {"enabled": False},
        "first_token_timeout": "20s",
        "passthrough": {"provider": "one"},
    }
    gateway = start_for_all(render(role, {name: Upstream(fake.port, dialects[name]) for name, fake in fakes.items()}))
    yield gateway, Client(gateway.url), fakes
    for fake in fakes.values():
        fake.stop()


def took(ask, least=0.9, most=5):
    began = time.monotonic()
    reply = ask()
    assert least < time.monotonic() - began < most
    return reply


@pytest.mark.parametrize("model", ["one-model", "three-model"])
def test_a_stream_that_falls_silent_is_cut_counted_and_told_in_the_record(silent, model):
    gateway, client, fakes = silent
    name = {"one-model": "m", "three-model": "claude"}[model]
    reply = took(lambda: client.chat(f"[[{model} hang-midstream]]", name, stream=True))
    assert (reply.status, reply.cut) == (200, True)
    record = gateway.record(reply.id)
    assert (record["outcome"], record["finish"]) == ("partial", "error")
    attempt = json.loads(record["attempts"])[0]
    assert (attempt["status"], attempt["reason"]) == (200, "idle_timeout")
    assert record["output_tokens"] != "-"
    seen = fakes["one" if name == "m" else "three"].seen[-1]
    assert seen.closed.wait(5), "nobody listens to the provider any longer"


@pytest.mark.parametrize("stream", [True, False])
@pytest.mark.parametrize("script", ["hang-after-headers", "hang-in-body"])
def test_silence_behind_the_headers_moves_on(silent, stream, script):
    gateway, client, _ = silent
    reply = took(lambda: client.chat(f"[[one-model {script}]]", "m", stream=stream))
    assert (reply.status, reply.cut, reply.headers["x-llm-attempts"]) == (200, False, "2")
    attempts = json.loads(gateway.record(reply.id)["attempts"])
    assert [(a["status"], a["reason"]) for a in attempts] == [(200, "idle_timeout"), (200, None)]


@pytest.mark.parametrize("stream", [True, False])
def test_the_last_provider_s_silence_is_a_504_that_names_it(silent, stream):
    gateway, client, _ = silent
    reply = took(lambda: client.chat("[[one-model hang-after-headers]]", "alone", stream=stream))
    assert (reply.status, reply.error["code"]) == (504, "provider_timeout")
    assert "one (one-model) fell silent" in reply.error["message"]
    record = gateway.record(reply.id)
    assert (record["outcome"], json.loads(record["attempts"])[0]["reason"]) == ("error", "idle_timeout")


CASES = [("one-model", 0), ("one-model", 1), ("three-model", 0)]


def forgets_to_close(silent, model, left_out):
    gateway, client, fakes = silent
    name = {"one-model": "m", "three-model": "claude"}[model]
    reply = took(lambda: client.chat(f"[[{model} hang-before-end {left_out}]]", name, stream=True))
    seen = fakes["one" if name == "m" else "three"].seen[-1]
    assert seen.closed.wait(5), "nobody listens to the provider any longer"
    record = gateway.record(reply.id)
    (attempt,) = json.loads(record["attempts"])
    return reply.answer, record["outcome"], record["finish"], attempt["reason"]


@pytest.mark.parametrize(("model", "left_out"), CASES)
def test_a_stream_whose_provider_forgets_to_close_is_complete(silent, model, left_out):
    """With OpenAI's last event and without it: nobody has to wait for what says nothing."""
    answer, *record = forgets_to_close(silent, model, left_out)
    assert (answer.content, answer.finish, answer.done) == ("Grüße, 世界 🎉!", "stop", True)
    assert record == ["ok", "stop", None]


def test_one_that_lacks_anthropic_s_last_event_ends_in_an_error(silent):
    answer, *record = forgets_to_close(silent, "three-model", 1)
    assert (answer.content, answer.done, answer.error["code"]) == ("Grüße, 世界 🎉!", False, "provider_failed")
    assert record == ["partial", "error", "idle_timeout"]


def test_both_may_fall_silent_one_after_the_other(silent):
    _, client, _ = silent
    text = "[[one-model hang-after-headers]] [[two-model hang-after-headers]]"
    reply = took(lambda: client.chat(text, "m", stream=True), least=1.9)
    assert (reply.status, reply.headers["x-llm-attempts"]) == (504, "2")


def test_a_stream_that_keeps_talking_longer_than_the_timeout_is_not_cut_by_the_filter(silent):
    _, client, _ = silent
    for script in ("slow 0.2", "slow 0.4"):
        reply = took(lambda script=script: client.chat(f"[[one-model {script}]]", "m", stream=True), most=10)
        assert (reply.status, reply.cut, reply.headers["x-llm-attempts"]) == (200, False, "1")


def test_a_whole_answer_may_take_longer_to_begin(silent):
    _, client, _ = silent
    reply = took(lambda: client.chat("[[one-model slow 1.6]]", "m"), least=1.5)
    assert (reply.status, reply.headers["x-llm-attempts"]) == (200, "1")


def test_a_client_with_leave_says_itself_how_long_it_waits(silent):
    gateway, client, _ = silent
    headers = {"x-llm-idle-timeout": "500ms"}
    reply = took(lambda: client.chat("[[one-model hang-midstream]]", "endless", stream=True, headers=headers), least=0.4, most=2.5)
    assert (reply.status, reply.cut) == (200, True)
    assert json.loads(gateway.record(reply.id)["attempts"])[0]["reason"] == "idle_timeout"


def test_many_streams_end_each_in_its_own_time(silent):
    """On both workers, some silent and some not, and those that end meanwhile are nobody's business."""
    gateway, client, _ = silent
    scripts = ["hang-midstream", "ok", "hang-after-headers", "slow 0.3"] * 6

    def ask(script):
        return script, client.chat(f"[[one-model {script}]]", "m", stream=True)

    with ThreadPoolExecutor(len(scripts)) as pool:
        for script, reply in pool.map(ask, scripts):
            moved = "2" if script == "hang-after-headers" else "1"
            assert (reply.status, reply.headers["x-llm-attempts"]) == (200, moved)
            assert reply.cut == (script == "hang-midstream")
    gateway.assert_survived()
