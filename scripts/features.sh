#!/usr/bin/env bash
# Writes the README's table of features from what the dialects declare (src/provider/features.rs).
set -euo pipefail
. "$(dirname "${BASH_SOURCE[0]}")/where.sh"

WRITE=1 cargo test --quiet --test features the_readme_s_table_is_what_the_registry_declares
