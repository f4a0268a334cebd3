"""Presidio's own recognisers on the rows of tests/fixtures/guard/pii.jsonl: `entity right missed wrong` a line.

Each row is given to the recognisers of its entity alone, as Presidio's tests do, at every score above 0. Entities
that need a model of a language are not among the rows. Called by scripts/bench.sh guard.
"""

import collections
import importlib
import inspect
import json
import logging
import pathlib
import pkgutil

import presidio_analyzer.predefined_recognizers as predefined
from presidio_analyzer import EntityRecognizer, PatternRecognizer

ROWS = pathlib.Path(__file__).parents[2] / "tests/fixtures/guard/pii.jsonl"
NAMES = {"PHONE": "PHONE_NUMBER"}


def recognisers():
    """Entity -> the recognisers that ship with Presidio and need nothing but the text."""
    found = collections.defaultdict(list)
    for module in pkgutil.walk_packages(predefined.__path__, predefined.__name__ + "."):
        try:
            module = importlib.import_module(module.name)
        except ImportError:
            continue
        for _, kind in inspect.getmembers(module, inspect.isclass):
            plain = issubclass(kind, PatternRecognizer) or kind.__name__ == "PhoneRecognizer"
            if kind in (PatternRecognizer, EntityRecognizer) or not plain or kind.__module__ != module.__name__:
                continue
            try:
                one = kind()
            except Exception:  # noqa: BLE001 - one that needs more than a text is not compared
                continue
            for entity in one.supported_entities:
                found[entity].append(one)
    return found


def bare(text, start, end):
    """A place without the quotes around it, as in guard.rs."""
    quoted = end - start > 1 and text[start] in "\"'" and text[start] == text[end - 1]
    return (start + 1, end - 1) if quoted else (start, end)


def main():
    """Counts and prints."""
    logging.disable(logging.CRITICAL)
    known = recognisers()
    table = collections.defaultdict(lambda: [0, 0, 0])
    for line in ROWS.read_text().splitlines():
        row = json.loads(line)
        ours = known.get(NAMES.get(row["entity"], row["entity"]))
        if not ours:
            continue
        spans = set()
        for one in ours:
            results = one.analyze(row["text"], one.supported_entities, None) or []
            spans |= {(result.start, result.end) for result in results if result.score > 0}
        # Of spans of one entity within each other, the longest counts, as in Presidio's answers.
        kept = [s for s in spans if not any(o != s and o[0] <= s[0] and s[1] <= o[1] for o in spans)]
        counts = table[row["entity"]]
        if not row["positive"]:
            counts[2] += len(kept)
            continue
        expected = row["expected_spans"]
        if expected is None:
            right = min(len(kept), row["expected_count"])
            missed, wrong = row["expected_count"] - right, len(kept) - right
        else:
            right = len({bare(row["text"], *span) for span in expected} & {bare(row["text"], *span) for span in kept})
            missed, wrong = len(expected) - right, len(kept) - right
        for index, count in enumerate((right, missed, wrong)):
            counts[index] += count
    for entity, counts in sorted(table.items()):
        print(entity, *counts)


if __name__ == "__main__":
    main()
