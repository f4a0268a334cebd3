"""What requests cost, to the micro-dollar, in the access log of a real Envoy.

The fakes count 11 prompt tokens, 3 of them cached, and 7 of the answer, 2 of them reasoning, each in its dialect's way.
"""

import json
import socket

import pytest

from fake import world
from fake.client import Client, marker, more
from fake.gateway import render

# Whole thousandths of a dollar a token: no rounding hides what is counted twice.
INFO = {
    "gpt-test": {"input_usd_per_million": 1000, "cached_input_usd_per_million": 100, "output_usd_per_million": 2000},
    "anthropic/claude-test": {
        "input_usd_per_million": 3000,
        "cached_input_usd_per_million": "300.0",
        "output_usd_per_million": 15000,
    },
    "gpt-thinker": {
        "input_usd_per_million": 1000,
        "output_usd_per_million": 2000,
        "reasoning_usd_per_million": 5000,
    },
    "gpt-like": {"like": "openai/gpt-4o"},
    "gpt-house-*": {"free": True},
}
GPT = 8 * 1000 + 3 * 100 + 7 * 2000
CLAUDE = 8 * 3000 + 3 * 300 + 7 * 15000
# What Anthropic's first event tells: the prompt, and one token of the answer.
CLAUDE_BEGUN = 8 * 3000 + 3 * 300 + 15000
# The first half of its text, as the gateway counts it for Claude.
HALF_SAID = 9 * 15000
KEYS = ("cost_usd_micros", "waste_usd_micros", "price")
STREAM = pytest.mark.parametrize("stream", [False, True])


@pytest.fixture(scope="module")
def gateway(start_for_all, upstreams):
    return start_for_all(render(world.role(model_info=INFO), upstreams))


@pytest.fixture(scope="module")
def client(gateway):
    client = Client(gateway.url)
    yield client
    client.close()


def bill(gateway, reply) -> tuple:
    record = gateway.record(reply.id)
    return tuple(record[key] for key in KEYS)


@STREAM
@pytest.mark.parametrize(
    ("model", "cost"),
    [
        # As listed: 8 at 2.5, 3 at 1.25, 7 at 10 make 93.75; 8 at 5, 3 at 0.5, 7 at 25 make 216.5, and halves go up.
        ("openai/gpt-4o", 94),
        ("anthropic/claude-opus-4-5", 217),
        # As configured.
        ("openai/gpt-test", GPT),
        ("anthropic/claude-test", CLAUDE),
        ("openai/gpt-like", 94),
        ("openai/gpt-house-7", 0),
        # Without a price of its own the cache costs as much as the rest; reasoning is part of the answer.
        ("openai/gpt-thinker", 11 * 1000 + 5 * 2000 + 2 * 5000),
    ],
)
def test_an_answer_s_cost_is_exact(gateway, client, model, cost, stream):
    reply = client.chat(marker(), model, stream=stream)
    assert reply.status == 200
    assert bill(gateway, reply) == (str(cost), None, "known")


@STREAM
def test_an_unknown_price_lets_the_request_pass_and_is_counted(gateway, client, stream):
    def counted():
        return gateway.stats("price_unknown").get("wasmcustom.llm.price_unknown", 0)

    before = counted()
    reply = client.chat(marker(), "openai/gpt-nobody-lists", stream=stream)
    assert (reply.status, bill(gateway, reply)) == (200, (None, None, "unknown"))
    assert counted() == before + 1
    assert gateway.record(reply.id)["total_tokens"] == "18"


def test_a_failed_attempt_that_used_something_is_waste(gateway, client):
    reply = client.chat("[[anthropic error-event-after-opening]]", "anthropic-openai", stream=True)
    assert bill(gateway, reply) == (str(GPT), str(CLAUDE_BEGUN), "known")
    first, second = json.loads(gateway.record(reply.id)["attempts"])
    assert first["waste_usd_micros"] == CLAUDE_BEGUN
    assert (first["used"]["input"], first["used"]["cached"], first["used"]["output"]) == (11, 3, 1)
    assert "waste_usd_micros" not in second and "used" not in second


@STREAM
def test_a_failed_attempt_that_used_nothing_is_no_waste(gateway, client, stream):
    reply = client.chat("[[anthropic status 529]]", "anthropic-openai", stream=stream)
    assert bill(gateway, reply) == (str(GPT), None, "known")


def test_when_every_attempt_failed_there_is_only_waste(gateway, client):
    script = "[[anthropic error-event-after-opening]][[openai status 500]]"
    reply = client.chat(script, "anthropic-openai", stream=True)
    assert reply.status >= 500
    assert bill(gateway, reply) == (None, str(CLAUDE_BEGUN), None)


def test_an_attempt_that_ran_out_of_time_is_waste(gateway, client):
    reply = client.chat("[[anthropic slow 0.9]]", "impatient-anthropic-openai", stream=True)
    record = gateway.record(reply.id)
    assert record["attempt_count"] == "2", record
    assert bill(gateway, reply) == (str(GPT), str(CLAUDE_BEGUN), "known")


def test_a_stream_that_broke_off_is_charged_by_what_was_seen(gateway, client):
    reply = client.chat("[[anthropic error-event-later]]", "anthropic/claude-test", stream=True)
    assert gateway.record(reply.id)["outcome"] == "partial"
    assert bill(gateway, reply) == (str(CLAUDE_BEGUN + HALF_SAID), None, "known")


@pytest.mark.parametrize("script", ["hang-midstream", "slow 2"])
def test_a_client_who_leaves_is_charged_by_what_was_seen(gateway, script, anthropic_provider):
    """In the midst of the answer, or while the attempt is still held because nothing has been said."""
    text = marker()
    message = {"role": "user", "content": f"{text}[[anthropic {script}]]"}
    data = json.dumps({"model": "anthropic/claude-test", "stream": True, "messages": [message]}).encode()
    head = "POST /v1/chat/completions HTTP/1.1\r\nhost: x\r\ncontent-type: application/json\r\n"
    with socket.create_connection(("127.0.0.1", gateway.port), timeout=20) as sock:
        sock.sendall(f"{head}content-length: {len(data)}\r\n\r\n".encode() + data)
        if script == "hang-midstream":
            got = b""
            while b"Gr" not in got:
                got += more(sock)
        else:
            sock.settimeout(3)
            with pytest.raises(TimeoutError):
                sock.recv(65536)
    record = gateway.record_where(model="anthropic/claude-test", envoy_flags="DC", bytes_received=len(data))
    assert record["outcome"] == "cancelled"
    cost, waste, price = (record[key] for key in KEYS)
    assert (waste, price) == (None, "known")
    # What was said last may not have been written yet.
    most = HALF_SAID if script == "hang-midstream" else 0
    assert CLAUDE_BEGUN <= int(cost) <= CLAUDE_BEGUN + most
