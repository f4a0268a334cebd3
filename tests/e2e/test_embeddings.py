"""Embeddings and reranking: bytes pass to who speaks OpenAI's API, Cohere is translated, and a plan moves on."""

import base64
import json
import struct

import pytest

from fake.client import Client, marker
from fake.gateway import Upstream, render
from fake.provider import Provider
from fake.vectors import vector

OPENAI = {"provider": "openai", "model": "text-embedding-test"}
COHERE = {"provider": "cohere", "model": "embed-test"}
RERANK = {"provider": "cohere", "model": "rerank-test"}
MODELS = {
    "embed-openai": {"targets": [OPENAI]},
    "embed-cohere": {"targets": [COHERE]},
    "embed-openai-cohere": {"targets": [OPENAI, COHERE]},
    "embed-impatient": {"targets": [OPENAI, COHERE], "answer_timeout": "1s"},
    "embed-anthropic-cohere": {"targets": [{"provider": "anthropic", "model": "claude-test"}, COHERE]},
    "embed-anthropic": {"targets": [{"provider": "anthropic", "model": "claude-test"}]},
    "rerank": {"targets": [RERANK]},
    "rerank-twice": {"targets": [RERANK, {"provider": "cohere", "model": "rerank-other"}]},
    "command": {"targets": [{"provider": "cohere", "model": "command-a-03-2025"}]},
}


@pytest.fixture(scope="module")
def cohere_provider():
    provider = Provider("cohere")
    yield provider
    provider.stop()


@pytest.fixture(scope="module")
def gateway(start_for_all, openai_provider, anthropic_provider, cohere_provider):
    upstreams = {
        "openai": Upstream(openai_provider.port, "openai", "key-of-openai"),
        "anthropic": Upstream(anthropic_provider.port, "anthropic", "key-of-anthropic"),
        "cohere": Upstream(cohere_provider.port, "cohere", "key-of-cohere"),
    }
    providers = {name: {} for name in upstreams}
    role = {"role": "gateway", "health": {"enabled": False}, "models": MODELS, "providers": providers, "first_token_timeout": "30s"}
    return start_for_all(render(role, upstreams))


@pytest.fixture(scope="module")
def client(gateway):
    client = Client(gateway.url)
    yield client
    client.close()


@pytest.fixture
def embed(client):
    return lambda model, texts, **more: client.send(
        "POST", "/v1/embeddings", json={"model": model, "input": texts} | more
    )


@pytest.fixture
def rerank(client):
    return lambda model, query, documents, path="/v1/rerank", **more: client.send(
        "POST", path, json={"model": model, "query": query, "documents": documents} | more
    )


def numbers(reply) -> list[list[float]]:
    data = reply.json["data"]
    assert [item["index"] for item in data] == list(range(len(data)))
    return [item["embedding"] for item in data]


def test_openai_gets_and_gives_bytes(gateway, embed, openai_provider):
    text = marker()
    reply = embed("embed-openai", [text, "b"], encoding_format="base64", future={"a": 1})
    (seen,) = openai_provider.asked(text)
    assert (seen.path, seen.json["model"], seen.json["future"]) == ("/v1/embeddings", "text-embedding-test", {"a": 1})
    assert seen.headers["authorization"] == "Bearer key-of-openai"
    assert reply.status == 200 and reply.body == bytes(seen.sent)
    assert (reply.headers["x-llm-provider"], reply.headers["x-llm-model"]) == ("openai", "text-embedding-test-1")
    record = gateway.record(reply.id)
    assert (record["operation"], record["stream"], record["outcome"]) == ("embeddings", "0", "ok")
    assert (record["input_tokens"], record["output_tokens"], record["total_tokens"]) == ("5", "0", "5")


def test_cohere_is_translated(gateway, embed, cohere_provider):
    text = marker()
    reply = embed("embed-cohere", [text, "b"], dimensions=8, user="u", input_type="search_query")
    (seen,) = cohere_provider.asked(text)
    assert seen.path == "/v2/embed" and seen.headers["authorization"] == "Bearer key-of-cohere"
    assert seen.json == {
        "model": "embed-test",
        "texts": [text, "b"],
        "input_type": "search_query",
        "embedding_types": ["float"],
        "output_dimension": 8,
    }
    assert numbers(reply) == [vector(0, 8), vector(1, 8)]
    assert (reply.json["object"], reply.json["model"]) == ("list", "embed-test")
    assert reply.json["usage"] == {"prompt_tokens": 7, "total_tokens": 7}
    assert reply.headers["x-llm-dropped"] == "user"
    assert gateway.record(reply.id)["input_tokens"] == "7"


def test_base64_is_the_same_vector(embed):
    packed = base64.b64decode(numbers(embed("embed-cohere", "a", encoding_format="base64"))[0])
    assert list(struct.unpack("<4f", packed)) == pytest.approx(vector(0))


@pytest.mark.parametrize(
    ("model", "script"),
    [
        ("embed-openai-cohere", "status 500"),
        ("embed-openai-cohere", "status 401"),
        ("embed-openai-cohere", "status 503 html"),
        ("embed-openai-cohere", "reset"),
        ("embed-openai-cohere", "garbage"),
        ("embed-openai-cohere", "ok-with-error-body"),
        ("embed-impatient", "hang"),
    ],
)
def test_a_failed_provider_is_followed_by_the_next(gateway, embed, model, script):
    reply = embed(model, f"[[openai {script}]]")
    assert (reply.status, reply.headers["x-llm-provider"], reply.headers["x-llm-attempts"]) == (200, "cohere", "2")
    assert numbers(reply) == [vector(0)]
    attempts = json.loads(gateway.record(reply.id)["attempts"])
    assert [attempt["provider"] for attempt in attempts] == ["openai", "cohere"]


def test_when_all_have_failed_there_is_one_error(embed):
    reply = embed("embed-openai-cohere", "[[openai status 500]][[cohere status 500]]")
    assert (reply.status, reply.error["code"]) == (500, "provider_failed")
    assert "openai (text-embedding-test) 500" in reply.error["message"]


def test_a_provider_without_embeddings_is_left_out(embed, anthropic_provider):
    text = marker()
    reply = embed("embed-anthropic-cohere", text)
    assert (reply.status, reply.headers["x-llm-attempts"]) == (200, "1")
    assert anthropic_provider.asked(text) == []
    reply = embed("embed-anthropic", text)
    assert (reply.status, reply.error["code"]) == (400, "unsupported_parameter")


def test_token_ids_go_to_who_takes_them(embed):
    assert embed("embed-openai", [[1, 2], [3]]).status == 200
    reply = embed("embed-openai-cohere", [1, 2, 3])
    assert (reply.status, reply.headers["x-llm-provider"]) == (200, "openai")
    reply = embed("embed-cohere", [1, 2, 3])
    assert (reply.status, reply.error["param"]) == (400, "input")


@pytest.mark.parametrize(
    ("body", "param"),
    [
        ({"model": "embed-openai"}, "input"),
        ({"model": "embed-openai", "input": []}, "input"),
        ({"model": "embed-openai", "input": ["a"] * 2049}, "input"),
        ({"model": "embed-openai", "input": "a", "encoding_format": "int8"}, "encoding_format"),
        ({"model": "nobody", "input": "a"}, "model"),
        ({"model": "echo", "input": "a"}, "model"),
    ],
)
def test_what_is_wrong_is_named(client, body, param):
    reply = client.send("POST", "/v1/embeddings", json=body)
    assert reply.status in (400, 404) and reply.error["param"] == param


def test_a_wrong_method_is_told(client):
    for path in ("/v1/embeddings", "/v1/rerank"):
        reply = client.get(path)
        assert (reply.status, reply.headers["allow"]) == (405, "POST")


@pytest.mark.parametrize("path", ["/v1/rerank", "/v2/rerank"])
def test_documents_are_ranked(gateway, rerank, cohere_provider, path):
    text = marker()
    reply = rerank("rerank", text, ["a", {"text": "b"}, "c"], path, top_n=2)
    (seen,) = cohere_provider.asked(text)
    assert (seen.path, seen.json["model"]) == ("/v2/rerank", "rerank-test")
    assert (seen.json["documents"], seen.json["top_n"]) == (["a", "b", "c"], 2)
    assert reply.status == 200 and reply.body == bytes(seen.sent)
    assert [result["index"] for result in reply.json["results"]] == [1, 0]
    record = gateway.record(reply.id)
    assert (record["operation"], record["outcome"], record["provider"]) == ("rerank", "ok", "cohere")


def test_reranking_moves_on_as_well(rerank):
    reply = rerank("rerank-twice", "[[rerank-test status 503]]", ["a"])
    assert (reply.status, reply.headers["x-llm-model"]) == (200, "rerank-other")


@pytest.mark.parametrize("stream", [False, True])
def test_cohere_chats(client, stream):
    reply = client.chat("Hello", "command", stream=stream, stream_options={"include_usage": True})
    answer = reply.answer
    assert (answer.content, answer.finish, answer.model) == ("Grüße, 世界 🎉!", "stop", "command-a-03-2025")
    assert (answer.usage["prompt_tokens"], answer.usage["completion_tokens"]) == (11, 7)
    assert answer.usage["prompt_tokens_details"]["cached_tokens"] == 3


@pytest.mark.parametrize("stream", [False, True])
def test_cohere_s_refusals_are_openai_s_errors(client, stream):
    reply = client.chat("[[cohere status 400]]", "command", stream=stream)
    assert (reply.status, reply.error["message"]) == (400, "provider says 400")
