"""A provider that keeps failing is left alone, and clients notice nothing while another one is well."""

import contextlib
import json
import os
import random
import threading
import time
from collections import Counter
from concurrent.futures import ThreadPoolExecutor

import pytest

from fake.client import Client
from fake.gateway import Upstream, render
from fake.provider import BEHAVIOURS, Provider

TEXT = "Grüße, 世界 🎉!"
HEALTH = {"cool_down": "1s", "longest_cool_down": "2s"}
ONE, TWO, THREE = ({"provider": name, "model": f"{name}-model"} for name in ("one", "two", "three"))
MODELS = {
    "one-two": {"targets": [ONE, TWO]},
    "all": {"targets": [ONE, TWO, THREE]},
    "short": {"targets": [ONE, TWO], "total_timeout": "1s"},
}


class Moody(Provider):
    """Behaves as its mood says, whatever it is asked; counts what it was asked."""

    def __init__(self, name, dialect="openai"):
        self.mood = "ok"
        super().__init__(name, dialect=dialect)

    def _script(self, body, model):
        return self.mood.split()


@contextlib.contextmanager
def meanwhile(act):
    """Does this again and again, until the end of the block, however that comes."""
    stop = threading.Event()

    def run():
        while not stop.is_set():
            act()

    thread = threading.Thread(target=run, daemon=True)
    thread.start()
    try:
        yield
    finally:
        stop.set()
        thread.join()


class World:
    """An Envoy of its own and its providers."""

    def __init__(self, start, names=("one", "two", "three"), clusters=None, change=None, **more):
        kinds = {name: "anthropic" if name == "two" else "openai" for name in names}
        self.providers = {name: Moody(name, kind) for name, kind in kinds.items()}
        upstreams = {name: Upstream(p.port, kinds[name]) for name, p in self.providers.items()}
        providers = clusters or {name: {"dialect": kinds[name]} for name in names}
        role = {"role": "gateway", "models": MODELS, "providers": providers, "health": HEALTH} | more
        config = render(role, upstreams)
        if change:
            change(config)
        self.gateway = start(config)
        self.client = Client(self.gateway.url)

    def asked(self, name) -> int:
        return len(self.providers[name].seen)

    def many(self, count, at_once, ask):
        with ThreadPoolExecutor(at_once) as pool:
            return list(pool.map(ask, range(count)))

    def stop(self):
        for provider in self.providers.values():
            provider.stop()


@pytest.fixture
def make(start):
    made = []

    def maker(**more):
        world_ = World(start, **more)
        made.append(world_)
        return world_

    yield maker
    for world_ in made:
        world_.stop()


def is_right(reply, stream) -> bool:
    whole = reply.answer
    return (reply.status, reply.cut, whole.content, whole.finish, whole.done, whole.error) == (200, False, TEXT, "stop", True, None)


@pytest.mark.parametrize("mood", ["status 500", "status 503 html", "reset", "status 401"])
def test_an_outage_of_the_first_under_load_is_noticed_by_nobody_and_soon_costs_nothing(make, mood):
    made = make()
    made.providers["one"].mood = mood

    def ask(number):
        return is_right(made.client.chat(model="one-two", stream=number % 2 == 0), number % 2 == 0)

    began = time.monotonic()
    assert made.many(400, 50, ask) == [True] * 400
    lasted = time.monotonic() - began
    # What was on its way before the third failure, and one probe for each second.
    assert made.asked("one") <= 60 + 2 * lasted
    assert made.asked("two") == 400
    made.providers["one"].mood = "ok"
    time.sleep(2.2)
    assert made.client.chat(model="one-two").headers["x-llm-provider"] == "one"
    assert made.client.chat(model="one-two").headers["x-llm-provider"] == "one"


def test_a_429_with_retry_after_is_obeyed(make):
    made = make(health={"cool_down": "30s", "longest_cool_down": "60s"})
    made.providers["one"].mood = "status 429 json retry-after=4"
    assert made.client.chat(model="one-two").headers["x-llm-attempts"] == "2"
    told = time.monotonic()
    made.providers["one"].mood = "ok"
    for _ in range(5):
        reply = made.client.chat(model="one-two")
        assert (reply.headers["x-llm-provider"], reply.headers["x-llm-attempts"]) == ("two", "1")
    assert made.asked("one") == 1
    time.sleep(max(0, told + 4.1 - time.monotonic()))
    assert made.client.chat(model="one-two").headers["x-llm-provider"] == "one"


def test_one_request_of_many_probes(make):
    made = make(health={"cool_down": "1s", "failures": 1, "longest_cool_down": "10s"})
    made.providers["one"].mood = "status 500"
    made.client.chat(model="one-two")
    made.providers["one"].mood = "slow 4"
    time.sleep(1.1)
    before = made.asked("one")
    made.many(50, 50, lambda _: made.client.chat(model="one-two"))
    assert made.asked("one") - before == 1


def test_a_flapping_provider_is_noticed_by_nobody(make):
    made = make()

    def flap():
        first = made.providers["one"]
        first.mood = "ok" if first.mood != "ok" else "status 503"
        time.sleep(0.15)

    with meanwhile(flap):
        answers = made.many(400, 20, lambda n: is_right(made.client.chat(model="one-two", stream=n % 2 == 0), n % 2 == 0))
    assert answers == [True] * 400


def test_when_all_are_down_the_error_is_honest_and_the_first_who_is_back_answers(make):
    made = make()
    for provider in made.providers.values():
        provider.mood = "status 503"
    for _ in range(8):
        reply = made.client.chat(model="all")
        assert (reply.status, reply.error["code"]) == (503, "provider_overloaded")
        assert reply.headers["x-llm-attempts"] == "3"
    made.providers["three"].mood = "ok"
    reply = made.client.chat(model="all")
    assert (reply.status, reply.headers["x-llm-provider"]) == (200, "three")
    assert is_right(made.client.chat(model="all", stream=True), True)


def test_several_clusters_of_one_provider_are_spread_and_cooled_apart(make):
    clusters = {"one": {"dialect": "openai", "clusters": ["one", "three"]}, "two": {"dialect": "anthropic"}}
    models = {"one-two": MODELS["one-two"]}
    made = make(clusters=clusters, models=models, health={"cool_down": "30s"})
    for _ in range(60):
        assert made.client.chat(model="one-two").headers["x-llm-provider"] == "one"
    assert made.asked("one") > 10
    assert made.asked("three") > 10
    made.providers["one"].mood = "status 429 json retry-after=20"
    attempts = (made.client.chat(model="one-two").headers["x-llm-attempts"] for _ in range(200))
    assert "2" in attempts, "it was asked no more"
    before = made.asked("one"), made.asked("three"), made.asked("two")
    for _ in range(20):
        made.client.chat(model="one-two")
    assert (made.asked("one"), made.asked("three"), made.asked("two")) == (before[0], before[1] + 20, before[2])


def test_the_time_for_all_attempts_is_bounded(make):
    made = make()
    made.providers["one"].mood = "hang"
    began = time.monotonic()
    reply = made.client.chat(model="short")
    assert time.monotonic() - began < 3
    assert (reply.status, reply.error["code"]) == (504, "provider_timeout")
    assert "when the time for all was over" in reply.error["message"]


def test_a_stream_that_the_time_for_all_attempts_cuts_says_nothing_about_its_provider(make):
    made = make(health=HEALTH | {"cool_down": "60s", "longest_cool_down": "60s", "error_requests": 1, "error_percent": 1})
    made.providers["one"].mood = "slow 0.3"
    reply = made.client.chat(model="short", stream=True)
    assert (reply.status, reply.cut) == (200, True)
    record = made.gateway.record(reply.id)
    assert (record["outcome"], json.loads(record["attempts"])[0]["reason"]) == ("partial", "provider_timeout")
    made.providers["one"].mood = "ok"
    assert made.client.chat(model="short").headers["x-llm-provider"] == "one"


def test_a_schema_that_no_answer_fits_costs_its_own_client_only(make):
    made = make(validate_json=True, health=HEALTH | {"cool_down": "60s", "longest_cool_down": "60s"})
    format = {"type": "json_schema", "json_schema": {"name": "n", "schema": {"type": "integer", "enum": [7]}}}
    for _ in range(4):
        reply = made.client.chat(model="one-two", response_format=format)
        assert (reply.status, reply.error["code"]) == (502, "json_mismatch")
        assert [attempt["reason"] for attempt in json.loads(made.gateway.record(reply.id)["attempts"])] == ["json_mismatch"] * 2
    assert made.client.chat(model="one-two").headers["x-llm-provider"] == "one"


def test_chaos(make):
    """Providers die and revive; whoever asks gets a right answer, or an honest error when nobody was alive."""
    made = make(health=HEALTH | {"cool_down": "200ms", "longest_cool_down": "1s"}, first_token_timeout="5s", answer_timeout="5s")
    moods = ["status 500", "status 503 html", "status 429 json retry-after=1", "reset", "status 401", "end-at-once", "garbage"]
    assert {mood.split()[0] for mood in moods} <= set(BEHAVIOURS)
    rolls = random.Random(int(os.environ.get("CHAOS_SEED", "5")))
    names = list(made.providers)
    down = {name: [] for name in names}  # when each was down: [from, to]

    def gods():
        for name in names:
            provider, mood = made.providers[name], rolls.choice(["ok", "ok", rolls.choice(moods)])
            if mood != "ok" and provider.mood == "ok":
                down[name].append([time.monotonic(), float("inf")])
            was, provider.mood = provider.mood, mood
            if mood == "ok" and was != "ok":
                down[name][-1][1] = time.monotonic()
        time.sleep(0.1)

    outcomes = []

    def ask(number):
        stream, began = number % 2 == 0, time.monotonic()
        reply = made.client.chat(model="all", stream=stream)
        ended = time.monotonic()
        if reply.status == 200:
            outcomes.append("right" if is_right(reply, stream) else f"wrong: {reply}")
            return
        # Moods change while a request goes from one to the next: it may have met each in a bad moment.
        met = all(any(start_ <= ended and began <= end for start_, end in down[name]) for name in names)
        told = reply.error["code"] and reply.headers["x-should-retry"] == "false" and reply.headers["x-llm-attempts"] == "3"
        outcomes.append("honest" if met and told else f"wrong: {reply}")

    began = time.monotonic()
    with meanwhile(gods):
        made.many(2000, 50, ask)
    lasted = time.monotonic() - began
    counts = {outcome: outcomes.count(outcome) for outcome in set(outcomes)}
    print(f"{lasted:.1f} s, {counts}, asked {[made.asked(name) for name in names]}")
    assert not [outcome for outcome in counts if outcome.startswith("wrong")], counts
    assert counts["right"] >= 1000
    assert lasted < 60


NOWHERE = {"address": {"socket_address": {"address": "no-such-host.invalid", "port_value": 443}}}


def cluster_of(config, name):
    return next(cluster for cluster in config["static_resources"]["clusters"] if cluster["name"] == name)


def addresses_of(config, *endpoints):
    """Puts these in the place of the first provider's address; its last resort stays."""
    cluster = cluster_of(config, "one")
    cluster["load_assignment"]["endpoints"][0]["lb_endpoints"] = [{"endpoint": endpoint} for endpoint in endpoints]
    return cluster


def has_no_address(config):
    addresses_of(config)


def does_not_resolve(config):
    addresses_of(config, NOWHERE)["type"] = "STRICT_DNS"


def has_no_last_resort(config):
    addresses_of(config)["load_assignment"]["endpoints"] = []


def does_not_resolve_and_has_no_last_resort(config):
    cluster = addresses_of(config, NOWHERE)
    cluster["type"] = "LOGICAL_DNS"
    del cluster["load_assignment"]["endpoints"][1]


def stands_behind_an_inner_listener(config):
    """The provider's cluster leads into Envoy itself; behind it the real cluster does not resolve."""
    cluster = cluster_of(config, "one")
    kinds = "type.googleapis.com/envoy.extensions"
    inner = {"name": "one-inner", "type": "LOGICAL_DNS", "connect_timeout": "1s", "load_assignment": {"cluster_name": "one-inner"}}
    inner["load_assignment"]["endpoints"] = [{"lb_endpoints": [{"endpoint": NOWHERE}]}]
    config["static_resources"]["clusters"].append(inner)
    address = {"envoy_internal_address": {"server_listener_name": "inner"}}
    cluster["load_assignment"]["endpoints"] = [{"lb_endpoints": [{"endpoint": {"address": address}}]}]
    raw = {"@type": f"{kinds}.transport_sockets.raw_buffer.v3.RawBuffer"}
    cluster["transport_socket"] = {
        "name": "envoy.transport_sockets.internal_upstream",
        "typed_config": {
            "@type": f"{kinds}.transport_sockets.internal_upstream.v3.InternalUpstreamTransport",
            "transport_socket": {"name": "envoy.transport_sockets.raw_buffer", "typed_config": raw},
        },
    }
    route = {"match": {"prefix": "/"}, "route": {"cluster": "one-inner", "timeout": "0s"}}
    manager = {
        "@type": f"{kinds}.filters.network.http_connection_manager.v3.HttpConnectionManager",
        "stat_prefix": "inner",
        "route_config": {"virtual_hosts": [{"name": "inner", "domains": ["*"], "routes": [route]}]},
        "http_filters": [{"name": "router", "typed_config": {"@type": f"{kinds}.filters.http.router.v3.Router"}}],
    }
    chain = {"filters": [{"name": "http", "typed_config": manager}]}
    config["static_resources"]["listeners"].append({"name": "inner", "internal_listener": {}, "filter_chains": [chain]})
    config["bootstrap_extensions"] = [
        {
            "name": "envoy.bootstrap.internal_listener",
            "typed_config": {"@type": f"{kinds}.bootstrap.internal_listener.v3.InternalListener"},
        }
    ]


@pytest.mark.parametrize("change", [has_no_last_resort, does_not_resolve_and_has_no_last_resort])
def test_a_cluster_without_a_host_costs_one_request_until_its_next_probe(make, change):
    """Envoy answers such a request itself and tries nobody else."""
    made = make(change=change, health={"cool_down": "30s"})
    reply = made.client.chat(model="one-two")
    assert (reply.status, reply.error["code"]) == (503, "provider_overloaded")
    for _ in range(20):
        assert is_right(made.client.chat(model="one-two"), False)


@pytest.mark.parametrize("change", [has_no_address, does_not_resolve, stands_behind_an_inner_listener])
def test_a_missing_host_is_a_failure_like_any_other_that_nobody_notices(make, change):
    """The shipped last resort refuses every connection (an inner listener answers 503): Envoy moves on."""
    made = make(change=change, health={"cool_down": "200ms", "longest_cool_down": "1s"})

    def ask(number):
        time.sleep(0.02)
        return is_right(made.client.chat(model="one-two", stream=number % 2 == 0), number % 2 == 0)

    assert made.many(200, 4, ask) == [True] * 200


@pytest.mark.parametrize("change", [has_no_address, does_not_resolve])
def test_without_another_target_the_error_is_honest(make, change):
    made = make(change=change, models={"one": {"targets": [ONE]}})
    for _ in range(5):
        reply = made.client.chat(model="one")
        assert (reply.status, reply.error["code"]) == (502, "provider_failed")


def bad_and_good(bad):
    def change(config):
        (good,) = cluster_of(config, "one")["load_assignment"]["endpoints"][0]["lb_endpoints"]
        here = {"address": {"socket_address": {"address": "127.0.0.1", "port_value": bad.port}}}
        addresses_of(config, good["endpoint"], here)

    return change


def test_an_address_that_rests_sends_nothing_to_the_last_resort(make):
    """Of two addresses one fails until it rests; the other one then has everything."""
    bad = Moody("bad")
    bad.mood = "status 500"
    made = make(change=bad_and_good(bad), models={"one": {"targets": [ONE]}}, health={"enabled": False})
    statuses = Counter(made.client.chat(model="one").status for _ in range(200))
    # Ten failures in a row, and what comes until Envoy's main thread has heard of them.
    assert set(statuses) == {200, 500} and 10 <= statuses[500] < 15, statuses
    assert made.gateway.stats("cluster.one.upstream_cx_connect_fail") == {"cluster.one.upstream_cx_connect_fail": 0}
    bad.stop()


def test_the_only_address_never_rests(make):
    made = make(models={"one": {"targets": [ONE]}}, health={"enabled": False})
    made.providers["one"].mood = "status 500"
    assert {made.client.chat(model="one").status for _ in range(40)} == {500}
    made.providers["one"].mood = "ok"
    assert {made.client.chat(model="one").status for _ in range(10)} == {200}
