"""OpenAI's other paths through the official Python SDK: images, audio, moderations, files, batches."""

import base64
import io

import openai
import pytest

from fake.gateway import Upstream, render
from fake.passthrough import AUDIO, IMAGE
from fake.provider import Provider

MODELS = {
    "openai/*": {"targets": [{"provider": "openai"}]},
    "either": {"targets": [{"provider": "openai", "model": "a"}, {"provider": "spare", "model": "b"}]},
    "claude": {"targets": [{"provider": "anthropic"}]},
}


@pytest.fixture(scope="module")
def spare_provider():
    provider = Provider("spare")
    yield provider
    provider.stop()


@pytest.fixture(scope="module")
def gateway(start_for_all, openai_provider, anthropic_provider, spare_provider):
    upstreams = {
        "openai": Upstream(openai_provider.port, "openai"),
        "spare": Upstream(spare_provider.port, "openai"),
        "anthropic": Upstream(anthropic_provider.port, "anthropic"),
    }
    providers = {"openai": {}, "spare": {"dialect": "openai"}, "anthropic": {}}
    role = {"role": "gateway", "health": {"enabled": False}, "models": MODELS, "providers": providers, "passthrough": {"provider": "openai"}}
    return start_for_all(render(role, upstreams))


@pytest.fixture(scope="module")
def sdk(gateway):
    with openai.OpenAI(base_url=f"{gateway.url}/v1", api_key="none", max_retries=0) as client:
        yield client


def sound(size=1000):
    file = io.BytesIO(b"\0\r\n--x" * (size // 6))
    file.name = "speech.wav"
    return file


def picture():
    file = io.BytesIO(base64.b64decode(IMAGE))
    file.name = "a.png"
    return file


def test_images(sdk):
    answer = sdk.images.generate(model="openai/gpt-image-1", prompt="x", n=2)
    assert [image.b64_json for image in answer.data] == [IMAGE, IMAGE]
    assert answer.usage.total_tokens == 39
    assert sdk.images.edit(model="openai/gpt-image-1", prompt="x", image=picture()).data[0].b64_json == IMAGE
    assert sdk.images.create_variation(model="openai/dall-e-2", image=picture()).data[0].b64_json == IMAGE


def test_images_as_they_are_made(sdk):
    events = list(sdk.images.generate(model="openai/gpt-image-1", prompt="x", stream=True, partial_images=1))
    assert [event.type for event in events] == ["image_generation.partial_image", "image_generation.completed"]
    assert events[-1].usage.output_tokens == 30


def test_speech(sdk, tmp_path):
    assert sdk.audio.speech.create(model="openai/tts-1", voice="alloy", input="x").content == AUDIO
    with sdk.audio.speech.with_streaming_response.create(model="openai/tts-1", voice="alloy", input="x") as answer:
        assert answer.headers["content-type"] == "audio/mpeg"
        answer.stream_to_file(tmp_path / "a.mp3")
    assert (tmp_path / "a.mp3").read_bytes() == AUDIO


def test_transcriptions_and_translations(sdk):
    answer = sdk.audio.transcriptions.create(model="openai/gpt-4o-transcribe", file=sound())
    assert (answer.text, answer.usage.total_tokens) == ("996 bytes", 39)
    text = sdk.audio.transcriptions.create(model="openai/whisper-1", file=sound(), response_format="srt")
    assert text == "srt: 996 bytes\n"
    assert sdk.audio.translations.create(model="openai/whisper-1", file=sound()).text == "996 bytes"
    events = list(sdk.audio.transcriptions.create(model="openai/gpt-4o-transcribe", file=sound(), stream=True))
    assert [event.type for event in events] == ["transcript.text.delta", "transcript.text.done"]


def test_moderations_with_and_without_a_model(sdk):
    for more in ({}, {"model": "openai/omni-moderation-latest"}):
        answer = sdk.moderations.create(input="x", **more)
        assert answer.results[0].flagged and answer.model == "omni-moderation-latest"


def test_files_and_batches(sdk):
    content = b'{"custom_id": "1"}\n' * 1000
    file = sdk.files.create(file=("a.jsonl", content), purpose="batch")
    assert (file.bytes, file.purpose) == (len(content), "batch")
    assert file.id in [listed.id for listed in sdk.files.list(purpose="batch")]
    assert sdk.files.retrieve(file.id).filename == "a.jsonl"
    assert sdk.files.content(file.id).read() == content
    batch = sdk.batches.create(input_file_id=file.id, endpoint="/v1/chat/completions", completion_window="24h")
    assert sdk.batches.retrieve(batch.id).status == "validating"
    assert batch.id in [listed.id for listed in sdk.batches.list()]
    assert sdk.batches.cancel(batch.id).status == "cancelling"
    assert sdk.files.delete(file.id).deleted
    with pytest.raises(openai.NotFoundError, match="No such File object"):
        sdk.files.retrieve(file.id)


def test_a_failed_provider_goes_unnoticed(sdk):
    text = "[[openai status 503]]"
    raw = sdk.images.with_raw_response.generate(model="either", prompt=text)
    assert (raw.headers["x-llm-provider"], raw.headers["x-llm-attempts"]) == ("spare", "2")
    raw = sdk.audio.transcriptions.with_raw_response.create(model="either", file=sound(), prompt=text)
    assert raw.headers["x-llm-provider"] == "spare"


def test_mistakes_are_the_sdk_s_own_classes(sdk):
    with pytest.raises(openai.BadRequestError, match="No provider of `claude` has POST /v1/audio/speech"):
        sdk.audio.speech.create(model="claude", voice="alloy", input="x")
    with pytest.raises(openai.NotFoundError) as caught:
        sdk.images.generate(model="nobody", prompt="x")
    assert caught.value.code == "model_not_found"
