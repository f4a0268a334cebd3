"""What the texts of requests may hold, on the real Envoy: providers see what they may, and nobody sees the rest."""

import hashlib
import json

import pytest

from fake import world
from fake.client import Client, marker
from fake.gateway import render

# Distinctive enough that finding one of them anywhere is a leak.
MAIL = "ann.canary-7d1f@example.com"
CARD = "4111 1111 1111 1111"
SALT = "salt-CANARY-90aa"
FIND = ["EMAIL_ADDRESS", "CREDIT_CARD"]


def guard(name: str, **more) -> dict:
    """A guard of requests for the model that has its name."""
    return {"name": name, "detect": FIND, "action": name, "on": "input", "models": [f"gpt-{name}"]} | more


GUARDS = [
    guard("mask"),
    guard("block"),
    guard("restore"),
    guard("hash", salt=SALT),
    guard("warn"),
    guard("route", to="anthropic-openai"),
    {"name": "quiet", "detect": ["PII", "SECRET"], "action": "mask", "models": ["gpt-quiet"]},
]


@pytest.fixture(scope="module")
def guarded(start_for_all, upstreams):
    return start_for_all(render(world.role(guards=GUARDS), upstreams))


@pytest.fixture(scope="module")
def client(guarded):
    client = Client(guarded.url)
    yield client
    client.close()


def counted(gateway, name: str) -> int:
    return gateway.stats(f"wasmcustom.llm.guard.{name}").get(f"wasmcustom.llm.guard.{name}", 0)


def test_what_logs_and_changelogs_hold_is_left_as_it_is(client, openai_provider):
    text = marker()
    call = '{"since": 1517644800000, "path": "c::FF0", "version": "## 0.12.0 (2026-05-12)"}'
    messages = [
        {"role": "user", "content": f"{text} 0.66666662693 of v0.15.1 (2026/05/02)"},
        {"role": "assistant", "tool_calls": [
            {"id": "c1", "type": "function", "function": {"name": "log", "arguments": call}}]},
        {"role": "tool", "tool_call_id": "c1", "content": "token: target/wasm32-wasip1/release"},
    ]  # fmt: skip
    reply = client.ask("/v1/chat/completions", {"model": "gpt-quiet", "messages": messages})
    (seen,) = openai_provider.asked(text)
    assert (reply.status, seen.json["messages"]) == (200, messages)


def test_what_is_masked_does_not_reach_the_provider(guarded, client, openai_provider):
    text, before = marker(), counted(guarded, "mask.mask")
    body = '{ "messages":[ {"role":"user","content":"%s %s, %s and \\u00e9 %s"} ],\t"model" : "gpt-mask","new":1.10}'
    headers = {"content-type": "application/json"}
    content = (body % (text, MAIL, CARD, MAIL)).encode()
    reply = client.send("POST", "/v1/chat/completions", headers=headers, content=content)
    (seen,) = openai_provider.asked(text)
    assert seen.body.decode() == body % (text, "[EMAIL_1]", "[CREDIT_CARD_1]", "[EMAIL_1]")
    assert seen.headers["content-length"] == str(len(seen.body))
    assert (reply.status, reply.headers["x-llm-guard"]) == (200, "mask:mask=3")
    record = guarded.record(reply.id)
    assert (record["guard"], record["outcome"]) == ("mask:mask=3", "ok")
    assert counted(guarded, "mask.mask") == before + 3


@pytest.mark.parametrize("path", ["/v1/chat/completions", "/v1/messages", "/v1/responses", "/v1/embeddings"])
@pytest.mark.parametrize("kind", ["mask", "restore", "hash"])
def test_every_api_is_guarded(client, openai_provider, path, kind):
    text = marker()
    said = f"{text} {MAIL}"
    words = {"input": said} if path.endswith(("responses", "embeddings")) else {"messages": [{"role": "user", "content": said}]}
    more = {"max_tokens": 50} if path == "/v1/messages" else {}
    reply = client.ask(path, {"model": f"gpt-{kind}"} | words | more)
    (seen,) = openai_provider.asked(text)
    digest = hashlib.sha256(f"{SALT}\0EMAIL\0{MAIL}".encode()).hexdigest()[:12]
    stands = f"[EMAIL_{digest}]" if kind == "hash" else "[EMAIL_1]"
    assert reply.status == 200
    assert f"{text} {stands}" in seen.body.decode()
    assert MAIL not in seen.body.decode()
    assert reply.headers["x-llm-guard"] == f"{kind}:{kind}=1"


@pytest.mark.parametrize(("path", "asked"), [("completions", {"prompt": [3957, 35984]}), ("embeddings", {"input": [[15339, 1917]]})])
def test_tokens_instead_of_text_pass_no_guard_that_closes(start, upstreams, openai_provider, path, asked):
    gateway = start(render(world.role(guards=[{"name": "pii", "detect": "PII", "action": "block"}]), upstreams))
    client, seen = Client(gateway.url), len(openai_provider.seen)
    reply = client.ask(f"/v1/{path}", {"model": "openai/m"} | asked)
    assert (reply.status, reply.error["code"], len(openai_provider.seen)) == (400, "guardrail_error", seen)
    assert client.ask("/v1/embeddings", {"model": "openai/m", "input": "text"}).status == 200
    client.close()


def test_every_attempt_gets_what_is_left(start, upstreams, openai_provider, anthropic_provider):
    text = marker()
    gateway = start(render(world.role(guards=[{"name": "pii", "detect": FIND, "action": "mask", "on": "input"}]), upstreams))
    reply = Client(gateway.url).chat(f"{text} [[openai status 503 json]] {MAIL}")
    for fake in (openai_provider, anthropic_provider):
        (seen,) = fake.asked(text)
        assert "[EMAIL_1]" in seen.body.decode()
        assert MAIL not in seen.body.decode()
    assert (reply.status, reply.headers["x-llm-provider"]) == (200, "anthropic")
    # An error in the place of an answer says it as well.
    reply = Client(gateway.url).chat(f"{text} {MAIL}", "refused-by-all")
    assert (reply.status, reply.headers["x-llm-guard"]) == (502, "pii:mask=1")
    gateway.assert_survived()


@pytest.mark.parametrize("stream", [False, True])
def test_what_is_blocked_goes_nowhere(guarded, client, openai_provider, stream):
    text = marker()
    reply = client.chat(f"{text} {MAIL}", "gpt-block", stream=stream)
    error = reply.error
    assert (reply.status, error["code"], error["type"]) == (400, "guardrail_blocked", "invalid_request_error")
    assert "`block`" in error["message"]
    assert MAIL not in reply.body.decode()
    assert reply.headers["x-llm-guard"] == "block:block=1"
    assert openai_provider.asked(text) == []
    record = guarded.record(reply.id)
    told = {name: record[name] for name in ("status", "model", "outcome", "reason", "guard", "attempts")}
    assert told == {
        "status": 400, "model": "gpt-block", "outcome": "refused", "reason": "guardrail_blocked",
        "guard": "block:block=1", "attempts": None,
    }  # fmt: skip


def test_what_must_not_leave_goes_to_the_model_for_it(guarded, client, openai_provider, anthropic_provider):
    text = marker()
    reply = client.chat(f"{text} {MAIL}", "gpt-route")
    (seen,) = anthropic_provider.asked(text)
    assert f"{text} {MAIL}" in seen.body.decode()
    assert openai_provider.asked(text) == []
    record = guarded.record(reply.id)
    assert (record["model"], record["provider"], record["route"]) == ("gpt-route", "anthropic", "anthropic-openai:fallback")
    clean = marker()
    client.chat(clean, "gpt-route")
    assert len(openai_provider.asked(clean)) == 1


def test_a_warning_and_a_clean_text_pass_byte_for_byte(guarded, client, openai_provider):
    for model, said, told in [("gpt-warn", MAIL, "warn:warn=1"), ("gpt-mask", "nothing", None)]:
        text = marker()
        content = f'{{ "model":"{model}", "messages":[{{"role":"user","content":"{text} {said} \\u0041"}}]}}'.encode()
        reply = client.post(content)
        (seen,) = openai_provider.asked(text)
        assert seen.body == content
        assert (reply.headers.get("x-llm-guard"), guarded.record(reply.id)["guard"]) == (told, told)


def test_arguments_of_tools_stay_json(client, openai_provider):
    text = marker()
    arguments = {"to": MAIL, "say": f'a"\n{MAIL}\\', "card": 4111111111111111}
    call = {"id": "c1", "type": "function", "function": {"name": "send", "arguments": json.dumps(arguments)}}
    messages = [
        {"role": "user", "content": text},
        {"role": "assistant", "content": None, "tool_calls": [call]},
        {"role": "tool", "tool_call_id": "c1", "content": json.dumps({"sent": MAIL})},
    ]
    reply = client.ask("/v1/chat/completions", {"model": "gpt-mask", "messages": messages})
    (seen,) = openai_provider.asked(text)
    _, said, done = seen.json["messages"]
    sent = json.loads(said["tool_calls"][0]["function"]["arguments"])
    assert sent == {"to": "[EMAIL_1]", "say": 'a"\n[EMAIL_1]\\', "card": "[CREDIT_CARD_1]"}
    assert json.loads(done["content"]) == {"sent": "[EMAIL_1]"}
    assert reply.status == 200


def test_a_password_in_arguments_is_known_by_the_name_of_its_field(client, openai_provider):
    text = marker()
    arguments = {"password": "hunter2-Xy9kQ2", "user": "hunter2-Xy9kQ2"}
    call = {"id": "c1", "type": "function", "function": {"name": "login", "arguments": json.dumps(arguments)}}
    messages = [{"role": "user", "content": text}, {"role": "assistant", "content": None, "tool_calls": [call]}]
    assert client.ask("/v1/chat/completions", {"model": "gpt-quiet", "messages": messages}).status == 200
    (seen,) = openai_provider.asked(text)
    sent = json.loads(seen.json["messages"][1]["tool_calls"][0]["function"]["arguments"])
    assert sent == arguments | {"password": "[SECRET_PASSWORD_1]"}


def test_a_form_is_refused_where_nobody_can_look_at_it(client):
    form = {"files": {"image": ("a.png", b"x", "image/png")}, "data": {"model": "gpt-mask", "prompt": MAIL}}
    reply = client.send("POST", "/v1/images/edits", **form)
    assert (reply.status, reply.error["code"]) == (400, "guardrail_error")


def test_a_large_body_full_of_finds_is_done_in_time(guarded, client, openai_provider):
    text = marker()
    words = " ".join(f"n{at}@example.com {CARD}" for at in range(60_000))
    reply = client.chat(f"{text} {words}", "gpt-mask")
    (seen,) = openai_provider.asked(text)
    assert reply.status == 200
    assert "[EMAIL_12345] [CREDIT_CARD_1] " in seen.body.decode()
    assert "@example.com" not in seen.body.decode()
    assert guarded.record(reply.id)["guard"] == "mask:mask=120000"


def test_values_are_seen_nowhere_but_on_the_way_to_who_may_see_them(guarded, client):
    """After every other test of this file: whatever they have planted is in no log, record or counter."""
    for kind in ("mask", "restore", "hash", "block", "warn"):
        client.chat(f"{MAIL} {CARD}", f"gpt-{kind}")
    reply = client.chat(f"{MAIL} {CARD}", "gpt-block")
    guarded.record(reply.id)
    everything = {
        "access log": "".join(guarded.raw_records),
        "Envoy's log": guarded.log,
        "metrics": guarded.ask_admin("/stats") + guarded.ask_admin("/stats/prometheus"),
    }
    for place, said in everything.items():
        assert said, place
        for secret in ("canary-7d1f", "CANARY", CARD, CARD.replace(" ", "")):
            assert secret not in said, (place, secret)
    guarded.assert_survived()
