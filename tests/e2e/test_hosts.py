"""Hosts that speak OpenAI's API with differences, behind the real Envoy: bodies are edited where they must be."""

import pytest

from fake.client import Client, marker
from fake.gateway import Upstream, render
from fake.provider import Provider

HOSTS = ["mistral", "groq", "azure"]
LONG = "x" * 200_000
TOOL = {"type": "function", "function": {"name": "weather", "parameters": {"type": "object", "properties": {}}}}


@pytest.fixture(scope="module")
def fakes():
    fakes = {name: Provider(name) for name in HOSTS}
    yield fakes
    for fake in fakes.values():
        fake.stop()


@pytest.fixture(scope="module")
def client(start_for_all, fakes):
    azure = {"form": "deployments", "api_version": "2024-10-21"}
    upstreams = {name: Upstream(fake.port, name, f"key-of-{name}") for name, fake in fakes.items()}
    upstreams["azure"].role = azure
    models = {f"{name}/*": {"targets": [{"provider": name}]} for name in HOSTS}
    models["groq-mistral"] = {"targets": [{"provider": name, "model": "m"} for name in ("groq", "mistral")]}
    role = {"role": "gateway", "models": models, "providers": {name: {} for name in HOSTS}, "first_token_timeout": "30s"}
    client = Client(start_for_all(render(role, upstreams)).url)
    yield client
    client.close()


def history(text):
    call = {"id": "call_0fypS1hVX", "type": "function", "function": {"name": "weather", "arguments": "{}"}}
    return [
        {"role": "developer", "content": "Be brief."},
        {"role": "user", "name": "ann", "content": text},
        {"role": "assistant", "content": None, "tool_calls": [call]},
        {"role": "tool", "tool_call_id": "call_0fypS1hVX", "content": LONG},
        {"role": "user", "content": "And?"},
    ]


@pytest.mark.parametrize("stream", [False, True])
def test_mistral_gets_its_own_ids_names_and_order(client, fakes, stream):
    text = marker()
    body = {"model": "mistral/m", "messages": history(text), "tools": [TOOL], "seed": 7, "user": "u", "stream": stream}
    reply = client.send("POST", "/v1/chat/completions", json=body)
    assert (reply.status, reply.headers["x-llm-dropped"]) == (200, "user,messages[].name")
    (seen,) = fakes["mistral"].asked(text)
    assert seen.path == "/v1/chat/completions"
    sent = seen.json
    assert (sent["model"], sent["random_seed"], sent.get("seed"), sent.get("stream_options")) == ("m", 7, None, None)
    assert [message["role"] for message in sent["messages"]] == ["system", "user", "assistant", "tool", "assistant", "user"]
    call, result = sent["messages"][2]["tool_calls"][0], sent["messages"][3]
    assert call["id"] == result["tool_call_id"] and len(call["id"]) == 9
    assert result["content"] == LONG
    assert (reply.answer.done, reply.answer.finish) == (True, "tool_calls")


def test_azure_s_deployment_stands_in_the_path(client, fakes):
    text = marker()
    assert client.chat(text, "azure/my-gpt").status == 200
    (seen,) = fakes["azure"].asked(text)
    assert seen.path == "/openai/deployments/my-gpt/chat/completions?api-version=2024-10-21"


def test_a_host_that_cannot_take_the_request_is_passed_over(client, fakes):
    text = marker()
    body = {"model": "groq-mistral", "messages": [{"role": "user", "content": text}], "n": 2}
    reply = client.send("POST", "/v1/chat/completions", json=body)
    assert (reply.status, reply.headers["x-llm-provider"], reply.headers["x-llm-attempts"]) == (200, "mistral", "1")
    (seen,) = fakes["mistral"].asked(text)
    assert seen.json["n"] == 2
