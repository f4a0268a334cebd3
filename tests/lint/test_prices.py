"""The catalogue of models that the filter carries is the one that data/models.json gives."""

import json
import sys
from datetime import date
from decimal import Decimal
from pathlib import Path

ROOT = Path(__file__).parents[2]
sys.path.insert(0, str(ROOT / "scripts"))

import prices  # noqa: E402

SOURCE = json.loads((ROOT / "data/models.json").read_text())
PACKED = (ROOT / "data/models.bin").read_bytes()


def test_the_compact_form_is_what_the_source_gives():
    assert prices.pack(SOURCE["models"]) == PACKED, "run scripts/prices.py --pack"


def test_the_compact_form_is_small():
    assert len(PACKED) < 300_000


def test_the_source_is_written_as_the_script_writes_it():
    assert prices.written(SOURCE["models"]) == (ROOT / "data/models.json").read_text()


def test_the_source_names_its_day_and_where_it_comes_from():
    assert date.fromisoformat(SOURCE["date"]) == prices.DATE
    assert [(s["name"], s["version"], s["sha256_of_wheel"]) for s in SOURCE["sources"]] == [prices.GENAI, prices.LITELLM]
    assert all(s["licence"].startswith("MIT") for s in SOURCE["sources"])


def test_names_are_in_order_and_stand_once():
    keys = [f"{model['provider']}/{model['model']}" for model in SOURCE["models"]]
    assert len(set(keys)) == len(keys) and all(key == key.lower() for key in keys)


def test_prices_are_plausible():
    """A slip of a thousand between dollars a token, a thousand and a million tokens would show."""
    for model in SOURCE["models"]:
        rates = model.get("usd_per_million", {})
        for rate, amount in rates.items():
            most = 20_000_000 if rate == "search" else 1000
            assert 0 <= Decimal(amount) <= most, (model, rate)
        if {"input", "cached_input"} <= rates.keys():
            # OpenRouter's lists name the cheapest host of each, which are not always the same.
            assert Decimal(rates["cached_input"]) <= 2 * Decimal(rates["input"]), model
