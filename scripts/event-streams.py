#!/usr/bin/env python3
"""Writes the binary streams of the fixtures: each `3-upstream.jsonl` becomes the `3-upstream.bin` beside it.

A line is one message of an AWS event stream, or something done to all bytes so far:

    {"event": "messageStart", "data": {..}}     an event; `data` is its payload
    {"chunk": {..}}                             an event of Bedrock's InvokeModel around one of the model's
    {"exception": "throttlingException", "data": {..}}
    {"error": "InternalServerError", "message": ".."}
    {"flip": 9}                                 one bit of the byte that is that far from the end
    {"cut": 9}                                  that many bytes from the end

Source: smithy.io, "Amazon Event Stream specification", read 2026-11.
"""

import base64
import json
import struct
import sys
import zlib
from pathlib import Path

FIXTURES = Path(__file__).parents[1] / "tests/fixtures"
STRING = 7


def compact(value) -> bytes:
    return json.dumps(value, ensure_ascii=False, separators=(",", ":")).encode()


def message(headers: dict[str, str], payload: bytes) -> bytes:
    """One message, with its two checksums."""
    head = b""
    for name, value in headers.items():
        name, value = name.encode(), value.encode()
        head += struct.pack(">B", len(name)) + name + struct.pack(">BH", STRING, len(value)) + value
    prelude = struct.pack(">II", 12 + len(head) + len(payload) + 4, len(head))
    body = prelude + struct.pack(">I", zlib.crc32(prelude)) + head + payload
    return body + struct.pack(">I", zlib.crc32(body))


def event(name: str, data) -> bytes:
    headers = {":event-type": name, ":content-type": "application/json", ":message-type": "event"}
    return message(headers, compact(data))


def exception(name: str, data) -> bytes:
    headers = {":exception-type": name, ":content-type": "application/json", ":message-type": "exception"}
    return message(headers, compact(data))


def error(code: str, text: str) -> bytes:
    return message({":error-code": code, ":error-message": text, ":message-type": "error"}, b"")


def chunk(inner) -> bytes:
    return event("chunk", {"bytes": base64.b64encode(compact(inner)).decode(), "p": "abcdefghij"})


def stream(lines: str) -> bytes:
    """All messages that the lines describe."""
    out = b""
    for line in map(json.loads, lines.splitlines()):
        if "event" in line:
            out += event(line["event"], line["data"])
        elif "chunk" in line:
            out += chunk(line["chunk"])
        elif "exception" in line:
            out += exception(line["exception"], line["data"])
        elif "error" in line:
            out += error(line["error"], line["message"])
        elif "flip" in line:
            at = len(out) - line["flip"]
            out = out[:at] + bytes([out[at] ^ 1]) + out[at + 1 :]
        else:
            out = out[: len(out) - line["cut"]]
    return out


def main() -> None:
    for source in sorted(FIXTURES.glob("*/*/3-upstream.jsonl")):
        source.with_suffix(".bin").write_bytes(stream(source.read_text()))


if __name__ == "__main__":
    sys.exit(main())
