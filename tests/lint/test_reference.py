"""The README's configuration reference is the one that the schema gives."""

import shutil
import subprocess
import sys
from pathlib import Path

import yaml

ROOT = Path(__file__).parents[2]
SCRIPT = ROOT / "scripts/config-reference.py"
README = ROOT / "README.md"


def test_the_readme_s_reference_is_what_the_schema_gives(tmp_path):
    written = tmp_path / "README.md"
    shutil.copy(README, written)
    subprocess.run([sys.executable, SCRIPT, written], check=True, timeout=30)
    assert README.read_text() == written.read_text(), "run scripts/config-reference.py README.md"


def test_the_readme_s_configurations_are_accepted():
    sys.path.insert(0, str(ROOT / "scripts"))
    from lint import Plugin

    blocks = [block.split("```")[0] for block in README.read_text().split("```yaml\n")[1:]]
    trees = [yaml.safe_load(block) for block in blocks]
    configurations = [tree for tree in trees if isinstance(tree, dict) and "configuration" in tree]
    assert configurations
    for tree in configurations:
        wasm = {"name": "readme", "allow_on_headers_stop_iteration": True, "failure_policy": "FAIL_RELOAD", **tree}
        plugin = Plugin("README", wasm)
        assert list(plugin.problems(plugin.role)) == []
