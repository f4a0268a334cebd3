"""A provider on HTTP/2, seen from its own side: what reaches it besides headers and body."""

import contextlib
import json
import socket
import ssl
import threading
import time

import h2.config
import h2.connection
import h2.events
import pytest
import trustme

from fake.client import Client, more
from fake.gateway import Upstream, http_options, render
from fake.world import role

ANSWER = {"id": "x", "model": "m", "choices": [{"index": 0, "message": {"role": "assistant", "content": "Hi"}, "finish_reason": "stop"}]}


def texts(lines) -> list[tuple[str, str]]:
    return [(bytes(name).decode(), bytes(value).decode()) for name, value in lines]


class Provider(threading.Thread):
    """One HTTP/2 connection: gathers what comes, answers with a body or a stream, and a trailer unless that is left out."""

    def __init__(self, tls: ssl.SSLContext | None = None, events: list[bytes] | None = None, trailers: bool = True):
        super().__init__(daemon=True)
        self.tls = tls
        self.events = events
        self.trailers = trailers
        self.listener = socket.create_server(("127.0.0.1", 0))
        self.listener.settimeout(30)
        self.port = self.listener.getsockname()[1]
        self.seen = []

    def run(self):
        with contextlib.suppress(OSError):  # the gateway may stay away, and leave as it likes
            peer, _ = self.listener.accept()
            peer.settimeout(30)
            self.serve(peer)

    def serve(self, peer):
        if self.tls:
            peer = self.tls.wrap_socket(peer, server_side=True)
        connection = h2.connection.H2Connection(h2.config.H2Configuration(client_side=False))
        connection.initiate_connection()
        peer.sendall(connection.data_to_send())
        while data := peer.recv(65536):
            for event in connection.receive_data(data):
                if isinstance(event, (h2.events.RequestReceived, h2.events.TrailersReceived)):
                    self.seen += texts(event.headers)
                if isinstance(event, h2.events.DataReceived):
                    connection.acknowledge_received_data(event.flow_controlled_length, event.stream_id)
                if isinstance(event, h2.events.StreamEnded) and self.events:
                    self.stream(peer, connection, event.stream_id)
                elif isinstance(event, h2.events.StreamEnded):
                    self.answer(connection, event.stream_id)
            peer.sendall(connection.data_to_send())

    def stream(self, peer, connection, stream):
        """Each event in a frame of its own, and a while before the trailers. Without those the last frame is the end."""
        connection.send_headers(stream, [(":status", "200"), ("content-type", "text/event-stream")])
        for place, event in enumerate(self.events, 1):
            end = place == len(self.events) and not self.trailers
            connection.send_data(stream, event, end_stream=end)
            peer.sendall(connection.data_to_send())
            time.sleep(0.05)
        if self.trailers:
            connection.send_headers(stream, [("x-of-the-provider", "secret")], end_stream=True)

    def answer(self, connection, stream):
        connection.send_headers(stream, [(":status", "200"), ("content-type", "application/json")])
        connection.send_data(stream, json.dumps(ANSWER).encode())
        connection.send_headers(stream, [("x-of-the-provider", "secret")], end_stream=True)


def ask(port: int, trailers: list[tuple[str, str]]):
    """One chat request over HTTP/2 that ends in trailers; gives the answer's lines and body."""
    connection = h2.connection.H2Connection()
    lines, body = [], b""
    with socket.create_connection(("127.0.0.1", port), timeout=30) as peer:
        connection.initiate_connection()
        head = {":method": "POST", ":scheme": "http", ":path": "/v1/chat/completions", ":authority": "g", "content-type": "application/json"}
        connection.send_headers(1, list(head.items()))
        connection.send_data(1, json.dumps({"model": "m", "messages": [{"role": "user", "content": "x"}]}).encode())
        connection.send_headers(1, trailers, end_stream=True)
        peer.sendall(connection.data_to_send())
        while True:
            for event in connection.receive_data(more(peer)):
                if isinstance(event, (h2.events.ResponseReceived, h2.events.TrailersReceived)):
                    lines += texts(event.headers)
                if isinstance(event, h2.events.DataReceived):
                    body += event.data
                    connection.acknowledge_received_data(event.flow_controlled_length, 1)
                if isinstance(event, h2.events.StreamEnded):
                    return dict(lines), json.loads(body)
            peer.sendall(connection.data_to_send())


@pytest.fixture
def provider():
    provider = Provider()
    provider.start()
    yield provider
    provider.listener.close()


def test_a_provider_behind_tls_is_spoken_to_as_https(start, tmp_path):
    """HTTP/2 says the scheme aloud, and the client came without TLS."""
    ca, tls = trustme.CA(), ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    ca.cert_pem.write_to_path(tmp_path / "ca.pem")
    ca.issue_cert("api.openai.com").configure_cert(tls)
    tls.set_alpn_protocols(["h2"])
    provider = Provider(tls)
    provider.start()
    config = render(
        role(models={"m": {"targets": [{"provider": "openai"}]}}, providers={"openai": {}}),
        {"openai": Upstream(provider.port, "openai", tls=True, role={"host": "api.openai.com"})},
    )
    validation = config["static_resources"]["clusters"][0]["transport_socket"]["typed_config"]["common_tls_context"]
    validation["validation_context"]["trusted_ca"]["filename"] = str(tmp_path / "ca.pem")
    assert Client(start(config).url).chat(model="m").status == 200
    seen = dict(provider.seen)
    assert (seen[":scheme"], seen[":authority"]) == ("https", "api.openai.com")
    provider.listener.close()


def test_no_trailer_of_a_client_or_a_provider_crosses(start, provider):
    config = render(
        role(models={"m": {"targets": [{"provider": "openai"}]}}, providers={"openai": {}}),
        {"openai": Upstream(provider.port, "openai")},
    )
    http_options(config["static_resources"]["clusters"][0])["explicit_http_config"] = {"http2_protocol_options": {}}
    lines, body = ask(start(config).port, [("authorization", "Bearer client-key"), ("cookie", "a=b")])
    assert (lines[":status"], body) == ("200", ANSWER)
    assert "x-of-the-provider" not in lines
    names = [name for name, _ in provider.seen]
    assert ":path" in names
    assert "cookie" not in names and "Bearer client-key" not in dict(provider.seen).values()


def anthropic_events() -> list[bytes]:
    message = {"id": "msg_1", "type": "message", "role": "assistant", "model": "claude-x", "content": [], "usage": {"input_tokens": 5, "output_tokens": 1}}
    events = [
        {"type": "message_start", "message": message},
        {"type": "content_block_start", "index": 0, "content_block": {"type": "text", "text": ""}},
        {"type": "content_block_delta", "index": 0, "delta": {"type": "text_delta", "text": "Hi"}},
        {"type": "content_block_stop", "index": 0},
        {"type": "message_delta", "delta": {"stop_reason": "end_turn"}, "usage": {"output_tokens": 3}},
        {"type": "message_stop"},
    ]
    return [f"event: {event['type']}\ndata: {json.dumps(event)}\n\n".encode() for event in events]


def gemini_events() -> list[bytes]:
    chunks = [
        {"candidates": [{"index": 0, "content": {"role": "model", "parts": [{"text": "Hi"}]}}], "modelVersion": "gemini-x", "responseId": "r"},
        {"candidates": [{"index": 0, "finishReason": "STOP"}], "usageMetadata": {"promptTokenCount": 5, "candidatesTokenCount": 3}},
    ]
    return [f"data: {json.dumps(chunk)}\n\n".encode() for chunk in chunks]


def openai_events() -> list[bytes]:
    """From a host that leaves `[DONE]` out."""
    chunks = [
        {"id": "x", "object": "chat.completion.chunk", "model": "m", "choices": [{"index": 0, "delta": {"content": "Hi"}, "finish_reason": None}]},
        {"id": "x", "object": "chat.completion.chunk", "model": "m", "choices": [{"index": 0, "delta": {}, "finish_reason": "stop"}]},
        {"id": "x", "object": "chat.completion.chunk", "model": "m", "choices": [], "usage": {"prompt_tokens": 5, "completion_tokens": 3, "total_tokens": 8}},
    ]
    return [f"data: {json.dumps(chunk)}\n\n".encode() for chunk in chunks]


STREAMS = {"anthropic": anthropic_events, "gemini": gemini_events, "openai": openai_events}


def is_complete(reply) -> None:
    lines = [line.removeprefix("data: ") for line in reply.body.decode().split("\n\n") if line]
    assert lines[-1] == "[DONE]", lines
    chunks = [json.loads(line) for line in lines[:-1]]
    assert "".join(choice["delta"].get("content") or "" for chunk in chunks for choice in chunk["choices"]) == "Hi"
    assert [choice["finish_reason"] for chunk in chunks for choice in chunk["choices"]][-1] == "stop"
    assert chunks[-1]["usage"]["total_tokens"] == 8


def streamed(start, dialect: str, port: int, options: dict):
    config = render(
        role(models={"m": {"targets": [{"provider": dialect}]}}, providers={dialect: {}}),
        {dialect: Upstream(port, dialect)},
    )
    http_options(config["static_resources"]["clusters"][0])["explicit_http_config"] = options
    body = {"model": "m", "messages": [{"role": "user", "content": "x"}], "stream": True, "stream_options": {"include_usage": True}}
    return Client(start(config).url).ask("/v1/chat/completions", body)


@pytest.mark.parametrize("dialect", STREAMS)
def test_a_stream_that_ends_in_trailers_is_complete(start, dialect):
    provider = Provider(events=STREAMS[dialect]())
    provider.start()
    is_complete(streamed(start, dialect, provider.port, {"http2_protocol_options": {}}))
    provider.listener.close()


@pytest.mark.parametrize("trailers", [True, False], ids=["trailers", "end"])
def test_so_is_one_that_gives_a_reason_to_end_in_every_chunk(start, trailers):
    *chunks, last = [json.loads(event[6:]) for event in gemini_events()]
    candidate = {"index": 0, "finishReason": "STOP"}
    said = [{"candidates": [candidate | {"content": {"role": "model", "parts": [{"text": letter}]}}]} for letter in "Hi"]
    events = [f"data: {json.dumps(chunk | one)}\n\n".encode() for chunk, one in zip([*chunks, last], said, strict=True)]
    provider = Provider(events=events, trailers=trailers)
    provider.start()
    is_complete(streamed(start, "gemini", provider.port, {"http2_protocol_options": {}}))
    provider.listener.close()


@pytest.mark.parametrize("dialect", STREAMS)
def test_one_that_breaks_off_there_does_not_look_complete(start, dialect):
    """Behind trailers no error can be written: the client must see that the answer has no end."""
    broken = {"anthropic": 3, "gemini": 1, "openai": 1}[dialect]
    provider = Provider(events=STREAMS[dialect]()[:broken])
    provider.start()
    reply = streamed(start, dialect, provider.port, {"http2_protocol_options": {}})
    assert (reply.status, reply.cut) == (200, True)
    assert b"Hi" in reply.body and b"[DONE]" not in reply.body
    provider.listener.close()


@pytest.mark.parametrize("dialect", STREAMS)
def test_so_is_one_over_http_1(start, dialect):
    listener = socket.create_server(("127.0.0.1", 0))
    listener.settimeout(30)

    def serve():
        peer, _ = listener.accept()
        peer.recv(65536)
        peer.sendall(b"HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\ntransfer-encoding: chunked\r\n\r\n")
        for event in STREAMS[dialect]():
            peer.sendall(b"%x\r\n%s\r\n" % (len(event), event))
            time.sleep(0.05)
        peer.sendall(b"0\r\nx-of-the-provider: secret\r\n\r\n")

    threading.Thread(target=serve, daemon=True).start()
    options = {"http_protocol_options": {"enable_trailers": True}}
    is_complete(streamed(start, dialect, listener.getsockname()[1], options))
    listener.close()
