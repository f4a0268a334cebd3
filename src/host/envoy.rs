//! The real host. The only file that names `proxy_wasm`.
