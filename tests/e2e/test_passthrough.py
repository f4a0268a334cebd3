"""OpenAI's other paths: bytes pass both ways, a model decides where they go, uploads are not held."""

import hashlib
import json
import os
import time
from concurrent.futures import ThreadPoolExecutor

import pytest

from fake.client import Client, marker
from fake.gateway import Upstream, render
from fake.passthrough import AUDIO, IMAGE, TOKENS
from fake.provider import Provider

OPENAI = {"provider": "openai", "model": "gpt-image-test"}
SPARE = {"provider": "spare", "model": "spare-test"}
CLAUDE = {"provider": "anthropic", "model": "claude-test"}
MODELS = {
    "both": {"targets": [CLAUDE, OPENAI, SPARE]},
    "refused-first": {"targets": [{"provider": "nobody", "model": "none"}, SPARE]},
    "impatient": {"targets": [OPENAI, SPARE], "answer_timeout": "1s"},
    "claude": {"targets": [CLAUDE]},
    "openai/*": {"targets": [{"provider": "openai"}]},
}
LIMIT = 128 << 20
MB = 1 << 20


@pytest.fixture(scope="module")
def spare_provider():
    provider = Provider("spare")
    yield provider
    provider.stop()


@pytest.fixture(scope="module")
def clusters(openai_provider, anthropic_provider, spare_provider, closed_port):
    return {
        "openai": Upstream(openai_provider.port, "openai", "key-of-openai"),
        "anthropic": Upstream(anthropic_provider.port, "anthropic", "key-of-anthropic"),
        "spare": Upstream(spare_provider.port, "openai", "key-of-spare"),
        "nobody": Upstream(closed_port.getsockname()[1], "openai"),
    }


def role(**more) -> dict:
    providers = {"openai": {}, "anthropic": {}, "spare": {"dialect": "openai"}, "nobody": {"dialect": "openai"}}
    passthrough = {"provider": "openai", "body_limit_bytes": LIMIT}
    return {"role": "gateway", "health": {"enabled": False}, "models": MODELS, "providers": providers, "passthrough": passthrough} | more


@pytest.fixture(scope="module")
def gateway(start_for_all, clusters):
    return start_for_all(render(role(), clusters))


@pytest.fixture(scope="module")
def client(gateway):
    client = Client(gateway.url)
    yield client
    client.close()


def form(*parts: tuple, boundary: str = "b0undary") -> dict:
    """A form in this order, as `send` takes it; a third element is a file's name."""
    body = b""
    for name, value, *file in parts:
        value = value if isinstance(value, bytes) else value.encode()
        named = f'; filename="{file[0]}"' if file else ""
        body += f'--{boundary}\r\nContent-Disposition: form-data; name="{name}"{named}\r\n\r\n'.encode() + value + b"\r\n"
    return {
        "content": body + f"--{boundary}--\r\n".encode(),
        "headers": {"content-type": f"multipart/form-data; boundary={boundary}"},
    }


def is_clean(seen, key: str) -> None:
    """Nothing of the gateway and nothing of the client went along."""
    assert seen.headers["authorization"] == f"Bearer {key}"
    allowed = {"host", "content-type", "content-length", "accept", "accept-encoding", "authorization", "transfer-encoding", "openai-beta"}
    assert set(seen.headers) <= allowed


@pytest.mark.parametrize("path", ["/v1/images/generations", "/v1/audio/speech", "/v1/moderations"])
def test_a_json_request_passes_with_its_model_s_name_changed(gateway, client, openai_provider, path):
    text = marker()
    reply = client.send("POST", path, json={"input": text, "model": "both", "future": {"a": 1.10}}, headers={"authorization": "Bearer mine", "cookie": "a=b"})
    (seen,) = openai_provider.asked(text)
    assert (seen.path, seen.json) == (path, {"input": text, "model": "gpt-image-test", "future": {"a": 1.10}})
    is_clean(seen, "key-of-openai")
    assert (reply.status, reply.body) == (200, bytes(seen.sent))
    assert {name: reply.headers[name] for name in ("x-llm-provider", "x-llm-model", "x-llm-attempts", "x-llm-cache")} == {
        "x-llm-provider": "openai", "x-llm-model": "gpt-image-test", "x-llm-attempts": "1", "x-llm-cache": "off",
    }  # fmt: skip
    assert "set-cookie" not in reply.headers
    record = gateway.record(reply.id)
    assert (record["model"], record["provider"], record["route"], record["outcome"]) == ("both", "openai", "both:fallback", "ok")
    assert record["stream"] == "0" and record["ttft_ms"].isdigit()


def test_the_record_has_the_usage_of_images(gateway, client):
    for stream in (False, True):
        reply = client.send("POST", "/v1/images/generations", json={"prompt": "x", "model": "both", "stream": stream, "n": 3})
        record = gateway.record(reply.id)
        assert (record["operation"], record["input_tokens"], record["output_tokens"]) == ("image_generation", "9", "30")
        assert record["outcome"] == "ok"
    assert reply.headers["content-type"].startswith("text/event-stream")
    assert [json.loads(event)["type"] for event in reply.events] == ["image_generation.partial_image", "image_generation.completed"]


def test_audio_comes_byte_for_byte(client):
    reply = client.send("POST", "/v1/audio/speech", json={"model": "both", "input": "x", "voice": "alloy"})
    assert (reply.status, reply.headers["content-type"], reply.body) == (200, "audio/mpeg", AUDIO)
    assert reply.headers["content-disposition"] == "inline; filename=speech.mp3"


@pytest.mark.parametrize("order", ["model first", "file first"])
@pytest.mark.parametrize("path", ["/v1/audio/transcriptions", "/v1/audio/translations"])
def test_a_form_goes_where_its_model_leads_in_any_order(gateway, client, openai_provider, path, order):
    text = marker()
    parts = [("prompt", text), ("model", "both"), ("file", bytes(range(256)) * 2000, "a.wav")]
    sent = form(*(parts if order == "model first" else reversed(parts)))
    reply = client.send("POST", path, **sent)
    (seen,) = openai_provider.asked(text)
    assert seen.path == path and seen.body == sent["content"].replace(b"\r\nboth\r\n", b"\r\ngpt-image-test\r\n")
    assert seen.headers["content-type"] == sent["headers"]["content-type"]
    is_clean(seen, "key-of-openai")
    assert (reply.status, reply.json["text"]) == (200, "512000 bytes")
    assert reply.headers["x-llm-provider"] == "openai"
    record = gateway.record(reply.id)
    assert (record["model"], record["output_tokens"], record["outcome"]) == ("both", "30", "ok")


@pytest.mark.parametrize(
    ("more", "kind", "body"),
    [
        ([("response_format", "text")], "text/plain; charset=utf-8", b"text: 3 bytes\n"),
        ([("response_format", "srt")], "application/x-subrip", b"srt: 3 bytes\n"),
        ([("response_format", "vtt")], "text/vtt", b"vtt: 3 bytes\n"),
        ([("stream", "true")], "text/event-stream; charset=utf-8", None),
    ],
)
def test_every_form_of_a_transcription_passes(gateway, client, more, kind, body):
    reply = client.send("POST", "/v1/audio/transcriptions", **form(("model", "openai/whisper-1"), *more, ("file", b"abc", "a.wav")))
    assert (reply.status, reply.headers["content-type"]) == (200, kind)
    if body is not None:
        assert reply.body == body
    else:
        assert json.loads(reply.events[-1])["type"] == "transcript.text.done"
        assert gateway.record(reply.id)["output_tokens"] == str(TOKENS["output_tokens"])


@pytest.mark.parametrize("path", ["/v1/images/edits", "/v1/images/variations"])
def test_images_go_in_and_come_out(client, path):
    reply = client.send("POST", path, **form(("image", b"\x89PNG\r\n--b\r\n\0", "a.png"), ("model", "both")))
    assert (reply.status, reply.json["data"][0]["b64_json"]) == (200, IMAGE)


def test_an_image_edit_may_be_json(client, openai_provider):
    text = marker()
    assert client.send("POST", "/v1/images/edits", json={"model": "both", "prompt": text, "images": []}).status == 200
    assert openai_provider.asked(text)[0].json["model"] == "gpt-image-test"


def test_files_and_batches_live_at_the_configured_provider(gateway, client):
    content = bytes(range(256)) * 100 + b"\r\n--b0undar\r\n"
    made = client.send("POST", "/v1/files", **form(("purpose", "batch"), ("file", content, "a.jsonl")))
    name = made.json["id"]
    assert (made.status, made.json["bytes"]) == (200, len(content))
    assert made.headers["x-llm-provider"] == "openai" and "x-llm-model" not in made.headers
    record = gateway.record(made.id)
    assert (record["operation"], record["provider"], record["route"], record["outcome"]) == ("files", "openai", "passthrough", "ok")
    assert record["model"] is None and json.loads(record["attempts"])[0]["status"] == 200
    assert name in [file["id"] for file in client.get("/v1/files?purpose=batch").json["data"]]
    assert client.get("/v1/files?purpose=other").json["data"] == []
    assert client.get(f"/v1/files/{name}").json["id"] == name
    got = client.get(f"/v1/files/{name}/content")
    assert (got.body, got.headers["content-type"]) == (content, "application/octet-stream")
    assert got.headers["content-disposition"] == 'attachment; filename="a.jsonl"'
    asked = {"input_file_id": name, "endpoint": "/v1/chat/completions", "completion_window": "24h"}
    batch = client.send("POST", "/v1/batches", json=asked).json
    assert batch["input_file_id"] == name
    assert client.get(f"/v1/batches/{batch['id']}").json["status"] == "validating"
    assert client.send("POST", f"/v1/batches/{batch['id']}/cancel").json["status"] == "cancelling"
    assert [b["id"] for b in client.get("/v1/batches").json["data"]] == [batch["id"]]
    assert client.send("DELETE", f"/v1/files/{name}").json["deleted"] is True
    missing = client.get(f"/v1/files/{name}")
    assert (missing.status, missing.error["message"], missing.error["param"]) == (404, "No such File object", "id")


@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("POST", "/v1/uploads"),
        ("POST", "/v1/uploads/u_1/parts"),
        ("POST", "/v1/uploads/u_1/complete"),
        ("GET", "/v1/vector_stores/vs_1/files?limit=3"),
        ("DELETE", "/v1/vector_stores/vs_1"),
        ("POST", "/v1/fine_tuning/jobs"),
        ("GET", "/v1/fine_tuning/jobs/j_1/events"),
    ],
)
def test_what_belongs_to_files_passes_too(client, openai_provider, method, path):
    reply = client.send(method, path, headers={"openai-beta": "assistants=v2"})
    assert (reply.status, reply.json["path"], reply.json["method"]) == (200, path.split("?")[0].removeprefix("/v1"), method)
    assert openai_provider.seen[-1].headers["openai-beta"] == "assistants=v2"
    assert openai_provider.seen[-1].path == path


@pytest.mark.parametrize("script", ["status 500", "status 429", "status 401", "status 404", "status 503 html", "reset"])
@pytest.mark.parametrize("kind", ["json", "form"])
def test_a_failed_attempt_goes_unnoticed(gateway, client, spare_provider, kind, script):
    text = f"{marker()} [[openai {script}]]"
    if kind == "json":
        reply = client.send("POST", "/v1/images/generations", json={"model": "both", "prompt": text})
    else:
        parts = [("file", b"x" * 100_000, "a.wav"), ("prompt", text), ("model", "both")]
        reply = client.send("POST", "/v1/audio/transcriptions", **form(*parts))
    assert (reply.status, reply.headers["x-llm-provider"], reply.headers["x-llm-attempts"]) == (200, "spare", "2")
    (seen,) = spare_provider.asked(text)
    assert b"spare-test" in seen.body and b"both" not in seen.body
    is_clean(seen, "key-of-spare")
    assert [a["provider"] for a in json.loads(gateway.record(reply.id)["attempts"])] == ["openai", "spare"]


def test_a_refused_connection_and_a_late_answer_move_on(client):
    reply = client.send("POST", "/v1/audio/speech", json={"model": "refused-first", "input": "x"})
    assert (reply.status, reply.headers["x-llm-provider"]) == (200, "spare")
    reply = client.send("POST", "/v1/audio/speech", json={"model": "impatient", "input": "[[openai hang]]"})
    assert (reply.status, reply.headers["x-llm-provider"]) == (200, "spare")


def test_a_client_s_mistake_is_final_and_in_the_provider_s_words(client):
    reply = client.send("POST", "/v1/images/generations", json={"model": "both", "prompt": "[[openai status 400]]"})
    assert (reply.status, reply.error["message"], reply.headers["x-llm-attempts"]) == (400, "provider says 400", "1")


@pytest.mark.parametrize(
    ("script", "status", "code"),
    [
        ("status 401", 502, "provider_auth_failed"),
        ("status 403", 502, "provider_auth_failed"),
        ("status 500", 500, "provider_failed"),
        ("status 503 html", 503, "provider_overloaded"),
        ("status 429 json retry-after=7", 429, "rate_limit_exceeded"),
        ("reset", 502, "provider_failed"),
    ],
)
def test_a_failed_upload_is_one_error_and_one_attempt(gateway, client, openai_provider, script, status, code):
    text = f"{marker()} [[openai {script}]]"
    reply = client.send("POST", "/v1/files", **form(("purpose", text), ("file", b"x" * 300_000, "a")))
    assert (reply.status, reply.error["code"]) == (status, code)
    assert reply.error["message"].startswith("No provider could answer `files`. Tried: openai ")
    assert len(openai_provider.asked(text)) == 1
    if "retry-after" in script:
        assert reply.headers["retry-after"] == "7"
    assert gateway.record(reply.id)["outcome"] == "error"


def test_an_answer_that_breaks_off_is_cut_and_recorded(gateway, client):
    reply = client.send("POST", "/v1/images/generations", json={"model": "both", "prompt": "[[openai cut-in-body]]"})
    assert reply.status == 200 and reply.cut
    assert gateway.record(reply.id)["outcome"] == "partial"


def test_a_path_that_no_provider_has_is_refused(client):
    reply = client.send("POST", "/v1/audio/speech", json={"model": "claude", "input": "x"})
    assert (reply.status, reply.error["param"]) == (400, "model")
    assert reply.error["message"] == "No provider of `claude` has POST /v1/audio/speech. Ask for a model of one that has."
    reply = client.send("PUT", "/v1/files/f")
    assert (reply.status, reply.error["code"], reply.headers["allow"]) == (405, "method_not_allowed", "GET, DELETE")
    for path in ("/v1/files/..%2fchat", "/v1/files/a/b", "/v1/threads"):
        assert client.get(path).status == 404


def test_a_second_model_in_a_form_is_refused_even_late(client, openai_provider):
    text = marker()
    parts = [("model", "both"), ("prompt", text), ("file", b"x" * 3_000_000, "a"), ("model", "openai/dear")]
    reply = client.send("POST", "/v1/audio/transcriptions", **form(*parts))
    assert (reply.status, reply.error["param"]) == (400, "model")
    assert openai_provider.asked(text) == []


def test_keys_with_models_stay_with_these(start, clusters):
    digest = lambda key: hashlib.sha256(key.encode()).hexdigest()
    keys = [
        {"id": "limited", "sha256": digest("limited"), "models": ["openai/*"]},
        {"id": "trusted", "sha256": digest("trusted"), "models": ["openai/*"], "passthrough": True},
        {"id": "all", "sha256": digest("all")},
    ]
    gateway = start(render(role(keys=keys), clusters))
    statuses = {}
    for key in ("limited", "trusted", "all"):
        client = Client(gateway.url, key)
        asked = [
            client.get("/v1/files"),
            client.send("POST", "/v1/moderations", json={"input": "x"}),
            client.send("POST", "/v1/moderations", json={"input": "x", "model": "openai/omni"}),
            client.send("POST", "/v1/audio/transcriptions", **form(("model", "both"), ("file", b"x", "a"))),
        ]
        statuses[key] = [reply.status for reply in asked]
        client.close()
    assert statuses == {"limited": [403, 403, 200, 403], "trusted": [200, 200, 200, 403], "all": [200, 200, 200, 200]}
    nobody = Client(gateway.url)
    assert nobody.get("/v1/files").error["code"] == "invalid_api_key"
    nobody.close()


def test_without_the_setting_the_error_names_it(start, clusters):
    config = role()
    del config["passthrough"]
    gateway = start(render(config, clusters))
    client = Client(gateway.url)
    reply = client.get("/v1/batches")
    assert (reply.status, reply.error["code"]) == (404, "unknown_url")
    assert "`passthrough.provider`" in reply.error["message"]
    assert client.send("POST", "/v1/audio/speech", json={"model": "both", "input": "x"}).status == 200
    client.close()


def test_limits(start, clusters):
    small = {"provider": "openai", "body_limit_bytes": 2 * MB}
    gateway = start(render(role(passthrough=small, body_limit_bytes=MB), clusters))
    client = Client(gateway.url)
    pieces = [b"x" * MB] * 3
    for sent in ({"content": b"x" * (3 * MB)}, {"content": iter(pieces)}):
        reply = client.send("POST", "/v1/files", headers={"content-type": "application/x"}, **sent)
        assert (reply.status, reply.error["code"]) == (413, "request_too_large")
    # The second one was under way: what became of its attempt is told.
    record = gateway.record(reply.id)
    (attempt,) = json.loads(record["attempts"])
    assert (record["outcome"], record["attempt_count"], attempt["reason"]) == ("refused", "1", "cancelled")
    late = form(("file", b"x" * (3 * MB // 2), "a"), ("model", "both"))
    reply = client.send("POST", "/v1/audio/transcriptions", **late)
    assert (reply.status, reply.error["param"]) == (413, "model")
    early = form(("model", "both"), ("file", b"x" * (3 * MB // 2), "a"))
    assert client.send("POST", "/v1/audio/transcriptions", **early).status == 200
    client.close()


def peak(gateway) -> int:
    """The most memory that Envoy has ever had. Units: KB."""
    with open(f"/proc/{gateway.process.pid}/status") as status:
        return next(int(line.split()[1]) for line in status if line.startswith("VmHWM"))


def upload(client, size: int, before_last=lambda: None):
    head = form(("purpose", "x"))["content"].removesuffix(b"--b0undary--\r\n")
    head += b'--b0undary\r\nContent-Disposition: form-data; name="file"; filename="a"\r\n\r\n'
    tail = b"\r\n--b0undary--\r\n"

    def pieces():
        yield head
        for _ in range(size // MB - 1):
            yield b"x" * MB
        before_last()
        yield b"y" * MB
        yield tail

    length = len(head) + size + len(tail)
    headers = {"content-type": "multipart/form-data; boundary=b0undary", "content-length": str(length)}
    return client.send("POST", "/v1/files?slow-reader", content=pieces(), headers=headers)


def test_a_large_upload_reaches_the_provider_before_it_is_complete_and_is_never_held(gateway, client, openai_provider):
    assert upload(client, 2 * MB).status == 200
    openai_provider.received = 0
    before, reached = peak(gateway), []

    def wait():
        end = time.monotonic() + 10
        while openai_provider.received < 40 * MB and time.monotonic() < end:
            time.sleep(0.01)
        reached.append(openai_provider.received)

    reply = upload(client, 96 * MB, wait)
    assert (reply.status, reply.json["bytes"]) == (200, 96 * MB)
    assert reached[0] >= 40 * MB
    grown = (peak(gateway) - before) // 1024
    print(f"Envoy grew by {grown} MB over an upload of 96 MB")
    assert grown < 32  # what Envoy reads ahead: per_connection_buffer_limit_bytes, whatever the size
    assert not any(gateway.stats("retry_or_shadow_abandoned").values())  # no copy was kept, as far as it went
    got = client.get(f"/v1/files/{reply.json['id']}/content")
    assert len(got.body) == 96 * MB and got.body.endswith(b"y" * 10)
    grown = (peak(gateway) - before) // 1024
    print(f"and by {grown} MB with the download of the same")
    assert grown < 64


def test_an_answer_larger_than_envoy_holds_passes(gateway, client):
    reply = client.send("POST", "/v1/images/generations", json={"model": "both", "prompt": "x", "n": 6000})
    assert (reply.status, reply.cut) == (200, False)
    assert len(reply.body) > 33554432 and len(reply.json["data"]) == 6000
    assert gateway.record(reply.id)["total_tokens"] == "39"


def test_events_come_one_by_one(client):
    """The second event of the answer comes when the first has long been here."""
    text = "[[openai slow 0.3]]"
    started, seen = time.monotonic(), []
    asked = {"model": "both", "input": text, "stream": True}
    with client.http.stream("POST", "/v1/audio/speech", json=asked) as answer:
        for piece in answer.iter_raw():
            seen.append(time.monotonic() - started)
    assert len(seen) >= 2 and seen[-1] - seen[0] > 0.25


def test_an_upload_that_is_given_up_ends_at_the_provider(gateway, client, openai_provider):
    class Enough(Exception):
        pass

    openai_provider.received, given_up = 0, openai_provider.given_up

    def give_up():
        gateway.wait(lambda: openai_provider.received)
        raise Enough

    with pytest.raises(Enough):
        upload(client, 4 * MB, give_up)
    assert gateway.record_where(operation="files", outcome="cancelled")
    gateway.wait(lambda: openai_provider.given_up > given_up)


def test_many_uploads_and_answers_at_once(client):
    def one(number: int) -> bool:
        content = os.urandom(300_000)
        made = client.send("POST", "/v1/files", **form(("purpose", f"p{number}"), ("file", content, "a"), boundary=f"b{number}x"))
        return client.get(f"/v1/files/{made.json['id']}/content").body == content

    with ThreadPoolExecutor(16) as pool:
        assert list(pool.map(one, range(16))) == [True] * 16


@pytest.fixture(scope="module")
def free(start_for_all, clusters):
    """A client that may choose for itself."""
    digest = hashlib.sha256(b"key-of-free").hexdigest()
    keys = [{"id": "free", "sha256": digest, "overrides": True}, {"id": "bound", "sha256": hashlib.sha256(b"key-of-bound").hexdigest()}]
    gateway = start_for_all(render(role(keys=keys), clusters))
    client = Client(gateway.url, "key-of-free")
    yield gateway, client
    client.close()


def test_a_client_with_leave_chooses_the_provider_of_its_files(free, openai_provider, spare_provider):
    gateway, client = free
    text = marker()
    upload = form(("purpose", "batch"), ("file", text, "a.jsonl"))
    upload["headers"]["x-llm-provider"] = "spare"
    reply = client.send("POST", "/v1/files", **upload)
    assert (reply.status, reply.headers["x-llm-provider"]) == (200, "spare")
    assert len(spare_provider.asked(text)) == 1 and openai_provider.asked(text) == []
    assert (gateway.record(reply.id)["provider"], gateway.record(reply.id)["route"]) == ("spare", "passthrough")
    there = {"x-llm-provider": "spare"}
    assert client.get(f"/v1/files/{reply.json['id']}", headers=there).json["id"] == reply.json["id"]
    # Without leave the header is taken off, and the file is looked for where it is not.
    bound = there | {"authorization": "Bearer key-of-bound"}
    assert client.get(f"/v1/files/{reply.json['id']}", headers=bound).headers["x-llm-provider"] == "openai"


def test_a_client_with_leave_says_how_long_it_waits_for_a_path_without_a_model(free, openai_provider):
    gateway, client = free
    upload = form(("purpose", "batch"), ("file", f"{marker()} [[openai hang]]", "a.jsonl"))
    upload["headers"] |= {"x-llm-timeout": "700ms", "x-llm-attempts": "2"}
    began = time.monotonic()
    reply = client.send("POST", "/v1/files", **upload)
    assert (reply.status, reply.error["code"], reply.headers["x-llm-attempts"]) == (504, "provider_timeout", "1")
    assert 0.6 < time.monotonic() - began < 5


def test_what_makes_no_sense_without_a_model_is_refused(free, openai_provider):
    _, client = free
    for header, value in (("x-llm-route", "weighted"), ("x-llm-provider", "anthropic"), ("x-llm-provider", "gone"), ("x-llm-attempts", "0")):
        reply = client.get("/v1/files", headers={header: value})
        assert (reply.status, reply.error["param"]) == (400, header)
    assert "names no model" in client.get("/v1/files", headers={"x-llm-route": "weighted"}).error["message"]
