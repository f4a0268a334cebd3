#!/usr/bin/env bash
# Builds the filter and starts Envoy with it: run.sh [envoy.yaml]. Stop with Ctrl-C or SIGTERM.
# run.sh --validate [envoy.yaml]: Envoy and the filter read the configuration, tell every mistake, and nothing is started.
set -euo pipefail
validate=''
if [[ ${1:-} == --validate ]]; then
  validate=1
  shift
fi
given="${1:-}"
[[ -z $given ]] || given="$(realpath -- "$given")"
. "$(dirname "${BASH_SOURCE[0]}")/where.sh"

config="${given:-$PWD/envoy/envoy.yaml}"
port="${LLM_GATEWAY_PORT:-8080}"
admin="${LLM_GATEWAY_ADMIN_PORT:-9901}"

# Envoy shares a listening port with another Envoy without a word, so ask before starting.
free_port() { # <variable> <port>
  [[ $2 =~ ^[1-9][0-9]{0,4}$ && $2 -le 65535 ]] || fail "$1=$2 is not a port (1 to 65535)"
  if (exec 3<>"/dev/tcp/127.0.0.1/$2") 2>/dev/null; then
    fail "port $2 is in use; choose another with $1=<port>"
  fi
}

ready() {
  local status
  (exec 3<>"/dev/tcp/127.0.0.1/$admin" && printf 'GET /ready HTTP/1.1\r\nhost: localhost\r\nconnection: close\r\n\r\n' >&3 &&
    read -r -t 2 status <&3 && [[ $status == *" 200 "* ]]) 2>/dev/null
}

[[ -r $config ]] || fail "cannot read $config"
[[ $port != "$admin" ]] || fail "LLM_GATEWAY_PORT and LLM_GATEWAY_ADMIN_PORT are both $port"
if [[ -z $validate ]]; then
  free_port LLM_GATEWAY_PORT "$port"
  free_port LLM_GATEWAY_ADMIN_PORT "$admin"
fi
scripts/setup.sh run
scripts/build.sh >&2
envoy="$(find_envoy)"

# Envoy refuses to start when a variable that a secret names is missing.
for name in OPENAI_API_KEY ANTHROPIC_API_KEY; do
  if [[ -z ${!name:-} ]]; then
    [[ $validate ]] || say "$name is not set: starting with a placeholder; only the model echo answers without keys"
    export "$name=placeholder"
  fi
done

private="$(mktemp -d)"
trap 'rm -rf "$private"' EXIT
# Where this machine has no folder for secrets, they are those of envoy/secrets.
secrets=/etc/envoy/secrets
[[ -d $secrets ]] || secrets="$PWD/envoy/secrets"
quoted() { printf '%s\n' "$1" | sed 's/[\\&|]/\\&/g'; } # for the right side of sed's s|||
# Only the first of each port is the gateway's own; a cluster may well have an 8080 of its own. In two
# steps, because one port may be asked for under the other's number.
sed -E -e "s|/etc/envoy/envoy_llm_gateway\.wasm|$(quoted "$(realpath "$wasm")")|" -e "s|/etc/envoy/secrets|$(quoted "$secrets")|g" \
  -e '0,/port_value: 8080([^0-9]|$)/s//port_value: @port@\1/' \
  -e "0,/port_value: 9901([^0-9]|$)/s//port_value: $admin\1/" -e "s/@port@/$port/" "$config" >"$private/envoy.yaml"

if [[ $validate ]]; then
  "$envoy" --mode validate -c "$private/envoy.yaml" --log-level "${LLM_GATEWAY_LOG_LEVEL:-error}" >&2 || fail "$config is refused"
  say "$config is good"
  exit
fi

"$envoy" -c "$private/envoy.yaml" --disable-hot-restart --log-level "${LLM_GATEWAY_LOG_LEVEL:-warning}" &
pid=$!
# shellcheck disable=SC2317 # called by the traps
pass_on() {
  passed=1
  kill "-$1" "$pid" 2>/dev/null || true
}
trap 'pass_on TERM' TERM HUP
trap 'pass_on INT' INT

# A private configuration may lack an admin port; then Envoy runs without the greeting.
patience=$((SECONDS + 60))
until ready; do
  kill -0 "$pid" 2>/dev/null || break
  ((SECONDS < patience)) || break
  sleep 0.05
done
if ready; then
  cat >&2 <<TEXT

Envoy is ready: http://127.0.0.1:$port/v1 (admin: http://127.0.0.1:$admin)

  curl http://127.0.0.1:$port/v1/chat/completions -H 'content-type: application/json' \\
    -d '{"model": "echo", "messages": [{"role": "user", "content": "Hello"}]}'

TEXT
fi

# A signal ends the wait early; then wait again for Envoy's own exit code.
while :; do
  passed='' code=0
  wait "$pid" || code=$?
  [[ $passed ]] || break
done
exit "$code"
