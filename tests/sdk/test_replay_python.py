"""The official Python SDK gathers what the fixtures of the dialects say that its user gets, without a gateway."""

import json
from pathlib import Path

import httpx
import openai
import pytest
import yaml

FIXTURES = Path(__file__).parents[1] / "fixtures"


def pairs():
    """Streams of chunks, each with the case that gives the same answer whole."""
    for folder in sorted(FIXTURES.glob("*/*")):
        case = folder / "0-case.yaml"
        about = yaml.safe_load(case.read_text()) if case.exists() else {}
        if "gathers_to" in about and "api" not in about:
            yield pytest.param(folder, folder.with_name(about["gathers_to"]), id=f"{folder.parent.name}/{folder.name}")


def replay(folder: Path) -> openai.OpenAI:
    stream = httpx.Response(
        200, content=(folder / "4-client.sse").read_bytes(), headers={"content-type": "text/event-stream"}
    )
    transport = httpx.MockTransport(lambda _request: stream)
    return openai.OpenAI(base_url="http://replay", api_key="none", http_client=httpx.Client(transport=transport))


def said(value):
    """A value without its `null`s, and calls without what the helper adds to them."""
    if isinstance(value, dict):
        added = ("index", "parsed_arguments", "parsed")
        return {key: said(item) for key, item in value.items() if item is not None and key not in added}
    return [said(item) for item in value] if isinstance(value, list) else value


@pytest.mark.parametrize(("streamed", "whole"), list(pairs()))
def test_the_stream_helper_gathers_the_message_of_the_whole_answer(streamed, whole):
    with replay(streamed) as sdk, sdk.chat.completions.stream(model="m", messages=[]) as stream:
        stream.until_done()
        gathered = stream.current_completion_snapshot
    want = json.loads((whole / "4-client.json").read_text())
    messages = [choice.message.model_dump() for choice in gathered.choices]
    assert said(messages) == said([choice["message"] for choice in want["choices"]])
