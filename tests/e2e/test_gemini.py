"""Gemini behind the gateway: the answer, the stream, the tools, and what happens when it fails."""

import json

import pytest

from fake import world
from fake.client import Client, Gathered, ask, marker
from fake.gateway import Upstream, render
from fake.provider import Provider

TEXT = "Grüße, 世界 🎉!"
SERVED = "gemini-3-flash-preview-001"
USAGE = {
    "prompt_tokens": 11,
    "completion_tokens": 7,
    "total_tokens": 18,
    "prompt_tokens_details": {"cached_tokens": 3},
    "completion_tokens_details": {"reasoning_tokens": 2},
}
TARGET = {"provider": "gemini", "model": "gemini-3-flash-preview"}
MODELS = {
    "gemini-openai": {"targets": [TARGET, world.OPENAI]},
    "gemini/*": {"targets": [{"provider": "gemini"}]},
}
TOOL = {
    "type": "function",
    "function": {
        "name": "weather",
        "parameters": {
            "$schema": "https://json-schema.org/draft/2020-12/schema",
            "type": "object",
            "properties": {"city": {"$ref": "#/$defs/City"}},
            "required": ["city"],
            "$defs": {"City": {"type": "string"}},
        },
    },
}


@pytest.fixture(scope="module")
def gemini_provider():
    provider = Provider("gemini")
    yield provider
    provider.stop()


@pytest.fixture(scope="module")
def gateway(start_for_all, gemini_provider, openai_provider):
    upstreams = {
        "gemini": Upstream(gemini_provider.port, "gemini", "key-of-gemini"),
        "openai": Upstream(openai_provider.port, "openai", "key-of-openai"),
    }
    role = {"role": "gateway", "models": MODELS, "providers": {"gemini": {}, "openai": {}}} | world.QUIET
    return start_for_all(render(role | {"first_token_timeout": "30s"}, upstreams))


@pytest.fixture(scope="module")
def client(gateway):
    client = Client(gateway.url)
    yield client
    client.close()


def test_a_whole_answer_is_translated(client, gemini_provider, gateway):
    text = marker()
    reply = client.chat(text, "gemini-openai")
    (seen,) = gemini_provider.asked(text)
    assert seen.path == "/v1beta/models/gemini-3-flash-preview:generateContent"
    assert seen.headers["x-goog-api-key"] == "key-of-gemini"
    assert "authorization" not in seen.headers
    assert seen.json == {"contents": [{"role": "user", "parts": [{"text": text}]}]}
    body = reply.json
    assert isinstance(body.pop("created"), int)
    message = {"role": "assistant", "content": TEXT, "refusal": None}
    choice = {"index": 0, "message": message, "logprobs": None, "finish_reason": "stop"}
    assert (reply.status, body) == (
        200,
        {"id": "r-1", "object": "chat.completion", "model": SERVED, "choices": [choice], "usage": USAGE},
    )
    record = gateway.record(reply.id)
    assert (record["outcome"], record["total_tokens"], record["cached_tokens"]) == ("ok", "18", "3")


@pytest.mark.parametrize("script", ["ok", "trickle", "comments", "multi-line-data", "no-final-blank-line", "not-sse"])
def test_a_stream_is_translated_however_it_comes(client, gemini_provider, script):
    text = marker()
    question = f"{text}[[gemini {script}]]"
    reply = client.chat(question, "gemini-openai", stream=True, stream_options={"include_usage": True})
    (seen,) = gemini_provider.asked(text)
    assert seen.path == "/v1beta/models/gemini-3-flash-preview:streamGenerateContent?alt=sse"
    assert reply.headers["content-type"].startswith("text/event-stream")
    assert reply.answer == Gathered(TEXT, [], "stop", USAGE, SERVED, None, True)


@pytest.mark.parametrize("stream", [False, True], ids=["whole", "stream"])
def test_a_tool_is_called_and_its_result_returns_with_the_signature(client, gemini_provider, stream):
    text = marker()
    reply = client.chat(text, "gemini-openai", tools=[TOOL], stream=stream)
    (call,) = reply.answer.calls
    assert (call[:2], json.loads(call[2])) == (("fc-1", "weather"), {"city": "Köln"})
    assert (reply.answer.finish, reply.answer.done) == ("tool_calls", True)
    (seen,) = gemini_provider.asked(text)
    (declared,) = seen.json["tools"][0]["functionDeclarations"]
    assert declared["parametersJsonSchema"] == {
        "type": "object",
        "properties": {"city": {"type": "string"}},
        "required": ["city"],
    }

    details = details_of(reply, stream)
    function = {"name": "weather", "arguments": call[2]}
    said = {"role": "assistant", "content": None, "reasoning_details": details}
    said["tool_calls"] = [{"id": "fc-1", "type": "function", "function": function}]
    again = ask(text, "gemini-openai", tools=[TOOL])
    again["messages"] += [said, {"role": "tool", "tool_call_id": "fc-1", "content": "21 degrees"}]
    reply = client.post(json.dumps(again).encode())
    assert (reply.status, reply.answer.content) == (200, TEXT)
    _, called, result = gemini_provider.asked(text)[1].json["contents"]
    args = {"id": "fc-1", "name": "weather", "args": {"city": "Köln"}}
    assert called == {"role": "model", "parts": [{"functionCall": args, "thoughtSignature": "c2lnbmF0dXJl"}]}
    response = {"id": "fc-1", "name": "weather", "response": {"result": "21 degrees"}}
    assert result == {"role": "user", "parts": [{"functionResponse": response}]}


def details_of(reply, stream: bool) -> list:
    if not stream:
        return reply.json["choices"][0]["message"]["reasoning_details"]
    choices = [choice for data in reply.events[:-1] for choice in json.loads(data)["choices"]]
    return [detail for choice in choices for detail in choice["delta"].get("reasoning_details", [])]


@pytest.mark.parametrize(
    ("script", "stream"),
    [
        ("error-event-first", True),
        ("end-at-once", True),
        ("garbage", True),
        ("garbage", False),
        ("ok-with-error-body", False),
        ("status 401", False),
        ("status 404", False),
        ("status 429", True),
        ("status 500 html", False),
        ("reset", False),
    ],
)
def test_a_failure_before_the_first_token_moves_on_to_the_next_provider(client, gateway, script, stream):
    reply = client.chat(f"[[gemini {script}]]", "gemini-openai", stream=stream)
    assert (reply.status, reply.headers["x-llm-provider"], reply.headers["x-llm-attempts"]) == (200, "openai", "2")
    assert (reply.answer.content, reply.answer.done) == (TEXT, True)
    assert gateway.record(reply.id)["outcome"] == "ok"


def test_an_error_of_the_client_s_own_making_is_final(client):
    reply = client.chat("[[gemini status 400]]", "gemini-openai")
    assert (reply.status, reply.error["message"]) == (400, "provider says 400")
    assert reply.headers["x-llm-provider"] == "gemini"


@pytest.mark.parametrize(
    ("script", "code"), [("error-event-later", "provider_overloaded"), ("no-done", "provider_failed")]
)
def test_a_stream_that_fails_later_ends_in_an_error(client, gateway, script, code):
    reply = client.chat(f"[[gemini {script}]]", "gemini/gemini-3-flash-preview", stream=True)
    assert (reply.status, reply.answer.done, reply.answer.finish) == (200, False, None)
    assert (reply.answer.content, reply.answer.error["code"]) == (TEXT, code)
    assert gateway.record(reply.id)["outcome"] == "partial"


def test_a_rate_limit_says_how_long_to_wait(client):
    reply = client.chat("[[gemini status 429]]", "gemini/gemini-3-flash-preview")
    assert (reply.status, reply.headers["retry-after"]) == (429, "7")
    assert reply.error["code"] == "rate_limit_exceeded"


def test_a_client_s_name_for_a_model_cannot_leave_its_place_in_the_path(client, gemini_provider):
    text = marker()
    client.chat(text, "gemini/../files:upload?key=1")
    (seen,) = gemini_provider.asked(text)
    assert seen.path == "/v1beta/models/..%2Ffiles%3Aupload%3Fkey%3D1:generateContent"


@pytest.mark.parametrize(("model", "beside"), [("gemini-2.5-pro", True), ("gemini-3-flash-preview", False)])
def test_an_image_in_a_tool_s_result_reaches_every_model(client, gemini_provider, model, beside):
    """Before Gemini 3 it cannot stand in the result, so it follows."""
    text, png = marker(), "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg=="
    image = {"type": "image", "source": {"type": "base64", "media_type": "image/png", "data": png}}
    messages = [
        {"role": "user", "content": text},
        {"role": "assistant", "content": [{"type": "tool_use", "id": "t1", "name": "read", "input": {}}]},
        {"role": "user", "content": [{"type": "tool_result", "tool_use_id": "t1", "content": [{"type": "text", "text": "a cat"}, image]}]},
    ]
    body = {"model": f"gemini/{model}", "max_tokens": 64, "messages": messages, "tools": [{"name": "read", "input_schema": {"type": "object"}}]}
    reply = client.ask("/v1/messages", body)
    assert reply.status == 200, reply.body
    contents = gemini_provider.asked(text)[-1].json["contents"]
    assert "a cat" in json.dumps(contents[2]["parts"][0]["functionResponse"])
    (data,) = (part for content in contents for part in parts(content) if "inlineData" in part)
    assert data["inlineData"] == {"mimeType": "image/png", "data": png}
    assert (data in contents[-1]["parts"]) is beside


def parts(content):
    """Those of a turn, and those of the results in it."""
    for part in content["parts"]:
        yield part
        yield from part.get("functionResponse", {}).get("parts", [])
