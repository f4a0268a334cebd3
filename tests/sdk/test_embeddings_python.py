"""Embeddings through the official Python SDK, which asks for base64 and hands out lists of numbers."""

import openai
import pytest

from fake.client import marker
from fake.gateway import Upstream, render
from fake.provider import Provider
from fake.vectors import vector

MODELS = {
    "openai/*": {"targets": [{"provider": "openai"}]},
    "cohere/*": {"targets": [{"provider": "cohere"}]},
    "either": {"targets": [{"provider": "openai", "model": "embed-a"}, {"provider": "cohere", "model": "embed-b"}]},
}
BOTH = pytest.mark.parametrize("model", ["openai/embed-test", "cohere/embed-test"])


@pytest.fixture(scope="module")
def cohere_provider():
    provider = Provider("cohere")
    yield provider
    provider.stop()


@pytest.fixture(scope="module")
def gateway(start_for_all, openai_provider, cohere_provider):
    upstreams = {
        "openai": Upstream(openai_provider.port, "openai"),
        "cohere": Upstream(cohere_provider.port, "cohere"),
    }
    role = {"role": "gateway", "health": {"enabled": False}, "models": MODELS, "providers": {"openai": {}, "cohere": {}}}
    return start_for_all(render(role, upstreams))


@pytest.fixture(scope="module")
def sdk(gateway):
    with openai.OpenAI(base_url=f"{gateway.url}/v1", api_key="none", max_retries=0) as client:
        yield client


@BOTH
@pytest.mark.parametrize("encoding", [{}, {"encoding_format": "float"}, {"encoding_format": "base64"}])
def test_vectors_are_what_the_provider_gave(sdk, model, encoding):
    answer = sdk.embeddings.create(model=model, input=["a", "b"], **encoding)
    if encoding == {"encoding_format": "base64"}:
        assert all(isinstance(item.embedding, str) for item in answer.data)
        return
    assert [item.embedding for item in answer.data] == [pytest.approx(vector(0)), pytest.approx(vector(1))]
    assert (answer.object, [item.index for item in answer.data]) == ("list", [0, 1])
    assert answer.usage.prompt_tokens in (5, 7)


@BOTH
def test_one_text_and_dimensions(sdk, model):
    answer = sdk.embeddings.create(model=model, input="a", dimensions=8)
    assert [len(item.embedding) for item in answer.data] == [8]


def test_what_is_beyond_openai_s_parameters_passes(sdk, cohere_provider):
    text = marker()
    sdk.embeddings.create(model="cohere/embed-test", input=text, extra_body={"input_type": "search_query"})
    assert cohere_provider.asked(text)[0].json["input_type"] == "search_query"


def test_a_failed_provider_goes_unnoticed(sdk):
    answer = sdk.embeddings.create(model="either", input="[[openai status 503]]")
    assert answer.data[0].embedding == pytest.approx(vector(0))


def test_a_client_s_mistake_is_the_sdk_s_own_class(sdk):
    with pytest.raises(openai.BadRequestError) as caught:
        sdk.embeddings.create(model="cohere/embed-test", input=[1, 2, 3])
    assert (caught.value.param, caught.value.code) == ("input", "unsupported_parameter")
