"""The Responses API of OpenAI's official Python SDK, with providers that have it and that do not."""

import json

import openai
import pytest
from pydantic import BaseModel

TEXT = "Grüße, 世界 🎉!"
MODELS = {"openai": "openai/gpt-test", "anthropic": "anthropic/claude-sonnet-4-6"}
SERVED = {"openai": "gpt-test-2026-01-01", "anthropic": "claude-sonnet-4-6-20260101"}
BOTH = pytest.mark.parametrize("provider", MODELS)
WEATHER = {
    "type": "function",
    "name": "weather",
    "description": "Tells the weather.",
    "parameters": {
        "type": "object",
        "properties": {"city": {"type": "string"}},
        "required": ["city"],
        "additionalProperties": False,
    },
    "strict": True,
}


class Weather(BaseModel):
    city: str
    degrees: int


@pytest.fixture(scope="module")
def sdk(gateway):
    with openai.OpenAI(base_url=f"{gateway.url}/v1", api_key="none", max_retries=0) as client:
        yield client


@BOTH
def test_create(sdk, provider):
    answer = sdk.responses.create(model=MODELS[provider], input="Hello", instructions="Be brief.")
    assert (answer.output_text, answer.status, answer.model) == (TEXT, "completed", SERVED[provider])
    usage = answer.usage
    assert (usage.input_tokens, usage.output_tokens, usage.total_tokens) == (11, 7, 18)
    assert usage.input_tokens_details.cached_tokens == 3


@BOTH
def test_stream(sdk, provider):
    events = list(sdk.responses.create(model=MODELS[provider], input="Hello", stream=True))
    assert "".join(e.delta for e in events if e.type == "response.output_text.delta") == TEXT
    assert (events[0].type, events[-1].type) == ("response.created", "response.completed")
    assert events[-1].response.output_text == TEXT


@BOTH
def test_stream_helper(sdk, provider):
    with sdk.responses.stream(model=MODELS[provider], input="Hello") as stream:
        for _ in stream:
            pass
        answer = stream.get_final_response()
    assert (answer.output_text, answer.usage.total_tokens) == (TEXT, 18)


@BOTH
@pytest.mark.parametrize("streamed", [False, True], ids=["whole", "stream"])
def test_tools_with_the_result_sent_back(sdk, provider, streamed):
    items = [{"role": "user", "content": "Weather?"}]
    asked = {"model": MODELS[provider], "tools": [WEATHER]}
    if streamed:
        with sdk.responses.stream(input=items, **asked) as stream:
            answer = stream.get_final_response()
    else:
        answer = sdk.responses.create(input=items, **asked)
    (call,) = answer.output
    assert (call.type, call.name, json.loads(call.arguments)) == ("function_call", "weather", {"city": "Köln"})
    returned = call.model_dump(exclude_none=True, exclude={"parsed_arguments"})
    items += [returned, {"type": "function_call_output", "call_id": call.call_id, "output": "21 degrees"}]
    assert sdk.responses.create(input=items, **asked).output_text == TEXT


@BOTH
def test_structured_output_is_parsed(sdk, provider):
    answer = sdk.responses.parse(model=MODELS[provider], input="Weather?", text_format=Weather)
    assert answer.output_parsed == Weather(city="Köln", degrees=21)


@BOTH
def test_structured_output_is_parsed_from_a_stream(sdk, provider):
    with sdk.responses.stream(model=MODELS[provider], input="Weather?", text_format=Weather) as stream:
        assert stream.get_final_response().output_parsed == Weather(city="Köln", degrees=21)


def test_reasoning_comes_back_with_the_next_turn(sdk, anthropic_provider):
    from fake.client import marker

    text = marker()
    asked = {"model": MODELS["anthropic"], "reasoning": {"effort": "low", "summary": "auto"}, "tools": [WEATHER]}
    answer = sdk.responses.create(input=text, **asked)
    reasoning, call = answer.output
    assert (reasoning.type, reasoning.summary[0].text) == ("reasoning", "Let me see.")
    items = [{"role": "user", "content": text}]
    items += [item.model_dump(exclude_none=True) for item in answer.output]
    items.append({"type": "function_call_output", "call_id": call.call_id, "output": "Rain"})
    sdk.responses.create(input=items, **asked)
    last = anthropic_provider.asked(text)[-1].json["messages"][1]["content"]
    assert last[0] == {"type": "thinking", "thinking": "Let me see.", "signature": "EqQBCgIYAg=="}


@BOTH
def test_errors_are_the_sdk_s_own(sdk, provider):
    for status, kind in {400: openai.BadRequestError, 429: openai.RateLimitError}.items():
        with pytest.raises(kind):
            sdk.responses.create(model=MODELS[provider], input=f"[[{provider} status {status}]]")


def test_what_cannot_be_done_elsewhere_is_a_bad_request(sdk):
    with pytest.raises(openai.BadRequestError) as told:
        sdk.responses.create(model=MODELS["anthropic"], input="Hello", previous_response_id="resp_1")
    assert told.value.param == "previous_response_id"
    with pytest.raises(openai.BadRequestError) as told:
        sdk.responses.create(model=MODELS["anthropic"], input="Hello", tools=[{"type": "web_search"}])
    assert told.value.param == "tools[0].type"
