"""OpenAI's Responses API in front of providers that have it, and of those that do not."""

import json

import pytest

from fake import world
from fake.client import Client, marker
from fake.gateway import Upstream, render

TEXT = "Grüße, 世界 🎉!"
OPENAI, ANTHROPIC = "openai-anthropic", "anthropic-openai"
WEATHER = {"type": "function", "name": "weather", "parameters": {"type": "object", "properties": {}}, "strict": False}


def ask(client, text: str, model: str, **more):
    return client.ask("/v1/responses", {"model": model, "input": text} | more)


@pytest.fixture(scope="module")
def plain(start_for_all, upstreams, openai_provider):
    """A gateway whose OpenAI-like host has chat completions only."""
    host = Upstream(openai_provider.port, "openai", "key-of-host", role={"responses": False})
    role = world.role()
    role["providers"] = role["providers"] | {"host": {"dialect": "openai"}}
    role["models"] = role["models"] | {"host": {"targets": [{"provider": "host", "model": "gpt-test"}]}}
    client = Client(start_for_all(render(role, upstreams | {"host": host})).url)
    yield client
    client.close()


def test_a_response_passes_to_openai_byte_for_byte(client, openai_provider):
    text = marker()
    body = '{ "input":"%s",\t"model" : "openai-anthropic","new":1.10}'
    headers = {"content-type": "application/json"}
    reply = client.send("POST", "/v1/responses", headers=headers, content=(body % text).encode())
    (seen,) = openai_provider.asked(text)
    assert (reply.status, reply.body) == (200, bytes(seen.sent))
    assert seen.path == "/v1/responses"
    assert seen.body.decode() == (body % text).replace("openai-anthropic", "gpt-test")


def test_a_stream_passes_to_openai_byte_for_byte_and_is_counted(client, gateway, openai_provider):
    text = marker()
    reply = ask(client, text, OPENAI, stream=True)
    (seen,) = openai_provider.asked(text)
    assert (reply.status, reply.body) == (200, bytes(seen.sent))
    record = gateway.record(reply.id)
    assert (record["provider"], record["finish"], record["outcome"]) == ("openai", "stop", "ok")
    counts = (record["input_tokens"], record["output_tokens"], record["cached_tokens"], record["reasoning_tokens"])
    assert tuple(int(count) for count in counts) == (11, 7, 3, 2)


def test_a_response_is_written_for_a_provider_without_the_api(client, anthropic_provider):
    text = marker()
    reply = ask(client, text, ANTHROPIC, instructions="Be brief.", metadata={"k": "v"})
    (seen,) = anthropic_provider.asked(text)
    assert (seen.path, seen.json["system"]) == ("/v1/messages", "Be brief.")
    assert (reply.status, reply.json["object"], reply.json["status"]) == (200, "response", "completed")
    (item,) = reply.json["output"]
    assert (item["type"], item["content"][0]["text"]) == ("message", TEXT)
    assert (reply.json["instructions"], reply.json["metadata"], reply.json["store"]) == ("Be brief.", {"k": "v"}, False)
    assert reply.json["usage"] == {
        "input_tokens": 11,
        "input_tokens_details": {"cached_tokens": 3, "cache_write_tokens": 0},
        "output_tokens": 7,
        "output_tokens_details": {"reasoning_tokens": 0},
        "total_tokens": 18,
    }


@pytest.mark.parametrize("behaviour", ["ok", "trickle", "crlf", "comments", "multi-line-data", "not-sse"])
def test_a_stream_is_written_for_a_provider_without_the_api(client, behaviour):
    reply = ask(client, f"[[anthropic {behaviour}]]", ANTHROPIC, stream=True)
    events = reply.named_events
    assert [event["sequence_number"] for event in events] == list(range(len(events)))
    assert [event["type"] for event in events[:2]] == ["response.created", "response.in_progress"]
    text = "".join(event["delta"] for event in events if event["type"] == "response.output_text.delta")
    last = events[-1]
    assert (last["type"], text) == ("response.completed", TEXT)
    assert last["response"]["output"][0]["content"][0]["text"] == TEXT
    assert last["response"]["usage"]["total_tokens"] == 18


def test_a_compatible_host_without_the_api_gets_chats(plain, openai_provider):
    text = marker()
    reply = ask(plain, text, "host", tools=[WEATHER], stream=True)
    (seen,) = openai_provider.asked(text)
    assert seen.path == "/v1/chat/completions"
    item = reply.named_events[-1]["response"]["output"][0]
    assert (item["type"], json.loads(item["arguments"])) == ("function_call", {"city": "Köln"})


@pytest.mark.parametrize("first", ["openai", "anthropic"])
@pytest.mark.parametrize("behaviour", ["status 503", "error-event-after-opening", "reset", "end-at-once"])
def test_an_attempt_that_fails_before_content_is_invisible(client, first, behaviour):
    other = {"openai": "anthropic", "anthropic": "openai"}[first]
    reply = ask(client, f"[[{first} {behaviour}]]", f"{first}-{other}", stream=True)
    assert (reply.status, reply.headers["x-llm-provider"], reply.headers["x-llm-attempts"]) == (200, other, "2")
    assert reply.named_events[-1]["type"] == "response.completed"


@pytest.mark.parametrize(("first", "last"), [("openai", "error"), ("anthropic", "response.failed")])
@pytest.mark.parametrize("behaviour", ["error-event-later", "end-early"])
def test_a_stream_that_breaks_off_says_so(client, first, last, behaviour):
    other = {"openai": "anthropic", "anthropic": "openai"}[first]
    reply = ask(client, f"[[{first} {behaviour}]]", f"{first}-{other}", stream=True)
    assert reply.named_events[-1]["type"] == last
    assert b"response.completed" not in reply.body


def test_what_needs_a_store_goes_only_where_there_is_one(client):
    reply = ask(client, "Hello", ANTHROPIC, previous_response_id="resp_1")
    assert (reply.status, reply.headers["x-llm-provider"]) == (200, "openai")
    reply = ask(client, "Hello", "anthropic/claude-x", previous_response_id="resp_1")
    assert (reply.status, reply.error["param"]) == (400, "previous_response_id")


def test_work_in_the_background_is_refused_everywhere(client):
    for model in (OPENAI, ANTHROPIC):
        reply = ask(client, "Hello", model, background=True)
        assert (reply.status, reply.error["param"]) == (400, "background")


@pytest.mark.parametrize(
    ("sent", "named"),
    [
        ({"max_output_tokens": "x"}, "max_output_tokens"),
        ({"reasoning": {"effort": "bogus"}}, "reasoning.effort"),
        ({"instructions": "Be brief.", "input": [{"type": "function_call", "call_id": "c", "name": "f", "arguments": "nope"}]}, "input[0]"),
    ],
)
def test_a_refusal_names_what_the_client_has_sent(client, sent, named):
    reply = ask(client, "Hello", "anthropic/claude-test", **sent)
    assert (reply.status, reply.error["param"]) == (400, named)
    assert f"`{named}" in reply.error["message"]


def test_errors_have_openai_s_shape(client):
    reply = ask(client, "[[anthropic status 400]]", "anthropic/claude-x")
    assert (reply.status, reply.error["message"]) == (400, "provider says 400")
    reply = ask(client, "[[openai status 429]] [[anthropic status 429]]", OPENAI)
    assert (reply.status, reply.error["code"]) == (429, "rate_limit_exceeded")


def test_the_older_completions_pass_to_openai_and_are_refused_elsewhere(client):
    body = {"model": "anthropic/claude-x", "prompt": "Hello"}
    reply = client.ask("/v1/completions", body)
    assert (reply.status, reply.error["code"]) == (400, "unsupported_parameter")
