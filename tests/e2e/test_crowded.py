"""Bodies that are small as text and would be huge in memory: refused in both directions, and no worker is lost."""

from pathlib import Path

import pytest

from fake.client import Client, ask
from fake.gateway import render
from fake.world import role

SIZE = 15 << 20


@pytest.fixture(scope="module")
def gateway(start_new, upstreams):
    """An Envoy of its own, whose memory nothing else has used."""
    return start_new(render(role(), upstreams))


@pytest.fixture(scope="module")
def client(gateway):
    return Client(gateway.url)


def memory(gateway) -> int:
    """The most that Envoy has ever held. Units: bytes."""
    status = Path(f"/proc/{gateway.process.pid}/status").read_text()
    return int(status.split("VmHWM:")[1].split()[0]) << 10


def full(head: str, unit: str, tail: str) -> bytes:
    """As many units as go into the largest body."""
    count = (SIZE - len(head) - len(tail)) // (len(unit) + 1)
    return (head + ",".join([unit] * count) + tail).encode()


CHAT, MESSAGES, RESPONSES = "/v1/chat/completions", "/v1/messages", "/v1/responses"
USER = '{"model":"%s","messages":[{"role":"user","content":'
LISTS = {
    "messages": (CHAT, '{"model":"%s","messages":[', "]}"),
    "parts": (CHAT, USER + "[", "]}]}"),
    "tools": (CHAT, USER + '"a"}],"tools":[', "]}"),
    "tool calls": (CHAT, '{"model":"%s","messages":[{"role":"assistant","tool_calls":[', "]}]}"),
    "an unknown field": (CHAT, USER + '"a"}],"x":[', "]}"),
    "blocks": (MESSAGES, '{"max_tokens":9,' + USER[1:] + "[", "]}]}"),
    "input": (RESPONSES, '{"model":"%s","input":[', "]}"),
    "prompts": ("/v1/completions", '{"model":"%s","prompt":[', "]}"),
    "texts to embed": ("/v1/embeddings", '{"model":"%s","input":[', "]}"),
    "documents": ("/v1/rerank", '{"model":"%s","query":"a","documents":[', "]}"),
    "texts to count": ("/gateway/tokens", '{"model":"%s","messages":[', "]}"),
    "images": ("/v1/images/generations", '{"model":"%s","prompt":"a","x":[', "]}"),
}


@pytest.mark.parametrize("model", ["anthropic/x", "openai-anthropic"])
@pytest.mark.parametrize("unit", ["{}", '{"role":"user"}'])
@pytest.mark.parametrize("case", LISTS)
def test_a_list_of_objects_without_end_is_refused(gateway, client, case, unit, model):
    path, head, tail = LISTS[case]
    reply = client.send("POST", path, content=full(head % model, unit, tail), headers={"content-type": "application/json"})
    assert reply.status == 400, reply.body
    assert "too many objects and lists (65536 are allowed)" in reply.json["error"]["message"]
    assert client.chat(model=model).status == 200
    assert memory(gateway) < 500 << 20


@pytest.mark.parametrize("stream", [False, True])
@pytest.mark.parametrize("model", ["openai/x", "anthropic/x", "openai-anthropic"])
def test_a_list_of_objects_without_end_is_no_answer(gateway, client, model, stream):
    reply = client.chat("[[openai crowded]][[anthropic crowded]]", model, stream=stream)
    assert (reply.status, reply.json["error"]["code"]) == (502, "provider_failed")
    assert client.ask(CHAT, ask(model=model)).status == 200
    assert memory(gateway) < 700 << 20


def cpu(gateway) -> float:
    """Seconds of CPU that Envoy has taken."""
    tasks = Path(f"/proc/{gateway.process.pid}/task").iterdir()
    return sum(int((task / "schedstat").read_text().split()[0]) for task in tasks) / 1e9


REFERENCES = {"type": "object", "anyOf": [{"$ref": "#/$defs/a"}] * 8000, "$defs": {"a": {"x-a": [1] * 130_000}}}
COSTLY = {
    "an image of white space": {"messages": [{"role": "user", "content": [{"type": "image_url", "image_url": {"url": "data:," + " " * (4 << 20) + "\n"}}]}]},
    "a system prompt of one word": {"messages": [{"role": "system", "content": "a" * (2 << 20)}, {"role": "user", "content": "x"}]},
    "keys of a message": {"messages": [{"role": "user", "content": "x"} | {f"k{at}": 1 for at in range(60_000)}]},
    "references to a large definition": {"tools": [{"type": "function", "function": {"name": "f", "parameters": REFERENCES}}]},
}


@pytest.fixture(scope="module")
def quick(start_new, upstreams):
    """Where everything is looked at: the words of the system prompt too, and requests are made for hosts with rules of their own."""
    guards = [{"name": "prompt", "system_prompt": True, "on": "output", "action": "warn"}]
    models = {"m": {"targets": [{"provider": "openai"}, {"provider": "mistral", "model": "x"}, {"provider": "gemini", "model": "x"}]}}
    providers = {"openai": {}, "mistral": {"cluster": "openai"}, "gemini": {"cluster": "openai"}}
    return start_new(render(role(guards=guards, models=models, providers=providers), upstreams))


@pytest.mark.parametrize("case", COSTLY)
def test_no_small_request_keeps_a_worker_busy_for_seconds(quick, case):
    """Each took from several seconds to minutes when its time grew with the square of its size."""
    client, before = Client(quick.url), cpu(quick)
    reply = client.send("POST", CHAT, json=ask(model="m") | COSTLY[case])
    assert reply.status in (200, 400), reply.body
    assert cpu(quick) - before < 3
