"""A provider on HTTP/2, seen from its own side: what reaches it besides headers and body."""

import json
import socket
import ssl
import threading

import h2.config
import h2.connection
import h2.events
import pytest
import trustme

from fake.client import Client
from fake.gateway import Upstream, http_options, render
from fake.world import role

ANSWER = {"id": "x", "model": "m", "choices": [{"index": 0, "message": {"role": "assistant", "content": "Hi"}, "finish_reason": "stop"}]}


def texts(lines) -> list[tuple[str, str]]:
    return [(bytes(name).decode(), bytes(value).decode()) for name, value in lines]


class Provider(threading.Thread):
    """One HTTP/2 connection: gathers what comes, answers with a body and a trailer."""

    def __init__(self, tls: ssl.SSLContext | None = None):
        super().__init__(daemon=True)
        self.tls = tls
        self.listener = socket.create_server(("127.0.0.1", 0))
        self.listener.settimeout(30)
        self.port = self.listener.getsockname()[1]
        self.seen = []

    def run(self):
        peer, _ = self.listener.accept()
        peer.settimeout(30)
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
                if isinstance(event, h2.events.StreamEnded):
                    self.answer(connection, event.stream_id)
            peer.sendall(connection.data_to_send())

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
            for event in connection.receive_data(peer.recv(65536)):
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
