"""Measures the filter against plain Envoy, side by side, and prints one table of ratios.

Both Envoys run on core 0 with one worker; the clients and the provider share the last core. Every round
measures plain Envoy and the filter one after the other; a ratio is taken within its round, and the table shows
medians over the rounds. Called by scripts/bench.sh with the Envoy binary and the wasm file.
"""

import argparse
import json
import os
import pathlib
import re
import socket
import statistics
import subprocess
import sys
import tempfile
import time
import urllib.request

HERE = pathlib.Path(__file__).parent
SIZES = {1: 16, 16: 16, 256: 8}  # KB of body: connections
WAYS = {"passed": "bench-openai", "translated": "bench-anthropic", "guarded": "bench-guarded"}
# Issue targets: (throughput ratio, extra CPU in microseconds). What is guarded is passed, with every detector on.
TARGETS = {
    ("passed", 1): (0.75, 14), ("passed", 16): (0.60, 25), ("passed", 256): (0.45, 100),
    ("translated", 1): (0.62, 25), ("translated", 16): (0.45, 50), ("translated", 256): (0.35, 170),
}  # fmt: skip


def free_ports(count):
    sockets = [socket.socket() for _ in range(count)]
    for s in sockets:
        s.bind(("127.0.0.1", 0))
    ports = [s.getsockname()[1] for s in sockets]
    for s in sockets:
        s.close()
    return ports


def render(kind, port, admin, upstream, wasm):
    """The configuration of one Envoy: the blocks of the other kind are cut out."""
    other = {"plain": "filter", "filter": "plain"}[kind]
    text = (HERE / "envoy.yaml").read_text()
    text = re.sub(rf"^ *# only {other}\n.*?^ *# end\n", "", text, flags=re.M | re.S)
    ports = {"8080": port, "9901": admin, "8000": upstream}
    text = re.sub(r"port_value: (\d+)", lambda m: f"port_value: {ports[m[1]]}", text)
    return text.replace("/etc/envoy/envoy_llm_gateway.wasm", str(wasm))


def on_core(core, command):
    cores = os.cpu_count() or 1
    return command if cores < 2 else ["taskset", "-c", str(core if core >= 0 else cores - 1), *command]


class Envoy:
    """One Envoy under test, until the process ends."""

    def __init__(self, kind, binary, wasm, upstream, folder):
        self.port, admin = free_ports(2)
        config = folder / f"{kind}.yaml"
        config.write_text(render(kind, self.port, admin, upstream, wasm))
        command = [binary, "-c", config, "--concurrency", "1", "--disable-hot-restart", "--log-level", "warning"]
        self.process = subprocess.Popen(on_core(0, [str(word) for word in command]))
        deadline = time.monotonic() + 30
        while True:
            try:
                with urllib.request.urlopen(f"http://127.0.0.1:{admin}/ready", timeout=1) as answer:
                    if answer.status == 200:
                        return
            except OSError:
                pass
            if self.process.poll() is not None or time.monotonic() > deadline:
                sys.exit(f"error: {kind} Envoy did not become ready")
            time.sleep(0.05)

    def cpu(self):
        """Seconds of CPU so far, all threads."""
        total = 0
        for task in pathlib.Path(f"/proc/{self.process.pid}/task").iterdir():
            total += int((task / "schedstat").read_text().split()[0])
        return total / 1e9

    def memory(self):
        """Resident bytes."""
        status = pathlib.Path(f"/proc/{self.process.pid}/status").read_text()
        return int(re.search(r"VmRSS:\s+(\d+) kB", status)[1]) * 1024


def drive(driver, envoy, *words):
    """One run of the driver; adds the CPU that the Envoy under test spent."""
    before = envoy.cpu()
    command = on_core(-1, [str(driver), words[0], str(envoy.port), *map(str, words[1:])])
    run = subprocess.run(command, capture_output=True, text=True, timeout=120)
    if run.returncode:
        sys.exit(f"error: {' '.join(map(str, words))}: {run.stderr.strip()}")
    return json.loads(run.stdout) | {"cpu": envoy.cpu() - before}


def whole(driver, envoy, model, size, seconds):
    """Whole answers: one connection for the latency, several for throughput and CPU."""
    words = ("load", model, size * 1024)
    alone = drive(driver, envoy, *words, 1, seconds)
    busy = drive(driver, envoy, *words, SIZES[size], seconds)
    return {
        "p50": alone["p50_us"], "p99": alone["p99_us"],
        "rate": busy["requests"] / busy["seconds"],
        "cpu": busy["cpu"] * 1e6 / busy["requests"],
        "busy": busy["cpu"] / busy["seconds"],
    }  # fmt: skip


def streamed(driver, envoy, model, count):
    run = drive(driver, envoy, "stream", model, count)
    return {
        "first": run["first_p50_us"], "first99": run["first_p99_us"],
        "chunk": run["chunk_p50_us"], "chunk99": run["chunk_p99_us"],
        "cpu": run["cpu"] * 1e3 / count,
    }  # fmt: skip


def median(rounds, value):
    return statistics.median(value(r) for r in rounds)


def measure(driver, plain, filtered, rounds, seconds, streams):
    whole_rounds, stream_rounds = {}, []
    for size in SIZES:  # Connections, pools and the wasm code get warm.
        for envoy, model in [(plain, "x"), *((filtered, m) for m in WAYS.values())]:
            drive(driver, envoy, "load", model, size * 1024, SIZES[size], 0.5)
    for number in range(rounds):
        print(f"round {number + 1} of {rounds}", file=sys.stderr)
        for size in SIZES:
            row = {"plain": whole(driver, plain, "x", size, seconds)}
            row |= {way: whole(driver, filtered, model, size, seconds) for way, model in WAYS.items()}
            whole_rounds.setdefault(size, []).append(row)
        row = {"plain": streamed(driver, plain, "x", streams)}
        row |= {way: streamed(driver, filtered, model, streams) for way, model in WAYS.items()}
        stream_rounds.append(row)
    return whole_rounds, stream_rounds


def report(whole_rounds, stream_rounds):
    print("\nWhole answers, filter / plain Envoy (medians; the goal in brackets)\n")
    print(f"{'':22}{'throughput':>16}{'CPU us/request':>26}{'added p50 us':>15}{'added p99 us':>15}{'busy':>8}")
    for size, rows in whole_rounds.items():
        cell = {k: median(rows, lambda r, k=k: r["plain"][k]) for k in ("rate", "cpu", "p50", "p99", "busy")}
        print(
            f"{f'{size} KB plain':22}{cell['rate']:>12.0f}/s  {cell['cpu']:>22.1f}  "
            f"{cell['p50']:>11.0f} abs{cell['p99']:>11.0f} abs{cell['busy']:>8.2f}"
        )
        for way in WAYS:
            goal, extra = TARGETS.get((way, size), (None, None))
            ratio = median(rows, lambda r: r[way]["rate"] / r["plain"]["rate"])
            cpu = median(rows, lambda r: r[way]["cpu"])
            added = {k: median(rows, lambda r, k=k: r[way][k] - r["plain"][k]) for k in ("cpu", "p50", "p99")}
            busy = median(rows, lambda r: r[way]["busy"])
            print(
                f"{f'{size} KB {way}':22}{ratio:>9.2f}" + (f" ({goal:.2f})" if goal else " " * 7)
                + (f"{cpu:>11.1f}, {added['cpu']:+.1f}" + (f" ({extra:+d})" if extra else "")).ljust(33)
                + f"{added['p50']:>+15.0f}{added['p99']:>+15.0f}{busy:>8.2f}"
            )
    print("\nPaced streams of 200 chunks, 5 ms apart\n")
    print(f"{'':22}{'CPU ms/stream':>16}{'ratio':>16}{'first chunk us p50, p99':>30}{'each chunk us p50, p99':>30}")
    keys = ("cpu", "first", "first99", "chunk", "chunk99")
    cell = {k: median(stream_rounds, lambda r, k=k: r["plain"][k]) for k in keys}
    print(
        f"{'plain':22}{cell['cpu']:>16.2f}{'':16}"
        f"{cell['first']:>17.0f}, {cell['first99']:.0f} abs".ljust(84) + f"{cell['chunk']:>17.0f}, {cell['chunk99']:.0f} abs"
    )
    for way in WAYS:
        ratio = median(stream_rounds, lambda r: r[way]["cpu"] / r["plain"]["cpu"])
        cpu = median(stream_rounds, lambda r: r[way]["cpu"])
        added = {k: median(stream_rounds, lambda r, k=k: r[way][k] - r["plain"][k]) for k in keys}
        print(
            f"{way:22}{cpu:>16.2f}{ratio:>9.2f} (1.30)"
            f"{added['first']:>+17.0f}, {added['first99']:+.0f} (+200)".ljust(84)
            + f"{added['chunk']:>+17.0f}, {added['chunk99']:+.0f}"
        )
    print("\nbusy: share of its core that Envoy used at full load; well below 1, the clients were the limit.")


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("envoy")
    parser.add_argument("wasm", type=pathlib.Path)
    parser.add_argument("driver", type=pathlib.Path)
    parser.add_argument("--quick", action="store_true", help="about one minute instead of five")
    options = parser.parse_args()
    rounds, seconds, streams = (2, 1.0, 40) if options.quick else (5, 2.5, 40)
    if os.getloadavg()[0] > 0.5:
        print(f"warning: the machine is busy (load {os.getloadavg()[0]:.1f}); do not trust the table", file=sys.stderr)
    upstream_port = free_ports(1)[0]
    running = []
    with tempfile.TemporaryDirectory() as folder:
        try:
            command = on_core(-1, [str(options.driver), "upstream", str(upstream_port)])
            running.append(subprocess.Popen(command))
            envoys = []
            for kind in ("plain", "filter"):
                envoy = Envoy(kind, options.envoy, options.wasm.resolve(), upstream_port, pathlib.Path(folder))
                running.append(envoy.process)
                envoys.append(envoy)
            report(*measure(options.driver, *envoys, rounds, seconds, streams))
        finally:
            for process in running:
                process.terminate()
                process.wait(timeout=10)


if __name__ == "__main__":
    main()
