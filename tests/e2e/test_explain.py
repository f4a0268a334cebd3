"""What `POST /gateway/explain` tells is what a provider then gets, on the real Envoy; nothing is sent to tell it."""

import hashlib
import json

import pytest

from fake.client import Client, marker
from fake.gateway import Upstream, render
from fake.provider import Provider

KEYS = {"ops": "gw-explain-ops", "lawyer": "gw-explain-lawyer"}
# A dialect each, with settings of its cluster that only the provider role knows.
ROLES = {
    "openai": {"headers": {"openai-organization": "org-1"}},
    "anthropic": {"headers": {"anthropic-beta": "one-2026-01-01"}, "forward_trace": True},
    "gemini": {"base_path": "/behind/v1beta"},
    "cohere": {},
    "mistral": {},
    "groq": {"unknown_parameters": "drop"},
    "azure": {"form": "deployments", "api_version": "2024-10-21"},
    "bedrock": {},
}
TOOL = {"type": "function", "function": {"name": "weather", "parameters": {"type": "object", "properties": {"city": {"type": "string"}}}}}
# Put in by Envoy behind the filter, or by HTTP itself.
ENVOYS = {"authorization", "x-api-key", "x-goog-api-key", "api-key", "transfer-encoding", "x-forwarded-proto", "x-request-id"}


def key(name: str, **more) -> dict:
    return {"id": name, "sha256": hashlib.sha256(KEYS[name].encode()).hexdigest()} | more


ROLE = {
    "role": "gateway",
    "models": {
        **{f"{name}/*": {"targets": [{"provider": name}]} for name in ROLES},
        "all": {"targets": [{"provider": name, "model": f"m-{name}"} for name in ROLES]},
        "tight": {"targets": [{"provider": "openai", "model": "gpt-4"}], "on_context_length": "large"},
        "open": {"targets": [{"provider": "openai", "model": "m-1"}], "on_context_length": "large"},
        "large": {"targets": [{"provider": "anthropic", "model": "claude-sonnet-4-5"}, {"provider": "mistral", "model": "m-large"}]},
    },
    "providers": {name: {"labels": {"region": "eu" if name in ("mistral", "openai") else "us"}} for name in ROLES},
    "rules": [{"name": "legal", "when": {"team": "legal"}, "require": {"region": "eu"}}],
    "keys": [key("ops", admin=True), key("lawyer", team="legal", models=["all", "tight"])],
    "first_token_timeout": "30s",
    "health": {"enabled": False},
}


@pytest.fixture(scope="module")
def fakes():
    fakes = {name: Provider(name, base=role.get("base_path")) for name, role in ROLES.items()}
    yield fakes
    for fake in fakes.values():
        fake.stop()


@pytest.fixture(scope="module")
def gateway(start_for_all, fakes):
    return start_for_all(render(ROLE, {name: Upstream(fakes[name].port, name, f"key-of-{name}", role=role) for name, role in ROLES.items()}))


@pytest.fixture(scope="module")
def ops(gateway):
    return Client(gateway.url, KEYS["ops"])


@pytest.fixture(scope="module")
def lawyer(gateway):
    return Client(gateway.url, KEYS["lawyer"])


def explain(client: Client, body: dict, path: str | None = None, headers=None) -> dict:
    reply = client.ask("/gateway/explain" + (f"?path={path}" if path else ""), body, headers=headers)
    assert (reply.status, reply.headers["content-type"]) == (200, "application/json"), reply.body
    return reply.json


def same(told: dict, seen) -> None:
    """A request that was told, and one that came."""
    method, path = seen.head.split(b" ", 2)[:2]
    headers = {name: value for name, value in seen.headers.items() if name not in ENVOYS}
    assert (told["method"], told["path"]) == (method.decode(), path.decode())
    assert told["headers"] == headers
    assert json.dumps(told["body"]) == json.dumps(seen.json)


def chat(model: str, text: str, **more) -> dict:
    return {"model": model, "messages": [{"role": "system", "content": "Be brief."}, {"role": "user", "content": text}]} | more


@pytest.mark.parametrize("more", [{}, {"stream": True}, {"tools": [TOOL], "temperature": 0.5, "seed": 7, "user": "ann", "max_tokens": 50}], ids=["plain", "stream", "tools"])
@pytest.mark.parametrize("name", ROLES)
def test_a_chat_is_told_as_it_is_sent(ops, fakes, name, more):
    text, trace = marker(), {"traceparent": "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"}
    body = chat(f"{name}/m-1", text, **more)
    told = explain(ops, body, headers=trace)
    assert fakes[name].asked(text) == [], "nothing is sent"
    (target,) = told["plan"]
    reply = ops.ask("/v1/chat/completions", body, headers=trace)
    assert (reply.status, reply.headers["x-llm-provider"]) == (200, target["provider"])
    assert reply.headers.get("x-llm-dropped", "") == ",".join(target["dropped"])
    assert int(reply.headers["x-llm-tokens-estimate"]) == told["input_tokens"] == target["input_tokens"]
    (seen,) = fakes[name].asked(text)
    same(target["request"], seen)
    assert f"key-of-{name}" not in json.dumps(told)


@pytest.mark.parametrize(
    ("path", "name", "body"),
    [
        ("/v1/messages", "anthropic", {"max_tokens": 50, "messages": [{"role": "user", "content": "T"}]}),
        ("/v1/messages", "openai", {"max_tokens": 50, "system": "Be brief.", "messages": [{"role": "user", "content": "T"}], "stream": True}),
        ("/v1/messages/count_tokens", "anthropic", {"messages": [{"role": "user", "content": "T"}]}),
        ("/v1/responses", "openai", {"input": "T"}),
        ("/v1/responses", "anthropic", {"input": "T", "instructions": "Be brief.", "max_output_tokens": 50}),
        ("/v1/completions", "openai", {"prompt": "T"}),
        ("/v1/embeddings", "openai", {"input": ["T"]}),
        ("/v1/embeddings", "gemini", {"input": ["T", "another"]}),
        ("/v1/embeddings", "cohere", {"input": "T"}),
        ("/v1/rerank", "cohere", {"query": "T", "documents": ["a", "b"]}),
    ],
)
def test_every_api_is_told_as_it_is_sent(ops, fakes, path, name, body):
    text = marker()
    body = {"model": f"{name}/m-1"} | json.loads(json.dumps(body).replace('"T"', json.dumps(text)))
    beta = {"anthropic-beta": "two-2026-01-01", "anthropic-version": "2023-06-01"}
    (target,) = explain(ops, body, path, headers=beta)["plan"]
    ops.ask(path, body, headers=beta)
    (seen,) = fakes[name].asked(text)
    same(target["request"], seen)


def test_every_attempt_of_a_plan_is_told_as_it_is_sent(ops, fakes):
    text = marker()
    fails = "".join(f"[[m-{name} status 503]]" for name in ROLES)
    body = chat("all", text + fails)
    told = explain(ops, body)
    assert [target["provider"] for target in told["plan"]] == list(ROLES)
    assert ops.ask("/v1/chat/completions", body).status == 503
    for target in told["plan"]:
        (seen,) = fakes[target["provider"]].asked(text)
        same(target["request"], seen)


def test_what_another_key_would_get(gateway, ops, lawyer, fakes):
    body = chat("all", marker(), n=2)
    told = explain(ops, body, headers={"x-llm-explain-key": "lawyer"})
    assert (told["key"], told["rule"]) == ("lawyer", "legal")
    assert [target["provider"] for target in told["plan"]] == ["openai", "mistral"]
    skipped = {one["provider"]: one["reason"] for one in told["skipped"]}
    assert skipped == {name: "label" for name in ROLES if name not in ("openai", "mistral")}
    reply = lawyer.ask("/v1/chat/completions", body)
    assert reply.status == 200
    record = gateway.record(reply.id)
    assert (record["rule"], record["route"]) == (told["rule"], told["route"])
    refused = explain(ops, chat("azure/m", "hi"), headers={"x-llm-explain-key": "lawyer"})["refusal"]
    assert (refused["status"], refused["code"]) == (403, "model_not_allowed")


def test_only_an_admin_s_key_may_ask(gateway, lawyer, ops):
    reply = lawyer.ask("/gateway/explain", chat("all", "hi"))
    assert (reply.status, reply.error["code"]) == (403, "admin_only")
    assert "admin: true" in reply.error["message"]
    assert Client(gateway.url).ask("/gateway/explain", chat("all", "hi")).status == 401
    reply = ops.send("POST", "/gateway/explain", content=b"{", headers={"content-type": "application/json"})
    assert reply.status == 400


def test_the_record_says_what_was_done(gateway, ops):
    reply = ops.ask("/gateway/explain", chat("all", "hi"))
    record = gateway.record(reply.id)
    assert (record["operation"], record["outcome"], record["model"], record["key_id"]) == ("explain", "ok", "all", "ops")
    assert (record["attempts"], record["attempt_count"], record["cost_usd_micros"]) == (None, "0", None)


def test_a_prompt_that_is_too_long_goes_where_it_was_told(gateway, ops, lawyer, fakes):
    text = marker()
    body = chat("tight", text + "word " * 9000)
    told = explain(ops, body)
    assert [(one["provider"], one["reason"]) for one in told["skipped"]] == [("openai", "context_length_exceeded")]
    assert [(one["model"], one["reason"]) for one in told["plan"]] == [("claude-sonnet-4-5", "longer"), ("m-large", "longer")]
    reply = ops.ask("/v1/chat/completions", body)
    assert (reply.status, reply.headers["x-llm-provider"]) == (200, "anthropic")
    same(told["plan"][0]["request"], fakes["anthropic"].asked(text)[0])
    # The labels of a request hold there as well, and its key need not be allowed to ask for that model.
    text = marker()
    reply = lawyer.ask("/v1/chat/completions", chat("tight", text + "word " * 9000))
    assert (reply.status, reply.headers["x-llm-provider"]) == (200, "mistral")
    assert fakes["anthropic"].asked(text) == []
    # What the provider itself finds too long goes there as well, where the count leaves that open.
    text = marker()
    body = chat("open", f"{text}[[m-1 too-long]]")
    assert [one["model"] for one in explain(ops, body)["plan"]] == ["m-1", "claude-sonnet-4-5", "m-large"]
    reply = ops.ask("/v1/chat/completions", body)
    assert (reply.status, reply.headers["x-llm-provider"], reply.headers["x-llm-attempts"]) == (200, "anthropic", "2")
    attempts = json.loads(gateway.record(reply.id)["attempts"])
    assert [(one["model"], one["status"], one["reason"]) for one in attempts] == [("m-1", 400, "context_length_exceeded"), ("claude-sonnet-4-5", 200, None)]
    # One that surely fits has nothing behind it.
    reply = ops.ask("/v1/chat/completions", chat("tight", "[[gpt-4 status 503]]"))
    assert reply.status == 503
    assert len(json.loads(gateway.record(reply.id)["attempts"])) == 1
