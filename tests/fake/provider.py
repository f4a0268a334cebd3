"""A provider that answers well unless the request says otherwise.

A request carries its own script in its text: `[[openai status 503 html]] [[m2 ok]]` makes the provider (or the model)
named `openai` answer 503 with an HTML page and the model `m2` answer well. So tests share providers and run in parallel,
and a script survives translation into any dialect. Every request is kept as the bytes that came.
"""

import asyncio
import gzip
import json
import re
import socket
import struct
import threading
import time
from dataclasses import dataclass, field

from .dialects import DIALECTS
from .door import BASES, Door, Refusal
from .passthrough import Other, fields
from .vectors import VECTORS

SCRIPT = re.compile(rb"\[\[([^\]\s]+) ([^\]]*)\]\]")
PATIENCE = 30  # seconds that a hanging answer hangs when nobody closes it


@dataclass
class Seen:
    """One request as it came, and what became of it."""

    head: bytes
    body: bytes
    sent: bytearray = field(default_factory=bytearray)  # the answer's body so far
    closed: threading.Event = field(default_factory=threading.Event)  # the peer left before the answer was complete
    came: float = field(default_factory=time.monotonic)
    left_after: float | None = None  # seconds until it was closed
    released: threading.Event = field(default_factory=threading.Event)  # an answer that is `held` may go on

    @property
    def method(self) -> str:
        return self.head.split(b" ", 1)[0].decode()

    @property
    def path(self) -> str:
        return self.head.split(b" ", 2)[1].decode()

    @property
    def headers(self) -> dict[str, str]:
        lines = self.head.decode("latin-1").split("\r\n")[1:]
        return {name.lower(): value.strip() for name, _, value in (line.partition(":") for line in lines) if name}

    @property
    def json(self) -> dict:
        return json.loads(self.body)

    def leave(self) -> None:
        """The peer is gone."""
        self.left_after = time.monotonic() - self.came
        self.closed.set()


class Provider:
    """One fake provider on 127.0.0.1, served by a thread of its own until `stop`.

    It speaks the dialect that is its name, or OpenAI's; what no provider of that kind would have let in is a mistake.
    """

    def __init__(self, name: str, tls=None, dialect: str | None = None, base: str | None = None):
        self.name, self.tls = name, tls
        self.door = Door(dialect or (name if name in BASES else "openai"), base)
        self.seen: list[Seen] = []
        self.mistakes: list[Exception] = []  # what a real one would not answer; a behaviour that it does not know
        self.other = Other()
        self.received = 0  # bytes of bodies that are read slowly, so far
        self.given_up = 0  # bodies that ended before they were complete
        self._loop = asyncio.new_event_loop()
        self._tasks: set[asyncio.Task] = set()
        self._thread = threading.Thread(target=self._loop.run_forever, daemon=True)
        self._thread.start()
        self.port = asyncio.run_coroutine_threadsafe(self._start(), self._loop).result(5)

    async def _start(self) -> int:
        self._server = await asyncio.start_server(self._connection, "127.0.0.1", 0, limit=1 << 26, ssl=self.tls)
        return self._server.sockets[0].getsockname()[1]

    def stop(self) -> None:
        async def close():
            self._server.close()
            for task in list(self._tasks):
                task.cancel()
            await asyncio.gather(*self._tasks, return_exceptions=True)

        asyncio.run_coroutine_threadsafe(close(), self._loop).result(5)
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join(5)
        self._loop.close()
        assert not self.mistakes, self.mistakes

    def asked(self, marker: str) -> list[Seen]:
        """The requests that carried this text, in order."""
        return [seen for seen in list(self.seen) if marker.encode() in seen.body]

    async def _connection(self, reader, writer) -> None:
        task = asyncio.current_task()
        self._tasks.add(task)
        try:
            while await self._exchange(reader, writer):
                pass
        except (ConnectionError, asyncio.IncompleteReadError, asyncio.CancelledError):
            pass
        except Exception as error:  # noqa: BLE001 - a fake that fails by itself looks like a provider that does
            self.mistakes.append(error)
        finally:
            self._tasks.discard(task)
            writer.close()

    async def _exchange(self, reader, writer) -> bool:
        head = await reader.readuntil(b"\r\n\r\n")
        slow = b"slow-reader" in head.split(b"\r\n", 1)[0]
        try:
            body = await (self._read_slowly(head, reader) if slow else read_body(head, reader))
        except (ConnectionError, asyncio.IncompleteReadError):
            self.given_up += 1
            raise
        seen = Seen(head, body)
        self.seen.append(seen)
        answer = Answer(reader, writer, seen)
        answer.earlier = lambda: any(other is not seen and other.body == seen.body for other in self.seen)
        try:
            if seen.path.startswith("/seen/"):
                found = [other.json for other in self.asked(seen.path.removeprefix("/seen/"))]
                await answer.whole(200, json.dumps(found).encode())
                return True
            self.door.check_key(seen)
            path = self.door.beyond(seen.path)
            if self.door.family == "openai" and self.other.is_on(path):
                if seen.body.startswith(b"{"):
                    self.door.check_json(seen)
                answer.dialect, answer.request = self.other, fields(seen)
                name, *arguments = self._script(seen.body, str(answer.request.get("model", "")))
                if name == "ok":
                    await self.other.answer(answer, seen)
                    return True
                return await BEHAVIOURS[name](answer, *arguments) is not CLOSED
            answer.dialect = self._dialect(path)
            self.door.check_json(seen)
            answer.request = request = json.loads(seen.body) | answer.dialect.said_by_path(seen.path)
            name, *arguments = self._script(seen.body, request.get("model", ""))
            return await BEHAVIOURS[name](answer, *arguments) is not CLOSED
        except Refusal as refusal:
            self.mistakes.append(refusal)
            await answer.whole(refusal.status, str(refusal).encode(), "text/plain")
            return True
        except ConnectionError:
            seen.leave()
            raise

    def _dialect(self, path: str):
        """What answers on a path behind the base."""
        for dialect in (*DIALECTS, *VECTORS):
            if dialect.name == self.door.family and re.fullmatch(dialect.path, path):
                return dialect
        raise Refusal(404, f"nothing answers on {path} at {self.name}")

    async def _read_slowly(self, head: bytes, reader) -> bytes:
        """As fast as somebody who writes it to a disk: what is not read must wait somewhere."""
        left, pieces = int(re.search(rb"\r\ncontent-length: *(\d+)", head.lower())[1]), []
        while left:
            pieces.append(await reader.read(min(left, 1 << 20)))
            if not pieces[-1]:
                raise asyncio.IncompleteReadError(b"", left)
            left -= len(pieces[-1])
            self.received += len(pieces[-1])
            await asyncio.sleep(0.002)
        return b"".join(pieces)

    def _script(self, body: bytes, model: str) -> list[str]:
        for match in SCRIPT.finditer(body):
            if match[1] in (self.name.encode(), model.encode()):
                return match[2].decode().split()
        return ["ok"]


async def read_body(head: bytes, reader) -> bytes:
    lower = head.lower()
    if b"\r\ntransfer-encoding: chunked" in lower:
        body = b""
        while size := int((await reader.readuntil(b"\r\n")).split(b";")[0], 16):
            body += (await reader.readexactly(size + 2))[:-2]
        await reader.readuntil(b"\r\n")
        return body
    length = re.search(rb"\r\ncontent-length: *(\d+)", lower)
    return await reader.readexactly(int(length[1])) if length else b""


CLOSED = object()  # the connection cannot carry another request


class Answer:
    """Writes one answer, well or badly."""

    def __init__(self, reader, writer, seen):
        self.reader, self.writer, self.seen = reader, writer, seen
        self.dialect = None
        self.request: dict = {}
        self.earlier = lambda: False  # whether the same request has come before

    @property
    def stream(self) -> bool:
        return bool(self.request.get("stream"))

    async def raw(self, data: bytes) -> None:
        self.writer.write(data)
        await self.writer.drain()

    async def whole(self, status: int, body: bytes, kind="application/json", **headers: str) -> None:
        headers = {"content-type": kind, "content-length": str(len(body)), "set-cookie": "provider=1"} | headers
        lines = "".join(f"{name.replace('_', '-')}: {value}\r\n" for name, value in headers.items())
        self.seen.sent += body
        await self.raw(f"HTTP/1.1 {status} Whatever\r\n{lines}\r\n".encode() + body)

    async def open(self, **headers: str) -> None:
        kind = getattr(self.dialect, "stream_type", "text/event-stream; charset=utf-8")
        headers = {"content-type": kind, "transfer-encoding": "chunked"} | headers
        lines = "".join(f"{name.replace('_', '-')}: {value}\r\n" for name, value in headers.items())
        await self.raw(f"HTTP/1.1 200 OK\r\n{lines}\r\n".encode())

    async def chunk(self, data: bytes) -> None:
        if data:
            self.seen.sent += data
            await self.raw(f"{len(data):x}\r\n".encode() + data + b"\r\n")

    async def end(self) -> None:
        await self.raw(b"0\r\n\r\n")

    async def streamed(self, *pieces: bytes) -> None:
        await self.open()
        for piece in pieces:
            await self.chunk(piece)
        await self.end()

    def frames(self) -> list[bytes]:
        return [self.framed(event) for event in self.dialect.events(self.request)]

    def framed(self, event) -> bytes:
        frame = self.dialect.frame(event)
        return frame if isinstance(frame, bytes) else frame.encode()

    async def hang(self):
        """Nothing more until the peer leaves."""
        try:
            await asyncio.wait_for(self.reader.read(1), PATIENCE)
            self.seen.leave()
        except TimeoutError:
            pass
        return CLOSED

    def reset(self):
        sock = self.writer.get_extra_info("socket")
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        self.writer.transport.abort()
        return CLOSED


async def ok(answer):
    if answer.stream:
        return await answer.streamed(*answer.frames())
    await answer.whole(200, answer.dialect.whole(answer.request).encode())


REPEATED = re.compile(r"<<(.*?)>>")


async def repeat(answer, kind, size, wait="0"):
    """`repeat text 3 0.05` says what stands between `<<` and `>>` in the request, in pieces of so many letters, so many seconds
    apart; `repeat tool 3` gives it to the first tool, as arguments."""
    said = json.loads(f'"{REPEATED.search(json.dumps(answer.request))[1]}"')
    pieces = [said[at : at + int(size)] for at in range(0, len(said), int(size))]
    answer.request["repeated"] = (kind, pieces)
    if not answer.stream:
        return await answer.whole(200, answer.dialect.whole(answer.request).encode())
    await answer.open()
    for frame in answer.frames():
        await answer.chunk(frame)
        await asyncio.sleep(float(wait))
    await answer.end()


FORMS = {
    "json": lambda dialect, status: (dialect.error(status).encode(), "application/json"),
    "html": lambda *_: (b"<html><body><h1>It broke</h1></body></html>", "text/html"),
    "empty": lambda *_: (b"", "text/plain"),
    "truncated": lambda dialect, status: (dialect.error(status).encode()[:-9], "application/json"),
    "binary": lambda *_: (bytes(range(256)), "application/octet-stream"),
}


async def status(answer, code, form="json", *headers):
    """`status 429 json retry-after=7`."""
    body, kind = FORMS[form](answer.dialect, int(code))
    await answer.whole(int(code), body, kind, **dict(header.split("=", 1) for header in headers))


async def once(answer, code, *headers):
    """`once 429 retry-after=1`: bad for the first request with this body, well for those that follow."""
    if answer.earlier():
        return await ok(answer)
    await status(answer, code, "json", *headers)


async def too_long(answer):
    """What the model cannot hold, in OpenAI's words."""
    error = {"message": "This is too long.", "type": "invalid_request_error", "param": "messages", "code": "context_length_exceeded"}
    await answer.whole(400, json.dumps({"error": error}).encode())


async def hang_in_body(answer):
    """Half of a whole answer, then silence."""
    body = answer.dialect.whole(answer.request).encode()
    await answer.raw(
        f"HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: {len(body)}\r\n\r\n".encode()
    )
    await answer.raw(body[: len(body) // 2])
    return await answer.hang()


async def cut_in_body(answer):
    """Half of a whole answer, then the connection closes."""
    body = answer.dialect.whole(answer.request).encode()
    await answer.raw(
        f"HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: {len(body)}\r\n\r\n".encode()
    )
    await answer.raw(body[: len(body) // 2])
    answer.writer.close()
    return CLOSED


async def only_comments(answer):
    """Alive, but without an event, for as long as anybody listens."""
    await answer.open()
    while True:
        await answer.chunk(b": still thinking\n\n")
        await asyncio.sleep(0.1)


async def reset(answer):
    return answer.reset()


async def hang(answer):
    return await answer.hang()


async def hang_after_headers(answer):
    await answer.open()
    return await answer.hang()


async def first_half(answer):
    """Events with content, which the client has got before anything else comes."""
    await answer.open()
    for frame in answer.frames()[:5]:
        await answer.chunk(frame)
    await asyncio.sleep(0.1)


async def hang_midstream(answer):
    await first_half(answer)
    return await answer.hang()


async def error_event_first(answer):
    await answer.streamed(answer.framed(answer.dialect.error_event))


async def refusal_event_first(answer):
    """An error that is the client's. What follows it belongs to no answer."""
    await answer.open()
    await answer.chunk(answer.framed(answer.dialect.error(400)))
    for frame in answer.frames():
        await asyncio.sleep(0.05)
        await answer.chunk(frame)
    await answer.end()


async def error_event_after_opening(answer):
    """The first event, which has no content yet, is well."""
    await answer.streamed(answer.frames()[0], answer.framed(answer.dialect.error_event))


async def error_event_later(answer):
    await first_half(answer)
    await answer.chunk(answer.framed(answer.dialect.error_event))
    await answer.end()


async def cut_midstream(answer):
    await first_half(answer)
    return answer.reset()


async def end_early(answer):
    await first_half(answer)
    await answer.end()


async def end_at_once(answer):
    await answer.streamed()


async def trickle(answer):
    await answer.open(**{} if answer.stream else {"content-type": "application/json"})
    data = b"".join(answer.frames()) if answer.stream else answer.dialect.whole(answer.request).encode()
    for at in range(len(data)):
        await answer.chunk(data[at : at + 1])
        await asyncio.sleep(0.0002)  # or the kernel puts them together again
    await answer.end()


async def crlf(answer):
    await answer.streamed(*(frame.replace(b"\n", b"\r\n") for frame in answer.frames()))


async def comments(answer):
    await answer.streamed(
        b": OPENROUTER PROCESSING\n\n",
        *(b": a comment\nretry: 100\nid: 7\n" + frame + b":\n\n\n\n" for frame in answer.frames()),
    )


async def multi_line_data(answer):
    await answer.streamed(*(frame.replace(b',"', b',\ndata: "', 1) for frame in answer.frames()))


async def no_final_blank_line(answer):
    *frames, last = answer.frames()
    await answer.streamed(*frames, last.rstrip(b"\n"))


async def no_done(answer):
    """All but the last event, which says that the stream is over."""
    await answer.streamed(*answer.frames()[:-1])


async def hang_before_end(answer, left_out="1"):
    """A stream without so many of its last events, whose connection stays open."""
    await answer.open()
    frames = answer.frames()
    for frame in frames[: len(frames) - int(left_out)]:
        await answer.chunk(frame)
    return await answer.hang()


async def more_after_done(answer):
    """The whole stream, its beginning once more, and an error."""
    frames = answer.frames()
    await answer.streamed(*frames, *frames[:3], answer.framed(answer.dialect.error_event))


async def gzip_anyway(answer):
    if answer.stream:
        await answer.open(content_encoding="gzip")
        await answer.chunk(gzip.compress(b"".join(answer.frames())))
        return await answer.end()
    await answer.whole(200, gzip.compress(answer.dialect.whole(answer.request).encode()), content_encoding="gzip")


async def huge(answer, size="3000000"):
    """An answer whose text is this long."""
    text = "x" * int(size)
    if answer.stream:
        return await answer.streamed(*(frame.replace("!".encode(), text.encode()) for frame in answer.frames()))
    await answer.whole(200, answer.dialect.whole(answer.request).replace("!", text).encode())


async def ok_with_error_body(answer):
    await answer.whole(200, answer.dialect.error(500).encode())


async def not_sse(answer):
    """A whole answer although a stream was asked for."""
    await answer.whole(200, answer.dialect.whole(answer.request).encode())


async def evil_model(answer):
    """The name of the model that it says it served would be two headers."""
    evil = answer.dialect.served(answer.request["model"]) + "\\r\\nset-cookie: evil=1"
    if answer.stream:
        frames = (f.decode().replace(answer.dialect.served(answer.request["model"]), evil) for f in answer.frames())
        return await answer.streamed(*(frame.encode() for frame in frames))
    whole = answer.dialect.whole(answer.request)
    await answer.whole(200, whole.replace(answer.dialect.served(answer.request["model"]), evil).encode())


async def garbage(answer):
    if answer.stream:
        return await answer.streamed(bytes(range(256)) * 40)
    await answer.whole(200, b"%PDF-1.7 " + bytes(range(256)) * 40)


async def deep(answer):
    """JSON nested deeper than anybody should."""
    nested = b"[" * 10000 + b"]" * 10000
    if answer.stream:
        return await answer.streamed(b"data: " + nested + b"\n\n")
    await answer.whole(200, nested)


async def crowded(answer):
    """A small text that would be large in memory: its first list holds objects without end."""
    crowd = b"[" + b"{}," * (2_500_000 if answer.stream else 5_000_000)
    if answer.stream:
        first, *rest = answer.frames()
        return await answer.streamed(first.replace(b"[", crowd, 1), *rest)
    await answer.whole(200, answer.dialect.whole(answer.request).encode().replace(b"[", crowd, 1))


async def not_utf8(answer):
    """The answer's first character that needs two bytes is broken."""
    broken = "ü".encode(), b"\xff\xfe"
    if answer.stream:
        return await answer.streamed(*(frame.replace(*broken) for frame in answer.frames()))
    await answer.whole(200, answer.dialect.whole(answer.request).encode().replace(*broken))


async def empty(answer):
    await answer.whole(200, b"")


async def slow(answer, pause="0.2", between=None):
    """A pause before the first event and one `between` events, as long unless it is told; or before the whole answer."""
    if not answer.stream:
        await asyncio.sleep(float(pause))
        return await ok(answer)
    await answer.open()
    for frame in answer.frames():
        await asyncio.sleep(float(pause))
        await answer.chunk(frame)
        pause = between or pause
    await answer.end()


async def held(answer):
    """A stream that stops behind its first content until the test releases it."""
    await answer.open()
    for place, frame in enumerate(answer.frames()):
        if place == 2:
            async with asyncio.timeout(PATIENCE):
                while not answer.seen.released.is_set():
                    await asyncio.sleep(0.01)
        await answer.chunk(frame)
    await answer.end()


async def bare(answer, *words):
    """A stream of exactly these words, `_` standing for a space: for what no list has thought of."""
    await answer.streamed(*(f"data: {word.replace('_', ' ')}\n\n".encode() for word in words))


BEHAVIOURS = {
    behaviour.__name__.replace("_", "-"): behaviour
    for behaviour in (
        ok, status, once, too_long, reset, hang, hang_in_body, cut_in_body, only_comments, evil_model, hang_after_headers, hang_midstream, error_event_first, error_event_after_opening,
        error_event_later, refusal_event_first, cut_midstream, end_early, end_at_once, trickle, crlf, comments, multi_line_data,
        no_final_blank_line, no_done, hang_before_end, more_after_done, gzip_anyway, huge, crowded, ok_with_error_body, not_sse, garbage, deep, not_utf8, empty,
        slow, held, bare, repeat,
    )
}  # fmt: skip
