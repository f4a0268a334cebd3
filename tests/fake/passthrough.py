"""OpenAI's other paths as its API answers on them: images, audio, moderations, files, batches.

Source: openai 3.57 for Python, `types`, read 2026-11; ids are made up.
"""

import base64
import json
import re
from urllib.parse import parse_qsl, urlsplit

from .dialects import compact

AUDIO = bytes(range(256)) * 400
IMAGE = base64.b64encode(bytes(range(256)) * 20).decode()
TOKENS = {"input_tokens": 9, "output_tokens": 30, "total_tokens": 39}
BASES = re.compile(r"/(images|audio|moderations|files|uploads|batches|vector_stores|fine_tuning)(/|$)")


def error(status: int) -> str:
    kind = "server_error" if status >= 500 else "invalid_request_error"
    return compact({"error": {"message": f"provider says {status}", "type": kind, "param": None, "code": None}})


def fields(seen) -> dict:
    """A JSON body, or a form's fields; what is a file is bytes."""
    kind = seen.headers.get("content-type", "")
    if kind.startswith("application/json"):
        return json.loads(seen.body or b"{}")
    if not kind.startswith("multipart/form-data"):
        return {}
    out = {}
    boundary = b"--" + kind.split("boundary=")[1].strip('"').encode()
    for part in seen.body.split(boundary)[1:-1]:
        head, _, content = part.partition(b"\r\n\r\n")
        name = re.search(rb'name="([^"]*)"', head)[1].decode()
        content = content.removesuffix(b"\r\n")
        out[name] = content if b"filename=" in head else content.decode()
    return out


class Other:
    """What one provider stores, and its answers."""

    name = "openai"

    def __init__(self):
        self.files: dict[str, tuple[dict, bytes]] = {}
        self.batches: dict[str, dict] = {}

    @staticmethod
    def is_on(path: str) -> bool:
        return BASES.search(path.split("?")[0]) is not None

    @staticmethod
    def error(status: int) -> str:
        return error(status)

    @staticmethod
    def whole(request: dict) -> str:
        return compact({"object": "anything", "request": sorted(request)})

    @staticmethod
    def events(_request: dict) -> list[str]:
        return [compact({"type": "part", "number": number}) for number in range(2)]

    @staticmethod
    def frame(data: str) -> str:
        return f"data: {data}\n\n"

    async def answer(self, answer, seen) -> None:
        """The good answer to a request."""
        url = urlsplit(seen.path)
        path = url.path[BASES.search(url.path).start() :]
        method, names, request = seen.head.split(b" ", 1)[0].decode(), path.strip("/").split("/"), answer.request
        if names[0] == "audio" and names[1] == "speech":
            if request.get("stream_format") == "sse":
                return await self.say(answer, {"type": "speech.audio.delta", "audio": "eA=="}, {"type": "speech.audio.done", "usage": TOKENS})
            await answer.open(**{"content-type": "audio/mpeg", "content-disposition": "inline; filename=speech.mp3"})
            for at in range(0, len(AUDIO), 10_000):
                await answer.chunk(AUDIO[at : at + 10_000])
            return await answer.end()
        if names[0] == "audio":
            return await self.text_of_audio(answer, request)
        if names[0] == "images":
            if request.get("stream"):
                kind = "image_generation" if names[1] == "generations" else "image_edit"
                partial = {"type": f"{kind}.partial_image", "b64_json": IMAGE, "partial_image_index": 0}
                return await self.say(answer, partial, {"type": f"{kind}.completed", "b64_json": IMAGE, "usage": TOKENS})
            images = [{"b64_json": IMAGE}] * int(request.get("n", 1))
            return await self.json(answer, {"created": 1, "data": images, "usage": TOKENS, "size": "1024x1024"})
        if names[0] == "moderations":
            result = {"flagged": True, "categories": {"violence": True}, "category_scores": {"violence": 0.9}}
            model = request.get("model", "omni-moderation-latest")
            return await self.json(answer, {"id": "modr-1", "model": model, "results": [result]})
        if names[0] == "files":
            return await self.file(answer, method, names[1:], request, dict(parse_qsl(url.query)))
        if names[0] == "batches":
            return await self.batch(answer, method, names[1:], request)
        await self.json(answer, {"id": "x-1", "object": names[0], "path": path, "method": method, "request": sorted(request)})

    async def json(self, answer, value) -> None:
        await answer.whole(200, json.dumps(value).encode())

    async def say(self, answer, *events: dict) -> None:
        await answer.streamed(*(f"event: {event['type']}\ndata: {compact(event)}\n\n".encode() for event in events))

    async def missing(self, answer) -> None:
        error = {"message": "No such File object", "type": "invalid_request_error", "param": "id", "code": None}
        await answer.whole(404, json.dumps({"error": error}).encode())

    async def text_of_audio(self, answer, request: dict) -> None:
        text = f"{len(request['file'])} bytes"
        if request.get("stream") == "true":
            delta = {"type": "transcript.text.delta", "delta": text}
            return await self.say(answer, delta, {"type": "transcript.text.done", "text": text, "usage": TOKENS | {"type": "tokens"}})
        form = request.get("response_format", "json")
        if form in ("text", "srt", "vtt"):
            kind = {"text": "text/plain; charset=utf-8", "srt": "application/x-subrip", "vtt": "text/vtt"}[form]
            return await answer.whole(200, f"{form}: {text}\n".encode(), kind)
        await self.json(answer, {"text": text, "usage": TOKENS | {"type": "tokens"}})

    async def file(self, answer, method: str, names: list[str], request: dict, query: dict) -> None:
        if not names and method == "POST":
            content = request["file"]
            file = {"id": f"file-{len(self.files) + 1}", "object": "file", "bytes": len(content), "created_at": 1}
            file |= {"filename": "a.jsonl", "purpose": request["purpose"], "status": "processed"}
            self.files[file["id"]] = file, content
            return await self.json(answer, file)
        if not names:
            listed = [file for file, _ in self.files.values() if query.get("purpose") in (None, file["purpose"])]
            return await self.json(answer, {"object": "list", "data": listed, "has_more": False})
        if names[0] not in self.files:
            return await self.missing(answer)
        file, content = self.files[names[0]]
        if names[1:] == ["content"]:
            named = {"content-disposition": f'attachment; filename="{file["filename"]}"'}
            return await answer.whole(200, content, "application/octet-stream", **named)
        if method == "DELETE":
            del self.files[file["id"]]
            return await self.json(answer, {"id": file["id"], "object": "file", "deleted": True})
        await self.json(answer, file)

    async def batch(self, answer, method: str, names: list[str], request: dict) -> None:
        if not names and method == "GET":
            return await self.json(answer, {"object": "list", "data": [*self.batches.values()], "has_more": False})
        if not names:
            made = {"id": f"batch_{len(self.batches) + 1}", "object": "batch", "status": "validating", "created_at": 1}
            self.batches[made["id"]] = made | {key: request[key] for key in ("input_file_id", "endpoint", "completion_window")}
            return await self.json(answer, self.batches[made["id"]])
        batch = self.batches[names[0]]
        if names[1:] == ["cancel"]:
            batch["status"] = "cancelling"
        await self.json(answer, batch)
