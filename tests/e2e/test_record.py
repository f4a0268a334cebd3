"""One line per request, and every field of it."""

import json

from fake.client import marker


def told(gateway, reply) -> dict:
    """The record without what differs from run to run, which is checked on the way."""
    record = dict(gateway.record(reply.id))
    assert record.pop("request_id") == reply.id
    assert record.pop("time").endswith("Z")
    assert record.pop("client") == "127.0.0.1"
    assert 0 <= record.pop("duration_ms") < 30_000
    assert record.pop("bytes_sent") == len(reply.body)
    assert record.pop("bytes_received") >= 0
    if record["ttft_ms"] is not None:
        assert 0 <= int(record.pop("ttft_ms")) < 30_000
    if record["tokens_estimate"] is not None:
        assert 0 < int(record.pop("tokens_estimate")) < 100
    for attempt in json.loads(record["attempts"] or "[]"):
        assert attempt["ms"] < 30_000 and attempt["at_ms"] > 1_700_000_000_000
    attempts = json.loads(record.pop("attempts") or "null")
    record["attempts"] = attempts and [
        {name: value for name, value in attempt.items() if name not in ("ms", "at_ms")} for attempt in attempts
    ]
    return record


NOTHING = {
    "method": "POST", "status": 200, "envoy_flags": "-", "envoy_details": "via_upstream", "operation": "chat",
    "stream": "0", "team": None, "user": None, "project": None, "key_id": None, "rule": None, "score": None, "cooling": None, "language": None, "mirror": None, "guard": None, "cache": "off", "reason": None,
    "cost_usd_micros": None, "waste_usd_micros": None, "price": "unknown",
    "usage_source": "provider", "tokens_class": "estimate", "tokenizer": "o200k_base",
}  # fmt: skip


def test_the_record_of_a_fallback_is_complete(gateway, client):
    reply = client.chat("[[openai status 429 json retry-after=3]]", stream=True)
    assert told(gateway, reply) == NOTHING | {
        "stream": "1",
        "model": "openai-anthropic",
        "route": "openai-anthropic:fallback",
        "provider": "anthropic",
        "dialect": "anthropic",
        "served_model": "claude-test-20260101",
        "attempts": [
            {
                "provider": "openai",
                "model": "gpt-test",
                "status": 429,
                "reason": "rate_limit_exceeded",
                "retry_after": "3",
            },
            {"provider": "anthropic", "model": "claude-test", "status": 200, "reason": None},
        ],
        "attempt_count": "2",
        "input_tokens": "11",
        "output_tokens": "7",
        "cached_tokens": "3",
        "reasoning_tokens": "0",
        "total_tokens": "18",
        "finish": "stop",
        "outcome": "ok",
    }


def test_the_record_of_a_whole_answer_is_complete(gateway, client):
    reply = client.chat(marker(), "gpt-5-nano")
    assert told(gateway, reply) == NOTHING | {
        "model": "gpt-5-nano",
        "route": "gpt-*:fallback",
        "provider": "openai",
        "dialect": "openai",
        "served_model": "gpt-5-nano-2026-01-01",
        "attempts": [{"provider": "openai", "model": "gpt-5-nano", "status": 200, "reason": None}],
        "attempt_count": "1",
        "ttft_ms": None,
        "input_tokens": "11",
        "output_tokens": "7",
        "cached_tokens": "3",
        "reasoning_tokens": "2",
        "total_tokens": "18",
        # 8 at 0.05, 3 at 0.005, 7 at 0.4.
        "cost_usd_micros": "3",
        "price": "known",
        "tokens_class": "exact",
        "finish": "stop",
        "outcome": "ok",
    }


def test_the_record_of_a_refused_request_says_why(gateway, client):
    reply = client.chat(model="nobody")
    record = told(gateway, reply)
    wanted = (
        "status",
        "operation",
        "model",
        "outcome",
        "reason",
        "attempts",
        "attempt_count",
        "provider",
        "total_tokens",
    )
    assert {name: record[name] for name in wanted} == {
        "status": 404, "operation": "chat", "model": "nobody", "outcome": "refused", "reason": "model_not_found",
        "attempts": None, "attempt_count": "0", "provider": None, "total_tokens": None,
    }  # fmt: skip


def test_the_time_to_the_first_token_is_measured(gateway, client):
    reply = client.chat("[[anthropic slow 0.1]]", "anthropic-openai", stream=True)
    record = gateway.record(reply.id)
    # Three events, 100 ms apart, come before the first that has content.
    assert 380 <= int(record["ttft_ms"]) < record["duration_ms"] - 250


def test_the_unknown_model_s_error_names_the_known_ones(client):
    error = client.chat(model="nobody").error
    assert (error["code"], error["param"]) == ("model_not_found", "model")
    for name in ("openai-anthropic", "gpt-*", "echo"):
        assert name in error["message"]


def test_the_record_says_how_an_attempt_s_answer_ended(gateway, client):
    def last(reply) -> tuple:
        record = gateway.record(reply.id)
        attempt = json.loads(record["attempts"])[-1]
        return record["outcome"], attempt["status"], attempt["reason"], attempt["ms"] is not None

    def ask(script: str):
        return client.chat(f"[[anthropic {script}]]", "anthropic-openai", stream=True)

    assert last(ask("ok")) == ("ok", 200, None, True)
    assert last(ask("cut-midstream")) == ("partial", 200, "broke_off", True)
    assert last(ask("error-event-later")) == ("partial", 200, "provider_overloaded", True)
