"""Streams that are odd but right pass; streams that break after the first token end in an error, never in [DONE]."""

import json
import socket
import time

import pytest

from fake.client import Client, Gathered, ask, marker, more

TEXT = "Grüße, 世界 🎉!"
BOTH = pytest.mark.parametrize("provider", ["openai", "anthropic"])
MODEL = {"openai": "gpt-test", "anthropic": "claude-test"}
SERVED = {"openai": "gpt-test-2026-01-01", "anthropic": "claude-test-20260101"}


def ask_stream(client: Client, provider: str, script: str, **more):
    return client.chat(f"[[{provider} {script}]]", f"{provider}/{MODEL[provider]}", stream=True, **more)


@BOTH
@pytest.mark.parametrize(
    "script",
    ["trickle", "crlf", "comments", "multi-line-data", "no-final-blank-line", "not-sse", "slow 0.05"],
)
def test_an_odd_stream_is_a_good_answer(gateway, client, provider, script):
    reply = ask_stream(client, provider, script, stream_options={"include_usage": True})
    answer = reply.answer
    usage, answer.usage = answer.usage, None
    assert (reply.status, reply.cut) == (200, False)
    assert answer == Gathered(TEXT, [], "stop", None, SERVED[provider], None, True)
    assert usage["total_tokens"] == 18
    record = gateway.record(reply.id)
    assert (record["outcome"], record["finish"], record["total_tokens"]) == ("ok", "stop", "18")


def test_a_stream_of_openai_without_its_done_gets_one(client):
    """Many compatible hosts leave it out; the finish reason says that the answer is complete."""
    reply = ask_stream(client, "openai", "no-done")
    assert (reply.answer.content, reply.answer.finish, reply.events[-1]) == (TEXT, "stop", "[DONE]")


def test_a_stream_of_anthropic_without_its_last_event_is_not_complete(client):
    answer = ask_stream(client, "anthropic", "no-done").answer
    assert (answer.content, answer.done, answer.error["code"]) == (TEXT, False, "provider_failed")


@BOTH
def test_what_follows_the_last_event_belongs_to_no_answer(gateway, client, provider):
    reply = ask_stream(client, provider, "more-after-done")
    answer = reply.answer
    assert (answer.content, answer.finish, answer.done, reply.cut) == (TEXT, "stop", True, False)
    record = gateway.record(reply.id)
    assert (record["outcome"], record["finish"]) == ("ok", "stop")


@pytest.mark.parametrize("script", ["trickle", "crlf", "comments", "multi-line-data"])
def test_an_odd_stream_of_openai_keeps_its_bytes(client, openai_provider, script):
    text = marker()
    reply = ask_stream(client, "openai", f"{script}]]{text}[[", stream_options={"include_usage": True})
    (seen,) = openai_provider.asked(text)
    assert reply.body == bytes(seen.sent)


@BOTH
def test_a_trickled_whole_answer_is_a_good_answer(client, provider):
    reply = client.chat(f"[[{provider} trickle]]", f"{provider}/{MODEL[provider]}")
    assert (reply.status, reply.answer.content, reply.answer.finish) == (200, TEXT, "stop")


@BOTH
@pytest.mark.parametrize("stream", [False, True], ids=["whole", "stream"])
def test_an_answer_of_three_megabytes_arrives(client, provider, stream):
    reply = client.chat(f"[[{provider} huge]]", f"{provider}/{MODEL[provider]}", stream=stream)
    assert (reply.status, reply.cut, len(reply.answer.content)) == (200, False, 3_000_000 + len(TEXT) - 1)
    assert reply.answer.done


@BOTH
def test_an_answer_beyond_every_limit_is_an_error_and_not_half_an_answer(gateway, client, provider):
    reply = client.chat(f"[[{provider} huge 40000000]]", f"{provider}/{MODEL[provider]}")
    assert (reply.status, reply.error["type"]) == (502, "provider_error")


@BOTH
@pytest.mark.parametrize("script", ["error-event-later", "end-early"])
def test_a_stream_that_fails_after_the_first_token_ends_in_an_error(gateway, client, provider, script):
    said = {"openai": "rate_limit_exceeded", "anthropic": "provider_overloaded"}[provider]
    code = said if script == "error-event-later" else "provider_failed"
    reply = ask_stream(client, provider, script)
    answer = reply.answer
    assert (reply.status, reply.cut, answer.done, answer.finish) == (200, False, False, None)
    assert answer.content and TEXT.startswith(answer.content)
    assert json.loads(reply.events[-1])["error"] == answer.error
    assert (list(answer.error), answer.error["code"]) == (["message", "type", "param", "code"], code)
    record = gateway.record(reply.id)
    assert (record["outcome"], record["finish"], record["attempt_count"]) == ("partial", "error", "1")


@BOTH
def test_nothing_follows_an_error_that_a_stream_begins_with(gateway, provider):
    """It has a length, and the client's connection goes on to the next answer."""
    content = f"[[{provider} refusal-event-first]]"
    body = json.dumps(ask(content, f"{provider}/{MODEL[provider]}", stream=True)).encode()
    head = f"POST /v1/chat/completions HTTP/1.1\r\nhost: a\r\ncontent-type: application/json\r\ncontent-length: {len(body)}\r\n\r\n"
    with socket.create_connection(("127.0.0.1", gateway.port), 20) as line, line.makefile("rb") as answers:

        def answer():
            line = answers.readline()
            assert line.startswith(b"HTTP/1.1 "), line
            headers = dict(named.lower().split(b": ", 1) for named in iter(lambda: answers.readline().strip(), b""))
            return line.split(b" ")[1], answers.read(int(headers[b"content-length"]))

        line.sendall(head.encode() + body + b"GET /healthz HTTP/1.1\r\nhost: a\r\n\r\n")
        status, said = answer()
        assert (status, json.loads(said)["error"]["type"]) == (b"400", "invalid_request_error")
        assert answer()[0] == b"200"


@BOTH
def test_a_stream_cut_after_the_first_token_is_cut_for_the_client(gateway, client, provider):
    reply = ask_stream(client, provider, "cut-midstream")
    answer = reply.answer
    assert (reply.status, reply.cut, answer.done) == (200, True, False)
    assert answer.content and TEXT.startswith(answer.content)
    assert gateway.record(reply.id)["outcome"] == "partial"


def test_what_a_cut_stream_had_cost_is_in_the_record(gateway, client):
    """Anthropic tells the prompt's tokens in its first event."""
    reply = ask_stream(client, "anthropic", "cut-midstream")
    assert gateway.record(reply.id)["input_tokens"] == "11"


@BOTH
def test_characters_that_are_not_utf8_do_no_harm(gateway, client, provider):
    reply = ask_stream(client, provider, "not-utf8")
    assert reply.status == 200
    assert gateway.record(reply.id)["attempt_count"] == "1"


@BOTH
@pytest.mark.parametrize("script", ["hang-midstream", "hang-after-headers", "hang"])
def test_a_client_that_leaves_closes_the_provider_s_connection(gateway, provider, script, request):
    fake, text = request.getfixturevalue(f"{provider}_provider"), marker()
    body = {
        "model": f"{provider}/{MODEL[provider]}",
        "stream": True,
        "messages": [{"role": "user", "content": f"{text}[[{provider} {script}]]"}],
    }
    data = json.dumps(body).encode()
    head = "POST /v1/chat/completions HTTP/1.1\r\nhost: x\r\ncontent-type: application/json\r\n"
    with socket.create_connection(("127.0.0.1", gateway.port), timeout=10) as sock:
        sock.sendall(f"{head}content-length: {len(data)}\r\n\r\n".encode() + data)
        if script == "hang-midstream":
            got = b""
            while b"Gr" not in got:
                got += more(sock)
        else:
            until(lambda: fake.asked(text))
    (seen,) = fake.asked(text)
    assert seen.closed.wait(10), "the provider went on for nobody"
    record = gateway.record_where(model=body["model"], envoy_flags="DC", bytes_received=len(data))
    assert record["outcome"] == "cancelled"


def until(condition, patience: float = 10) -> None:
    end = time.monotonic() + patience
    while not condition():
        assert time.monotonic() < end, "it did not happen"
        time.sleep(0.01)


@BOTH
def test_a_compressed_answer_does_no_harm(client, provider):
    reply = client.chat(f"[[{provider} gzip-anyway]]", f"{provider}/{MODEL[provider]}")
    assert (reply.status, reply.error["code"]) == (502, "provider_failed")
    assert "content-encoding" not in reply.headers


@BOTH
def test_answers_are_asked_for_uncompressed(client, provider, request):
    fake, text = request.getfixturevalue(f"{provider}_provider"), marker()
    client.chat(text, f"{provider}/{MODEL[provider]}", headers={"accept-encoding": "gzip, br"})
    assert fake.asked(text)[0].headers["accept-encoding"] == "identity"
