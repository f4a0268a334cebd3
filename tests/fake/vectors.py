"""What providers of embeddings and of reranking answer when all is well, and Cohere's chat.

Source: OpenAI API reference, "Create embeddings"; ai.google.dev/api/embeddings; docs.cohere.com, API
reference, "Chat API (v2)", "Embed API (v2)", "Rerank API (v2)"; read 2026-11; ids are made up.
"""

import base64
import json
import struct

from .dialects import TEXT, Gemini, compact

NUMBERS = [0.5, -1.25, 0.1]


def vector(index: int, size: int | None = None) -> list[float]:
    """Numbers that tell which input they belong to."""
    numbers = [index + 0.25, *NUMBERS]
    return (numbers * (1 + (size or 4) // 4))[: size or 4]


class OpenAIEmbeddings:
    """`POST {base}/embeddings`."""

    name = "openai"
    path = "/embeddings"

    @staticmethod
    def said_by_path(_path: str) -> dict:
        return {}

    @staticmethod
    def inputs(request: dict) -> list:
        asked = request["input"]
        return asked if isinstance(asked, list) and not isinstance(asked[0], int) else [asked]

    @classmethod
    def whole(cls, request: dict) -> str:
        def embedding(index: int):
            numbers = vector(index, request.get("dimensions"))
            if request.get("encoding_format") == "base64":
                return base64.b64encode(struct.pack(f"<{len(numbers)}f", *numbers)).decode()
            return numbers

        count = len(cls.inputs(request))
        data = [{"object": "embedding", "index": index, "embedding": embedding(index)} for index in range(count)]
        usage = {"prompt_tokens": 5, "total_tokens": 5}
        return compact({"object": "list", "data": data, "model": f"{request['model']}-1", "usage": usage, "x": 1})

    @staticmethod
    def error(status: int) -> str:
        kind = "server_error" if status >= 500 else "invalid_request_error"
        return compact({"error": {"message": f"provider says {status}", "type": kind, "param": None, "code": None}})


class GeminiEmbeddings(Gemini):
    """`POST {base}/models/{model}:batchEmbedContents`."""

    path = r"/models/[^/:]+:batchEmbedContents"

    @classmethod
    def whole(cls, request: dict) -> str:
        return compact({"embeddings": [{"values": vector(index)} for index in range(len(request["requests"]))]})


class Cohere:
    """What Cohere's operations have in common."""

    name = "cohere"

    @staticmethod
    def said_by_path(_path: str) -> dict:
        return {}

    @staticmethod
    def error(status: int) -> str:
        return compact({"id": "err_1", "message": f"provider says {status}"})


class CohereEmbed(Cohere):
    """`POST {base}/embed`."""

    path = "/embed"

    @staticmethod
    def whole(request: dict) -> str:
        assert request["embedding_types"] == ["float"] and request["input_type"]
        numbers = [vector(index, request.get("output_dimension")) for index in range(len(request["texts"]))]
        meta = {"api_version": {"version": "2"}, "billed_units": {"input_tokens": 7.0}}
        answer = {"id": "emb_1", "embeddings": {"float": numbers}, "texts": request["texts"], "meta": meta}
        return compact(answer | {"response_type": "embeddings_by_type"})


class CohereRerank(Cohere):
    """`POST {base}/rerank`."""

    path = "/rerank"

    @staticmethod
    def whole(request: dict) -> str:
        assert all(isinstance(document, str) for document in request["documents"])
        count = min(request.get("top_n") or 1 << 30, len(request["documents"]))
        results = [{"index": index, "relevance_score": 0.9 - index / 10} for index in reversed(range(count))]
        return compact({"id": "rr_1", "results": results, "meta": {"billed_units": {"search_units": 1}}})


class CohereChat(Cohere):
    """`POST {base}/chat`."""

    path = "/chat"
    usage = {
        "billed_units": {"input_tokens": 5.0, "output_tokens": 6.0},
        "tokens": {"input_tokens": 11.0, "output_tokens": 7.0},
        "cached_tokens": 3.0,
    }

    @classmethod
    def whole(cls, request: dict) -> str:
        message = {"role": "assistant", "content": [{"type": "text", "text": "".join(TEXT)}]}
        return compact({"id": "c_1", "finish_reason": "COMPLETE", "message": message, "usage": cls.usage})

    @classmethod
    def events(cls, request: dict) -> list[str]:
        def event(kind: str, message: dict | None = None, **more):
            return compact({"type": kind} | more | ({"delta": {"message": message}} if message is not None else {}))

        empty = {"role": "assistant", "content": [], "tool_plan": "", "tool_calls": [], "citations": []}
        out = [event("message-start", empty, id="c_1")]
        out.append(event("content-start", {"content": {"type": "text", "text": ""}}, index=0))
        out += [event("content-delta", {"content": {"text": piece}}, index=0) for piece in TEXT]
        out.append(event("content-end", index=0))
        return [*out, compact({"type": "message-end", "delta": {"finish_reason": "COMPLETE", "usage": cls.usage}})]

    @staticmethod
    def frame(data: str) -> str:
        return f"event: {json.loads(data)['type']}\ndata: {data}\n\n"

    error_event = compact({"type": "message-end", "delta": {"finish_reason": "ERROR", "error": "it broke"}})


VECTORS = (OpenAIEmbeddings, GeminiEmbeddings, CohereEmbed, CohereRerank, CohereChat)
