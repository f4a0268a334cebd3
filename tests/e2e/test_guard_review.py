"""Guards that are called about answers, on the real Envoy: whole and in windows, slow, broken and gone ones."""

import json
import socket
import threading
import time

import httpx
import pytest

from e2e.test_guard_external import called, plain_cluster, with_guards
from e2e.test_http2_provider import Provider, http_options
from fake.client import PLAIN, Client, marker
from fake.gateway import Upstream, render
from fake.guard import SLOWER, Guard
from fake.world import role

WINDOW = {"window": 40, "overlap": 10}


def reviewed(name, path, action="block", kind="webhook", **more):
    """A guard of answers for the model that has its name."""
    return called(name, path, action, kind, call=WINDOW | more.pop("call", {}), on="output", **more)


GUARDS = [
    reviewed("allow", "/allow"),
    reviewed("soon", "/allow", call={"window": 4, "overlap": 2}),
    reviewed("block", "/block"),
    reviewed("word", "/forbidden"),
    reviewed("mask", "/mask", "mask"),
    reviewed("find", "/find", "mask", "presidio"),
    reviewed("flag", "/flag", "warn", "openai_moderation"),
    reviewed("unsafe", "/unsafe", "block", "judge", call={"model": "llama-guard3"}),
    reviewed("slow", "/slower/allow", models=["gpt-both"]),
    reviewed("slower", "/slower/allow", models=["gpt-both"]),
    reviewed("late", "/slow/forbidden"),
    reviewed("hasty", "/slow/allow", timeout="100ms"),
    reviewed("open", "/slow/allow", timeout="100ms", on_error="allow"),
    reviewed("gone", "/allow", cluster="down"),
    {"name": "accounts", "detect": "IBAN_CODE", "on": "output", "action": "block", "models": ["gpt-soon"]},
    {"name": "mail", "detect": "EMAIL_ADDRESS", "action": "restore", "models": ["gpt-find", "gpt-allow"]},
]
STREAMS = pytest.mark.parametrize("stream", [False, True], ids=["whole", "stream"])
LONG = "The quick brown fox jumps over the lazy dog, and again. "


@pytest.fixture(scope="module")
def guard():
    guard = Guard()
    yield guard
    guard.stop()


@pytest.fixture(scope="module")
def gateway(start_for_all, upstreams, guard):
    return start_for_all(with_guards(upstreams, guard, GUARDS))


@pytest.fixture(scope="module")
def client(gateway):
    client = Client(gateway.url)
    yield client
    client.close()


def script(said, size=7, wait="0", kind="text"):
    return f"[[openai repeat {kind} {size} {wait}]] <<{said}>>"


@STREAMS
def test_an_answer_passes_when_its_guard_allows_it(gateway, client, guard, stream):
    text = marker()
    reply = client.chat(script(f"{text}. {LONG * 4}"), "gpt-allow", stream=stream)
    assert (reply.status, reply.answer.content, reply.answer.done) == (200, f"{text}. {LONG * 4}", True)
    assert "x-llm-guard" not in reply.headers
    record = gateway.record(reply.id)
    assert (record["outcome"], record["guard"]) == ("ok", None)
    asked = [body for _, _, body in guard.seen if body.get("id") == reply.id]
    first = asked[0]
    assert (first["direction"], first["rule"], first["model"]) == ("output", "allow", "gpt-allow")
    assert text in first["texts"][0] and first["question"].startswith("[[openai")
    if stream:
        assert [body["window"] for body in asked] == list(range(len(asked)))
        assert [body["last"] for body in asked][-1] is True
    else:
        assert len(asked) == 1 and "window" not in first


@pytest.mark.parametrize("size", [1, 5, 60])
def test_every_letter_is_seen_and_none_is_lost_however_a_stream_comes(client, guard, size):
    said = " ".join(str(number) for number in range(300))
    reply = client.chat(script(said, size), "gpt-allow", stream=True)
    assert (reply.answer.content, reply.answer.done, reply.cut) == (said, True, False)


@STREAMS
@pytest.mark.parametrize("name", ["block", "unsafe"])
def test_what_a_guard_blocks_does_not_reach_the_client(gateway, client, name, stream):
    reply = client.chat(script(f"Nobody shall see this. {LONG}"), f"gpt-{name}", stream=stream)
    assert b"Nobody" not in reply.body
    record = gateway.record(reply.id)
    assert (record["reason"], record["guard"]) == ("guardrail_blocked", f"{name}:block=1")
    if stream:
        assert (reply.status, reply.answer.content, reply.answer.done) == (200, "", False)
        assert reply.answer.error["code"] == "guardrail_blocked"
        assert (record["outcome"], record["finish"]) == ("partial", "error")
    else:
        assert (reply.status, reply.error["code"]) == (400, "guardrail_blocked")
        assert (record["outcome"], reply.headers["x-llm-guard"]) == ("refused", f"{name}:block=1")


@pytest.mark.parametrize("language", ["chat", "messages", "responses"])
@pytest.mark.parametrize("wait", ["0", "0.01"])
def test_a_stream_is_stopped_in_a_later_window_and_nothing_of_that_leaves(client, language, wait):
    said = script(f"{LONG * 3}forbidden. {LONG}", 6, wait)
    path, body = {
        "chat": ("/v1/chat/completions", {"messages": [{"role": "user", "content": said}]}),
        "messages": ("/v1/messages", {"max_tokens": 9, "messages": [{"role": "user", "content": said}]}),
        "responses": ("/v1/responses", {"input": said}),
    }[language]
    reply = client.ask(path, {"model": "gpt-word", "stream": True} | body)
    text = reply.body.decode()
    assert reply.status == 200
    assert "guardrail_blocked" in text or "`word`" in text
    assert "forbidden" not in said_in(language, text)
    if wait != "0":
        assert said_in(language, text).startswith("The quick brown fox"), "an earlier window has passed"


def said_in(language, text):
    events = [json.loads(line[6:]) for line in text.splitlines() if line.startswith("data: {")]
    if language == "chat":
        return "".join(choice["delta"].get("content") or "" for event in events for choice in event.get("choices", []))
    if language == "messages":
        return "".join(event["delta"].get("text", "") for event in events if event["type"] == "content_block_delta")
    return "".join(event["delta"] for event in events if event["type"] == "response.output_text.delta")


@STREAMS
@pytest.mark.parametrize("name, masked", [("mask", "***"), ("find", "[PERSON_1]")])
@pytest.mark.parametrize("language", ["chat", "messages", "responses"])
def test_what_a_guard_marks_is_masked_everywhere(client, language, name, masked, stream):
    said = f"It was Ann who said so. {LONG}Then Ann left, and Ann it was."
    asked = script(said, 4)
    path, body = {
        "chat": ("/v1/chat/completions", {"messages": [{"role": "user", "content": asked}]}),
        "messages": ("/v1/messages", {"max_tokens": 9, "messages": [{"role": "user", "content": asked}]}),
        "responses": ("/v1/responses", {"input": asked}),
    }[language]
    reply = client.ask(path, {"model": f"gpt-{name}", "stream": stream} | body)
    want, text = said.replace("Ann", masked), reply.body.decode()
    assert "Ann" not in text
    if stream:
        assert said_in(language, text) == want
        if language == "responses":
            assert [event["sequence_number"] for event in reply.named_events] == list(range(len(reply.named_events)))
    else:
        assert want in text and reply.headers["x-llm-guard"] == f"{name}:mask=1"
        assert int(reply.headers["content-length"]) == len(reply.body)


@STREAMS
def test_guards_of_answers_do_not_see_what_the_client_alone_may_know(client, guard, stream):
    said = f"Write to ann@example.com about Ann. {LONG}"
    reply = client.chat(script(said, 3), "gpt-find", stream=stream)
    assert reply.answer.content == said.replace("about Ann", "about [PERSON_1]")
    asked = [body for path, _, body in guard.seen if path == "/find" and "[EMAIL_1]" in json.dumps(body)]
    assert asked and "example.com" not in json.dumps(asked)


@STREAMS
def test_who_only_counts_changes_nothing(gateway, client, stream):
    reply = client.chat(script(LONG * 2), "gpt-flag", stream=stream)
    assert (reply.answer.content, reply.answer.done) == (LONG * 2, True)
    assert gateway.record(reply.id)["guard"].startswith("flag:warn=")


def test_who_only_counts_lets_the_first_words_pass_at_once(gateway):
    took = first_word(gateway, "gpt-flag", "Yes. And then it goes on.", "2")
    assert took < 3.6


def first_word(gateway, model, said, wait):
    body = {"model": model, "stream": True, "messages": [{"role": "user", "content": script(said, 5, wait)}]}
    with httpx.stream("POST", f"{gateway.url}/v1/chat/completions", json=body, timeout=30, **PLAIN) as answer:
        began = time.monotonic()
        for line in answer.iter_lines():
            if line.startswith("data: {") and json.loads(line[6:])["choices"][0]["delta"].get("content"):
                return time.monotonic() - began
    raise AssertionError("no word came")


def test_what_was_judged_leaves_before_the_provider_goes_on(gateway):
    """Two seconds lie between events: the first word leaves with the opinion about the second, not with the third."""
    assert first_word(gateway, "gpt-soon", "Yes, it is so and not otherwise.", "2") < 5.4


@STREAMS
def test_guards_are_asked_at_the_same_time(client, stream):
    start = time.monotonic()
    reply = client.chat(script("Short.", 9), "gpt-both", stream=stream)
    took = time.monotonic() - start
    assert (reply.answer.content, reply.answer.done) == ("Short.", True)
    print("two guards of one second:", f"{took:.3f}")
    assert SLOWER <= took < 2 * SLOWER


@STREAMS
@pytest.mark.parametrize("name", ["hasty", "gone"])
def test_an_answer_that_nobody_judges_in_time_does_not_pass(gateway, client, name, stream):
    reply = client.chat(script(LONG * 2), f"gpt-{name}", stream=stream)
    assert b"quick" not in reply.body
    error = reply.answer.error if stream else reply.error
    assert (reply.status, error["code"]) == (200 if stream else 503, "guardrail_unavailable")
    assert gateway.record(reply.id)["reason"] == "guardrail_unavailable"


@STREAMS
def test_on_error_allow_lets_it_pass_and_says_so(gateway, client, stream):
    reply = client.chat(script(LONG * 2), "gpt-open", stream=stream)
    assert (reply.answer.content, reply.answer.done) == (LONG * 2, True)
    assert gateway.record(reply.id)["guard"] == "open:unread=1"


def test_a_provider_that_is_cut_while_a_guard_thinks_leaves_nobody_waiting(gateway, client):
    text = marker()
    began = time.monotonic()
    reply = client.chat(f"{text}[[openai cut-midstream]]", "gpt-both", stream=True)
    assert time.monotonic() - began < 10
    assert reply.cut or reply.answer.error
    assert client.chat(script("Short."), "gpt-allow").answer.content == "Short."


@STREAMS
def test_a_client_that_leaves_while_a_guard_thinks_hurts_nobody(gateway, client, stream):
    asked = {"model": "gpt-both", "stream": stream, "messages": [{"role": "user", "content": script(LONG * 3)}]}
    body = json.dumps(asked)
    head = f"POST /v1/chat/completions HTTP/1.1\r\nhost: x\r\ncontent-type: application/json\r\ncontent-length: {len(body)}\r\n\r\n"
    for _ in range(10):
        with socket.create_connection(("127.0.0.1", gateway.port)) as gone:
            gone.sendall((head + body).encode())
            time.sleep(0.1)
    time.sleep(2 * SLOWER)
    assert client.chat(script("Short."), "gpt-allow").answer.content == "Short."
    gateway.assert_survived()


def chunk(delta, finish=None):
    data = {"id": "c", "object": "chat.completion.chunk", "created": 1, "model": "m"}
    return b"data: %s\n\n" % json.dumps(data | {"choices": [{"index": 0, "delta": delta, "finish_reason": finish}]}).encode()


END = [chunk({}, "stop"), b"data: [DONE]\n\n"]


def over_http2(start, guard, provider, guards):
    """A gateway before this provider, for the model `m`."""
    provider.start()
    config = render(role(models={"m": {"targets": [{"provider": "openai"}]}}, providers={"openai": {}}, guards=guards), {"openai": Upstream(provider.port, "openai")})
    http_options(config["static_resources"]["clusters"][0])["explicit_http_config"] = {"http2_protocol_options": {}}
    config["static_resources"]["clusters"].append(plain_cluster("guard", guard.port))
    return start(config)


@pytest.mark.parametrize("name", ["slow", "quick", "block"])
@pytest.mark.parametrize("texts", [["Short."], ["The quick brown ", "fox jumps over the ", "lazy dog and again ", "and again."]])
def test_a_stream_that_ends_in_trailers_waits_there_for_its_guards(start, guard, name, texts):
    events = [chunk({"role": "assistant", "content": ""}), *(chunk({"content": text}) for text in texts)]
    provider = Provider(events=[*events, *END])
    path = {"slow": "/slow/allow", "quick": "/allow", "block": "/slow/block"}[name]
    gateway = over_http2(start, guard, provider, [reviewed("m", path, models=["m"])])
    reply = Client(gateway.url).chat(model="m", stream=True)
    provider.listener.close()
    if name == "block":
        assert (reply.answer.content, reply.answer.error["code"]) == ("", "guardrail_blocked")
    else:
        assert (reply.answer.content, reply.answer.done) == ("".join(texts), True)
    gateway.assert_survived()


def test_last_words_just_behind_an_opinion_reach_the_client(start, guard):
    """They come in one frame with the end of the stream, and Envoy, which has just been told to go on, takes nothing with it."""
    words = b"".join(chunk({"content": f"{word} "}) for word in LONG.split())
    last = b"".join([chunk({"content": "DE89370400440532013000"}), *END])
    provider = Provider(events=[words, last], trailers=False)
    accounts = {"name": "accounts", "detect": "IBAN_CODE", "on": "output", "action": "block"}
    gateway = over_http2(start, guard, provider, [reviewed("m", "/allow", models=["m"]), accounts])
    reply = Client(gateway.url).chat(model="m", stream=True)
    provider.listener.close()
    assert (reply.status, reply.cut) == (200, False)
    assert reply.answer.error["code"] == "guardrail_blocked"
    assert LONG.startswith(reply.answer.content) and reply.answer.content
    assert gateway.record(reply.id)["reason"] == "guardrail_blocked"
    gateway.assert_survived()


@pytest.mark.parametrize("pause", ["0", "0.02", "0.05"])
def test_what_is_found_in_the_last_words_ends_the_stream_in_an_error(gateway, client, pause):
    """While a called guard lets the words before it go, so that Envoy has just been told to go on."""
    said = f"{LONG * 2}DE89370400440532013000"
    for _ in range(5):
        reply = client.chat(script(said, 7, pause), "gpt-soon", stream=True)
        assert (reply.status, reply.cut) == (200, False)
        assert reply.answer.error["code"] == "guardrail_blocked"
        assert said.startswith(reply.answer.content) and "DE89" not in reply.answer.content
        assert gateway.record(reply.id)["reason"] == "guardrail_blocked"


def test_parallel_streams_do_not_mix(gateway):
    got = {}

    def run(number):
        said = f"{number}: " + " ".join(f"w{number}x{word}" for word in range(80))
        bad = number % 3 == 0
        said += " forbidden" if bad else ""
        client = Client(gateway.url)
        reply = client.chat(script(said, 1 + number % 9), "gpt-late", stream=True)
        client.close()
        content = reply.answer.content
        got[number] = (reply.answer.done != bad, said.startswith(content) if bad else content == said)

    threads = [threading.Thread(target=run, args=(number,)) for number in range(30)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    assert got == dict.fromkeys(range(30), (True, True))
