# shellcheck shell=bash
# Where things are: the repository, the compiler for wasm, Envoy. Sourced by the other scripts.

cd "$(dirname "${BASH_SOURCE[0]}")/.." || exit

envoy_version=1.40.0
# Where cargo puts what it installs, whichever route there is.
PATH="$PATH:${CARGO_HOME:-$HOME/.cargo}/bin"
# shellcheck disable=SC2034 # read by the scripts that source this one
wasm="${CARGO_TARGET_DIR:-target}/wasm32-wasip1/release/envoy_llm_gateway.wasm"

say() { printf '%s\n' "$*" >&2; }
fail() { say "error: $*"; exit 1; }

# Whether the compiler on PATH carries the standard library for this target.
has_target() {
  local folder
  folder=$(rustc --print target-libdir --target "$1" 2>/dev/null) && [[ -d $folder ]]
}

# wasm_cargo <target> <command> [arguments]: cargo for a wasm target, by whichever route there is.
# Without the target, Debian's second toolchain builds the standard library from its own source.
wasm_cargo() {
  local target=$1 command=$2 flags="-L /usr/lib/wasm32-wasi" std=std,panic_abort
  shift 2
  if has_target "$target"; then
    cargo "$command" --target "$target" "$@"
    return
  fi
  [[ $command != test ]] || std+=,test
  # A RUSTFLAGS in the environment would hide the variable for one target, so the flag joins it.
  if [[ -n ${RUSTFLAGS:-} ]]; then
    local -x RUSTFLAGS="$RUSTFLAGS $flags"
  else
    local -x CARGO_TARGET_WASM32_WASIP1_RUSTFLAGS="${CARGO_TARGET_WASM32_WASIP1_RUSTFLAGS:-} $flags"
  fi
  PATH="/usr/bin:$PATH" RUSTC_BOOTSTRAP=1 \
    /usr/bin/cargo "$command" --target "$target" -Z "build-std=$std" "$@"
}

# Prints a usable Envoy: ENVOY_BIN, then PATH when new enough, then the private package.
find_envoy() {
  local found
  if [[ -n ${ENVOY_BIN:-} ]]; then
    [[ -x $ENVOY_BIN ]] || fail "ENVOY_BIN=$ENVOY_BIN is not a program"
    printf '%s\n' "$ENVOY_BIN"
    return
  fi
  if found=$(type -P envoy) && new_enough "$found"; then
    printf '%s\n' "$found"
    return
  fi
  for found in "$PWD"/.venv/lib/python*/site-packages/envoy/_bin/envoy; do
    if [[ -x $found ]] && new_enough "$found"; then
      printf '%s\n' "$found"
      return
    fi
  done
  return 1
}

new_enough() {
  local have
  have=$("$1" --version 2>/dev/null | grep -oE '/[0-9]+\.[0-9]+\.[0-9]+' | head -n 1) || return 1
  [[ $(printf '%s\n' "${envoy_version%.*}" "${have#/}" | sort -V | head -n 1) == "${envoy_version%.*}" ]]
}
