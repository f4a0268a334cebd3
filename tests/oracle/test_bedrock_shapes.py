"""The fixtures of Bedrock against AWS's own service model: what is sent is what its client would send,
what is answered is what its parsers read, and the binary streams are what their lines say."""

import base64
import importlib.util
import json
import re
from pathlib import Path
from urllib.parse import unquote

import botocore.session
import pytest
import yaml
from botocore.eventstream import ChecksumMismatch, EventStreamBuffer
from botocore.parsers import create_parser
from botocore.serialize import create_serializer
from botocore.validate import ParamValidator

ROOT = Path(__file__).parents[2]
FIXTURES = ROOT / "tests/fixtures"
SERVICE = botocore.session.get_session().get_service_model("bedrock-runtime")
STREAMED = {"converse": "Converse", "converse-stream": "ConverseStream"}
INVOKED = {"invoke": "InvokeModel", "invoke-with-response-stream": "InvokeModelWithResponseStream"}


def about(case: Path) -> dict:
    return yaml.safe_load((case / "0-case.yaml").read_text())


def cases(dialect: str, name: str):
    """The chats: to the service model, an embedding's body is only bytes."""
    paths = sorted(path.parent for path in FIXTURES.glob(f"{dialect}/*/{name}"))
    return [pytest.param(case, id=case.name) for case in paths if about(case).get("api") != "embeddings"]


def script(name: str):
    spec = importlib.util.spec_from_file_location(name.replace("-", "_"), ROOT / f"scripts/{name}.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


STREAMS = script("event-streams")


def operation(case: Path):
    """The operation that a case calls, and the model that it names."""
    sent = json.loads((case / "2-upstream.json").read_text())
    *_, model, action = sent["path"].split("/")
    return SERVICE.operation_model((STREAMED | INVOKED)[action]), unquote(model), sent


def parameters(shape, value):
    """A JSON value as the client takes it, blobs as bytes; more is checked than the client does."""
    if getattr(shape, "is_document_type", False):
        return value
    if shape.type_name == "structure":
        unknown = value.keys() - shape.members.keys()
        assert not unknown, f"{shape.name} has no {unknown}"
        assert not getattr(shape, "is_tagged_union", False) or len(value) == 1, f"{shape.name} is one of {value.keys()}"
        return {key: parameters(shape.members[key], inner) for key, inner in value.items()}
    if shape.type_name == "list":
        return [parameters(shape.member, inner) for inner in value]
    if shape.type_name == "map":
        return {key: parameters(shape.value, inner) for key, inner in value.items()}
    if shape.type_name == "blob":
        return base64.b64decode(value, validate=True)
    if shape.type_name == "string":
        limits = shape.metadata
        assert not limits.get("enum") or value in limits["enum"], f"{shape.name} is no {value}"
        assert not limits.get("pattern") or re.fullmatch(limits["pattern"], value), f"{shape.name} does not fit {value}"
        assert len(value) <= limits.get("max", len(value)), f"{shape.name} is too long"
    return value


@pytest.mark.parametrize("case", cases("bedrock", "2-upstream.json"))
def test_a_request_is_what_aws_s_own_client_would_send(case):
    called, model, sent = operation(case)
    params = parameters(called.input_shape, {"modelId": model} | sent["body"])
    report = ParamValidator().validate(params, called.input_shape)
    assert not report.has_errors(), report.generate_report()
    theirs = create_serializer("rest-json").serialize_to_request(params, called)
    assert json.loads(theirs["body"]) == sent["body"]
    assert (theirs["method"], theirs["url_path"]) == (sent["method"], sent["path"].removeprefix("/bedrock"))


@pytest.mark.parametrize("case", cases("anthropic-bedrock", "2-upstream.json"))
def test_an_invocation_goes_where_aws_s_own_client_would_send_it(case):
    called, model, sent = operation(case)
    theirs = create_serializer("rest-json").serialize_to_request({"modelId": model, "body": b"{}"}, called)
    assert (theirs["method"], theirs["url_path"]) == (sent["method"], sent["path"])
    assert not sent["body"].keys() & {"model", "stream"}


# Two cases hold what is no answer of Converse: an error inside a 200, a whole answer to a stream.
ANSWERS = [
    case
    for case in cases("bedrock", "3-upstream.json")
    if (case.values[0] / "2-upstream.json").exists() and case.id not in ("error-in-200", "stream-whole-answer")
]


@pytest.mark.parametrize("case", ANSWERS)
def test_an_answer_is_what_aws_s_own_parser_reads(case):
    told = about(case)
    called, _, _ = operation(case)
    body = (case / "3-upstream.json").read_bytes()
    response = {"status_code": told["status"], "headers": told["headers"], "body": body}
    parsed = create_parser("rest-json").parse(response, called.output_shape)
    if told["status"] >= 400:
        assert parsed["Error"]["Code"].endswith("Exception")
        assert parsed["Error"]["Message"] == json.loads(body)["message"]
        return
    raw = json.loads(body)
    if not case.name.startswith("recorded-"):  # the service says more than its model tells
        parameters(called.output_shape, raw)  # nothing in it is made up
    assert parsed["stopReason"] == raw["stopReason"]
    assert len(parsed["output"]["message"]["content"]) == len(raw["output"]["message"]["content"])
    assert parsed["usage"]["totalTokens"] == raw["usage"]["totalTokens"]


def messages(case: Path):
    buffer = EventStreamBuffer()
    buffer.add_data((case / "3-upstream.bin").read_bytes())
    return list(buffer)


BINARY = cases("*bedrock", "3-upstream.jsonl")


@pytest.mark.parametrize("case", BINARY)
def test_a_binary_stream_is_what_its_lines_say(case):
    lines = (case / "3-upstream.jsonl").read_text()
    assert (case / "3-upstream.bin").read_bytes() == STREAMS.stream(lines)


@pytest.mark.parametrize("case", BINARY)
def test_a_binary_stream_is_read_by_aws_s_own_parser(case):
    lines = list(map(json.loads, (case / "3-upstream.jsonl").read_text().splitlines()))
    if any("flip" in line for line in lines):
        with pytest.raises(ChecksumMismatch):
            messages(case)
        return
    whole = lines[:-2] if lines and "cut" in lines[-1] else lines
    found = messages(case)
    assert len(found) == len(whole)
    called, _, _ = operation(case)
    shape = called.get_event_stream_output().members
    parser = create_parser("rest-json")._event_stream_parser
    for line, message in zip(whole, found, strict=True):
        kind = message.headers[":message-type"]
        if kind == "error":
            told = message.headers[":error-code"], message.headers[":error-message"]
            assert told == (line["error"], line["message"])
            continue
        name = line.get("event") or line.get("exception") or "chunk"
        assert message.headers[":event-type" if kind == "event" else ":exception-type"] == name
        if name in shape:
            parsed = parser.parse(message.to_response_dict(), called.get_event_stream_output())
            assert parsed.get("Error", {}).get("Code", name) == name
        if "chunk" in line:
            assert json.loads(parsed["chunk"]["bytes"]) == line["chunk"]


def test_what_bedrock_may_say_at_the_end_is_known():
    """A new reason to stop, a new block or a new exception shows itself here."""
    reasons = SERVICE.shape_for("StopReason").enum
    assert set(reasons) == {
        "content_filtered", "end_turn", "guardrail_intervened", "malformed_model_output", "malformed_tool_use",
        "max_tokens", "model_context_window_exceeded", "stop_sequence", "tool_use",
    }  # fmt: skip
    assert set(SERVICE.shape_for("ContentBlockDelta").members) == {
        "citation", "image", "reasoningContent", "text", "toolResult", "toolUse",
    }  # fmt: skip
    stream = SERVICE.shape_for("ConverseStreamOutput").members
    assert {name for name in stream if name.endswith("Exception")} == {
        "internalServerException", "modelStreamErrorException", "serviceUnavailableException",
        "throttlingException", "validationException",
    }  # fmt: skip
