"""The fixtures of Gemini against the types of Google's own client: what is sent is made of fields that they
know, and what is answered is read by them. The client is only read from; nothing is called."""

import json
from pathlib import Path

import pytest
import yaml
from google.genai import types

FIXTURES = Path(__file__).parents[1] / "fixtures"
DIALECTS = ["gemini", "vertex"]
# These hold what nobody knows, on purpose.
UNKNOWN = ["unknown-parameters", "stream-unknown"]
GENERATES = ("generateContent", "streamGenerateContent")
# Each field of a request's body and its type; a list of one stands for a list.
BODY = {
    "contents": [types.Content],
    "systemInstruction": types.Content,
    "tools": [types.Tool],
    "toolConfig": types.ToolConfig,
    "generationConfig": types.GenerationConfig,
    "safetySettings": [types.SafetySetting],
    "cachedContent": str,
    "labels": dict,
}


def cases(name: str):
    paths = sorted(path.parent for dialect in DIALECTS for path in FIXTURES.glob(f"{dialect}/*/{name}"))
    chats = [case for case in paths if case.name not in UNKNOWN and yaml.safe_load((case / "0-case.yaml").read_text()).get("api") != "embeddings"]
    return [pytest.param(case, id=f"{case.parent.name}/{case.name}") for case in chats]


def read(kind, value):
    """The value as this type; what the type does not know is an error."""
    if isinstance(kind, list):
        return [read(kind[0], item) for item in value]
    if issubclass(kind, types._common.BaseModel):
        return kind.model_validate(value)
    assert isinstance(value, kind)
    return value


@pytest.mark.parametrize("case", cases("2-upstream.json"))
def test_a_request_is_made_of_what_the_client_knows(case):
    sent = json.loads((case / "2-upstream.json").read_text())
    assert sent["path"].split("?")[0].endswith(GENERATES)
    for key, value in sent["body"].items():
        assert key in BODY, key
        read(BODY[key], value)


def answers(case: Path):
    """The answers in a case's file: one, a list, or the events of a stream."""
    text = next(case.glob("3-upstream.*")).read_text()
    if not text.startswith(("data:", ":")):
        value = json.loads(text)
        return value if isinstance(value, list) else [value]
    lines = (line.removeprefix("data:").strip() for line in text.splitlines() if line.startswith("data:"))
    return [json.loads(line) for line in lines if line]


def complete(case: Path):
    """No error, and not an answer that broke off."""
    about = yaml.safe_load((case / "0-case.yaml").read_text())
    record = json.loads((case / "5-record.json").read_text())
    return about.get("status", 200) == 200 and record.get("finish", "error") != "error"


@pytest.mark.parametrize("case", [case for case in cases("5-record.json") if complete(case.values[0])])
def test_an_answer_is_read_by_the_client(case):
    for answer in answers(case):
        types.GenerateContentResponse.model_validate(answer)
