"""Nothing that a client sends may hurt: each mistake gets a 400 that names it, and the next request works."""

import gzip
import json
import socket
import zlib

import h2.connection
import h2.events
import pytest

from fake.client import Client, ask, marker, more
from fake.dialects import compact
from fake.gateway import Upstream, connection_manager, render
from fake.world import role

MESSAGES = '"messages":[{"role":"user","content":"x"}]'


def nested(depth: int) -> str:
    """A body nested exactly this deep: the object, the list, the message, and lists inside it."""
    inner = depth - 3
    return '{"model":"openai-anthropic","messages":[{"role":"user","content":%s%s}]}' % ("[" * inner, "]" * inner)


BAD = {
    "empty": (b"", None),
    "blank": (b" \n", None),
    "no JSON": (b"hello", None),
    "truncated": (b'{"model":"openai-anthropic","messages":[{"role":"us', None),
    "two values": (b'{"model":"echo",%s} {}' % MESSAGES.encode(), None),
    "a list": (b"[]", None),
    "null": (b"null", None),
    "no model": (b"{%s}" % MESSAGES.encode(), "model"),
    "model is a number": (b'{"model":7,%s}' % MESSAGES.encode(), "model"),
    "model is null": (b'{"model":null,%s}' % MESSAGES.encode(), "model"),
    "model is empty": (b'{"model":"",%s}' % MESSAGES.encode(), "model"),
    "no messages": (b'{"model":"echo"}', "messages"),
    "messages is text": (b'{"model":"echo","messages":"x"}', "messages"),
    "messages is empty": (b'{"model":"echo","messages":[]}', "messages"),
    "stream is text": (b'{"model":"echo",%s,"stream":"yes"}' % MESSAGES.encode(), "stream"),
    "stream options is a number": (b'{"model":"echo",%s,"stream_options":3}' % MESSAGES.encode(), "stream_options"),
    "model twice": (b'{"model":"echo","model":"gpt-x",%s}' % MESSAGES.encode(), "model"),
    "escaped model twice": (b'{"model":"echo","m\\u006fdel":"gpt-x",%s}' % MESSAGES.encode(), "model"),
    "a key twice, deep": (b'{"model":"echo","messages":[{"role":"user","role":"user"}]}', "messages[0].role"),
    "too deep": (nested(65).encode(), None),
    "very deep": (nested(100_000).encode(), None),
    "not UTF-8": (b'{"model":"echo","messages":[{"role":"user","content":"\xff"}]}', None),
    "half a character": (b'{"model":"echo","messages":[{"role":"user","content":"\xc3"}]}', None),
    "UTF-16": (('{"model":"echo",%s}' % MESSAGES).encode("utf-16"), None),
    "a NUL byte": (b'{"model":"echo",%s}\0' % MESSAGES.encode(), None),
    "random bytes": (bytes(range(256)), None),
    "a form": (b"model=echo&messages=x", None),
}


@pytest.mark.parametrize("case", BAD)
def test_a_bad_body_is_a_400_that_names_the_field(client, case):
    body, param = BAD[case]
    reply = client.post(body)
    error = reply.error
    assert (reply.status, error["type"]) == (400, "invalid_request_error")
    if param:
        assert error["param"] == param
    assert client.chat(model="echo").status == 200


def test_the_greatest_depth_passes(client, openai_provider):
    assert client.post(nested(64).encode()).status == 200


@pytest.mark.parametrize(
    "content_type",
    ["text/plain", "application/x-www-form-urlencoded", "multipart/form-data; boundary=x", "application/jsonx"],
)
def test_another_content_type_is_a_415(client, content_type):
    reply = client.post(json.dumps(ask(model="echo")).encode(), content_type)
    assert (reply.status, reply.error["code"]) == (415, "unsupported_media_type")


@pytest.mark.parametrize("content_type", ["application/json; charset=utf-8", "Application/JSON"])
def test_json_may_be_called_json_in_every_usual_way(client, content_type):
    assert client.post(json.dumps(ask(model="echo")).encode(), content_type).status == 200


def test_a_gzip_body_is_read(client, openai_provider):
    text = marker()
    reply = client.post(gzip.compress(json.dumps(ask(text)).encode()), content_encoding="gzip")
    (seen,) = openai_provider.asked(text)
    assert (reply.status, seen.json["messages"]) == (200, [{"role": "user", "content": text}])
    assert {"content-encoding", "x-envoy-decompressor-gzip-compressed-bytes"}.isdisjoint(seen.headers)


def test_a_gzip_body_is_read_for_anthropic_too(client, anthropic_provider):
    text = marker()
    body = gzip.compress(json.dumps(ask(text, "anthropic-openai")).encode())
    assert client.post(body, content_encoding="gzip").status == 200
    assert anthropic_provider.asked(text)[0].json["messages"] == [{"role": "user", "content": text}]


@pytest.mark.parametrize(
    ("encoding", "pack"),
    [("deflate", zlib.compress), ("br", bytes), ("zstd", bytes), ("gzip, br", bytes), ("x", bytes)],
)
def test_another_content_encoding_is_a_415(client, encoding, pack):
    reply = client.post(pack(json.dumps(ask(model="echo")).encode()), content_encoding=encoding)
    assert (reply.status, reply.error["code"]) == (415, "unsupported_media_type")


def test_a_body_that_is_not_the_gzip_it_claims_to_be_is_refused(client):
    reply = client.post(json.dumps(ask(model="echo")).encode(), content_encoding="gzip")
    assert (reply.status, reply.error["type"]) == (400, "invalid_request_error")


def test_a_small_gzip_that_swells_beyond_reason_is_refused(client, gateway):
    bomb = gzip.compress(json.dumps(ask("x" * 30_000_000)).encode())
    assert len(bomb) < 40_000
    reply = client.post(bomb, content_encoding="gzip")
    assert reply.status in (400, 413)
    assert reply.error["type"] == "invalid_request_error"


def test_a_body_at_the_size_limit_passes_and_one_above_is_a_413(limited):
    gateway, client, limit = limited
    frame = len(compact(ask("", "echo")))
    assert client.chat("x" * (limit - frame), "echo").status == 200
    reply = client.chat("x" * (limit - frame + 1), "echo")
    assert (reply.status, reply.error["code"]) == (413, "request_too_large")
    assert str(limit) in reply.error["message"]


def test_a_body_without_a_length_is_limited_too(limited):
    gateway, client, limit = limited
    body = json.dumps(ask("x" * limit, "echo")).encode()
    pieces = (body[at : at + 1000] for at in range(0, len(body), 1000))
    reply = client.send("POST", "/v1/chat/completions", content=pieces, headers={"content-type": "application/json"})
    assert (reply.status, reply.error["code"]) == (413, "request_too_large")


def test_envoy_s_own_413_has_openai_s_shape(start, upstreams):
    config = render(role(), upstreams)
    manager = connection_manager(config)
    manager["route_config"]["virtual_hosts"][0]["routes"][0]["request_body_buffer_limit"] = 65536
    config["static_resources"]["listeners"][0]["per_connection_buffer_limit_bytes"] = 65536
    gateway = start(config)
    client = Client(gateway.url)
    reply = client.chat("x" * 2_000_000)
    assert (reply.status, reply.error["code"]) == (413, "request_too_large")
    assert gateway.record(reply.id)["envoy_details"] == "request_payload_too_large"


def test_a_request_that_does_not_come_in_time_is_the_client_s_408(start, upstreams):
    config = render(role(), upstreams)
    manager = connection_manager(config)
    assert manager["request_timeout"] == "600s"
    manager["request_timeout"] = "0.5s"
    gateway = start(config)
    with socket.create_connection(("127.0.0.1", gateway.port), timeout=20) as line:
        line.sendall(b"POST /v1/chat/completions HTTP/1.1\r\nhost: a\r\ncontent-type: application/json\r\ncontent-length: 90\r\n\r\n{")
        answer = b"".join(iter(lambda: line.recv(65536), b"")).decode()
    head, _, body = answer.partition("\r\n\r\n")
    assert head.startswith("HTTP/1.1 408"), answer
    assert json.loads(body)["error"]["code"] == "request_timeout"
    record = gateway.record(head.split("x-request-id: ")[1].split("\r\n")[0])
    assert (record["reason"], record["attempts"], record["provider"]) == ("request_timeout", "[]", None)


@pytest.fixture(scope="module")
def limited(start_for_all, upstreams):
    limit = 100_000
    gateway = start_for_all(render(role(body_limit_bytes=limit), upstreams))
    return gateway, Client(gateway.url), limit


def test_a_body_of_many_megabytes_reaches_both_providers(client, openai_provider, anthropic_provider):
    text = marker() + "[[openai status 503]]" + "x" * 12_000_000
    reply = client.chat(text)
    assert (reply.status, reply.headers["x-llm-provider"]) == (200, "anthropic")
    assert openai_provider.asked(text)[0].json["messages"][0]["content"] == text
    assert anthropic_provider.asked(text)[0].json["messages"][0]["content"] == text


def test_a_request_that_ends_in_trailers_is_answered(gateway):
    """HTTP/2 trailers: the last body chunk does not say that it is the last."""
    for model in ("echo", "openai-anthropic", "anthropic-openai"):
        status, body = over_http2(gateway.port, json.dumps(ask(model=model)).encode(), [("x-checksum", "1")])
        assert (status, json.loads(body)["object"]) == ("200", "chat.completion")


def over_http2(port: int, body: bytes, trailers: list[tuple[str, str]]) -> tuple[str, bytes]:
    connection = h2.connection.H2Connection()
    connection.initiate_connection()
    path = [(":method", "POST"), (":path", "/v1/chat/completions"), (":scheme", "http"), (":authority", "gateway")]
    connection.send_headers(1, [*path, ("content-type", "application/json")])
    connection.send_data(1, body)
    connection.send_headers(1, trailers, end_stream=True)
    status, answer = "", b""
    with socket.create_connection(("127.0.0.1", port), timeout=10) as sock:
        sock.sendall(connection.data_to_send())
        while True:
            for event in connection.receive_data(more(sock)):
                match event:
                    case h2.events.ResponseReceived():
                        status = dict(event.headers)[b":status"].decode()
                    case h2.events.DataReceived():
                        answer += event.data
                    case h2.events.StreamEnded():
                        return status, answer
                    case h2.events.StreamReset():
                        raise ConnectionError(f"stream reset: {event.error_code}")
            sock.sendall(connection.data_to_send())


@pytest.mark.parametrize("stream", [False, True], ids=["whole", "stream"])
@pytest.mark.parametrize("provider", ["openai", "anthropic"])
@pytest.mark.parametrize("evil", ["a\r\nset-cookie: evil=1", "a\nb", "a\rb", "a\0b"], ids=["crlf", "lf", "cr", "nul"])
def test_a_model_s_name_cannot_write_headers(client, provider, evil, stream):
    reply = client.chat(model=f"{provider}/{evil}", stream=stream)
    assert reply.status in (200, 400, 404)
    assert "set-cookie" not in reply.headers


@pytest.mark.parametrize("stream", [False, True], ids=["whole", "stream"])
@pytest.mark.parametrize("provider", ["openai", "anthropic"])
def test_a_provider_s_word_for_its_model_cannot_write_headers(client, provider, stream):
    reply = client.chat(f"[[{provider} evil-model]]", f"{provider}/m", stream=stream)
    assert (reply.status, "set-cookie" in reply.headers) == (200, False)


def test_a_parameter_s_name_cannot_write_headers(start, openai_provider):
    upstream = Upstream(openai_provider.port, "openai", role={"unknown_parameters": "drop"})
    models = {"models": {"m": {"targets": [{"provider": "openai"}]}}, "providers": {"openai": {}}}
    client = Client(start(render(role(**models), {"openai": upstream})).url)
    reply = client.post(json.dumps(ask(model="m") | {"new\r\nset-cookie: evil=1": 1, "other": 2}).encode())
    assert (reply.status, "set-cookie" in reply.headers) == (200, False)
    assert reply.headers["x-llm-dropped"].endswith(",other")


def test_a_model_s_name_of_a_megabyte_is_not_repeated_everywhere(client, gateway):
    for model in ("x" * 1_000_000, "openai/" + "x" * 1_000_000):
        reply = client.chat(model=model)
        assert reply.status in (400, 404)
        assert len(reply.body) < 10_000
        assert len(json.dumps(gateway.record(reply.id))) < 10_000


@pytest.mark.parametrize("line", [b"authorization: Bearer \xff\xfe", b"x-odd: \xff", b"cookie: \x80", b"accept: \xc3("])
def test_headers_that_are_no_text_do_no_harm(gateway, line):
    body = json.dumps(ask()).encode()
    head = b"POST /v1/chat/completions HTTP/1.1\r\nhost: x\r\nconnection: close\r\ncontent-type: application/json\r\n"
    with socket.create_connection(("127.0.0.1", gateway.port), timeout=10) as sock:
        sock.sendall(head + line + b"\r\ncontent-length: %d\r\n\r\n" % len(body) + body)
        assert sock.recv(65536).startswith(b"HTTP/1.1 200 OK\r\n")


def test_a_request_that_stops_in_the_middle_is_forgotten(gateway, client):
    with socket.create_connection(("127.0.0.1", gateway.port), timeout=10) as sock:
        sock.sendall(
            b"POST /v1/chat/completions HTTP/1.1\r\nhost: x\r\ncontent-type: application/json\r\n"
            b'content-length: 1000\r\n\r\n{"model":"echo"'
        )
    assert gateway.record_where(envoy_flags="DC", bytes_received=15)["outcome"] == "cancelled"
    assert client.chat(model="echo").status == 200
