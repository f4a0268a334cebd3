"""What works when all is well."""

import json

import pytest

from fake.client import Gathered, marker
from fake.dialects import Anthropic, OpenAI

TEXT = "Grüße, 世界 🎉!"
OPENAI_USAGE = OpenAI.usage
TRANSLATED_USAGE = {
    "prompt_tokens": 11,
    "completion_tokens": 7,
    "total_tokens": 18,
    "prompt_tokens_details": {"cached_tokens": 3},
    "completion_tokens_details": {"reasoning_tokens": 0},
}


def test_a_whole_answer_of_openai_reaches_the_client_byte_for_byte(client, openai_provider):
    text = marker()
    reply = client.chat(text)
    (seen,) = openai_provider.asked(text)
    assert (reply.status, reply.body) == (200, bytes(seen.sent))
    assert seen.path == "/v1/chat/completions"
    assert seen.json == {"model": "gpt-test", "messages": [{"role": "user", "content": text}]}


def test_a_request_to_openai_keeps_its_bytes_but_for_the_model(client, openai_provider):
    text = marker()
    body = '{ "messages":[{"content":"%s","role":"user"}],\t"model" : "openai-anthropic","seed":12345678901234567890,"new":1.10}'
    assert client.post((body % text).encode()).status == 200
    (seen,) = openai_provider.asked(text)
    assert seen.body.decode() == (body % text).replace("openai-anthropic", "gpt-test")


def test_a_whole_answer_of_anthropic_is_translated(client, anthropic_provider):
    text = marker()
    reply = client.chat(text, "anthropic-openai")
    (seen,) = anthropic_provider.asked(text)
    assert seen.path == "/v1/messages"
    assert {key: seen.json[key] for key in ("model", "messages")} == {
        "model": "claude-test",
        "messages": [{"role": "user", "content": text}],
    }
    body = reply.json
    assert isinstance(body.pop("created"), int)
    assert (reply.status, body) == (
        200,
        {
            "id": "msg_1",
            "object": "chat.completion",
            "model": "claude-test-20260101",
            "choices": [
                {
                    "index": 0,
                    "message": {"role": "assistant", "content": TEXT, "refusal": None},
                    "logprobs": None,
                    "finish_reason": "stop",
                }
            ],
            "usage": TRANSLATED_USAGE,
        },
    )


def test_a_stream_of_openai_reaches_the_client_byte_for_byte(client, openai_provider):
    text = marker()
    reply = client.chat(text, stream=True, stream_options={"include_usage": True})
    (seen,) = openai_provider.asked(text)
    assert reply.body == bytes(seen.sent)
    assert reply.answer == Gathered(TEXT, [], "stop", OPENAI_USAGE, "gpt-test-2026-01-01", None, True)


def test_usage_is_asked_of_openai_and_withheld_from_a_client_that_did_not_ask(client, openai_provider, gateway):
    text = marker()
    reply = client.chat(text, stream=True)
    (seen,) = openai_provider.asked(text)
    assert seen.json["stream_options"] == {"include_usage": True}
    events = seen.sent.decode().split("\n\n")
    assert json.loads(events[-3].removeprefix("data: "))["usage"] == OPENAI_USAGE
    del events[-3]
    assert reply.body.decode() == "\n\n".join(events)
    assert gateway.record(reply.id)["total_tokens"] == "18"


def test_a_stream_of_anthropic_is_translated(client):
    reply = client.chat(model="anthropic-openai", stream=True, stream_options={"include_usage": True})
    assert reply.headers["content-type"].startswith("text/event-stream")
    assert reply.answer == Gathered(TEXT, [], "stop", TRANSLATED_USAGE, "claude-test-20260101", None, True)


def test_a_translated_stream_without_the_wish_for_usage_has_none(client):
    answer = client.chat(model="anthropic-openai", stream=True).answer
    assert answer == Gathered(TEXT, [], "stop", None, "claude-test-20260101", None, True)


TOOL = {
    "type": "function",
    "function": {
        "name": "weather",
        "parameters": {"type": "object", "properties": {"city": {"type": "string"}}, "required": ["city"]},
    },
}


@pytest.mark.parametrize("stream", [False, True], ids=["whole", "stream"])
@pytest.mark.parametrize(
    ("model", "identity"),
    [("openai-anthropic", "call_1"), ("anthropic-openai", "toolu_1")],
    ids=["openai", "anthropic"],
)
def test_a_tool_call_is_the_same_from_every_provider(client, model, identity, stream):
    answer = client.chat(model=model, stream=stream, tools=[TOOL]).answer
    (call,) = answer.calls
    assert (call[:2], json.loads(call[2]), answer.finish, answer.done) == (
        (identity, "weather"),
        {"city": "Köln"},
        "tool_calls",
        True,
    )


def test_the_first_token_is_not_held_back_by_the_rest(client):
    with client.http.stream(
        "POST",
        "/v1/chat/completions",
        json={
            "model": "anthropic-openai",
            "stream": True,
            "messages": [{"role": "user", "content": "[[anthropic hang-midstream]]"}],
        },
    ) as answer:
        first = next(piece for piece in answer.iter_text() if "Grü" in piece)
    assert '"content":"Grü"' in first


def test_a_model_may_be_addressed_through_its_provider(client, openai_provider):
    text = marker()
    reply = client.chat(text, "openai/org/some-model")
    assert (reply.status, openai_provider.asked(text)[0].json["model"]) == (200, "org/some-model")


def test_a_client_learns_who_answered(client):
    reply = client.chat(model="anthropic-openai")
    told = {name: value for name, value in reply.headers.items() if name.startswith("x-")}
    assert told.pop("x-request-id")
    assert told == {
        "x-llm-provider": "anthropic",
        "x-llm-model": "claude-test-20260101",
        "x-llm-attempts": "1",
        "x-llm-cache": "off",
        "x-llm-tokens-estimate": "9",
    }


def test_parameters_that_a_provider_cannot_be_given_are_listed(client):
    reply = client.chat(model="anthropic-openai", seed=7, temperature=0.5, presence_penalty=0.1)
    told = reply.status, reply.headers["x-llm-provider"], reply.headers["x-llm-dropped"]
    assert told == (200, "anthropic", "seed,presence_penalty")


def test_the_built_in_model_answers_without_a_provider(client):
    reply = client.chat("Hello Echo", "echo")
    body = reply.json
    assert body["choices"][0]["message"] == {"role": "assistant", "content": "Hello Echo", "refusal": None}
    assert (reply.status, body["model"], body["object"]) == (200, "echo", "chat.completion")
    streamed = client.chat("Hello Echo", "echo", stream=True).answer
    assert (streamed.content, streamed.finish, streamed.done) == ("Hello Echo", "stop", True)


def test_the_models_are_listed_and_can_be_looked_up(client):
    body = client.get("/v1/models").json
    assert (body["object"], sorted(model["id"] for model in body["data"])) == (
        "list",
        [
            "anthropic-openai",
            "anthropic/*",
            "echo",
            "gpt-*",
            "hurried",
            "impatient-anthropic-openai",
            "impatient-openai-anthropic",
            "openai-anthropic",
            "openai/*",
            "refused-anthropic-openai",
            "refused-by-all",
            "refused-openai-anthropic",
            "twice",
            "unhurried",
        ],
    )
    for name in ("twice", "gpt-5", "openai/org/x"):
        one = client.get(f"/v1/models/{name}")
        assert (one.status, one.json["id"], one.json["object"]) == (200, name, "model")
    missing = client.get("/v1/models/nobody")
    assert (missing.status, missing.error["code"]) == (404, "model_not_found")


def test_health_is_told_without_a_provider(client):
    assert client.get("/healthz").status == 200
    assert client.send("HEAD", "/healthz").status == 200


@pytest.mark.parametrize(
    ("method", "path", "status", "code"),
    [
        ("GET", "/", 404, "unknown_url"),
        ("POST", "/v1/videos/generations", 404, "unknown_url"),
        ("POST", "/v1/chat/completions/x", 404, "unknown_url"),
        ("POST", "/chat/completions", 404, "unknown_url"),
        ("GET", "/v1/chat/completions", 405, "method_not_allowed"),
        ("DELETE", "/v1/chat/completions", 405, "method_not_allowed"),
        ("POST", "/v1/models", 405, "method_not_allowed"),
        ("POST", "/healthz", 405, "method_not_allowed"),
    ],
)
def test_what_does_not_exist_is_refused_in_openai_s_shape(client, method, path, status, code):
    reply = client.send(method, path)
    assert (reply.status, reply.error["type"], reply.error["code"]) == (status, "invalid_request_error", code)


def test_a_query_does_not_hide_a_path(client):
    assert (
        client.send(
            "POST",
            "/v1/chat/completions?api-version=1",
            json={"model": "echo", "messages": [{"role": "user", "content": "x"}]},
        ).status
        == 200
    )


def test_a_parameter_that_only_one_provider_refuses_moves_the_request_to_the_other(client, gateway):
    """Anthropic has no `n`: the plan leaves it out."""
    reply = client.chat(model="anthropic-openai", n=2)
    assert (reply.status, reply.headers["x-llm-provider"], reply.headers["x-llm-attempts"]) == (200, "openai", "1")


def test_a_parameter_that_every_provider_refuses_is_the_client_s_fault(client):
    reply = client.chat(model="anthropic/claude-test", n=2)
    assert (reply.status, reply.error["param"], reply.error["code"]) == (400, "n", "unsupported_parameter")


def test_the_anthropic_usage_of_the_fake_is_openai_s_counted_anthropic_s_way():
    usage = Anthropic.usage
    assert usage["input_tokens"] + usage["cache_read_input_tokens"] == OPENAI_USAGE["prompt_tokens"]
