"""A client that sees bytes, where an SDK would see objects."""

import itertools
import json
import socket
import threading
from dataclasses import dataclass, field

import httpx

_ids = itertools.count(1)
# Gateways under test speak plain HTTP: reading the system's certificates would take each new client 40 ms.
PLAIN = {"verify": False, "trust_env": False}


def ask(text: str = "Hello", model: str = "openai-anthropic", **more) -> dict:
    """A chat request."""
    return {"model": model, "messages": [{"role": "user", "content": text}]} | more


def marker() -> str:
    """A text that no other request of this run carries."""
    return f"marker-{next(_ids)}-end"


@dataclass
class Reply:
    status: int
    headers: dict[str, str]
    body: bytes
    cut: bool = False  # the connection broke before the answer was complete

    @property
    def id(self) -> str:
        return self.headers["x-request-id"]

    @property
    def json(self):
        return json.loads(self.body)

    @property
    def error(self) -> dict:
        """OpenAI's error object, and nothing beside it."""
        assert self.headers["content-type"] == "application/json"
        (error,) = self.json.values()
        assert list(error) == ["message", "type", "param", "code"]
        return error

    @property
    def named_events(self) -> list[dict]:
        """The data of each event of an API whose events have names, which are their types."""
        events = []
        for block in blocks(self.body.decode()):
            if (data := data_of(block)) is not None:
                event = json.loads(data)
                assert f"event: {event['type']}" in block.split("\n")
                events.append(event)
        return events

    @property
    def events(self) -> list[str]:
        """The data of each server-sent event."""
        assert self.headers["content-type"].startswith("text/event-stream")
        return [data for block in blocks(self.body.decode()) if (data := data_of(block)) is not None]

    @property
    def answer(self) -> "Gathered":
        return Gathered.of(self)


def more(line: socket.socket) -> bytes:
    """What comes next on a connection that has to go on."""
    if data := line.recv(65536):
        return data
    raise ConnectionError("the gateway closed the connection")


def blocks(text: str) -> list[str]:
    return text.replace("\r\n", "\n").replace("\r", "\n").split("\n\n")


def data_of(block: str) -> str | None:
    lines = [line[5:].removeprefix(" ") for line in block.split("\n") if line.startswith("data:")]
    return "\n".join(lines) if lines else None


@dataclass
class Gathered:
    """An answer, whether it came whole or streamed."""

    content: str = ""
    calls: list[tuple[str, str, str]] = field(default_factory=list)  # id, name, arguments
    finish: str | None = None
    usage: dict | None = None
    model: str | None = None
    error: dict | None = None
    done: bool = False

    @classmethod
    def of(cls, reply: Reply) -> "Gathered":
        if not reply.headers["content-type"].startswith("text/event-stream"):
            body = reply.json
            choice = body["choices"][0]
            calls = [
                (c["id"], c["function"]["name"], c["function"]["arguments"])
                for c in choice["message"].get("tool_calls") or []
            ]
            content = choice["message"]["content"] or ""
            return cls(content, calls, choice["finish_reason"], body["usage"], body["model"], None, True)
        out = cls()
        for data in reply.events:
            assert not out.done, "something follows [DONE]"
            if data == "[DONE]":
                out.done = True
            else:
                out._add(json.loads(data))
        return out

    def _add(self, chunk: dict) -> None:
        if "error" in chunk:
            self.error = chunk["error"]
            return
        self.model = chunk["model"]
        self.usage = chunk.get("usage") or self.usage
        for choice in chunk["choices"]:
            self.content += choice["delta"].get("content") or ""
            self.finish = choice["finish_reason"] or self.finish
            for call in choice["delta"].get("tool_calls") or []:
                if "id" in call:
                    self.calls.append((call["id"], call["function"]["name"], ""))
                identity, name, so_far = self.calls[call["index"]]
                self.calls[call["index"]] = identity, name, so_far + call["function"]["arguments"]


class Client:
    """Talks to one gateway; safe to share between threads.

    Each thread has its own connections: a pool that threads share may close one that another thread reads from.
    """

    def __init__(self, url: str, key: str | None = None, **options):
        limits = httpx.Limits(max_connections=100, max_keepalive_connections=0)
        headers = {"authorization": f"Bearer {key}"} if key else {}
        self.options = {"base_url": url, "timeout": 30, "limits": limits, "headers": headers} | PLAIN | options
        self.own = threading.local()
        self.made: list[httpx.Client] = []

    @property
    def http(self) -> httpx.Client:
        if not hasattr(self.own, "http"):
            self.own.http = httpx.Client(**self.options)
            self.made.append(self.own.http)
        return self.own.http

    def close(self) -> None:
        for http in self.made:
            http.close()

    def chat(self, text: str = "Hello", model: str = "openai-anthropic", headers=None, **more) -> Reply:
        return self.send("POST", "/v1/chat/completions", headers=headers, json=ask(text, model, **more))

    def ask(self, path: str, body: dict, headers=None) -> Reply:
        return self.send("POST", path, headers=headers, json=body)

    def post(self, content: bytes, kind: str = "application/json", **headers: str) -> Reply:
        headers = {name.replace("_", "-"): value for name, value in headers.items()} | {"content-type": kind}
        return self.send("POST", "/v1/chat/completions", headers=headers, content=content)

    def get(self, path: str, headers=None) -> Reply:
        return self.send("GET", path, headers=headers)

    def send(self, method: str, path: str, **more) -> Reply:
        with self.http.stream(method, path, **more) as answer:
            body, cut = bytearray(), False
            try:
                for piece in answer.iter_raw():
                    body += piece
            except httpx.RemoteProtocolError:
                cut = True
            return Reply(answer.status_code, dict(answer.headers), bytes(body), cut)
