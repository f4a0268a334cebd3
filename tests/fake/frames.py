"""Messages of an AWS event stream, as Bedrock sends them.

Source: smithy.io, "Amazon Event Stream specification", read 2026-11; checked against botocore in tests/oracle.
"""

import base64
import json
import struct
import zlib

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
    """An event of a model's own stream, as InvokeModelWithResponseStream wraps it."""
    return event("chunk", {"bytes": base64.b64encode(compact(inner)).decode(), "p": "abcdefghij"})
