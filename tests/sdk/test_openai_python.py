"""The official Python SDK, unchanged but for its base_url, talks to providers of both kinds."""

import hashlib
import json

import openai
import pytest
from pydantic import BaseModel

from fake.client import marker
from fake.gateway import render
from fake.world import role

TEXT = "Grüße, 世界 🎉!"
MODELS = {"openai": "openai/gpt-test", "anthropic": "anthropic/claude-sonnet-4-6"}
SERVED = {"openai": "gpt-test-2026-01-01", "anthropic": "claude-sonnet-4-6-20260101"}
BOTH = pytest.mark.parametrize("provider", MODELS)
WEATHER = {
    "type": "function",
    "function": {
        "name": "weather",
        "description": "Tells the weather.",
        "parameters": {
            "type": "object",
            "properties": {"city": {"type": "string"}},
            "required": ["city"],
            "additionalProperties": False,
        },
        "strict": True,
    },
}
PIXEL = "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg=="


class Weather(BaseModel):
    city: str
    degrees: int


def user(text: str) -> list[dict]:
    return [{"role": "user", "content": text}]


@pytest.fixture(scope="module")
def sdk(gateway):
    with openai.OpenAI(base_url=f"{gateway.url}/v1", api_key="none", max_retries=0) as client:
        yield client


@pytest.fixture(scope="module")
def keyed_url(start_for_all, upstreams):
    keys = [{"id": "app", "sha256": hashlib.sha256(b"right").hexdigest(), "models": ["openai/*"]}]
    return start_for_all(render(role(keys=keys), upstreams)).url + "/v1"


@BOTH
def test_chat(sdk, provider):
    answer = sdk.chat.completions.create(model=MODELS[provider], messages=user("Hello"))
    (choice,) = answer.choices
    assert (choice.message.role, choice.message.content, choice.finish_reason) == ("assistant", TEXT, "stop")
    assert (answer.model, answer.object) == (SERVED[provider], "chat.completion")
    usage = answer.usage
    assert (usage.prompt_tokens, usage.completion_tokens, usage.total_tokens) == (11, 7, 18)
    assert usage.prompt_tokens_details.cached_tokens == 3


@BOTH
def test_stream(sdk, provider):
    stream = sdk.chat.completions.create(
        model=MODELS[provider], messages=user("Hello"), stream=True, stream_options={"include_usage": True}
    )
    chunks = list(stream)
    text = "".join(chunk.choices[0].delta.content or "" for chunk in chunks if chunk.choices)
    finish = [chunk.choices[0].finish_reason for chunk in chunks if chunk.choices and chunk.choices[0].finish_reason]
    assert (text, finish, chunks[-1].choices, chunks[-1].usage.total_tokens) == (TEXT, ["stop"], [], 18)
    assert {(chunk.id, chunk.object, chunk.model) for chunk in chunks} == {
        (chunks[0].id, "chat.completion.chunk", SERVED[provider])
    }


@BOTH
def test_stream_helper_gathers_what_a_whole_answer_says(sdk, provider):
    with sdk.chat.completions.stream(model=MODELS[provider], messages=user("Hello")) as stream:
        gathered = stream.get_final_completion()
    assert (gathered.choices[0].message.content, gathered.choices[0].finish_reason) == (TEXT, "stop")


@BOTH
@pytest.mark.parametrize("streamed", [False, True], ids=["whole", "stream"])
def test_tools_with_the_result_sent_back(sdk, provider, streamed):
    messages = user("Weather?")
    if streamed:
        with sdk.chat.completions.stream(model=MODELS[provider], messages=messages, tools=[WEATHER]) as stream:
            choice = stream.get_final_completion().choices[0]
    else:
        choice = sdk.chat.completions.create(model=MODELS[provider], messages=messages, tools=[WEATHER]).choices[0]
    (call,) = choice.message.tool_calls
    assert (choice.finish_reason, call.type, call.function.name) == ("tool_calls", "function", "weather")
    assert json.loads(call.function.arguments) == {"city": "Köln"}
    called = choice.message.model_dump(exclude_none=True, include={"role", "content", "tool_calls"})
    for tool_call in called["tool_calls"]:
        tool_call["function"].pop("parsed_arguments", None)
        tool_call.pop("index", None)
    messages += [called, {"role": "tool", "tool_call_id": call.id, "content": "21 degrees"}]
    after = sdk.chat.completions.create(model=MODELS[provider], messages=messages, tools=[WEATHER])
    assert (after.choices[0].message.content, after.choices[0].finish_reason) == (TEXT, "stop")


@BOTH
def test_structured_output_is_parsed(sdk, provider):
    answer = sdk.chat.completions.parse(model=MODELS[provider], messages=user("Weather?"), response_format=Weather)
    assert answer.choices[0].message.parsed == Weather(city="Köln", degrees=21)


@BOTH
def test_structured_output_is_parsed_from_a_stream(sdk, provider):
    with sdk.chat.completions.stream(
        model=MODELS[provider], messages=user("Weather?"), response_format=Weather
    ) as stream:
        assert stream.get_final_completion().choices[0].message.parsed == Weather(city="Köln", degrees=21)


def test_an_image_reaches_openai_as_it_is(sdk, openai_provider):
    seen = look(sdk, openai_provider, "openai")
    assert seen["content"][1:] == [
        {"type": "image_url", "image_url": {"url": f"data:image/png;base64,{PIXEL}"}},
        {"type": "image_url", "image_url": {"url": "https://example.com/cat.png", "detail": "low"}},
    ]


def test_an_image_reaches_anthropic_in_its_words(sdk, anthropic_provider):
    seen = look(sdk, anthropic_provider, "anthropic")
    assert seen["content"][1:] == [
        {"type": "image", "source": {"type": "base64", "media_type": "image/png", "data": PIXEL}},
        {"type": "image", "source": {"type": "url", "url": "https://example.com/cat.png"}},
    ]


def look(sdk, fake, provider: str) -> dict:
    """The message with two images as the provider saw it."""
    text = marker()
    content = [
        {"type": "text", "text": text},
        {"type": "image_url", "image_url": {"url": f"data:image/png;base64,{PIXEL}"}},
        {"type": "image_url", "image_url": {"url": "https://example.com/cat.png", "detail": "low"}},
    ]
    answer = sdk.chat.completions.create(model=MODELS[provider], messages=[{"role": "user", "content": content}])
    assert answer.choices[0].message.content == TEXT
    return fake.asked(text)[0].json["messages"][0]


def test_models(sdk):
    listed = {model.id for model in sdk.models.list()}
    assert {"echo", "openai-anthropic", "openai/*", "gpt-*"} <= listed
    assert sdk.models.retrieve("openai-anthropic").id == "openai-anthropic"
    assert sdk.models.retrieve("openai/gpt-test").id == "openai/gpt-test"


# What the provider answers, and the exception, status and code that the SDK's user gets.
ERRORS = [
    ("status 400", openai.BadRequestError, 400, {"openai": None, "anthropic": "invalid_request"}),
    ("status 401", openai.InternalServerError, 502, "provider_auth_failed"),
    ("status 404", openai.NotFoundError, 404, "model_not_found"),
    ("status 429 json retry-after=1", openai.RateLimitError, 429, "rate_limit_exceeded"),
    ("status 500", openai.InternalServerError, 500, "provider_failed"),
    ("status 529 html", openai.InternalServerError, 503, "provider_overloaded"),
    ("reset", openai.InternalServerError, 502, "provider_failed"),
]


@BOTH
@pytest.mark.parametrize("streamed", [False, True], ids=["whole", "stream"])
@pytest.mark.parametrize(("script", "kind", "status", "code"), ERRORS, ids=[case[0] for case in ERRORS])
def test_a_provider_s_error_is_the_sdk_s_own_class(sdk, provider, script, kind, status, code, streamed):
    with pytest.raises(kind) as caught:
        sdk.chat.completions.create(model=MODELS[provider], messages=user(f"[[{provider} {script}]]"), stream=streamed)
    expected = code[provider] if isinstance(code, dict) else code
    assert (type(caught.value), caught.value.status_code, caught.value.code) == (kind, status, expected)
    assert caught.value.request_id


def test_a_client_s_mistakes_are_the_sdk_s_own_classes(sdk, keyed_url):
    with pytest.raises(openai.NotFoundError) as caught:
        sdk.chat.completions.create(model="nobody", messages=user("x"))
    assert (caught.value.code, caught.value.param) == ("model_not_found", "model")
    with pytest.raises(openai.BadRequestError) as caught:
        sdk.chat.completions.create(model="echo", messages=[])
    assert caught.value.param == "messages"
    with openai.OpenAI(base_url=keyed_url, api_key="wrong", max_retries=0) as wrong:
        with pytest.raises(openai.AuthenticationError) as caught:
            wrong.chat.completions.create(model="echo", messages=user("x"))
        assert caught.value.code == "invalid_api_key"
    with openai.OpenAI(base_url=keyed_url, api_key="right", max_retries=0) as right:
        assert right.chat.completions.create(model="openai/x", messages=user("x")).choices
        with pytest.raises(openai.PermissionDeniedError) as caught:
            right.chat.completions.create(model="twice", messages=user("x"))
        assert caught.value.code == "model_not_allowed"


@BOTH
def test_an_error_in_the_middle_of_a_stream_is_raised(sdk, provider):
    stream = sdk.chat.completions.create(
        model=MODELS[provider], messages=user(f"[[{provider} error-event-later]]"), stream=True
    )
    text = ""
    with pytest.raises(openai.APIError) as caught:
        for chunk in stream:
            text += chunk.choices[0].delta.content or ""
    assert TEXT.startswith(text) and text
    assert caught.value.code == {"openai": "rate_limit_exceeded", "anthropic": "provider_overloaded"}[provider]


@BOTH
def test_the_sdk_does_not_repeat_what_the_gateway_has_tried(gateway, openai_provider, anthropic_provider, provider):
    """`x-should-retry: false`: with the SDK's default of two retries, each provider is still asked once."""
    text = marker()
    with (
        openai.OpenAI(base_url=f"{gateway.url}/v1", api_key="none") as patient,
        pytest.raises(openai.InternalServerError),
    ):
        patient.chat.completions.create(
            model="openai-anthropic", messages=user(f"{text}[[openai status 500]] [[anthropic status 500]]")
        )
    assert (len(openai_provider.asked(text)), len(anthropic_provider.asked(text))) == (1, 1)


@BOTH
def test_async(gateway, provider):
    import asyncio

    async def ask() -> str:
        async with openai.AsyncOpenAI(base_url=f"{gateway.url}/v1", api_key="none", max_retries=0) as client:
            stream = await client.chat.completions.create(model=MODELS[provider], messages=user("x"), stream=True)
            return "".join([chunk.choices[0].delta.content or "" async for chunk in stream])

    assert asyncio.run(ask()) == TEXT


def test_unknown_parameters_of_the_future_pass(sdk, openai_provider):
    text = marker()
    sdk.chat.completions.create(
        model=MODELS["openai"], messages=user(text), extra_body={"new_parameter": {"deep": [1]}}, seed=1
    )
    seen = openai_provider.asked(text)[0].json
    assert (seen["new_parameter"], seen["seed"]) == ({"deep": [1]}, 1)
