#!/usr/bin/env bash
# Before Envoy is stopped: drain.sh [seconds]. Says to probes and load balancers that it is not ready any more, and waits until
# no request is under way, at most so long (default 600). Needs bash alone; a preStop hook in Kubernetes.
# LLM_GATEWAY_ADMIN_PORT: Envoy's admin port (default 9901). LLM_GATEWAY_DRAIN_PAUSE: how many seconds new requests may still
# come, because those that send them have to notice (default 10).
set -euo pipefail
most="${1:-600}"
admin="${LLM_GATEWAY_ADMIN_PORT:-9901}"
pause="${LLM_GATEWAY_DRAIN_PAUSE:-10}"

fail() {
  echo "drain: $*" >&2
  exit 1
}

ask() { # <method> <path>
  exec 3<>"/dev/tcp/127.0.0.1/$admin"
  printf '%s %s HTTP/1.1\r\nhost: localhost\r\nconnection: close\r\n\r\n' "$1" "$2" >&3
  cat <&3
  exec 3>&-
}

active() {
  ask GET '/stats?filter=^http%5C.llm%5C.downstream_rq_active$' | sed -n 's/^http\.llm\.downstream_rq_active: \([0-9]*\).*/\1/p'
}

ask POST /healthcheck/fail >/dev/null
end=$((SECONDS + most))
sleep "$pause"
while left=$(active); do
  [[ -n $left ]] || fail "Envoy does not say how many requests are under way: is its stat_prefix llm?"
  ((left)) || exit 0
  ((SECONDS < end)) || fail "$left requests are still under way after $most seconds"
  sleep 1
done
