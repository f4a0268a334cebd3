#!/usr/bin/env python3
"""Writes the catalogue of models: data/models.json (to read and to review), data/models.bin (what the
filter carries) and data/differences.txt (where the two sources disagree).

    scripts/prices.py           take both sources from the package registry and write all three files
    scripts/prices.py --pack    only pack data/models.json into data/models.bin

Nothing is downloaded when the filter is built or tested. A newer catalogue: raise the versions and
digests below, run, read the difference of data/models.json.
"""
import ast
import hashlib
import io
import json
import pathlib
import re
import struct
import subprocess
import sys
import tempfile
import zipfile
from datetime import date
from decimal import Decimal

ROOT = pathlib.Path(__file__).resolve().parent.parent
DATA = ROOT / "data"
DATE = date(2026, 11, 25)
GENAI = ("genai-prices", "0.2.3", "56976ce2b04ec206117f7d0e53f4849211a6724ab3a12119afec304eba63ee25")
LITELLM = ("litellm", "1.110.2", "9d94d1c7d524b6fd10c14f9c8c6c4f0ac31705f9964ac59dcfd8337c046d8917")
LIMIT_BYTES = 300_000
MAX_KEY_BYTES = 160

# Catalogue provider -> (its id in genai-prices, litellm's provider names, the prefix of litellm's keys).
PROVIDERS = {
    "openai": ("openai", ("openai", "text-completion-openai"), ("openai/", "text-completion-openai/")),
    "azure": ("azure", ("azure", "azure_text", "azure_ai"), ("azure/", "azure_ai/")),
    "anthropic": ("anthropic", ("anthropic",), ("anthropic/",)),
    "bedrock": ("aws", ("bedrock", "bedrock_converse"), ("bedrock/converse/", "bedrock/")),
    "gemini": ("google", ("gemini",), ("gemini/",)),
    "vertex": ("google", tuple("vertex_ai" + kind for kind in (
        "", "-language-models", "-anthropic_models", "-embedding-models", "-mistral_models", "-llama_models",
        "-ai21_models", "-deepseek_models", "-qwen_models", "-zai_models", "-openai_models", "-text-models")), ("vertex_ai/",)),
    "cohere": ("cohere", ("cohere", "cohere_chat"), ("cohere/",)),
    "deepseek": ("deepseek", ("deepseek",), ("deepseek/",)),
    "fireworks": ("fireworks", ("fireworks_ai", "fireworks_ai-embedding-models"), ("fireworks_ai/",)),
    "groq": ("groq", ("groq",), ("groq/",)),
    "mistral": ("mistral", ("mistral",), ("mistral/",)),
    "openrouter": ("openrouter", ("openrouter",), ("openrouter/",)),
    "together": ("together", ("together_ai",), ("together_ai/",)),
    "xai": ("x-ai", ("xai",), ("xai/",)),
    "ai21": (None, ("ai21",), ("ai21/",)),
    "baseten": ("baseten", ("baseten",), ("baseten/",)),
    "cerebras": ("cerebras", ("cerebras",), ("cerebras/",)),
    "cloudflare": ("cloudflare", ("cloudflare",), ("cloudflare/",)),
    "dashscope": (None, ("dashscope",), ("dashscope/",)),
    "databricks": ("databricks", ("databricks",), ("databricks/",)),
    "deepinfra": (None, ("deepinfra",), ("deepinfra/",)),
    "friendliai": (None, ("friendliai",), ("friendliai/",)),
    "hyperbolic": ("huggingface_hyperbolic", ("hyperbolic",), ("hyperbolic/",)),
    "jina": (None, ("jina_ai",), ("jina_ai/",)),
    "meta": ("meta", ("meta_llama", "meta"), ("meta_llama/", "meta/")),
    "minimax": ("minimax", ("minimax",), ("minimax/",)),
    "moonshot": ("moonshotai", ("moonshot",), ("moonshot/",)),
    "nebius": ("huggingface_nebius", ("nebius",), ("nebius/",)),
    "novita": ("novita", ("novita",), ("novita/",)),
    "ovhcloud": ("ovhcloud", ("ovhcloud",), ("ovhcloud/",)),
    "perplexity": ("perplexity", ("perplexity",), ("perplexity/",)),
    "sambanova": ("huggingface_sambanova", ("sambanova",), ("sambanova/",)),
    "scaleway": (None, ("scaleway",), ("scaleway/",)),
    "vercel": (None, ("vercel_ai_gateway",), ("vercel_ai_gateway/",)),
    "voyage": ("voyageai", ("voyage",), ("voyage/",)),
    "zai": ("zai", ("zai",), ("zai/",)),
}
# Kinds of models that the gateway may be asked for and that are charged by the token or the search.
MODES = {None, "chat", "responses", "completion", "embedding", "rerank", "image_generation", "audio_transcription",
         "audio_speech", "moderation"}

# Rates in the order of their bits in the compact form: our name, genai-prices' name, litellm's name.
RATES = [
    ("input", "input_mtok", "input_cost_per_token"),
    ("output", "output_mtok", "output_cost_per_token"),
    ("cached_input", "cache_read_mtok", "cache_read_input_token_cost"),
    ("cache_write", "cache_write_mtok", "cache_creation_input_token_cost"),
    ("cache_write_1h", "cache_write_1h_mtok", "cache_creation_input_token_cost_above_1hr"),
    ("reasoning", "output_reasoning_mtok", "output_cost_per_reasoning_token"),
    ("input_audio", "input_audio_mtok", "input_cost_per_audio_token"),
    ("output_audio", "output_audio_mtok", "output_cost_per_audio_token"),
    ("cached_audio", "cache_audio_read_mtok", "cache_read_input_audio_token_cost"),
    ("input_image", "input_image_mtok", "input_cost_per_image_token"),
    ("output_image", "output_image_mtok", "output_cost_per_image_token"),
    ("search", None, None),
]
TIERS = ["batch", "flex", "priority"]  # numbered from 1; 0 is what nothing was said about
CAPABILITIES = ["chat", "embeddings", "rerank", "responses_only", "tools", "parallel_tools", "images", "pdfs", "audio_input",
                "audio_output", "video", "reasoning", "json_schema", "prompt_cache", "web_search"]
LITELLM_CAPABILITIES = {
    "tools": "supports_function_calling", "parallel_tools": "supports_parallel_function_calling", "images": "supports_vision",
    "pdfs": "supports_pdf_input", "audio_input": "supports_audio_input", "audio_output": "supports_audio_output",
    "video": "supports_video_input", "reasoning": "supports_reasoning", "json_schema": "supports_response_schema",
    "prompt_cache": "supports_prompt_caching", "web_search": "supports_web_search",
}


def wheel(name, version, digest):
    with tempfile.TemporaryDirectory() as folder:
        subprocess.run([sys.executable, "-m", "pip", "download", "-q", "--no-deps", "--only-binary=:all:", "-d", folder,
                        f"{name}=={version}"], check=True)
        [path] = pathlib.Path(folder).glob("*.whl")
        blob = path.read_bytes()
    got = hashlib.sha256(blob).hexdigest()
    if got != digest:
        sys.exit(f"{name} {version}: SHA-256 is {got}, expected {digest}")
    return zipfile.ZipFile(io.BytesIO(blob))


# --- genai-prices: Python source that is read, never run -------------------------------------------------------

def literal(node):
    if isinstance(node, ast.Constant):
        return node.value
    if isinstance(node, (ast.List, ast.Tuple)):
        return [literal(item) for item in node.elts]
    if isinstance(node, ast.Dict):
        return {literal(key): literal(value) for key, value in zip(node.keys, node.values)}
    if isinstance(node, ast.Attribute):
        return ast.unparse(node)
    if isinstance(node, ast.Call):
        kind = ast.unparse(node.func)
        if kind == "Decimal":
            return Decimal(node.args[0].value)
        return {"kind": kind, "args": [literal(arg) for arg in node.args], **{k.arg: literal(k.value) for k in node.keywords}}
    sys.exit(f"genai-prices: cannot read {ast.dump(node)[:200]}")


def genai_providers(archive):
    tree = ast.parse(archive.read("genai_prices/data.py"))
    for statement in tree.body:
        if isinstance(statement, ast.AnnAssign):
            return {provider["id"]: provider["models"] for provider in literal(statement.value)}
    sys.exit("genai-prices: no providers")


def matches(clause, name):
    value = next((v for k, v in clause.items() if k not in ("kind", "args")), None)
    match clause["kind"]:
        case "ClauseEquals": return name == value.lower()
        case "ClauseStartsWith": return name.startswith(value.lower())
        case "ClauseEndsWith": return name.endswith(value.lower())
        case "ClauseContains": return value.lower() in name
        case "ClauseRegex": return re.search(value, name) is not None
        case "ClauseOr": return any(matches(item, name) for item in value)
        case "ClauseAnd": return all(matches(item, name) for item in value)
    sys.exit(f"genai-prices: unknown clause {clause}")


def exact_names(clause):
    if clause["kind"] == "ClauseEquals":
        return {clause["equals"].lower()}
    if clause["kind"] == "ClauseOr":
        return set().union(*(exact_names(item) for item in clause["or_"]))
    return set()


def active(constraint):
    if constraint is None or constraint["kind"] != "StartDateConstraint":
        return True
    return date(*constraint["start_date"]["args"]) <= DATE


def price_of(model):
    """The rates of today; of those that change with the hour, the dearest."""
    prices = model["prices"]
    if isinstance(prices, dict):
        return prices
    began = [p for p in prices if active(p.get("constraint"))]
    hourly = [p for p in began if (p.get("constraint") or {}).get("kind") == "TimeOfDateConstraint"]
    dated = [p for p in began if p not in hourly]
    chosen = dated[-1:] + hourly
    return max(chosen, key=lambda p: base(p["prices"].get("input_mtok", Decimal(0))))["prices"]


def base(value):
    return value["base"] if isinstance(value, dict) else value


def genai_rates(prices):
    """`{above: {rate: dollars per million}}`; 0 holds what has no step."""
    rows = {0: {}}
    steps = {tier["start"] for value in prices.values() if isinstance(value, dict) for tier in value["tiers"]}
    rows.update({step: {} for step in steps})
    for rate, key, _ in RATES:
        value = prices.get(key)
        if value is None:
            continue
        for step, row in rows.items():
            row[rate] = base(value)
            if isinstance(value, dict):
                for tier in sorted(value["tiers"], key=lambda tier: tier["start"]):
                    if tier["start"] <= step:
                        row[rate] = tier["price"]
    return rows


def genai_entry(model):
    entry = {"rows": {}}
    prices = price_of(model)
    rows = genai_rates(prices)
    if any(rows[0].values()) or model["id"].endswith(":free"):
        entry["rows"] = {("", step): row for step, row in rows.items()}
        if not rows[0]:
            entry["rows"] = {("", 0): {"input": Decimal(0), "output": Decimal(0)}}
        for variant in model.get("price_variants") or ():
            tier = variant["when"].get("service_tier") or variant["when"].get("processing")
            if tier in TIERS and active(variant.get("constraint")) and len(variant["when"]) == 1:
                for step, row in genai_rates(variant["prices"]).items():
                    if row:
                        entry["rows"][tier, step] = row
    entry["context_window"] = model.get("context_window")
    entry["exact"] = exact_names(model["match"]) | {model["id"].lower()}
    entry["id"] = model["id"]
    return entry


# --- litellm: one JSON object -----------------------------------------------------------------------------------

STEP = re.compile(r"^(.*?)_above_(\d+)k_tokens(_batches|_flex|_priority)?$")
TIER = re.compile(r"^(.*?)(_batches|_flex|_priority)$")
SUFFIX = {"_batches": "batch", "_flex": "flex", "_priority": "priority", None: ""}
BY_LITELLM = {key: rate for rate, _, key in RATES if key}


def million(value):
    # Some of its numbers carry the noise of a division in floating point.
    return round(Decimal(value) * 1_000_000, 6).normalize()


def litellm_entry(model):
    rows = {}
    for key, value in model.items():
        if isinstance(value, bool) or not isinstance(value, (int, Decimal)):
            continue
        step, tier = 0, ""
        if found := STEP.match(key):
            key, step, tier = found[1], int(found[2]) * 1000, SUFFIX[found[3]]
        elif found := TIER.match(key):
            key, tier = found[1], SUFFIX[found[2]]
        rate = BY_LITELLM.get(key)
        if rate and not (rate in ("cache_write", "cache_write_1h", "reasoning") and value == 0):
            rows.setdefault((tier, step), {})[rate] = million(value)
    for place in model.get("tiered_pricing") or ():
        if "input_cost_per_token" in place:
            row = rows.setdefault(("", int(place["range"][0])), {})
            for key, rate in BY_LITELLM.items():
                if place.get(key):
                    row[rate] = million(place[key])
    if model.get("mode") == "rerank" and model.get("input_cost_per_query"):
        rows[("", 0)] = {"search": Decimal(model["input_cost_per_query"]) * 1_000_000}
    standard = rows.get(("", 0), {})
    if not any(standard.values()) or "input" not in standard and "search" not in standard:
        rows = {}
    can = [name for name, key in LITELLM_CAPABILITIES.items() if model.get(key) is True]
    can += {"chat": ["chat"], "responses": ["responses_only"], "embedding": ["embeddings"], "rerank": ["rerank"]}.get(model.get("mode"), [])
    whole = lambda key: int(model[key]) if isinstance(model.get(key), (int, Decimal)) and model[key] > 0 else None
    return {"rows": rows, "max_input": whole("max_input_tokens"), "max_output": whole("max_output_tokens"), "can": can}


def litellm_models(archive):
    raw = json.loads(archive.read("litellm/model_prices_and_context_window_backup.json"), parse_float=Decimal)
    out = {name: {} for name in PROVIDERS}
    for provider, (_, names, prefixes) in PROVIDERS.items():
        for key, model in raw.items():
            target = raw.get(model["alias_of"], {}) if "alias_of" in model else model
            at_home = target.get("litellm_provider") in names
            if not at_home or target.get("mode") not in MODES:
                continue
            name = key.lower()
            prefix = next((p for p in prefixes if name.startswith(p)), None)
            if prefix is None and "alias_of" in model:
                continue
            name = name[len(prefix or ""):]
            # One region's price, a commitment's, or a price by size: nothing that a model's name says.
            if provider == "bedrock" and "/" in name or re.match(r"(fireworks|together)-ai-", name) or "-x-" in name:
                continue
            out[provider].setdefault(name, litellm_entry(target))
    return out


# --- both ---------------------------------------------------------------------------------------------------

def merged(provider, name, ours, theirs, differences):
    """litellm's entry, with what only genai-prices knows; where they differ, litellm's stands, because it is kept per
    exact name and region, while the other groups names by patterns."""
    exact = theirs is not None and name in theirs["exact"]
    rows = {key: dict(row) for key, row in (ours or {}).get("rows", {}).items()}
    sources = ["litellm"] if rows else []
    if theirs and theirs["rows"]:
        common = [(rate, rows["", 0][rate], value) for rate, value in theirs["rows"]["", 0].items() if rate in rows.get(("", 0), {})]
        unlike = [item for item in common if item[1] != item[2]]
        for rate, left, right in unlike:
            how = "" if exact else f" (by its pattern for {theirs['id']})"
            differences.append(f"{provider} {name}: {rate} litellm {text(left)}, genai-prices {text(right)}{how}")
        if not rows and (exact or ours is None):
            rows, sources = {key: dict(row) for key, row in theirs["rows"].items()}, ["genai-prices"]
        elif rows and common and not unlike:
            sources.append("genai-prices")
            if exact:
                for key, row in theirs["rows"].items():
                    if key in rows or key[1] == 0:
                        rows[key] = {**row, **rows.get(key, {})}
    for row in rows.values():
        if row.get("reasoning") == row.get("output"):
            row.pop("reasoning", None)
    window = theirs["context_window"] if exact else None
    max_input = (ours or {}).get("max_input")
    if window is None or max_input and window < max_input:
        window = max_input
    entry = {"provider": provider, "model": name}
    if window:
        entry["context_window"] = window
    if max_input and max_input < window:
        entry["max_input_tokens"] = max_input
    if (ours or {}).get("max_output"):
        entry["max_output_tokens"] = ours["max_output"]
    if can := (ours or {}).get("can"):
        entry["can"] = [name for name in CAPABILITIES if name in can]
    if rows:
        entry["usd_per_million"] = rates(rows["", 0])
        entry.update(steps_and_tiers(rows))
        entry["sources"] = sources
    return entry


def rates(row):
    return {rate: text(row[rate]) for rate, _, _ in RATES if rate in row}


def text(amount):
    return format(round(amount, 6).normalize(), "f")


def steps_and_tiers(rows):
    out = {}
    steps = sorted(step for tier, step in rows if tier == "" and step)
    if steps:
        out["above"] = {str(step): rates(rows["", step]) for step in steps}
    for tier in TIERS:
        found = {step: rates(row) for (name, step), row in rows.items() if name == tier}
        if 0 in found:
            out[tier] = found.pop(0)
            if found:
                out[tier + "_above"] = {str(step): found[step] for step in sorted(found)}
    return out


def gather():
    theirs = genai_providers(wheel(*GENAI))
    ours = litellm_models(wheel(*LITELLM))
    models, differences = [], []
    for provider, (genai_id, _, _) in sorted(PROVIDERS.items()):
        entries = [(model["match"], genai_entry(model)) for model in theirs.get(genai_id, ())]
        known = set(ours[provider])
        for _, entry in entries:
            known |= {name for name in entry["exact"] if fits(provider, name)}
        for name in sorted(known):
            found = next((e for _, e in entries if name in e["exact"]), None)
            found = found or next((e for match, e in entries if matches(match, name)), None)
            entry = merged(provider, name, ours[provider].get(name), found, differences)
            if len(entry) > 2 and len(f"{provider}/{name}".encode()) <= MAX_KEY_BYTES:
                models.append(entry)
    return models + undated(models), differences


DATED = re.compile(r"^(.+?)(?:-\d{4}-\d\d-\d\d|[-@]20\d{6})$")


def undated(models):
    """The newest of a name's dated forms, under the name alone, where a source has only dated ones."""
    known = {(model["provider"], model["model"]) for model in models}
    newest = {}
    for model in models:
        found = DATED.match(model["model"])
        if found and (model["provider"], found[1]) not in known and "usd_per_million" in model:
            newest[model["provider"], found[1]] = model
    return [{**model, "model": name, "alias_of": model["model"]} for (_, name), model in newest.items()]


def fits(provider, name):
    """genai-prices keeps the Gemini API and Vertex AI in one list."""
    return provider != "vertex" or not name.startswith("gemma")


# --- the compact form ---------------------------------------------------------------------------------------

BLOCK = 16


def varint(value):
    out = bytearray()
    while value > 0x7f:
        out.append(value & 0x7f | 0x80)
        value >>= 7
    out.append(value)
    return bytes(out)


def pico(amount):
    """Dollars per million units are millionths of a millionth of a dollar per unit, a million times over."""
    exact = Decimal(amount) * 1_000_000
    if exact != int(exact) or not 0 <= exact < 1 << 48:
        sys.exit(f"{amount}: not a price")
    return int(exact)


def packed_row(row, standard):
    given = [(bit, pico(row[rate])) for bit, (rate, _, _) in enumerate(RATES)
             if rate in row and (standard is None or row[rate] != standard.get(rate))]
    return varint(sum(1 << bit for bit, _ in given)) + b"".join(varint(value) for _, value in given)


def complete_rows(entry):
    """Every (tier, step) with all its rates: a tier without a price of its own for a step has the step's standard
    price, or its own without the step where that is dearer."""
    standard = entry["usd_per_million"]
    above = {int(step): {**standard, **row} for step, row in entry.get("above", {}).items()}
    rows = [(0, 0, standard)] + [(0, step, above[step]) for step in sorted(above)]
    for number, tier in enumerate(TIERS, 1):
        if tier not in entry:
            continue
        plain = {**standard, **entry[tier]}
        own = {int(step): row for step, row in entry.get(tier + "_above", {}).items()}
        rows.append((number, 0, plain))
        for step in sorted(set(above) | set(own)):
            if step in own:
                row = {**above.get(step, plain), **{k: v for k, v in own[step].items()}}
            else:
                row = {k: max(v, plain.get(k, v), key=Decimal) for k, v in above[step].items()}
            rows.append((number, step, row))
    return rows


def profile(entry):
    bits = sum(1 << CAPABILITIES.index(name) for name in entry.get("can", ()))
    out = b"".join(varint(entry.get(key, 0)) for key in ("context_window", "max_input_tokens", "max_output_tokens")) + varint(bits)
    if "usd_per_million" not in entry:
        return out + varint(0)
    rows = complete_rows(entry)
    out += varint(len(rows))
    standard = None
    for tier, step, row in rows:
        out += varint(tier) + varint(step) + packed_row(row, standard)
        standard = standard or row
    return out


def pack(models):
    keys = sorted((f"{m['provider']}/{m['model']}".encode(), m) for m in models)
    profiles, number = [], {}
    body, blocks = bytearray(), []
    before = b""
    for place, (key, model) in enumerate(keys):
        shape = profile(model)
        if shape not in number:
            number[shape] = len(profiles)
            profiles.append(shape)
        if place % BLOCK == 0:
            blocks.append(len(body))
            before = b""
        shared = 0
        while shared < min(len(before), len(key)) and before[shared] == key[shared]:
            shared += 1
        body += varint(shared) + varint(len(key) - shared) + key[shared:] + varint(number[shape])
        before = key
    places, data = [], bytearray()
    for shape in profiles:
        places.append(len(data))
        data += shape
    head = struct.pack("<4s5I", b"LGM1", int(DATE.strftime("%Y%m%d")), len(keys), len(blocks), len(profiles), len(body))
    return head + struct.pack(f"<{len(blocks)}I", *blocks) + struct.pack(f"<{len(places)}I", *places) + bytes(body) + bytes(data)


def sources():
    where = {"genai-prices": "MIT, Copyright Pydantic Services Inc. 2025 to present", "litellm": "MIT, Copyright 2023 Berri AI"}
    return [{"name": name, "version": version, "from": "PyPI", "licence": where[name], "sha256_of_wheel": digest}
            for name, version, digest in (GENAI, LITELLM)]


def written(models):
    head = json.dumps({
        "date": DATE.isoformat(),
        "about": "Prices in US dollars per million tokens (`search`: per million searches), limits in tokens. List prices; "
                 "of prices that change with the hour the dearest. Written by scripts/prices.py: change that, not this.",
        "sources": sources(),
    }, indent=1)[:-2]
    lines = ",\n".join(json.dumps(model, separators=(",", ":"), ensure_ascii=False) for model in models)
    return f'{head},\n "models": [\n{lines}\n ]\n}}\n'


def main():
    DATA.mkdir(exist_ok=True)
    source = DATA / "models.json"
    if "--pack" not in sys.argv:
        models, differences = gather()
        models.sort(key=lambda model: (model["provider"], model["model"]))
        source.write_text(written(models))
        (DATA / "differences.txt").write_text("".join(line + "\n" for line in sorted(differences)))
    models = json.loads(source.read_text())["models"]
    blob = pack(models)
    if len(blob) > LIMIT_BYTES:
        sys.exit(f"{len(blob)} bytes; allowed: {LIMIT_BYTES}")
    (DATA / "models.bin").write_bytes(blob)
    print(f"{len(models)} models, {len(blob)} bytes")


if __name__ == "__main__":
    main()
