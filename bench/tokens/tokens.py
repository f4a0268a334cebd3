"""Compares token counting with tiktoken (PyPI), bpe-openai (crates.io) and js-tiktoken (npm), and prints a table.

Called by scripts/bench.sh: tokens.py <program> <vocabularies> <envoy> <wasm> [--quick]. Each counter is a process of
its own; they take turns, text by text, and the table shows each one's fastest turn. `in Envoy` is the CPU of a request
to /gateway/tokens less that of one that is refused for an unknown encoding: what counting costs inside V8.
"""

import json
import pathlib
import random
import subprocess
import sys
import tempfile
import time
import urllib.error
import urllib.request

HERE = pathlib.Path(__file__).parent
ROOT = HERE.parent.parent
sys.path.insert(0, str(HERE.parent))
from bench import Envoy, free_ports  # noqa: E402
# Common Chinese words; a text of them is made with the frequencies of natural language (Zipf).
WORDS = """的 一 是 在 不 了 有 和 人 这 中 大 为 上 个 国 我 以 要 他 时 来 用 们 生 到 作 地 于 出 就 分 对 成 会 可 主 发 年 动
同 工 也 能 下 过 子 说 产 种 面 而 方 后 多 定 行 学 法 所 民 得 经 我们 他们 中国 没有 自己 问题 一个 工作 发展 社会 经济 公司 市场 技术
政府 国家 企业 系统 数据 用户 服务 时间 今天 昨天 明年 项目 管理 研究 教育 文化 历史 城市 交通 建设 环境 安全 健康 医院 学生 老师 软件 硬件
网络 平台 模型 语言 推理 训练 请求 响应 缓存 路由 配置 供应链 制造业 投资者 人工智能 机器学习 新闻发布会 轨道交通 地缘政治 绿色出行""".split()
EMOJI = list("😀😂🤣😊😍🤔🙄😴👍👎🙏💪👩👨🧑🚀🔥✨🎉❤💔🌍🌈🍕☕🐍🦀🇩🇪🇫🇷") + ["👩‍💻", "👍🏽", "👨‍👩‍👧", "❤️", "🏳️‍🌈"]


def chinese(dice, size):
    weights = [1 / (rank + 3) for rank in range(len(WORDS))]
    text = []
    while size > 0:
        clause = "".join(dice.choices(WORDS, weights, k=dice.randint(3, 9))) + dice.choice("，，，。；")
        text.append(clause)
        size -= len(clause.encode())
    return "".join(text)


def emoji(dice, size):
    return "".join(dice.choice(EMOJI) + dice.choice(["", "", " ", " ok "]) for _ in range(size // 5))


def letters(dice, size):
    return "".join(dice.choices("abcdefghijklmnopqrstuvwxyz", k=size))


def texts():
    """Kind -> (text, whether a counter that is quadratic in a long word can do it in a reasonable time)."""
    dice = random.Random(1)
    english = "".join(path.read_text() for path in [ROOT / "README.md", ROOT / "CHANGELOG.md", ROOT / "LICENSE"])
    code = "".join(path.read_text() for path in sorted(ROOT.glob("src/**/*.rs")))
    return {
        "English": (english, True),
        "code": (code, True),
        "Chinese": (chinese(dice, 300_000), True),
        "emoji": (emoji(dice, 300_000), True),
        "one letter": ("a" * 1_000_000, False),
        "a word of 1 MB": (letters(dice, 1_000_000), False),
    }


def run(*command):
    tokens, seconds = subprocess.run(command, check=True, capture_output=True, text=True, cwd=HERE).stdout.split()
    return int(tokens), float(seconds)


def ask(envoy, encoding, text):
    """The answer of /gateway/tokens, and the seconds that it took."""
    body = json.dumps({"encoding": encoding, "text": text}, ensure_ascii=False).encode()
    request = urllib.request.Request(
        f"http://127.0.0.1:{envoy.port}/gateway/tokens", body, {"content-type": "application/json"}
    )
    start = time.perf_counter()
    try:
        with urllib.request.urlopen(request, timeout=60) as answer:
            answer = json.load(answer)
    except urllib.error.HTTPError as refused:
        answer = json.load(refused)
    return answer, time.perf_counter() - start


def in_envoy(envoy, encoding, text, turns):
    """Tokens, and the seconds of CPU that counting takes inside Envoy."""

    def fastest(encoding, again=False):
        spent = []
        for turn in range(turns):
            before = envoy.cpu()
            answer, _ = ask(envoy, encoding, text if again else f"{turn} {text}")
            spent.append(envoy.cpu() - before)
        return answer, min(spent)

    (answer, with_count), (_, without) = fastest(encoding), fastest("none")
    return answer["tokens"], max(with_count - without, 1e-9)


def main():
    program, vocabularies, binary, wasm = sys.argv[1:5]
    turns = "3" if "--quick" in sys.argv else "9"
    python = str(ROOT / ".venv/bin/python")
    with tempfile.TemporaryDirectory() as folder:
        envoy = Envoy("filter", binary, wasm, free_ports(1)[0], pathlib.Path(folder))
        try:
            measure(program, vocabularies, envoy, turns, python)
        finally:
            envoy.process.terminate()
            envoy.process.wait(10)


def measure(program, vocabularies, envoy, turns, python):
    ask(envoy, "none", "")
    memory = envoy.memory()
    first = {encoding: ask(envoy, encoding, "Hello")[1] for encoding in ("o200k_base", "cl100k_base")}
    grown = envoy.memory() - memory
    names = ("own", "in Envoy", "bpe-openai", "tiktoken", "js-tiktoken")
    print(f"{'':44} MB/s" + "".join(f"{name:>13}" for name in names))
    for encoding in first:
        for kind, (text, any_counter) in texts().items():
            with tempfile.NamedTemporaryFile("w", suffix=".txt") as file:
                file.write(text)
                file.flush()
                size = len(text.encode())
                counters = {
                    "own": (program, "own", encoding, file.name, turns),
                    "bpe-openai": (program, "bpe-openai", encoding, file.name, turns),
                    "tiktoken": (python, "peer.py", encoding, f"{vocabularies}/{encoding}.tiktoken", file.name, turns),
                }
                if any_counter:
                    counters["js-tiktoken"] = ("node", "peer.mjs", encoding, file.name, turns)
                counted = {name: run(*command) for name, command in counters.items()}
            counted["in Envoy"] = in_envoy(envoy, encoding, text, int(turns))
            tokens = counted["own"][0]
            speeds = (f"{size / counted[name][1] / 1e6:.1f}" if name in counted else "too slow" for name in names)
            differ = [f"{name} counts {other}" for name, (other, _) in counted.items() if other != tokens]
            cells = "".join(f"{speed:>13}" for speed in speeds)
            print(f"{encoding:12} {kind:15} {size // 1000:5} KB {tokens:7} tokens{cells}  {', '.join(differ)}")
    tables = sum(path.stat().st_size for path in (ROOT / "src/tokens/data").iterdir() if path.suffix != ".md")
    print(f"tables in the wasm file: {tables / 1e6:.2f} MB, of {pathlib.Path(sys.argv[4]).stat().st_size / 1e6:.2f} MB")
    print(f"resident memory after the first count in both encodings: {grown / 1e6:+.2f} MB")
    print("the first request that counts: " + ", ".join(f"{name} {s * 1e3:.1f} ms" for name, s in first.items()))


if __name__ == "__main__":
    main()
