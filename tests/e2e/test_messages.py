"""Anthropic's Messages API in front of both kinds of providers."""

import json

import pytest

from fake.client import marker
from fake.dialects import SIGNATURE, Anthropic
from fake.gateway import render
from fake.world import role

TEXT = "Grüße, 世界 🎉!"
OPENAI, ANTHROPIC = "openai-anthropic", "anthropic-openai"
WEATHER = {"name": "weather", "input_schema": {"type": "object", "properties": {"city": {"type": "string"}}}}


def message(text: str, model: str, **more) -> dict:
    return {"model": model, "max_tokens": 64, "messages": [{"role": "user", "content": text}]} | more


def ask(client, text: str, model: str, headers=None, **more):
    return client.ask("/v1/messages", message(text, model, **more), headers)


def test_a_message_passes_to_anthropic_byte_for_byte(client, anthropic_provider):
    text = marker()
    betas = {"anthropic-version": "2023-06-01", "anthropic-beta": "context-1m-2025-08-07", "x-api-key": "none"}
    body = '{ "max_tokens":64,\t"model" : "anthropic-openai","new":1.10,"messages":[{"content":"%s","role":"user"}]}'
    headers = betas | {"content-type": "application/json"}
    reply = client.send("POST", "/v1/messages?beta=true", headers=headers, content=(body % text).encode())
    (seen,) = anthropic_provider.asked(text)
    assert (reply.status, reply.body) == (200, bytes(seen.sent))
    assert seen.path == "/v1/messages"
    assert seen.body.decode() == (body % text).replace("anthropic-openai", "claude-test")
    assert (seen.headers["anthropic-version"], seen.headers["anthropic-beta"]) == (
        "2023-06-01",
        "context-1m-2025-08-07",
    )
    assert seen.headers["x-api-key"] == "key-of-anthropic"
    assert reply.headers["request-id"] == reply.id


def test_a_stream_passes_to_anthropic_byte_for_byte_and_is_counted(client, gateway, anthropic_provider):
    text = marker()
    reply = ask(client, text, ANTHROPIC, stream=True)
    (seen,) = anthropic_provider.asked(text)
    assert (reply.status, reply.body) == (200, bytes(seen.sent))
    record = gateway.record(reply.id)
    assert (record["provider"], record["finish"], record["outcome"]) == ("anthropic", "stop", "ok")
    counts = (record["input_tokens"], record["output_tokens"], record["cached_tokens"])
    assert tuple(int(count) for count in counts) == (11, 7, 3)


def test_a_message_goes_through_a_provider_of_the_other_kind(client, openai_provider):
    text = marker()
    reply = ask(client, text, OPENAI, system="Be brief.", stop_sequences=["END"])
    (seen,) = openai_provider.asked(text)
    assert seen.path == "/v1/chat/completions"
    assert seen.json == {
        "model": "gpt-test",
        "messages": [{"role": "system", "content": "Be brief."}, {"role": "user", "content": text}],
        "max_completion_tokens": 64,
        "stop": ["END"],
    }
    assert (reply.status, reply.json) == (
        200,
        {
            "id": "chatcmpl-1",
            "type": "message",
            "role": "assistant",
            "model": "gpt-test-2026-01-01",
            "content": [{"type": "text", "text": TEXT}],
            "stop_reason": "end_turn",
            "stop_sequence": None,
            "usage": {
                "input_tokens": 8,
                "cache_creation_input_tokens": 0,
                "cache_read_input_tokens": 3,
                "output_tokens": 7,
                "output_tokens_details": {"thinking_tokens": 2},
            },
        },
    )


@pytest.mark.parametrize("behaviour", ["ok", "trickle", "crlf", "comments", "multi-line-data", "no-done", "not-sse"])
def test_a_stream_goes_through_a_provider_of_the_other_kind(client, behaviour):
    reply = ask(client, f"[[openai {behaviour}]]", OPENAI, stream=True)
    events = reply.named_events
    kinds = [event["type"] for event in events]
    assert kinds[:2] == ["message_start", "content_block_start"]
    assert kinds[-3:] == ["content_block_stop", "message_delta", "message_stop"]
    deltas = [event["delta"] for event in events if event["type"] == "content_block_delta"]
    assert "".join(delta["text"] for delta in deltas) == TEXT
    assert events[-2]["usage"]["input_tokens"] == 8
    assert b"[DONE]" not in reply.body


@pytest.mark.parametrize("model", [OPENAI, ANTHROPIC])
def test_a_stream_of_a_call_is_the_same_through_both(client, model):
    reply = ask(client, "Weather?", model, stream=True, tools=[WEATHER])
    pieces = [e["delta"]["partial_json"] for e in reply.named_events if e["type"] == "content_block_delta"]
    assert json.loads("".join(pieces)) == {"city": "Köln"}
    start = next(e for e in reply.named_events if e["type"] == "content_block_start")
    assert (start["content_block"]["type"], start["content_block"]["name"]) == ("tool_use", "weather")


@pytest.mark.parametrize("first", ["openai", "anthropic"])
@pytest.mark.parametrize("behaviour", ["status 503", "error-event-after-opening", "reset", "end-at-once"])
def test_an_attempt_that_fails_before_content_is_invisible(client, first, behaviour):
    other = {"openai": "anthropic", "anthropic": "openai"}[first]
    reply = ask(client, f"[[{first} {behaviour}]]", f"{first}-{other}", stream=True)
    assert (reply.status, reply.headers["x-llm-provider"], reply.headers["x-llm-attempts"]) == (200, other, "2")
    assert reply.named_events[-1]["type"] == "message_stop"


@pytest.mark.parametrize("first", ["openai", "anthropic"])
@pytest.mark.parametrize("behaviour", ["error-event-later", "end-early"])
def test_a_stream_that_breaks_off_ends_in_an_error_event(client, first, behaviour):
    other = {"openai": "anthropic", "anthropic": "openai"}[first]
    reply = ask(client, f"[[{first} {behaviour}]]", f"{first}-{other}", stream=True)
    *_, last = reply.named_events
    assert (reply.status, last["type"], last["error"]["type"]) in {
        (200, "error", "overloaded_error"),
        (200, "error", "rate_limit_error"),
        (200, "error", "api_error"),
    }
    assert "message_stop" not in {event["type"] for event in reply.named_events}


def test_when_all_fail_the_error_has_anthropic_s_shape(client):
    reply = ask(client, "[[openai status 429 json retry-after=7]] [[anthropic status 429]]", OPENAI)
    assert (reply.status, reply.headers["retry-after"]) == (429, "7")
    assert (reply.json["type"], reply.json["error"]["type"]) == ("error", "rate_limit_error")
    assert reply.json["request_id"] == reply.id == reply.headers["request-id"]


def test_refusals_of_the_gateway_have_anthropic_s_shape(client):
    reply = ask(client, "Hello", "nothing-like-this")
    assert (reply.status, reply.json["error"]["type"]) == (404, "not_found_error")
    reply = client.ask("/v1/messages", {"model": OPENAI})
    assert (reply.status, reply.json["error"]["type"]) == (400, "invalid_request_error")
    reply = client.get("/v1/messages")
    assert (reply.status, reply.headers["allow"], reply.json["type"]) == (405, "POST", "error")


def test_a_key_may_come_in_anthropic_s_header(start, upstreams):
    import hashlib

    from fake.client import Client

    keys = [{"id": "app", "sha256": hashlib.sha256(b"right").hexdigest()}]
    gateway = start(render(role(keys=keys), upstreams))
    client = Client(gateway.url)
    assert ask(client, "Hello", OPENAI, headers={"x-api-key": "right"}).status == 200
    reply = ask(client, "Hello", OPENAI, headers={"x-api-key": "wrong"})
    assert (reply.status, reply.json["error"]["type"]) == (401, "authentication_error")
    client.close()


def test_tokens_are_counted_by_anthropic_or_estimated(client, anthropic_provider):
    text = marker()
    body = message(text, "anthropic/claude-x")
    del body["max_tokens"]
    reply = client.ask("/v1/messages/count_tokens", body)
    (seen,) = anthropic_provider.asked(text)
    assert (reply.status, reply.json, seen.path) == (200, {"input_tokens": 11}, "/v1/messages/count_tokens")
    assert "x-llm-tokens-estimate" not in reply.headers
    reply = client.ask("/v1/messages/count_tokens", body | {"model": "gpt-x"})
    assert (reply.status, reply.headers["x-llm-tokens-estimate"]) == (200, str(reply.json["input_tokens"]))
    assert reply.json["input_tokens"] > 5


def test_an_anthropic_tool_goes_to_anthropic_only(client):
    search = [{"type": "web_search_20250305", "name": "weather"}]
    reply = ask(client, "Hello", OPENAI, tools=search)
    assert (reply.status, reply.headers["x-llm-provider"]) == (200, "anthropic")
    reply = ask(client, "Hello", "gpt-x", tools=search)
    assert (reply.status, reply.json["error"]["type"]) == (400, "invalid_request_error")


def test_thinking_survives_a_turn_through_anthropic(client, anthropic_provider):
    text = marker()
    thinking = {"type": "enabled", "budget_tokens": 2048}
    body = message(text, ANTHROPIC, thinking=thinking, max_tokens=4096, tools=[WEATHER])
    content = client.ask("/v1/messages", body).json["content"]
    assert content[0] == {"type": "thinking", "thinking": "Let me see.", "signature": SIGNATURE}
    result = {"type": "tool_result", "tool_use_id": content[1]["id"], "content": "Rain"}
    body["messages"] += [{"role": "assistant", "content": content}, {"role": "user", "content": [result]}]
    assert client.ask("/v1/messages", body).json["content"][-1]["text"] == TEXT
    assert anthropic_provider.asked(text)[-1].json["messages"][1]["content"] == content


def test_what_was_left_out_is_listed(client):
    system = [{"type": "text", "text": "Be brief.", "cache_control": {"type": "ephemeral"}}]
    reply = ask(client, "Hello", OPENAI, system=system, top_k=5)
    assert (reply.status, reply.headers["x-llm-dropped"]) == (200, "cache_control,top_k")


def test_a_choice_among_no_tools_is_not_sent(client, openai_provider):
    text = marker()
    reply = ask(client, text, OPENAI, tools=[], tool_choice={"type": "auto", "disable_parallel_tool_use": True})
    (seen,) = openai_provider.asked(text)
    assert reply.status == 200
    assert not seen.json.keys() & {"tools", "tool_choice", "parallel_tool_calls"}


def test_more_stop_sequences_than_openai_takes_go_to_the_next_target(client, openai_provider, anthropic_provider):
    text, stops = marker(), [str(n) for n in range(6)]
    reply = ask(client, text, OPENAI, stop_sequences=stops)
    assert (reply.status, reply.headers["x-llm-provider"]) == (200, "anthropic")
    assert openai_provider.asked(text) == []
    assert anthropic_provider.asked(text)[0].json["stop_sequences"] == stops
    reply = ask(client, text, "openai/gpt-test", stop_sequences=stops)
    assert reply.status == 400
    assert "`stop_sequences`" in reply.json["error"]["message"]


def test_the_echo_model_answers_in_messages(client):
    reply = ask(client, "Hello", "echo", stream=True)
    assert [event["type"] for event in reply.named_events] == [
        "message_start",
        "content_block_start",
        "content_block_delta",
        "content_block_stop",
        "message_delta",
        "message_stop",
    ]


def test_the_fake_speaks_as_anthropic_does():
    """Guards the tests above: what they compare with is a whole message."""
    assert json.loads(Anthropic.whole({"model": "m", "messages": []}))["type"] == "message"
