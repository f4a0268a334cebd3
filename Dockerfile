# The official Envoy with the filter inside, as docker-compose.yaml starts it.
FROM rust:1.95.0-slim-bookworm AS build
WORKDIR /src
COPY . .
RUN rustup target add wasm32-wasip1 \
    && cargo build --release --lib --locked --target wasm32-wasip1

FROM envoyproxy/envoy:v1.40.0
# Envoy drops to its own user, which must be able to read these.
COPY --chmod=644 --from=build /src/target/wasm32-wasip1/release/envoy_llm_gateway.wasm /etc/envoy/
COPY --chmod=644 envoy/envoy.yaml /etc/envoy/envoy.yaml
COPY --chmod=755 scripts/drain.sh /usr/local/bin/drain.sh
