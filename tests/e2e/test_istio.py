"""What scripts/istio.sh makes of a configuration works in a gateway as Istio configures it, and while Istio changes it."""

import threading
from dataclasses import replace

import pytest

from fake.client import Client, marker
from fake.istio import Ingress
from fake.world import ANTHROPIC, OPENAI, role


def models(**targets) -> dict:
    return {"models": {name: {"targets": list(order)} for name, order in targets.items()}}


BEFORE = models(chat=[OPENAI], smart=[ANTHROPIC, OPENAI], translated=[ANTHROPIC], old=[OPENAI])
AFTER = models(chat=[ANTHROPIC], new=[OPENAI])


@pytest.fixture(scope="module")
def pod(upstreams, tmp_path_factory):
    made = Ingress(role(**BEFORE), upstreams, tmp_path_factory.mktemp("pod"))
    yield made
    made.envoy.stop()


@pytest.fixture
def ingress(pod, upstreams):
    pod.configure(role(**BEFORE), upstreams)
    pod.takes_effect()
    yield pod
    pod.envoy.assert_survived()


@pytest.fixture
def istio_client(ingress):
    client = Client(ingress.envoy.url)
    yield client
    client.close()


def test_requests_are_translated_move_on_and_leave_a_record(ingress, istio_client, openai_provider, anthropic_provider):
    text = marker()
    reply = istio_client.chat(text, "translated")
    assert (reply.status, reply.headers["x-llm-provider"]) == (200, "anthropic")
    assert anthropic_provider.asked(text)[0].headers["x-api-key"] == "key-of-anthropic"
    reply = istio_client.chat(f"[[anthropic status 500]] {text}", "smart", stream=True)
    assert (reply.status, reply.headers["x-llm-provider"], reply.events[-1]) == (200, "openai", "[DONE]")
    assert ingress.envoy.record(reply.id)["attempt_count"] == "2"


def test_nothing_that_istio_adds_reaches_a_provider(istio_client, openai_provider):
    text = marker()
    assert istio_client.chat(text, "chat").status == 200
    headers = openai_provider.asked(text)[0].headers
    assert set(headers) <= {"host", "content-type", "content-length", "accept", "accept-encoding", "authorization", "user-agent"}


def test_a_mounted_secret_that_changes_is_used_at_once(ingress, istio_client, openai_provider):
    ingress.secrets({"openai": "second-key"})

    def key_in_use() -> str:
        text = marker()
        assert istio_client.chat(text, "chat").status == 200
        return openai_provider.asked(text)[0].headers["authorization"]

    ingress.envoy.wait(lambda: key_in_use() == "Bearer second-key")


def test_a_new_configuration_takes_over_and_streams_end_as_they_began(ingress, istio_client, upstreams, openai_provider):
    text, replies = marker(), []
    other = Client(ingress.envoy.url)
    stream = threading.Thread(
        target=lambda: replies.append(other.chat(f"[[openai held]] {text}", "old", stream=True)), daemon=True
    )
    stream.start()
    ingress.envoy.wait(lambda: openai_provider.asked(text))
    ingress.configure(role(**AFTER), upstreams)
    ingress.takes_effect()
    assert istio_client.chat(model="new").status == 200
    assert istio_client.chat(model="old").status == 404
    assert istio_client.chat(model="chat").headers["x-llm-provider"] == "anthropic"
    assert not replies
    openai_provider.asked(text)[0].released.set()
    stream.join(30)
    (reply,) = replies
    assert (reply.status, reply.cut, reply.events[-1]) == (200, False, "[DONE]")
    assert ingress.envoy.record(reply.id)["outcome"] == "ok"


@pytest.mark.parametrize("role_", ["gateway", "provider"])
def test_a_configuration_with_mistakes_is_refused_and_the_last_one_goes_on(ingress, istio_client, upstreams, role_):
    settings, behind, kind = role(**BEFORE), dict(upstreams), "cluster_manager.cds"
    if role_ == "gateway":
        settings["modles"], kind = {}, "listener_manager.lds"
    else:
        behind["openai"] = replace(behind["openai"], role={"modles": {}})
    refused, good = f"{kind}.update_rejected", (ingress.listeners, ingress.changes)
    before = ingress.envoy.stats(refused)[refused]
    ingress.configure(settings, behind)
    ingress.envoy.wait(lambda: ingress.envoy.stats(refused)[refused] > before)
    ingress.listeners, ingress.changes = good
    assert "$.modles: unknown key" in ingress.envoy.log
    reply = istio_client.chat("[[anthropic status 500]]", "smart")
    assert (reply.status, reply.headers["x-llm-provider"]) == (200, "openai")


def test_no_request_is_lost_while_the_configuration_changes(ingress, upstreams):
    """Ten new configurations, with requests all the time."""
    done, statuses = threading.Event(), []

    def ask():
        client = Client(ingress.envoy.url)
        while not done.is_set():
            statuses.append(client.chat(model="chat").status)

    threads = [threading.Thread(target=ask, daemon=True) for _ in range(4)]
    for thread in threads:
        thread.start()
    for turn in range(10):
        more = {"first_token_timeout": f"{turn + 10}s"}
        ingress.configure(role(**(AFTER if turn % 2 else BEFORE), **more), upstreams)
        ingress.takes_effect()
    done.set()
    for thread in threads:
        thread.join(30)
    assert len(statuses) >= 10
    assert set(statuses) == {200}
