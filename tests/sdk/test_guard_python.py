"""What guards put back, or stop, as the official Python SDKs gather it."""

import json

import anthropic
import openai
import pytest

from fake.gateway import render
from fake.world import role

GUARDS = [
    {"name": "mail", "detect": ["EMAIL_ADDRESS"], "action": "restore"},
    {"name": "accounts", "detect": ["IBAN_CODE"], "on": "output", "action": "block"},
]
TEXT = "Ask ann@example.com, or bob@example.com."
MODELS = {"openai": "openai/gpt-test", "anthropic": "anthropic/claude-sonnet-4-6"}
BOTH = pytest.mark.parametrize("provider", MODELS)


@pytest.fixture(scope="module")
def url(start_for_all, upstreams):
    return start_for_all(render(role(guards=GUARDS), upstreams)).url


@pytest.fixture(scope="module")
def sdk(url):
    with openai.OpenAI(base_url=f"{url}/v1", api_key="none", max_retries=0) as client:
        yield client


@pytest.fixture(scope="module")
def theirs(url):
    with anthropic.Anthropic(base_url=url, api_key="none", max_retries=0) as client:
        yield client


def user(provider: str, said: str, kind="text") -> list[dict]:
    return [{"role": "user", "content": f"[[{provider} repeat {kind} 2 0]] <<{said}>>"}]


@BOTH
def test_chat_gathers_the_client_s_own_values(sdk, provider):
    messages = user(provider, TEXT)
    whole = sdk.chat.completions.create(model=MODELS[provider], messages=messages)
    with sdk.chat.completions.stream(model=MODELS[provider], messages=messages) as stream:
        gathered = stream.get_final_completion()
    assert whole.choices[0].message.content == gathered.choices[0].message.content == TEXT


@BOTH
def test_chat_gathers_arguments_that_are_json(sdk, provider):
    tool = {"type": "function", "function": {"name": "mail", "parameters": {"type": "object"}}}
    messages = user(provider, json.dumps({"to": "ann@example.com", "note": 'a "b"'}), "tool")
    with sdk.chat.completions.stream(model=MODELS[provider], messages=messages, tools=[tool]) as stream:
        (call,) = stream.get_final_completion().choices[0].message.tool_calls
    assert json.loads(call.function.arguments) == {"to": "ann@example.com", "note": 'a "b"'}


@BOTH
def test_responses_gather_the_client_s_own_values(sdk, provider):
    with sdk.responses.stream(model=MODELS[provider], input=user(provider, TEXT)) as stream:
        deltas = "".join(event.delta for event in stream if event.type == "response.output_text.delta")
        answer = stream.get_final_response()
    assert deltas == answer.output_text == TEXT


@BOTH
def test_messages_gather_the_client_s_own_values(theirs, provider):
    messages = user(provider, TEXT)
    with theirs.messages.stream(model=MODELS[provider], max_tokens=64, messages=messages) as stream:
        assert "".join(stream.text_stream) == TEXT
        assert stream.get_final_message().content[0].text == TEXT


@BOTH
def test_a_block_is_an_error_of_each_sdk(sdk, theirs, provider):
    messages = user(provider, "It was DE89370400440532013000, and nobody else." + " And so on." * 20)
    with pytest.raises(openai.BadRequestError) as refused:
        sdk.chat.completions.create(model=MODELS[provider], messages=messages)
    assert refused.value.code == "guardrail_blocked"
    with pytest.raises(openai.APIError, match="accounts"):
        list(sdk.chat.completions.create(model=MODELS[provider], messages=messages, stream=True))
    with pytest.raises(anthropic.APIError, match="accounts"):
        list(theirs.messages.create(model=MODELS[provider], max_tokens=64, messages=messages, stream=True))
