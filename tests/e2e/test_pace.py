"""Routes by what the gateway has seen: the fastest target, and the one with the fewest requests, on the real Envoy."""

import json
import time
from collections import Counter
from concurrent.futures import ThreadPoolExecutor

import pytest

from fake.client import Client
from fake.gateway import Upstream, render
from fake.provider import Provider

NAMES = ("one", "two", "three")
TARGETS = [{"provider": name, "model": f"{name}-model"} for name in NAMES]
MODELS = {
    "fast": {"route": "fastest", "targets": TARGETS},
    "sure": {"route": "fastest", "exploration_percent": 0, "targets": TARGETS},
    "idle": {"route": "least_busy", "targets": TARGETS},
}


class Paced(Provider):
    """Answers after `pause` seconds, as its mood says; knows how many requests it had at once."""

    def __init__(self, name):
        self.mood = "ok"
        super().__init__(name)

    def _script(self, body, model):
        return self.mood.split()


@pytest.fixture
def world(start):
    fakes = {name: Paced("openai") for name in NAMES}
    role = {
        "role": "gateway",
        "models": MODELS,
        "providers": {name: {"dialect": "openai"} for name in NAMES},
        "health": {"enabled": False},
    }
    gateway = start(render(role, {name: Upstream(fake.port, "openai") for name, fake in fakes.items()}))
    yield gateway, Client(gateway.url), fakes
    for fake in fakes.values():
        fake.stop()


def firsts(replies) -> Counter:
    return Counter(reply.headers["x-llm-provider"] for reply in replies)


@pytest.mark.parametrize("stream", [False, True], ids=["whole", "stream"])
def test_the_fast_one_gets_the_requests_and_when_it_becomes_slow_another_does(world, stream):
    _, client, fakes = world
    short, longer, long = (f"slow {pause} 0" for pause in (0.4, 0.8, 1.6))
    fakes["one"].mood, fakes["three"].mood = short, longer
    replies = [client.chat(model="sure", stream=stream) for _ in range(20)]
    # Each unknown one was asked once.
    assert firsts(replies) == {"one": 1, "two": 18, "three": 1}
    assert replies[-1].headers["x-llm-route"] == "sure:fastest"
    fakes["two"].mood = long
    replies = [client.chat(model="sure", stream=stream) for _ in range(12)]
    assert firsts(replies[-3:]) == {"one": 3}


def test_exploring_finds_a_target_that_has_become_fast(world):
    _, client, fakes = world
    fakes["one"].mood = fakes["three"].mood = "slow 0.3"
    for _ in range(3):
        client.chat(model="fast")
    fakes["one"].mood, fakes["two"].mood = "ok", "slow 0.12"
    with ThreadPoolExecutor(8) as pool:
        replies = list(pool.map(lambda _: client.chat(model="fast"), range(900)))
    assert {reply.status for reply in replies} == {200}
    shares = firsts(replies[-100:])
    assert shares["one"] >= 80, shares


def test_failover_works_from_the_fastest_and_it_comes_back(world):
    gateway, client, fakes = world
    fakes["one"].mood = fakes["three"].mood = "slow 0.4"
    for _ in range(4):
        client.chat(model="sure")
    fakes["two"].mood = "status 503"
    reply = client.chat(model="sure", stream=True)
    assert reply.status == 200
    assert [a["provider"] for a in json.loads(gateway.record(reply.id)["attempts"])][0] == "two"
    assert reply.headers["x-llm-attempts"] == "2"
    # A failure counts as ten seconds: the next request does not begin there.
    assert client.chat(model="sure").headers["x-llm-attempts"] == "1"


def test_parallel_requests_are_where_the_fewest_are(world):
    _, client, fakes = world
    for name in NAMES:
        fakes[name].mood = "slow 0.3"
    with ThreadPoolExecutor(30) as pool:
        replies = list(pool.map(lambda _: client.chat(model="idle"), range(30)))
    assert {reply.status for reply in replies} == {200}
    shares = firsts(replies)
    # Two workers may read the same numbers at the same moment.
    assert all(7 <= shares[name] <= 13 for name in NAMES), shares


def test_a_slow_target_gets_fewer_requests(world):
    _, client, fakes = world
    fakes["one"].mood, fakes["two"].mood, fakes["three"].mood = "slow 0.2", "slow 0.025", "slow 0.025"
    with ThreadPoolExecutor(12) as pool:
        replies = list(pool.map(lambda n: client.chat(model="idle", stream=n % 2 == 0), range(200)))
    assert {reply.status for reply in replies} == {200}
    shares = firsts(replies)
    assert shares["one"] * 3 < shares["two"] and shares["one"] * 3 < shares["three"], shares


def test_nothing_leaks_however_requests_end(world):
    """After clients that leave, failures, refusals and cut streams the shares are even again."""
    gateway, client, fakes = world
    fakes["one"].mood, fakes["two"].mood, fakes["three"].mood = "status 503", "hang", "reset"

    def leave(_):
        impatient = Client(gateway.url, timeout=0.3)
        try:
            impatient.chat(model="idle", stream=True)
        except Exception:  # noqa: BLE001, S110 - that is the point
            pass

    with ThreadPoolExecutor(20) as pool:
        list(pool.map(leave, range(60)))
    for mood in ("status 400 json", "end-at-once", "garbage", "cut-midstream"):
        for name in NAMES:
            fakes[name].mood = mood
        for _ in range(6):
            client.chat(model="idle", stream=True)
    for name in NAMES:
        fakes[name].mood = "ok"
    time.sleep(0.5)
    # One after the other: all are idle, so that the draw decides alone.
    shares = firsts(client.chat(model="idle") for _ in range(150))
    assert all(25 <= shares[name] <= 80 for name in NAMES), shares


def test_both_workers_count_the_same_requests(world):
    """A request on one worker is seen by the other."""
    gateway, client, fakes = world
    fakes["one"].mood = fakes["two"].mood = fakes["three"].mood = "held"

    def seen():
        return [seen for fake in fakes.values() for seen in list(fake.seen)]

    with ThreadPoolExecutor(6) as pool:
        replies = []
        for count in range(1, 7):
            replies.append(pool.submit(client.chat, model="idle", stream=True))
            gateway.wait(lambda: len(seen()) == count)
        asked = {name: len(fakes[name].seen) for name in NAMES}
        for request in seen():
            request.released.set()
        assert all(reply.result().answer.done for reply in replies)
    assert asked == {"one": 2, "two": 2, "three": 2}
