"""What an OpenAI-like, an Anthropic-like, a Gemini-like and a Bedrock-like provider answer when all is well.

Source: platform.openai.com/docs/api-reference/chat, docs.anthropic.com/en/api/messages,
ai.google.dev/api/generate-content and the service model `bedrock-runtime` of botocore 1.44, read 2026-11; ids are made up.
"""

import json
import re
from urllib.parse import unquote

from . import frames

TEXT = ["Grü", "ße, 世", "界 🎉", "!"]  # characters of two, three and four bytes
ARGUMENTS = ['{"city":', '"Köln"', "}"]
THOUGHT = ["Let me ", "see."]
SIGNATURE = "EqQBCgIYAg=="
STRUCTURED = ['{"city":"Köln",', '"degrees":21}']


def compact(value) -> str:
    return json.dumps(value, ensure_ascii=False, separators=(",", ":"))


class OpenAI:
    """`POST {base}/chat/completions`."""

    name = "openai"
    path = "/chat/completions"
    usage = {
        "prompt_tokens": 11,
        "completion_tokens": 7,
        "total_tokens": 18,
        "prompt_tokens_details": {"cached_tokens": 3, "audio_tokens": 0},
        "completion_tokens_details": {"reasoning_tokens": 2, "audio_tokens": 0},
    }

    @staticmethod
    def said_by_path(_path: str) -> dict:
        """What of the request stands in the path and not in the body."""
        return {}

    @staticmethod
    def served(model: str) -> str:
        return f"{model}-2026-01-01"

    @staticmethod
    def pieces(request: dict) -> tuple[str, list[str]]:
        """What the request asks for: `tool`, with fragments of its arguments, or `text`, with fragments."""
        if "repeated" in request:
            return request["repeated"]
        messages = request.get("messages") or [{}]
        if request.get("tools") and messages[-1].get("role") != "tool":
            return "tool", ARGUMENTS
        if (request.get("response_format") or {}).get("type") in ("json_schema", "json_object"):
            return "text", STRUCTURED
        return "text", TEXT

    @classmethod
    def whole(cls, request: dict) -> str:
        kind, pieces = cls.pieces(request)
        message = {"role": "assistant", "content": None, "refusal": None, "annotations": []}
        if kind == "tool":
            name = request["tools"][0]["function"]["name"]
            message["tool_calls"] = [
                {"id": "call_1", "type": "function", "function": {"name": name, "arguments": "".join(pieces)}}
            ]
        else:
            message["content"] = "".join(pieces)
        if request.get("reasoning_effort"):  # as DeepSeek and vLLM do
            message["reasoning_content"] = "".join(THOUGHT)
        choice = {"index": 0, "message": message, "logprobs": None, "finish_reason": cls.finish(kind)}
        return compact(
            {
                "id": "chatcmpl-1",
                "object": "chat.completion",
                "created": 1767225600,
                "model": cls.served(request["model"]),
                "choices": [choice],
                "usage": cls.usage,
                "service_tier": "default",
                "x_unknown": 12345678901234567890.12345,
            }
        )

    @staticmethod
    def finish(kind: str) -> str:
        return "tool_calls" if kind == "tool" else "stop"

    @classmethod
    def events(cls, request: dict) -> list[str]:
        kind, pieces = cls.pieces(request)
        wants_usage = bool((request.get("stream_options") or {}).get("include_usage"))
        head = {
            "id": "chatcmpl-1",
            "object": "chat.completion.chunk",
            "created": 1767225600,
            "model": cls.served(request["model"]),
        }

        def chunk(delta, finish=None):
            choices = [{"index": 0, "delta": delta, "logprobs": None, "finish_reason": finish}]
            return compact(head | {"choices": choices} | ({"usage": None} if wants_usage else {}))

        out = [chunk({"role": "assistant", "content": "" if kind == "text" else None, "refusal": None})]
        if request.get("reasoning_effort"):
            out += [chunk({"reasoning_content": piece}) for piece in THOUGHT]
        if kind == "tool":
            function = {"name": request["tools"][0]["function"]["name"], "arguments": ""}
            call = {"index": 0, "id": "call_1", "type": "function", "function": function}
            out.append(chunk({"tool_calls": [call]}))
            out += [chunk({"tool_calls": [{"index": 0, "function": {"arguments": piece}}]}) for piece in pieces]
        else:
            out += [chunk({"content": piece}) for piece in pieces]
        out.append(chunk({}, cls.finish(kind)))
        if wants_usage:
            out.append(compact(head | {"choices": [], "usage": cls.usage}))
        return out + ["[DONE]"]

    @staticmethod
    def frame(data: str) -> str:
        return f"data: {data}\n\n"

    @staticmethod
    def error(status: int) -> str:
        kinds = {401: ("invalid_request_error", "invalid_api_key"), 429: ("requests", "rate_limit_exceeded")}
        kind, code = kinds.get(status, ("server_error" if status >= 500 else "invalid_request_error", None))
        return compact({"error": {"message": f"provider says {status}", "type": kind, "param": None, "code": code}})

    error_event = compact(
        {"error": {"message": "Too fast", "type": "tokens", "param": None, "code": "rate_limit_exceeded"}}
    )


class Anthropic:
    """`POST {base}/messages`."""

    name = "anthropic"
    path = "/messages"
    # OpenAI's counts above, as Anthropic counts them: the prompt without what came from the cache.
    usage = {
        "input_tokens": 8,
        "cache_creation_input_tokens": 0,
        "cache_read_input_tokens": 3,
        "output_tokens": 7,
        "service_tier": "standard",
    }

    @staticmethod
    def said_by_path(_path: str) -> dict:
        return {}

    @staticmethod
    def served(model: str) -> str:
        return f"{model}-20260101"

    @staticmethod
    def pieces(request: dict) -> tuple[str, list[str]]:
        if "repeated" in request:
            return request["repeated"]
        last = (request.get("messages") or [{}])[-1]
        results = [b for b in last.get("content") or [] if isinstance(b, dict) and b.get("type") == "tool_result"]
        forced = (request.get("tool_choice") or {}).get("type") == "tool"
        if (request.get("output_config") or {}).get("format"):
            return "text", STRUCTURED
        if request.get("tools") and not results:
            schema = request["tools"][0].get("input_schema", {}).get("properties", {})
            return "tool", STRUCTURED if forced and "degrees" in schema else ARGUMENTS
        return "text", TEXT

    @classmethod
    def whole(cls, request: dict) -> str:
        kind, pieces = cls.pieces(request)
        if kind == "tool":
            name = request["tools"][0]["name"]
            block = {"type": "tool_use", "id": "toolu_1", "name": name, "input": json.loads("".join(pieces))}
        else:
            block = {"type": "text", "text": "".join(pieces)}
        thought = {"type": "thinking", "thinking": "".join(THOUGHT), "signature": SIGNATURE}
        return compact(
            {
                "id": "msg_1",
                "type": "message",
                "role": "assistant",
                "model": cls.served(request["model"]),
                "content": [thought, block] if cls.thinks(request) else [block],
                "stop_reason": cls.stop(kind),
                "stop_sequence": None,
                "usage": cls.usage,
            }
        )

    @staticmethod
    def thinks(request: dict) -> bool:
        return (request.get("thinking") or {}).get("type") in ("enabled", "adaptive")

    @staticmethod
    def stop(kind: str) -> str:
        return "tool_use" if kind == "tool" else "end_turn"

    @classmethod
    def opening(cls, request: dict) -> str:
        message = {
            "id": "msg_1",
            "type": "message",
            "role": "assistant",
            "model": cls.served(request["model"]),
            "content": [],
            "stop_reason": None,
            "stop_sequence": None,
            "usage": cls.usage | {"output_tokens": 1},
        }
        return compact({"type": "message_start", "message": message})

    @classmethod
    def events(cls, request: dict) -> list[str]:
        kind, pieces = cls.pieces(request)
        if kind == "tool":
            block = {"type": "tool_use", "id": "toolu_1", "name": request["tools"][0]["name"], "input": {}}
            deltas = [{"type": "input_json_delta", "partial_json": piece} for piece in ["", *pieces]]
        else:
            block = {"type": "text", "text": ""}
            deltas = [{"type": "text_delta", "text": piece} for piece in pieces]
        out = [cls.opening(request)]
        if cls.thinks(request):
            thoughts = [{"type": "thinking_delta", "thinking": piece} for piece in THOUGHT]
            thoughts.append({"type": "signature_delta", "signature": SIGNATURE})
            out += cls.block(0, {"type": "thinking", "thinking": "", "signature": ""}, thoughts)
        opened, *rest = cls.block(int(cls.thinks(request)), block, deltas)
        out += [opened, compact({"type": "ping"}), *rest]
        end = {"stop_reason": cls.stop(kind), "stop_sequence": None}
        out.append(compact({"type": "message_delta", "delta": end, "usage": {"output_tokens": 7}}))
        return [*out, compact({"type": "message_stop"})]

    @staticmethod
    def block(index: int, block: dict, deltas: list[dict]) -> list[str]:
        start = {"type": "content_block_start", "index": index, "content_block": block}
        pieces = [{"type": "content_block_delta", "index": index, "delta": delta} for delta in deltas]
        return [compact(event) for event in (start, *pieces, {"type": "content_block_stop", "index": index})]

    @staticmethod
    def frame(data: str) -> str:
        return f"event: {json.loads(data)['type']}\ndata: {data}\n\n"

    @staticmethod
    def error(status: int) -> str:
        kinds = {400: "invalid_request_error", 401: "authentication_error", 403: "permission_error"}
        kinds |= {404: "not_found_error", 429: "rate_limit_error", 529: "overloaded_error"}
        error = {"type": kinds.get(status, "api_error"), "message": f"provider says {status}"}
        return compact({"type": "error", "error": error, "request_id": "req_1"})

    error_event = compact({"type": "error", "error": {"type": "overloaded_error", "message": "Overloaded"}})


class CountTokens(Anthropic):
    """`POST {base}/messages/count_tokens`."""

    path = "/messages/count_tokens"

    @classmethod
    def whole(cls, request: dict) -> str:
        return compact({"input_tokens": 11})


class Completions(OpenAI):
    """`POST {base}/completions`."""

    path = "/completions"

    @classmethod
    def whole(cls, request: dict) -> str:
        choice = {"index": 0, "text": "".join(TEXT), "logprobs": None, "finish_reason": "stop"}
        head = {"id": "cmpl-1", "object": "text_completion", "created": 1767225600, "model": cls.served(request["model"])}
        return compact(head | {"choices": [choice], "usage": cls.usage})


class Responses(OpenAI):
    """`POST {base}/responses`. Source: platform.openai.com/docs/api-reference/responses, read 2026-11."""

    path = "/responses"
    usage = {
        "input_tokens": 11,
        "input_tokens_details": {"cached_tokens": 3, "cache_write_tokens": 0},
        "output_tokens": 7,
        "output_tokens_details": {"reasoning_tokens": 2},
        "total_tokens": 18,
    }

    @staticmethod
    def pieces(request: dict) -> tuple[str, list[str]]:
        if "repeated" in request:
            return request["repeated"]
        items = request.get("input")
        answered = isinstance(items, list) and items[-1].get("type") == "function_call_output"
        if request.get("tools") and not answered:
            return "tool", ARGUMENTS
        if ((request.get("text") or {}).get("format") or {}).get("type") == "json_schema":
            return "text", STRUCTURED
        return "text", TEXT

    @classmethod
    def response(cls, request: dict, output: list[dict], status: str = "completed") -> dict:
        return {
            "id": "resp_1",
            "object": "response",
            "created_at": 1767225600,
            "status": status,
            "error": None,
            "incomplete_details": None,
            "model": cls.served(request["model"]),
            "output": output,
            "parallel_tool_calls": True,
            "tool_choice": "auto",
            "tools": request.get("tools") or [],
            "usage": cls.usage if status == "completed" else None,
        }

    @classmethod
    def item(cls, request: dict, status: str = "completed") -> dict:
        kind, pieces = cls.pieces(request)
        done = "".join(pieces) if status == "completed" else ""
        if kind == "tool":
            call = {"id": "fc_1", "type": "function_call", "status": status, "call_id": "call_1"}
            return call | {"name": request["tools"][0]["name"], "arguments": done}
        part = {"type": "output_text", "text": done, "annotations": [], "logprobs": []}
        content = [part] if done else []
        return {"id": "msg_1", "type": "message", "status": status, "role": "assistant", "content": content}

    @classmethod
    def whole(cls, request: dict) -> str:
        return compact(cls.response(request, [cls.item(request)]))

    @classmethod
    def events(cls, request: dict) -> list[str]:
        kind, pieces = cls.pieces(request)
        begun = cls.response(request, [], "in_progress")
        item = cls.item(request)
        place = {"item_id": item["id"], "output_index": 0}
        out = [
            {"type": "response.created", "response": begun},
            {"type": "response.in_progress", "response": begun},
            {"type": "response.output_item.added", "output_index": 0, "item": cls.item(request, "in_progress")},
        ]
        if kind == "tool":
            name = "response.function_call_arguments"
            out += [{"type": f"{name}.delta", **place, "delta": piece} for piece in pieces]
            out.append({"type": f"{name}.done", **place, "arguments": item["arguments"], "name": item["name"]})
        else:
            place["content_index"] = 0
            (part,) = item["content"]
            out.append({"type": "response.content_part.added", **place, "part": part | {"text": ""}})
            delta = {"type": "response.output_text.delta", **place, "logprobs": []}
            out += [delta | {"delta": piece} for piece in pieces]
            out.append({"type": "response.output_text.done", **place, "text": part["text"], "logprobs": []})
            out.append({"type": "response.content_part.done", **place, "part": part})
        out.append({"type": "response.output_item.done", "output_index": 0, "item": item})
        out.append({"type": "response.completed", "response": cls.response(request, [item])})
        return [compact({"sequence_number": n} | event) for n, event in enumerate(out)]

    @staticmethod
    def frame(data: str) -> str:
        return Anthropic.frame(data)

    error_event = compact({"type": "error", "code": "rate_limit_exceeded", "message": "Too fast", "param": None})


class Gemini:
    """`POST {base}/models/{model}:generateContent` and `:streamGenerateContent?alt=sse`."""

    name = "gemini"
    path = r"/models/[^/:]+:(generateContent|streamGenerateContent)"
    # OpenAI's counts above, as Gemini counts them: what was thought apart from what was said.
    usage = {
        "promptTokenCount": 11,
        "cachedContentTokenCount": 3,
        "candidatesTokenCount": 5,
        "thoughtsTokenCount": 2,
        "totalTokenCount": 18,
    }

    @staticmethod
    def said_by_path(path: str) -> dict:
        found = re.search(r"/models/([^/:]+):(\w+)", path)
        return {"model": unquote(found[1]), "stream": found[2] == "streamGenerateContent"}

    @staticmethod
    def served(model: str) -> str:
        return f"{model}-001"

    @staticmethod
    def pieces(request: dict) -> tuple[str, list[str]]:
        last = (request.get("contents") or [{}])[-1]
        results = [part for part in last.get("parts") or [] if "functionResponse" in part]
        if (request.get("generationConfig") or {}).get("responseMimeType") == "application/json":
            return "text", STRUCTURED
        if request.get("tools") and not results:
            return "tool", ARGUMENTS
        return "text", TEXT

    @classmethod
    def chunk(cls, request: dict, parts: list[dict], finish: str | None = None, usage: dict | None = None) -> dict:
        candidate = {"content": {"parts": parts, "role": "model"}, "index": 0}
        candidate |= {"finishReason": finish} if finish else {}
        head = {"modelVersion": cls.served(request["model"]), "responseId": "r-1"}
        return {"candidates": [candidate], "usageMetadata": usage or cls.usage, **head}

    @classmethod
    def call(cls, request: dict, pieces: list[str]) -> dict:
        name = request["tools"][0]["functionDeclarations"][0]["name"]
        call = {"id": "fc-1", "name": name, "args": json.loads("".join(pieces))}
        return {"functionCall": call, "thoughtSignature": "c2lnbmF0dXJl"}

    @classmethod
    def whole(cls, request: dict) -> str:
        kind, pieces = cls.pieces(request)
        part = cls.call(request, pieces) if kind == "tool" else {"text": "".join(pieces)}
        return json.dumps(cls.chunk(request, [part], "STOP"), ensure_ascii=False, indent=2)

    @classmethod
    def events(cls, request: dict) -> list[str]:
        kind, pieces = cls.pieces(request)
        early = {"promptTokenCount": 11, "totalTokenCount": 11}
        if kind == "tool":
            parts = [cls.call(request, pieces)]
        else:
            parts = [{"text": piece} for piece in pieces]
        out = [compact(cls.chunk(request, [part], usage=early)) for part in parts]
        return [*out, compact(cls.chunk(request, [{"text": ""}], "STOP"))]

    @staticmethod
    def frame(data: str) -> str:
        return f"data: {data}\r\n\r\n"

    @staticmethod
    def error(status: int) -> str:
        words = {400: "INVALID_ARGUMENT", 401: "UNAUTHENTICATED", 403: "PERMISSION_DENIED", 404: "NOT_FOUND"}
        words |= {429: "RESOURCE_EXHAUSTED", 503: "UNAVAILABLE", 504: "DEADLINE_EXCEEDED"}
        error = {"code": status, "message": f"provider says {status}", "status": words.get(status, "INTERNAL")}
        if status == 429:
            error["details"] = [{"@type": "type.googleapis.com/google.rpc.RetryInfo", "retryDelay": "6.5s"}]
        return compact({"error": error})

    error_event = compact({"error": {"code": 503, "message": "The model is overloaded.", "status": "UNAVAILABLE"}})


class Bedrock:
    """`POST {base}/{model}/converse` and `converse-stream`; the model and the wish for a stream stand in the path."""

    name = "bedrock"
    path = "/[^/]+/(converse|converse-stream)"
    stream_type = "application/vnd.amazon.eventstream"
    # OpenAI's counts above, as Bedrock counts them: the prompt without what came from the cache.
    usage = {"inputTokens": 8, "outputTokens": 7, "totalTokens": 18, "cacheReadInputTokens": 3, "cacheWriteInputTokens": 0}
    end = {"metrics": {"latencyMs": 5}, "usage": usage}

    @staticmethod
    def said_by_path(path: str) -> dict:
        *_, model, action = path.split("/")
        return {"model": unquote(model), "stream": action == "converse-stream"}

    @staticmethod
    def pieces(request: dict) -> tuple[str, list[str]]:
        last = (request.get("messages") or [{}])[-1]
        results = [block for block in last.get("content") or [] if "toolResult" in block]
        if request.get("outputConfig"):
            return "text", STRUCTURED
        return ("tool", ARGUMENTS) if request.get("toolConfig") and not results else ("text", TEXT)

    @staticmethod
    def tool(request: dict) -> dict:
        return {"toolUseId": "tooluse_1", "name": request["toolConfig"]["tools"][0]["toolSpec"]["name"]}

    @classmethod
    def whole(cls, request: dict) -> str:
        kind, pieces = cls.pieces(request)
        if kind == "tool":
            block = {"toolUse": cls.tool(request) | {"input": json.loads("".join(pieces))}}
        else:
            block = {"text": "".join(pieces)}
        message = {"role": "assistant", "content": [block]}
        return compact({"output": {"message": message}, "stopReason": cls.stop(kind)} | cls.end)

    @staticmethod
    def stop(kind: str) -> str:
        return "tool_use" if kind == "tool" else "end_turn"

    @classmethod
    def events(cls, request: dict) -> list[tuple[str, dict]]:
        kind, pieces = cls.pieces(request)
        place = {"contentBlockIndex": 0}
        out = [("messageStart", {"role": "assistant"})]
        if kind == "tool":
            out.append(("contentBlockStart", place | {"start": {"toolUse": cls.tool(request)}}))
            deltas = [{"toolUse": {"input": piece}} for piece in pieces]
        else:
            deltas = [{"text": piece} for piece in pieces]
        out += [("contentBlockDelta", place | {"delta": delta, "p": "abcdefgh"}) for delta in deltas]
        out.append(("contentBlockStop", place))
        return [*out, ("messageStop", {"stopReason": cls.stop(kind)}), ("metadata", cls.end)]

    @staticmethod
    def frame(event: tuple[str, dict]) -> bytes:
        name, data = event
        return (frames.exception if name.endswith("Exception") else frames.event)(name, data)

    @staticmethod
    def error(status: int) -> str:
        return compact({"message": f"provider says {status}"})

    error_event = ("throttlingException", {"message": "Too many tokens, please wait before trying again."})


DIALECTS = (OpenAI, Completions, Anthropic, CountTokens, Responses, Gemini, Bedrock)
