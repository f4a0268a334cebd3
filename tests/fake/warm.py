"""Envoys that have compiled the filter already.

V8 takes some seconds of CPU for the filter's code, once per process: most of what a gateway's start costs. A warm Envoy
takes one configuration after another instead, as listeners, clusters and secrets that it discovers. Each gets machines of
its own, too, and counters begin at zero, so that it meets nothing of the last one.
"""

import copy
import itertools
import json
import os
from collections.abc import Callable
from pathlib import Path

from .gateway import WORKERS, Gateway, Upstream, render, shipped

SECRET = "type.googleapis.com/envoy.extensions.transport_sockets.tls.v3.Secret"
RESOURCES = {
    "cds": "type.googleapis.com/envoy.config.cluster.v3.Cluster",
    "lds": "type.googleapis.com/envoy.config.listener.v3.Listener",
}
# Nobody asks it; it keeps the compiled code alive between two configurations.
KEEPER = {"role": "gateway", "models": {"m": {"targets": [{"provider": "keeper"}]}}, "providers": {"keeper": {"dialect": "openai"}}}
CLUSTERS, CREATED = "cluster_manager.active_clusters", "listener_manager.listener_create_success"
DRAIN = 1  # seconds that connections of the last configuration may stay

_numbers = itertools.count(1)


class Refused(Exception):
    """Envoy does not take a configuration; says what Envoy and the filter said."""


class Pool:
    """As many warm Envoys as are in use at once."""

    def __init__(self, new_folder: Callable[[], Path]):
        self._new_folder = new_folder
        self._envoys: list[Warm] = []

    def take(self, config: dict) -> Gateway:
        """An Envoy with this configuration, to be released by its user."""
        if not reusable(config):
            return Gateway(config, self._new_folder())
        warm = next((envoy for envoy in self._envoys if envoy.free), None)
        if not warm:
            warm = Warm(self._new_folder())
            self._envoys.append(warm)
        try:
            warm.take(config)
        except BaseException:
            warm.release()
            raise
        return warm

    def stop(self) -> None:
        for envoy in self._envoys:
            envoy.stop()


class Warm(Gateway):
    """One Envoy that is configured again and again."""

    def __init__(self, folder: Path):
        self._folder = folder
        config = render(KEEPER, {"keeper": Upstream(1, "openai")})
        config["dynamic_resources"] = {f"{kind}_config": self._source(kind) for kind in RESOURCES}
        for kind in RESOURCES:
            self._deliver(kind)
        super().__init__(config, folder, ["--drain-time-s", str(DRAIN), "--drain-strategy", "immediate"])
        self._in_use = False

    @property
    def free(self) -> bool:
        return not self._in_use and self.process.poll() is None

    def take(self, config: dict) -> None:
        """This configuration from now on."""
        self._in_use = True
        self.records.clear()
        self.raw_records.clear()
        self.bad_records.clear()
        self._log_start = self._log.stat().st_size
        parts = self._discovered(config)
        self.ask_admin("/reset_counters", "POST")
        self._deliver("cds", *parts["clusters"])
        self._accepted("cluster_manager.cds", {CLUSTERS: 1 + len(parts["clusters"])})
        self._deliver("lds", *parts["listeners"])
        self._accepted("listener_manager.lds", {CREATED: WORKERS * len(parts["listeners"])})
        self._serve_at(parts["listeners"][0]["name"])

    def release(self) -> None:
        """Nothing is served any more, and what is under way ends soon."""
        self._deliver("lds")
        self._deliver("cds")
        self.wait(lambda: self.stats(CLUSTERS)[CLUSTERS] == 1)
        self._in_use = False

    def _accepted(self, kind: str, signs: dict[str, int]) -> None:
        """Waits for these statistics."""

        def settled():
            if any(self.stats(f"{kind}.update_rejected").values()):
                raise Refused(self.log)
            return all(self.stats(name) == {name: value} for name, value in signs.items())

        self.wait(settled)

    def _discovered(self, config: dict) -> dict[str, list[dict]]:
        """The configuration's parts, under names that no earlier one had."""
        parts, number = copy.deepcopy(config["static_resources"]), next(_numbers)
        secrets = {secret["name"]: f"{secret['name']}-{number}" for secret in parts.get("secrets", [])}
        for secret in parts.pop("secrets", []):
            self._deliver(secrets[secret["name"]], secret)
        for listener in parts["listeners"]:
            listener["name"] += f"-{number}"
        for message in messages(parts):
            if "vm_id" in message:
                message["vm_id"] += f"-{number}"
            if list(message.get("credential", {})) == ["name"]:
                message["credential"]["sds_config"] = self._source(secrets[message["credential"]["name"]])
        return parts

    def _source(self, kind: str) -> dict:
        return {"path_config_source": {"path": str(self._folder / f"{kind}.yaml")}}

    def _deliver(self, name: str, *resources: dict) -> None:
        """Replaces a file at one stroke: Envoy watches for that."""
        written, kind = self._folder / "new", RESOURCES.get(name, SECRET)
        written.write_text(json.dumps({"resources": [{"@type": kind} | found for found in resources]}))
        os.replace(written, self._folder / f"{name}.yaml")


def reusable(config: dict) -> bool:
    """Whether a running Envoy can take it: what it has from the shipped configuration, but for listeners, clusters and secrets,
    with the filter among them."""
    same = shipped()
    only = all(key in ("admin", "static_resources") or value == same.get(key) for key, value in config.items())
    return only and any("vm_id" in message for message in messages(config))


def messages(value):
    """Every message of a configuration."""
    if isinstance(value, dict):
        yield value
        value = list(value.values())
    if isinstance(value, list):
        for found in value:
            yield from messages(found)
