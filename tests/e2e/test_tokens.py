"""Tokens: counted before a request is sent, as an answer flows, and for whoever asks."""

import hashlib
import json
import pathlib
import time

import pytest

from fake.client import Client, Reply, marker
from fake.gateway import Upstream, render
from fake.world import MODELS, role

TEXT = "Grüße, 世界 🎉!"  # what the fakes say: 8 tokens of o200k_base, 12 of cl100k_base
LONG = "word " * 9000  # more than the 8192 tokens of gpt-4


def tokens(client: Client, body: dict, headers=None) -> Reply:
    return client.ask("/gateway/tokens", body, headers=headers)


@pytest.mark.parametrize(("encoding", "count"), [("o200k_base", 8), ("cl100k_base", 12), ("o200k_harmony", 8)])
def test_text_is_counted_in_an_encoding(client, encoding, count):
    assert tokens(client, {"encoding": encoding, "text": TEXT}).json == {"encoding": encoding, "tokens": count}
    reply = tokens(client, {"encoding": encoding, "texts": [TEXT, "", "hello world"]})
    assert reply.json == {"encoding": encoding, "tokens": [count, 0, 2]}
    assert (reply.status, reply.headers["content-type"]) == (200, "application/json")


@pytest.mark.parametrize("encoding", ["o200k_base", "cl100k_base"])
def test_every_row_has_the_count_that_three_implementations_agree_on(client, encoding):
    lines = (pathlib.Path(__file__).parents[1] / "fixtures" / "tokens" / "texts.jsonl").read_text().splitlines()
    rows = [row for row in map(json.loads, lines) if row["encoding"] == encoding]
    assert len(rows) > 300
    counted = tokens(client, {"encoding": encoding, "texts": [row["text"] for row in rows]}).json["tokens"]
    assert counted == [row["count"] for row in rows]


@pytest.mark.parametrize("encoding", ["o200k_base", "cl100k_base"])
def test_one_letter_a_million_times_is_counted(client, encoding):
    assert tokens(client, {"encoding": encoding, "text": "a" * 1_000_000}).json["tokens"] == 125_000


@pytest.mark.parametrize(
    ("model", "answer"),
    [
        ("gpt-4o", {"model": "gpt-4o", "encoding": "o200k_base", "class": "exact", "input_tokens": 8}),
        ("gpt-4", {"model": "gpt-4", "encoding": "cl100k_base", "class": "exact", "input_tokens": 8}),
        ("gpt-5-mini", {"model": "gpt-5-mini", "encoding": "o200k_base", "class": "exact", "input_tokens": 7}),
        ("openai/gpt-4.1", {"model": "gpt-4.1", "encoding": "o200k_base", "class": "exact", "input_tokens": 8}),
        ("anthropic/claude-sonnet-4-5", {"model": "claude-sonnet-4-5", "encoding": "o200k_base", "class": "calibrated", "input_tokens": 9}),
        ("twice", {"model": "m1", "encoding": "o200k_base", "class": "estimate", "input_tokens": 8}),
        ("echo", {"model": "echo", "encoding": "o200k_base", "class": "exact", "input_tokens": 8}),
    ],
)  # fmt: skip
def test_a_chat_is_counted_as_its_first_target_reads_it(client, model, answer):
    body = {"model": model, "messages": [{"role": "user", "content": "Hello"}]}
    assert tokens(client, body).json == answer


def test_a_chat_without_a_model_is_counted_by_the_formula_of_an_encoding(client):
    body = {"encoding": "cl100k_base", "messages": [{"role": "user", "content": "Hello"}]}
    assert tokens(client, body).json == {"encoding": "cl100k_base", "class": "exact", "input_tokens": 8}


@pytest.mark.parametrize(
    ("body", "param", "says"),
    [
        ({"encoding": "p50k", "text": "x"}, "encoding", "Known: o200k_base"),
        ({"text": "x"}, "encoding", "o200k_base"),
        ({"encoding": "o200k_base"}, "text", "`texts`"),
        ({"encoding": "o200k_base", "text": 7}, "text", "a string"),
        ({"encoding": "o200k_base", "texts": "x"}, "texts", "list of strings"),
        ({"encoding": "o200k_base", "texts": ["x", 7]}, "texts", "list of strings"),
        ({"encoding": "o200k_base", "text": "x", "texts": []}, "texts", "not both"),
        ({"messages": [{"role": "user", "content": "x"}]}, "model", "required"),
    ],
)
def test_what_cannot_be_counted_says_what_to_send(client, body, param, says):
    reply = tokens(client, body)
    assert (reply.status, reply.error["param"]) == (400, param)
    assert says in reply.error["message"]


def test_the_endpoint_has_errors_like_any_other(client):
    assert tokens(client, {"model": "nobody", "messages": [{}]}).error["code"] == "model_not_found"
    reply = client.get("/gateway/tokens")
    assert (reply.status, reply.headers["allow"]) == (405, "POST")
    reply = client.send("POST", "/gateway/tokens", content=b"{", headers={"content-type": "application/json"})
    assert reply.status == 400


def test_the_endpoint_obeys_keys(start, upstreams):
    keys = [{"id": "app", "sha256": hashlib.sha256(b"right").hexdigest(), "models": ["gpt-*"]}]
    gateway = start(render(role(keys=keys), upstreams))
    nobody, app = Client(gateway.url), Client(gateway.url, "right")
    text = {"encoding": "o200k_base", "text": "hello world"}
    assert tokens(nobody, text).status == 401
    assert tokens(app, text).json["tokens"] == 2
    chat = {"messages": [{"role": "user", "content": "Hello"}]}
    assert tokens(app, chat | {"model": "gpt-4o"}).status == 200
    assert tokens(app, chat | {"model": "twice"}).status == 403


@pytest.mark.parametrize("stream", [False, True], ids=["whole", "stream"])
def test_every_answer_and_record_has_the_count(gateway, client, stream):
    reply = client.chat("Hello", "gpt-4o", stream=stream)
    assert reply.headers["x-llm-tokens-estimate"] == "8"
    record = gateway.record(reply.id)
    estimate = [record[name] for name in ("tokens_estimate", "tokens_class", "tokenizer")]
    assert estimate == ["8", "exact", "o200k_base"]
    # The provider's own numbers are the ones that count.
    assert (record["input_tokens"], record["usage_source"]) == ("11", "provider")


def test_the_fallback_s_answer_has_the_fallback_s_count(client):
    text = "[[openai status 500]]"
    chat = {"messages": [{"role": "user", "content": text}]}
    models = ("openai/gpt-test", "anthropic/claude-test")
    first, fallback = (tokens(client, chat | {"model": model}).json["input_tokens"] for model in models)
    assert first != fallback
    assert client.chat(text, "openai-anthropic").headers["x-llm-tokens-estimate"] == str(fallback)


def test_nothing_is_counted_where_it_is_off(start, upstreams):
    gateway = start(render(role(count_tokens=False), upstreams))
    client = Client(gateway.url)
    reply = client.chat("Hello", "gpt-4o", stream=True)
    record = gateway.record(reply.id)
    assert "x-llm-tokens-estimate" not in reply.headers
    assert (record["tokens_estimate"], record["total_tokens"]) == (None, "18")
    assert tokens(client, {"encoding": "o200k_base", "text": "hello world"}).json["tokens"] == 2


def leave_midstream(gateway, text: str, model: str) -> dict:
    """The record of a client that leaves when it has read some."""
    client = Client(gateway.url)
    body = {"model": model, "stream": True, "messages": [{"role": "user", "content": text}]}
    with client.http.stream("POST", "/v1/chat/completions", json=body) as answer:
        request = answer.headers["x-request-id"]
        for piece in answer.iter_raw():
            if b"!" in piece:
                break
        time.sleep(0.1)
    client.close()
    return gateway.record(request)


def test_a_stream_that_the_client_leaves_is_charged(gateway):
    record = leave_midstream(gateway, "[[openai hang-midstream]]", "gpt-4o")
    assert record["outcome"] == "cancelled"
    assert (record["usage_source"], record["tokens_class"]) == ("estimate", "exact")
    assert record["input_tokens"] == record["tokens_estimate"]
    # The last few tokens may not have been written.
    assert 1 <= int(record["output_tokens"]) <= 8
    assert int(record["total_tokens"]) == int(record["input_tokens"]) + int(record["output_tokens"])


@pytest.mark.parametrize("script", ["cut-midstream", "end-early", "error-event-later"])
def test_a_stream_that_the_provider_cuts_is_charged(gateway, client, script):
    text = marker()
    reply = client.chat(f"[[openai {script}]] {text}", "gpt-4o", stream=True)
    record = gateway.record(reply.id)
    assert record["usage_source"] == "estimate"
    assert record["input_tokens"] == record["tokens_estimate"]
    assert 1 <= int(record["output_tokens"]) <= 8


def test_what_the_provider_told_before_the_cut_is_kept(gateway, client):
    reply = client.chat("[[anthropic end-early]]", "anthropic/claude-sonnet-4-5", stream=True)
    record = gateway.record(reply.id)
    # Anthropic tells the prompt's tokens first.
    assert (record["input_tokens"], record["cached_tokens"], record["usage_source"]) == ("11", "3", "estimate")
    assert int(record["output_tokens"]) >= 8


def test_a_provider_that_never_tells_is_charged(start, openai_provider, upstreams):
    behind = upstreams | {"openai": Upstream(openai_provider.port, "openai", role={"force_stream_usage": False})}
    gateway = start(render(role(), behind))
    client = Client(gateway.url)
    record = gateway.record(client.chat("Hello", "gpt-4o", stream=True).id)
    assert (record["outcome"], record["input_tokens"], record["output_tokens"]) == ("ok", "8", "8")
    assert (record["usage_source"], record["price"]) == ("estimate", "known")
    assert int(record["cost_usd_micros"]) > 0
    client.close()


@pytest.fixture
def strict(start, upstreams):
    """A gateway that does this with a prompt that cannot fit."""
    models = MODELS | {
        "small-then-large": {
            "targets": [
                {"provider": "openai", "model": "gpt-4"},
                {"provider": "anthropic", "model": "claude-sonnet-4-5"},
            ]
        }
    }
    return lambda choice: start(render(role(models=models, on_context_length=choice, cap_max_tokens=True), upstreams))


def ask(gateway, text: str, model: str, **more) -> Reply:
    client = Client(gateway.url)
    try:
        return client.chat(text, model, **more)
    finally:
        client.close()


def test_a_prompt_that_cannot_fit_is_refused_before_it_is_sent(strict, openai_provider):
    gateway = strict("refuse")
    text = marker()
    reply = ask(gateway, text + LONG, "gpt-4")
    assert (reply.status, reply.error["code"], reply.error["param"]) == (400, "context_length_exceeded", "messages")
    assert "maximum context length is 8192 tokens" in reply.error["message"]
    assert "resulted in 90" in reply.error["message"]
    assert openai_provider.asked(text) == []
    record = gateway.record(reply.id)
    assert (record["outcome"], record["reason"], record["tokens_class"]) == (
        "refused",
        "context_length_exceeded",
        "exact",
    )
    reply = ask(gateway, "Hello", "gpt-4", max_tokens=8190)
    assert reply.status == 200, "8190 is capped to what the model can give"
    assert ask(gateway, text + LONG, "small-then-large").status == 400


def test_a_prompt_that_cannot_fit_goes_to_a_target_that_can_hold_it(strict, openai_provider):
    gateway = strict("route_on")
    text = marker()
    reply = ask(gateway, text + LONG, "small-then-large")
    assert (reply.status, reply.headers["x-llm-provider"], reply.headers["x-llm-attempts"]) == (200, "anthropic", "1")
    assert openai_provider.asked(text) == []
    reply = ask(gateway, text + LONG, "gpt-4")
    assert (reply.status, reply.error["code"]) == (400, "context_length_exceeded")
    assert ask(gateway, "Hello", "small-then-large").headers["x-llm-provider"] == "openai"


def test_a_prompt_that_cannot_fit_goes_out_where_nobody_checks(strict, openai_provider):
    gateway = strict("ignore")
    text = marker()
    assert ask(gateway, text + LONG, "gpt-4").status == 200
    assert len(openai_provider.asked(text)) == 1


def test_a_limit_above_what_the_model_gives_is_lowered(strict, openai_provider, anthropic_provider, client):
    gateway = strict("refuse")
    for key in ("max_tokens", "max_completion_tokens"):
        text = marker()
        assert ask(gateway, text, "gpt-4o", **{key: 100000}).status == 200
        assert openai_provider.asked(text)[0].json[key] == 16384
    text = marker()
    assert ask(gateway, text, "gpt-4o", max_tokens=50).status == 200
    assert openai_provider.asked(text)[0].json["max_tokens"] == 50
    text = marker()
    assert ask(gateway, text, "anthropic/claude-sonnet-4-5", max_tokens=10_000_000).status == 200
    assert anthropic_provider.asked(text)[0].json["max_tokens"] == 64000
    text = marker()
    assert client.chat(text, "gpt-4o", max_tokens=100000).status == 200
    assert openai_provider.asked(text)[0].json["max_tokens"] == 100000, "not asked for"
