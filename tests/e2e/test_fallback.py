"""Before the first token a provider's failure is invisible: the next in the plan answers."""

import json
from concurrent.futures import ThreadPoolExecutor

import pytest

from fake.client import Client, Gathered, marker
from fake.dialects import OpenAI

TEXT = "Grüße, 世界 🎉!"
BOTH, WHOLE, STREAM = (False, True), (False,), (True,)

# What the first provider does; for which answers; the status and the reason in the record.
FAILURES = [
    ("status 500", BOTH, 500, "provider_failed"),
    ("status 500 html", BOTH, 500, "provider_failed"),
    ("status 502 empty", BOTH, 502, "provider_failed"),
    ("status 503", BOTH, 503, "provider_overloaded"),
    ("status 503 truncated", BOTH, 503, "provider_overloaded"),
    ("status 504 binary", BOTH, 504, "provider_timeout"),
    ("status 529", BOTH, 529, "provider_overloaded"),
    ("status 529 empty", BOTH, 529, "provider_overloaded"),
    ("status 429 json retry-after=7", BOTH, 429, "rate_limit_exceeded"),
    ("status 429 html", BOTH, 429, "rate_limit_exceeded"),
    ("status 408", BOTH, 408, "provider_timeout"),
    ("status 401", BOTH, 401, "provider_auth_failed"),
    ("status 402 html", BOTH, 402, "provider_auth_failed"),
    ("status 403", BOTH, 403, "provider_auth_failed"),
    ("status 404", BOTH, 404, "model_not_found"),
    ("status 404 html", BOTH, 404, "model_not_found"),
    ("status 302 html location=http://127.0.0.1:1/", BOTH, 302, "provider_failed"),
    ("status 204 empty", BOTH, 204, "provider_failed"),
    ("status 200 html", BOTH, 200, "provider_failed"),
    ("reset", BOTH, None, "no_answer"),
    ("cut-in-body", WHOLE, None, "no_answer"),
    ("error-event-first", STREAM, 200, {"openai": "rate_limit_exceeded", "anthropic": "provider_overloaded"}),
    ("error-event-after-opening", STREAM, 200, {"openai": "rate_limit_exceeded", "anthropic": "provider_overloaded"}),
    ("end-at-once", STREAM, 200, "provider_failed"),
    ("garbage", BOTH, 200, "provider_failed"),
    ("deep", BOTH, 200, "provider_failed"),
    ("empty", BOTH, 200, "provider_failed"),
    ("not-utf8", WHOLE, 200, "provider_failed"),
    ("ok-with-error-body", BOTH, 200, "provider_failed"),
    ("gzip-anyway", BOTH, 200, "provider_failed"),
]
MATRIX = [
    pytest.param(
        first,
        script,
        stream,
        status,
        reason if isinstance(reason, str) else reason[first],
        id=f"{first}-{script}-{'stream' if stream else 'whole'}",
    )
    for first in ("openai", "anthropic")
    for script, modes, status, reason in FAILURES
    for stream in modes
]
SECOND = {"openai": "anthropic", "anthropic": "openai"}
MODEL = {"openai": "gpt-test", "anthropic": "claude-test"}
SERVED = {"openai": "gpt-test-2026-01-01", "anthropic": "claude-test-20260101"}
ATTEMPT = ("provider", "model", "status", "reason")


def attempts(record: dict) -> list[tuple]:
    return [tuple(attempt[key] for key in ATTEMPT) for attempt in json.loads(record["attempts"])]


def one_clean_answer(reply, second: str, stream: bool) -> None:
    usage = (reply.answer.usage or {}).get("total_tokens")
    gathered = reply.answer
    gathered.usage = None
    assert (reply.status, reply.cut, gathered) == (
        200, False, Gathered(TEXT, [], "stop", None, SERVED[second], None, True),
    )  # fmt: skip
    assert usage == (None if stream else 18)
    assert (reply.headers["x-llm-provider"], reply.headers["x-llm-attempts"]) == (second, "2")
    assert "x-llm-failed" not in reply.headers


@pytest.mark.parametrize(("first", "script", "stream", "status", "reason"), MATRIX)
def test_a_failure_before_the_first_token_moves_on(gateway, client, first, script, stream, status, reason):
    second = SECOND[first]
    reply = client.chat(f"[[{first} {script}]]", f"{first}-{second}", stream=stream)
    one_clean_answer(reply, second, stream)
    record = gateway.record(reply.id)
    assert attempts(record) == [
        (first, MODEL[first], status, reason),
        (second, MODEL[second], 200, None),
    ]
    told = {key: record[key] for key in ("provider", "served_model", "attempt_count", "outcome", "finish")}
    assert told == {
        "provider": second,
        "served_model": SERVED[second],
        "attempt_count": "2",
        "outcome": "ok",
        "finish": "stop",
    }


@pytest.mark.parametrize("stream", BOTH, ids=["whole", "stream"])
@pytest.mark.parametrize("first", ["openai", "anthropic"])
def test_a_refused_connection_moves_on(gateway, client, first, stream):
    second = SECOND[first]
    reply = client.chat(model=f"refused-{first}-{second}", stream=stream)
    one_clean_answer(reply, second, stream)
    assert attempts(gateway.record(reply.id))[0] == (f"no-{first}", MODEL[first], None, "no_answer")


@pytest.mark.parametrize(
    ("script", "stream"),
    [
        ("hang", False),
        ("hang", True),
        ("hang-after-headers", False),
        ("hang-after-headers", True),
        ("hang-in-body", False),
        ("only-comments", True),
    ],
)
@pytest.mark.parametrize("first", ["openai", "anthropic"])
def test_a_provider_that_hangs_before_the_first_token_is_left(gateway, client, first, script, stream, providers):
    second, text = SECOND[first], marker()
    reply = client.chat(f"{text}[[{first} {script}]]", f"impatient-{first}-{second}", stream=stream)
    one_clean_answer(reply, second, stream)
    hung, answered = json.loads(gateway.record(reply.id)["attempts"])
    assert (hung["status"], hung["reason"], answered["reason"]) == (None, "no_answer", None)
    assert 900 <= hung["ms"] <= 3000
    assert providers[first].asked(text)[0].closed.wait(5), "the hanging connection was kept"


def test_the_first_token_timeout_is_not_the_whole_answer_s(client):
    reply = client.chat("[[openai slow 1.5]]", "unhurried")
    assert (reply.status, reply.answer.content) == (200, TEXT)


def test_the_answer_timeout_is_not_the_stream_s(client):
    reply = client.chat("[[openai slow 0.3]]", "hurried", stream=True)
    assert (reply.answer.content, reply.answer.done) == (TEXT, True)


def test_a_stream_may_take_longer_than_its_first_token(client):
    """8 events, 300 ms apart; the first has no content, so the first token takes 600 ms of 1 s."""
    reply = client.chat("[[openai slow 0.3]]", "unhurried", stream=True)
    assert (reply.answer.content, reply.answer.done) == (TEXT, True)


@pytest.mark.parametrize("first", ["openai", "anthropic"])
def test_a_400_is_the_client_s_and_is_not_tried_again(client, gateway, first, providers):
    second, text = SECOND[first], marker()
    reply = client.chat(f"{text}[[{first} status 400]]", f"{first}-{second}")
    assert (reply.status, reply.error["type"]) == (400, "invalid_request_error")
    assert "provider says 400" in reply.error["message"]
    assert (len(providers[first].asked(text)), len(providers[second].asked(text))) == (1, 0)
    assert gateway.record(reply.id)["outcome"] == "error"


def test_a_plan_may_name_a_provider_twice_with_different_models(client, gateway, openai_provider):
    text = marker()
    reply = client.chat(f"{text}[[m1 status 503]]", "twice")
    assert (reply.status, reply.headers["x-llm-model"]) == (200, "m2-2026-01-01")
    assert [seen.json["model"] for seen in openai_provider.asked(text)] == ["m1", "m2"]
    assert attempts(gateway.record(reply.id)) == [
        ("openai", "m1", 503, "provider_overloaded"),
        ("openai", "m2", 200, None),
    ]


def test_every_attempt_starts_from_the_original(client, openai_provider, anthropic_provider):
    text = marker()
    client.chat(f"{text}[[anthropic status 503]]", "anthropic-openai", seed=7)
    (seen,) = openai_provider.asked(text)
    assert seen.json == {
        "model": "gpt-test",
        "messages": [{"role": "user", "content": f"{text}[[anthropic status 503]]"}],
        "seed": 7,
    }
    assert seen.path == "/v1/chat/completions"


# Both attempts fail: the scripts, and the status, code and message of the one error.
LOST = [
    ("status 429 json retry-after=30", "status 429 json retry-after=7", 429, "rate_limit_exceeded",
     "openai (gpt-test) 429 rate_limit_exceeded; anthropic (claude-test) 429 rate_limit_exceeded"),
    ("status 500 html", "status 500", 500, "provider_failed",
     "openai (gpt-test) 500 provider_failed; anthropic (claude-test) 500 provider_failed"),
    ("status 503 empty", "status 529", 503, "provider_overloaded",
     "openai (gpt-test) 503 provider_overloaded; anthropic (claude-test) 529 provider_overloaded"),
    ("status 401", "status 403", 502, "provider_auth_failed",
     "openai (gpt-test) 401 provider_auth_failed; anthropic (claude-test) 403 provider_auth_failed"),
    ("status 404", "status 404", 404, "model_not_found",
     "openai (gpt-test) 404 model_not_found; anthropic (claude-test) 404 model_not_found"),
    ("status 503", "status 429", 502, "provider_failed",
     "openai (gpt-test) 503 provider_overloaded; anthropic (claude-test) 429 rate_limit_exceeded"),
    ("reset", "status 500", 502, "provider_failed",
     "openai (gpt-test) could not be reached; anthropic (claude-test) 500 provider_failed"),
    ("status 500", "reset", 502, "provider_failed",
     "openai (gpt-test) 500 provider_failed; anthropic (claude-test) could not be reached"),
    ("reset", "reset", 502, "provider_failed",
     "openai (gpt-test) could not be reached; anthropic (claude-test) could not be reached"),
]  # fmt: skip


@pytest.mark.parametrize("stream", BOTH, ids=["whole", "stream"])
@pytest.mark.parametrize(("one", "two", "status", "code", "tried"), LOST)
def test_when_every_attempt_fails_one_error_names_them_all(gateway, client, one, two, status, code, tried, stream):
    reply = client.chat(f"[[openai {one}]] [[anthropic {two}]]", stream=stream)
    assert (reply.status, reply.cut, reply.error["code"]) == (status, False, code)
    assert reply.error["message"] == f"No provider could answer `openai-anthropic`. Tried: {tried}."
    assert (reply.headers["x-should-retry"], reply.headers["x-llm-attempts"]) == ("false", "2")
    assert reply.headers.get("retry-after") == ("7" if status == 429 or "429" in two and "7" in two else None)
    record = gateway.record(reply.id)
    assert (record["status"], record["outcome"], record["attempt_count"]) == (status, "error", "2")
    assert (record["reason"], record["total_tokens"]) == (code, None)


@pytest.mark.parametrize("stream", BOTH, ids=["whole", "stream"])
def test_when_nobody_answers_in_time_it_is_a_504(client, stream):
    reply = client.chat("[[openai hang]] [[anthropic hang]]", "impatient-openai-anthropic", stream=stream)
    assert (reply.status, reply.error["code"]) == (504, "provider_timeout")
    assert reply.error["message"] == (
        "No provider could answer `impatient-openai-anthropic`. Tried: openai (gpt-test) did not answer within 1000 ms; "
        "anthropic (claude-test) did not answer within 1000 ms."
    )
    assert reply.headers["x-should-retry"] == "false"


def test_when_every_connection_is_refused_it_is_a_502(client):
    reply = client.chat(model="refused-by-all")
    assert (reply.status, reply.error["code"], reply.error["message"]) == (
        502,
        "provider_failed",
        "No provider could answer `refused-by-all`. Tried: no-openai (gpt-test) could not be reached; "
        "no-anthropic (claude-test) could not be reached.",
    )


@pytest.mark.parametrize("stream", BOTH, ids=["whole", "stream"])
def test_a_single_provider_s_failure_is_told_too(client, stream):
    reply = client.chat("[[anthropic status 529]]", "anthropic/claude-test", stream=stream)
    assert (reply.status, reply.error["message"]) == (
        503,
        "No provider could answer `anthropic/claude-test`. Tried: anthropic (claude-test) 529 provider_overloaded.",
    )


@pytest.mark.parametrize("stream", BOTH, ids=["whole", "stream"])
def test_of_200_fallbacks_50_at_a_time_all_are_answered(client, stream):
    def one(number: int) -> tuple[int, str, str]:
        first, second = ("openai", "anthropic") if number % 2 else ("anthropic", "openai")
        reply = client.chat(f"[[{first} status 503]]", f"{first}-{second}", stream=stream)
        return reply.status, reply.headers["x-llm-provider"] == second, reply.answer.content

    with ThreadPoolExecutor(50) as pool:
        answers = list(pool.map(one, range(200)))
    assert answers == [(200, True, TEXT)] * 200


@pytest.fixture(scope="module")
def providers(openai_provider, anthropic_provider):
    return {"openai": openai_provider, "anthropic": anthropic_provider}


def test_the_fake_says_what_the_tests_expect():
    assert "".join(json.loads(OpenAI.whole({"model": "m"}))["choices"][0]["message"]["content"]) == TEXT
