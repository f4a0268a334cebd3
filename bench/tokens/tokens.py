"""Compares token counting with tiktoken (PyPI), bpe-openai (crates.io) and js-tiktoken (npm), and prints a table.

Called by scripts/bench.sh: tokens.py <program> <vocabularies> [--quick]. Each counter is a process of its own; they
take turns, text by text, and the table shows each one's fastest turn.
"""

import pathlib
import random
import subprocess
import sys
import tempfile

HERE = pathlib.Path(__file__).parent
ROOT = HERE.parent.parent
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


def main():
    program, vocabularies = sys.argv[1:3]
    turns = "3" if "--quick" in sys.argv else "9"
    python = str(ROOT / ".venv/bin/python")
    print(f"{'encoding':12} {'text':15} {'KB':>6} {'tokens':>8}   MB/s: {'own':>7} {'bpe-openai':>11} {'tiktoken':>9} {'js-tiktoken':>12}")
    for encoding in ("o200k_base", "cl100k_base"):
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
            speed = {name: f"{size / seconds / 1e6:.1f}" for name, (_, seconds) in counted.items()}
            tokens = counted["own"][0]
            differ = [f"{name} counts {other}" for name, (other, _) in counted.items() if other != tokens]
            print(
                f"{encoding:12} {kind:15} {size // 1000:6} {tokens:8}         {speed['own']:>7} {speed['bpe-openai']:>11}"
                f" {speed['tiktoken']:>9} {speed.get('js-tiktoken', 'too slow'):>12}  {', '.join(differ)}"
            )


main()
