"""The real Envoy with the shipped configuration, pointed at fake providers."""

import copy
import json
import os
import re
import shutil
import subprocess
import threading
import time
import urllib.request
from collections.abc import Sequence
from dataclasses import dataclass, field
from importlib.util import find_spec
from pathlib import Path

import yaml

from .door import key_form

ROOT = Path(__file__).resolve().parents[2]
SHIPPED = ROOT / "envoy" / "envoy.yaml"
WORKERS = 2
PATIENCE = 20  # seconds for anything that Envoy should do soon
START_PATIENCE = 90  # seconds for V8 to compile the filter, also on a busy machine
# What Envoy and Rust say when the filter traps.
CRASH = re.compile(r"Function: \S+ failed|Uncaught \w*Error|panicked at")


def envoy_binary() -> str:
    if path := os.environ.get("ENVOY_BIN") or shutil.which("envoy"):
        return path
    package = find_spec("envoy")
    return str(Path(next(iter(package.submodule_search_locations))) / "_bin" / "envoy")


def wasm() -> Path:
    built = ROOT / "target" / "wasm32-wasip1" / "release" / "envoy_llm_gateway.wasm"
    return Path(os.environ.get("LLM_GATEWAY_WASM", built)).resolve()


@dataclass
class Upstream:
    """A cluster of the rendered configuration; its name is the provider's."""

    port: int
    dialect: str
    key: str = "placeholder"
    host: str = "127.0.0.1"
    role: dict = field(default_factory=dict)  # more settings of the provider role
    tls: bool = False


def shipped() -> dict:
    """The shipped configuration; parts that it uses twice are copies."""
    return json.loads(json.dumps(yaml.safe_load(SHIPPED.read_text())))


def connection_manager(config: dict) -> dict:
    return config["static_resources"]["listeners"][0]["filter_chains"][0]["filters"][0]["typed_config"]


def plugin(filters: list[dict]) -> dict:
    """The wasm filter's part of a filter chain."""
    return next(f["typed_config"]["config"] for f in filters if f["typed_config"]["@type"].endswith("wasm.v3.Wasm"))


def http_options(cluster: dict) -> dict:
    return cluster["typed_extension_protocol_options"]["envoy.extensions.upstreams.http.v3.HttpProtocolOptions"]


def render(gateway: dict, upstreams: dict[str, Upstream]) -> dict:
    """The shipped configuration with these providers, this gateway role and ports that Envoy picks."""
    config = shipped()
    for address in (config["admin"]["address"], config["static_resources"]["listeners"][0]["address"]):
        address["socket_address"] = {"address": "127.0.0.1", "port_value": 0}
    manager = connection_manager(config)
    role = plugin(manager["http_filters"])
    role["configuration"]["value"] = gateway
    role["vm_config"]["code"]["local"]["filename"] = str(wasm())
    for route in manager["route_config"]["virtual_hosts"][0]["routes"]:
        groups = route["route"]["inline_cluster_specifier_plugin"]["extension"]["typed_config"]
        (group,) = groups["priority_groups"]
        group["clusters"][0]["cluster_name"] = next(iter(upstreams))
    patterns = {cluster["name"]: cluster for cluster in config["static_resources"]["clusters"]}
    config["static_resources"]["clusters"] = [
        cluster(patterns.get(upstream.dialect, patterns["anthropic"]), name, upstream) for name, upstream in upstreams.items()
    ]
    config["static_resources"]["secrets"] = [
        {"name": f"{name}-key", "generic_secret": {"secret": {"inline_string": upstream.key}}}
        for name, upstream in upstreams.items()
    ]
    return config


def cluster(pattern: dict, name: str, upstream: Upstream) -> dict:
    made = copy.deepcopy(pattern) | {"name": name, "type": "STATIC"}
    del made["dns_lookup_family"]
    address = {"socket_address": {"address": upstream.host, "port_value": upstream.port}}
    made["load_assignment"] |= {"cluster_name": name}
    made["load_assignment"]["endpoints"][0] = {"lb_endpoints": [{"endpoint": {"address": address}}]}
    options = http_options(made)
    if not upstream.tls:
        del made["transport_socket"], options["auto_config"]
        options["explicit_http_config"] = {"http_protocol_options": {}}
    role = plugin(options["http_filters"])
    role |= {"name": name, "root_id": name}
    role["vm_config"]["code"]["local"]["filename"] = str(wasm())
    role["configuration"]["value"] = {"role": "provider", "dialect": upstream.dialect} | upstream.role
    credential(made)["credential"] = {"name": f"{name}-key"}
    if pattern["name"] != upstream.dialect:
        header, prefix = key_form(upstream.dialect)
        credential(made).update(header=header, header_value_prefix=prefix)
    return made


def credential(cluster: dict) -> dict:
    injector = http_options(cluster)["http_filters"][1]["typed_config"]
    return injector["credential"]["typed_config"]


def validate(config: dict, folder: Path) -> tuple[int, str]:
    """Exit code and log of `envoy --mode validate`."""
    path = folder / "validate.yaml"
    path.write_text(yaml.safe_dump(config))
    command = [envoy_binary(), "--mode", "validate", "-c", str(path)]
    done = subprocess.run(command, capture_output=True, text=True, timeout=START_PATIENCE, check=False)
    return done.returncode, done.stderr


def once(pairs: list[tuple]) -> dict:
    """An object of JSON, none of whose names stands there twice."""
    found = dict(pairs)
    if len(found) < len(pairs):
        raise ValueError("a name stands there twice")
    return found


class Record(dict):
    """A line of the access log. What is not known is None, and the facts read as filter state has them: as text."""

    def __init__(self, line: dict):
        super().__init__({name: self._text(name, value) for name, value in line.items()})

    def __missing__(self, name: str) -> None:
        return None

    def get(self, name: str, default=None):
        return self[name] if name in self else default

    @staticmethod
    def _text(name: str, value):
        if name in ("status", "duration_ms", "bytes_received", "bytes_sent") or value is None or isinstance(value, str):
            return value
        if isinstance(value, bool):
            return "1" if value else "0"
        return json.dumps(value)


class Gateway:
    """A running Envoy. `url` is where clients go; `records` are the lines of its access log."""

    def __init__(self, config: dict, folder: Path, options: Sequence[str] = ()):
        self.records: list[dict] = []
        self.raw_records: list[str] = []
        self.bad_records: list[str] = []  # lines that are no record, and why
        self._news = threading.Condition()
        self._log, self._log_start = folder / "envoy.log", 0
        path, admin = folder / "envoy.yaml", folder / "admin"
        path.write_text(yaml.safe_dump(config))
        command = [envoy_binary(), "-c", str(path), "--concurrency", str(WORKERS), "--use-dynamic-base-id"]
        command += ["--admin-address-path", str(admin), "--file-flush-interval-msec", "20", "--log-level", "info"]
        command += options
        with self._log.open("w") as log:
            self.process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=log, text=True)
        threading.Thread(target=self._read, daemon=True).start()
        try:
            self.admin = "http://" + self.wait(lambda: admin.exists() and admin.read_text())
            self.wait(lambda: self.ask_admin("/ready") == "LIVE\n")
            self._serve_at()
        except BaseException:
            self.stop()
            raise

    def _serve_at(self, name: str | None = None) -> None:
        """Clients go to the listener with this name, or to the first one."""
        self.port = self.port_of(name)
        self.url = f"http://127.0.0.1:{self.port}"

    def port_of(self, name: str | None = None) -> int:
        """Where the listener with this name is, or the first one."""
        listeners = json.loads(self.ask_admin("/listeners?format=json"))["listener_statuses"]
        address = next(found["local_address"] for found in listeners if name in (None, found["name"]))
        return address["socket_address"]["port_value"]

    def stop(self) -> None:
        self.process.terminate()
        try:
            self.process.wait(10)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()

    def release(self) -> None:
        """Its user is done with it."""
        self.stop()

    @property
    def log(self) -> str:
        """What Envoy and the filter said."""
        return self._log.read_bytes()[self._log_start :].decode()

    @property
    def last_words(self) -> str:
        return "\n".join(self.log.splitlines()[-15:])

    def record(self, request_id: str) -> dict:
        """The access log's line of one request, once it is there."""
        with self._news:
            found = self._news.wait_for(lambda: self._find(request_id), PATIENCE)
        assert found, f"no record of {request_id}"
        return found

    def record_where(self, **fields) -> dict:
        """The first line with these values, once it is there: for requests without an answer."""
        with self._news:
            found = self._news.wait_for(
                lambda: next((r for r in self.records if fields.items() <= r.items()), None), PATIENCE
            )
        assert found, f"no record with {fields}"
        return found

    def stats(self, pattern: str) -> dict[str, int]:
        lines = self.ask_admin(f"/stats?filter={pattern}").splitlines()
        return {name: int(value) for name, _, value in (line.rpartition(": ") for line in lines) if value.isdigit()}

    def crashes(self) -> list[str]:
        """What shows that the filter has crashed: lines of the log; reloads, which come with the next stream only."""
        reloads = self.stats("vm_reload")
        assert reloads, "Envoy does not tell how often the filter was reloaded"
        lines = [line for line in self.log.splitlines() if CRASH.search(line)]
        return lines + [f"{name}: {count}" for name, count in reloads.items() if count]

    def assert_survived(self) -> None:
        """Whatever was done, Envoy and the filter survived it, and wrote records only."""
        assert self.process.poll() is None, f"Envoy ended with {self.process.returncode}:\n{self.last_words}"
        assert not (crashes := self.crashes()), crashes
        assert not self.bad_records, self.bad_records

    def _find(self, request_id: str) -> dict | None:
        return next((r for r in self.records if r.get("request_id") == request_id), None)

    def _read(self) -> None:
        for line in self.process.stdout:
            with self._news:
                self.raw_records.append(line)
                try:
                    self.records.append(Record(json.loads(line, object_pairs_hook=once)))
                except ValueError as error:
                    self.bad_records.append(f"{error}: {line}")
                self._news.notify_all()

    def ask_admin(self, path: str, method: str = "GET") -> str:
        try:
            request = urllib.request.Request(self.admin + path, method=method)
            with urllib.request.urlopen(request, timeout=PATIENCE) as answer:
                return answer.read().decode()
        except OSError:
            return ""

    def wait(self, condition):
        end = time.monotonic() + START_PATIENCE
        while time.monotonic() < end:
            if self.process.poll() is not None:
                raise RuntimeError(f"Envoy ended with {self.process.returncode}:\n{self.last_words}")
            if result := condition():
                return result
            time.sleep(0.02)
        raise RuntimeError(f"Envoy did not become ready:\n{self.last_words}")
