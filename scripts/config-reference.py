#!/usr/bin/env python3
"""Prints the configuration's reference, made from its schema; with a file's name, writes it there between the markers."""

import json
import re
import sys
from pathlib import Path

BEGIN, END = "<!-- configuration:begin -->", "<!-- configuration:end -->"
SCHEMA = json.loads((Path(__file__).parents[1] / "envoy/config.schema.json").read_text())
DEFINITIONS = SCHEMA["$defs"]
LONGEST_EXAMPLE = 70

# Shapes that have a name of their own.
SHAPES = {
    "duration": "duration",
    "usd": "US dollars",
    "words": "text or texts",
    "labels": "labels",
    "needs": "labels with value or values",
    "between": "range",
    "entity": "entity",
    "operation": "operation",
}

# Which definition is read where, in the order of the reference.
SECTIONS = {
    "gateway": "Gateway role",
    "passthrough": "`passthrough`",
    "health": "`health`",
    "model": "`models.<name>`",
    "target": "`models.<name>.targets[]`",
    "mirror": "`models.<name>.mirror`",
    "guard": "`guards[]`",
    "call": "`guards[].call`",
    "rule": "`rules[]`",
    "when": "`rules[].when`",
    "between": "`rules[].when.input_tokens` and its like",
    "destination": "`providers.<name>`",
    "key": "`keys[]`",
    "info": "`model_info.<name>`",
    "provider": "Provider role",
}


def resolved(node):
    """A property with what it refers to; what stands beside the reference wins."""
    target = node.get("$ref", "").removeprefix("#/$defs/")
    return {**DEFINITIONS[target], **node} if target else node


def code(value):
    text = value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)
    return f"`{text}`"


def kind(node):
    """The type as a person says it."""
    told = SHAPES.get(node.get("$ref", "").removeprefix("#/$defs/"))
    if told:
        return told
    node = resolved(node)
    if "const" in node or "enum" in node:
        return ", ".join(code(word) for word in node.get("enum", [node.get("const")]))
    if any(way.get("type") == "number" for way in node.get("anyOf", [])):
        return "number"
    for way in node.get("anyOf", []):
        if way.get("type") == "array":
            return {"entity": "entity or entities", "operation": "operation or operations"}.get(kind(way["items"]), "text or texts")
    inner = node.get("items") or node.get("additionalProperties")
    if inner:
        shape = {"array": "list", "object": "map"}[node["type"]]
        return f"{shape} of {several(inner)}"
    return {"boolean": "true or false", "integer": "whole number"}.get(node.get("type"), node.get("type", "string"))


def several(node):
    one = kind(node)
    if one.startswith("`"):
        return f"any of {one}"
    return f"{one.removesuffix('s')}s"


def row(key, node, required):
    node = resolved(node)
    description = node["description"]
    # A default that is not one value is told in words.
    told = re.search(r" ?Absent: (.+?)\.(?= |$)", description)
    if told:
        description = description.replace(told.group(0), "").strip()
    if key in required:
        default = "required"
    else:
        default = code(node["default"]) if "default" in node else told.group(1)
    if "maximum" in node:
        description += f" From {node['minimum']} to {node['maximum']}."
    examples = [code(example) for example in node["examples"] if len(json.dumps(example)) <= LONGEST_EXAMPLE]
    cells = [f"`{key}`", kind(node), default, description, ", ".join(examples)]
    # In a table even code has its pipes escaped.
    return "| " + " | ".join(cell.replace("|", "\\|") for cell in cells) + " |"


def table(name, title):
    definition = DEFINITIONS[name]
    rows = [row(key, node, definition.get("required", [])) for key, node in definition["properties"].items()]
    head = ["| key | type | default | what it does | example |", "|---|---|---|---|---|"]
    return "\n".join([f"#### {title}", "", definition["description"], "", *head, *rows, ""])


def reference():
    """The whole reference as Markdown."""
    own = {name: f"Provider role, `dialect: {name.removeprefix('settings-')}`" for name in DEFINITIONS if name.startswith("settings-")}
    return "\n".join(table(name, title) for name, title in {**SECTIONS, **own}.items())


def main(paths):
    if not paths:
        sys.stdout.write(reference())
    for path in map(Path, paths):
        text = path.read_text()
        if (text.count(BEGIN), text.count(END)) != (1, 1):
            sys.exit(f"{path}: needs {BEGIN} and {END}, once each")
        before, rest = text.split(BEGIN)
        after = rest.split(END)[1]
        path.write_text(f"{before}{BEGIN}\n{reference()}{END}{after}")


if __name__ == "__main__":
    main(sys.argv[1:])
