"""Anthropic's official Python SDK, unchanged but for its base_url, talks to providers of both kinds."""

import hashlib
import json

import anthropic
import pytest

from fake.client import marker
from fake.gateway import render
from fake.world import role

TEXT = "Grüße, 世界 🎉!"
MODELS = {"openai": "openai/gpt-test", "anthropic": "anthropic/claude-sonnet-4-6"}
SERVED = {"openai": "gpt-test-2026-01-01", "anthropic": "claude-sonnet-4-6-20260101"}
BOTH = pytest.mark.parametrize("provider", MODELS)
WEATHER = {
    "name": "weather",
    "description": "Tells the weather.",
    "input_schema": {"type": "object", "properties": {"city": {"type": "string"}}, "required": ["city"]},
}
PIXEL = "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg=="


def user(content) -> list[dict]:
    return [{"role": "user", "content": content}]


def said_in(answer) -> list[dict]:
    """The blocks, without what the SDK's stream helper adds to them."""
    return [block.model_dump(exclude_none=True, exclude={"parsed_output"}) for block in answer.content]


@pytest.fixture(scope="module")
def sdk(gateway):
    with anthropic.Anthropic(base_url=gateway.url, api_key="none", max_retries=0) as client:
        yield client


@BOTH
def test_create(sdk, provider):
    answer = sdk.messages.create(model=MODELS[provider], max_tokens=64, messages=user("Hello"))
    (block,) = answer.content
    assert (block.type, block.text, answer.stop_reason, answer.role) == ("text", TEXT, "end_turn", "assistant")
    usage = answer.usage
    assert (usage.input_tokens, usage.cache_read_input_tokens, usage.output_tokens) == (8, 3, 7)
    assert answer.model == SERVED[provider]
    assert answer._request_id


@BOTH
def test_stream_helper(sdk, provider):
    with sdk.messages.stream(model=MODELS[provider], max_tokens=64, messages=user("Hello")) as stream:
        assert "".join(stream.text_stream) == TEXT
        answer = stream.get_final_message()
    assert (answer.content[0].text, answer.stop_reason, answer.model) == (TEXT, "end_turn", SERVED[provider])
    assert (answer.usage.input_tokens, answer.usage.output_tokens) == (8, 7)


@BOTH
def test_raw_stream(sdk, provider):
    stream = sdk.messages.create(model=MODELS[provider], max_tokens=64, messages=user("Hello"), stream=True)
    kinds = [event.type for event in stream]
    assert (kinds[0], kinds[-1]) == ("message_start", "message_stop")


@BOTH
@pytest.mark.parametrize("streamed", [False, True], ids=["whole", "stream"])
def test_tools_with_the_result_sent_back(sdk, provider, streamed):
    messages = user("Weather?")
    asked = {"model": MODELS[provider], "max_tokens": 64, "tools": [WEATHER]}
    if streamed:
        with sdk.messages.stream(messages=messages, **asked) as stream:
            answer = stream.get_final_message()
    else:
        answer = sdk.messages.create(messages=messages, tool_choice={"type": "any"}, **asked)
    (call,) = answer.content
    assert (answer.stop_reason, call.type, call.name, call.input) == ("tool_use", "tool_use", "weather", {"city": "Köln"})
    result = {"type": "tool_result", "tool_use_id": call.id, "content": [{"type": "text", "text": "21 degrees"}]}
    messages += [{"role": "assistant", "content": answer.content}, *user([result])]
    after = sdk.messages.create(messages=messages, **asked)
    assert (after.content[0].text, after.stop_reason) == (TEXT, "end_turn")


def test_thinking_and_its_signature(sdk):
    asked = {"model": MODELS["anthropic"], "max_tokens": 4096, "thinking": {"type": "adaptive"}}
    answer = sdk.messages.create(messages=user("Hello"), **asked)
    thought, text = answer.content
    assert (thought.thinking, thought.signature, text.text) == ("Let me see.", "EqQBCgIYAg==", TEXT)
    with sdk.messages.stream(messages=user("Hello"), **asked) as stream:
        assert said_in(stream.get_final_message()) == said_in(answer)


def test_reasoning_of_another_provider_is_a_thinking_block(sdk, openai_provider):
    text = marker()
    messages = user(text)
    asked = {"model": MODELS["openai"], "max_tokens": 4096, "thinking": {"type": "enabled", "budget_tokens": 2048}}
    answer = sdk.messages.create(messages=messages, **asked)
    thought, said = answer.content
    assert (thought.type, thought.thinking, thought.signature, said.text) == ("thinking", "Let me see.", "", TEXT)
    with sdk.messages.stream(messages=user("Hello"), **asked) as stream:
        assert said_in(stream.get_final_message()) == said_in(answer)
    messages += [{"role": "assistant", "content": answer.content}, *user("And?")]
    sdk.messages.create(messages=messages, **asked)
    seen = openai_provider.asked(text)[-1].json
    assert (seen["reasoning_effort"], seen["messages"][1]) == ("low", {"role": "assistant", "content": TEXT})


@BOTH
def test_images_documents_and_system_blocks(sdk, provider):
    content = [
        {"type": "text", "text": "Look."},
        {"type": "image", "source": {"type": "base64", "media_type": "image/png", "data": PIXEL}},
        {"type": "document", "source": {"type": "text", "media_type": "text/plain", "data": "Some words."}},
    ]
    system = [{"type": "text", "text": "Be brief.", "cache_control": {"type": "ephemeral"}}]
    answer = sdk.messages.create(model=MODELS[provider], max_tokens=64, system=system, messages=user(content))
    assert answer.content[0].text == TEXT


@BOTH
def test_structured_output(sdk, provider):
    schema = {
        "type": "object",
        "properties": {"city": {"type": "string"}, "degrees": {"type": "integer"}},
        "required": ["city", "degrees"],
        "additionalProperties": False,
    }
    config = {"format": {"type": "json_schema", "schema": schema}}
    answer = sdk.messages.create(model=MODELS[provider], max_tokens=64, output_config=config, messages=user("Weather?"))
    assert json.loads(answer.content[0].text) == {"city": "Köln", "degrees": 21}


@BOTH
def test_count_tokens(sdk, provider):
    counted = sdk.messages.count_tokens(model=MODELS[provider], messages=user("Hello"))
    assert counted.input_tokens > 0


@BOTH
def test_errors_are_the_sdk_s_own(sdk, provider):
    def ask(text):
        return sdk.messages.create(model=MODELS[provider], max_tokens=64, messages=user(text))

    cases = {
        400: anthropic.BadRequestError,
        429: anthropic.RateLimitError,
        503: anthropic.InternalServerError,
    }
    for status, kind in cases.items():
        with pytest.raises(kind) as told:
            ask(f"[[{provider} status {status}]]")
        assert told.value.body["type"] == "error"
        assert told.value.status_code == status


@BOTH
def test_an_error_in_a_stream_is_raised(sdk, provider):
    text = f"[[{provider} error-event-later]]"
    with (
        pytest.raises(anthropic.APIStatusError),
        sdk.messages.stream(model=MODELS[provider], max_tokens=64, messages=user(text)) as stream,
    ):
        stream.until_done()


def test_an_unknown_model_and_a_wrong_key(sdk, start, upstreams):
    with pytest.raises(anthropic.NotFoundError):
        sdk.messages.create(model="nothing-like-this", max_tokens=64, messages=user("Hello"))
    keys = [{"id": "app", "sha256": hashlib.sha256(b"right").hexdigest()}]
    url = start(render(role(keys=keys), upstreams)).url
    right = anthropic.Anthropic(base_url=url, api_key="right", max_retries=0)
    wrong = anthropic.Anthropic(base_url=url, api_key="wrong", max_retries=0)
    assert right.messages.create(model=MODELS["openai"], max_tokens=64, messages=user("Hello")).content[0].text == TEXT
    with pytest.raises(anthropic.AuthenticationError):
        wrong.messages.create(model=MODELS["openai"], max_tokens=64, messages=user("Hello"))


def test_async(gateway):
    import asyncio

    async def ask() -> str:
        async with anthropic.AsyncAnthropic(base_url=gateway.url, api_key="none", max_retries=0) as client:
            async with client.messages.stream(
                model=MODELS["openai"], max_tokens=64, messages=user("Hello")
            ) as stream:
                return (await stream.get_final_message()).content[0].text

    assert asyncio.run(ask()) == TEXT
