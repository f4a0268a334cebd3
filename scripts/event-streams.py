#!/usr/bin/env python3
"""Writes the binary streams of the fixtures: each `3-upstream.jsonl` becomes the `3-upstream.bin` beside it.

A line is one message of an AWS event stream, or something done to all bytes so far:

    {"event": "messageStart", "data": {..}}     an event; `data` is its payload
    {"chunk": {..}}                             an event of Bedrock's InvokeModel around one of the model's
    {"exception": "throttlingException", "data": {..}}
    {"error": "InternalServerError", "message": ".."}
    {"flip": 9}                                 one bit of the byte that is that far from the end
    {"cut": 9}                                  that many bytes from the end
"""

import json
import sys
from pathlib import Path

TESTS = Path(__file__).parents[1] / "tests"
sys.path.insert(0, str(TESTS))
from fake.frames import chunk, error, event, exception  # noqa: E402


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
    for source in sorted(TESTS.glob("fixtures/*/*/3-upstream.jsonl")):
        source.with_suffix(".bin").write_bytes(stream(source.read_text()))


if __name__ == "__main__":
    sys.exit(main())
