//! The real host. The only folder that names `proxy_wasm`: here is the plugin, [`calls`] asks Envoy, [`stream`] is called by
//! it, and [`roles`] knows the plugins beside this one.
//!
//! The SDK panics when the proxy answers a call with an unexpected status, and a panic cuts every
//! stream of the worker. So each call is made only where it cannot fail: headers while their side
//! is held, bodies inside a body callback or while gathered. Everything else is refused here.

mod calls;
mod roles;
mod stream;

use super::{Board, Clock, Flow, Host, Stream};
use crate::{attempt::Attempt, config::Config, gateway::Request};
use calls::Envoy;
use proxy_wasm::{
    hostcalls,
    traits::{Context, HttpContext, RootContext},
    types::{BufferType, LogLevel},
};
use std::{cell::RefCell, rc::Rc, time::Duration};
use stream::{Core, Shell, TICK, Watched};

type Provider = crate::config::Provider;

proxy_wasm::main! {{
    proxy_wasm::set_log_level(LogLevel::Info);
    proxy_wasm::set_root_context(|_| Box::new(Root { config: None, watched: Rc::default() }));
}}

/// The plugin: one per configuration and worker.
struct Root {
    config: Option<Role>,
    watched: Watched,
}

enum Role {
    Gateway(Rc<crate::config::Gateway>),
    Provider(Rc<Provider>),
}

impl Context for Root {}

impl RootContext for Root {
    fn on_configure(&mut self, _size: usize) -> bool {
        let bytes = hostcalls::get_buffer(BufferType::PluginConfiguration, 0, usize::MAX);
        match Config::parse(&bytes.ok().flatten().unwrap_or_default()) {
            Ok(Config::Gateway(config)) => {
                if config.keys.is_none() {
                    log::warn!(
                        "no `keys` are configured: this gateway serves anybody who can reach it"
                    );
                }
                self.config = Some(Role::Gateway(Rc::new(config)));
                true
            }
            Ok(Config::Provider(config)) => {
                let config = Rc::new(config);
                roles::note(&config);
                self.config = Some(Role::Provider(config));
                true
            }
            Err(problems) => {
                log::error!("the configuration has {} problem(s):", problems.len());
                for problem in problems {
                    log::error!("  {problem}");
                }
                false
            }
        }
    }

    fn on_tick(&mut self) {
        let now = Envoy::default().now();
        // What is done about one stream may end others: the list is not held meanwhile.
        let open: Vec<_> = match self.watched.try_borrow() {
            Ok(watched) => watched
                .iter()
                .map(|(id, core)| (*id, core.clone()))
                .collect(),
            Err(_) => return,
        };
        for (id, core) in &open {
            if let Some(core) = core.upgrade()
                && let Ok(mut core) = core.try_borrow_mut()
                && core.stream.deadline().is_some_and(|end| end <= now)
                && hostcalls::set_effective_context(*id).is_ok()
            {
                core.deadline();
            }
        }
        // It may have been shorter, for one that was due at once.
        let period = if open.is_empty() {
            Duration::ZERO
        } else {
            TICK
        };
        let _ = hostcalls::set_tick_period(period);
    }

    fn create_http_context(&self, id: u32) -> Option<Box<dyn HttpContext>> {
        let mut envoy = Envoy::default();
        let stream: Box<dyn Stream> = match &self.config {
            Some(Role::Gateway(config)) => {
                envoy.board = Some(Rc::new(Board::new(&config.filter_state))).into();
                Box::new(Request::new(config.clone()))
            }
            Some(Role::Provider(config)) => {
                envoy.joins = true;
                Box::new(Attempt::new(config.clone()))
            }
            // Envoy sends no stream to a plugin whose configuration was refused.
            None => Box::new(Unconfigured),
        };
        Some(Box::new(Shell {
            id,
            core: Rc::new(RefCell::new(Core { stream, envoy })),
            watched: self.watched.clone(),
        }))
    }

    fn get_type(&self) -> Option<proxy_wasm::types::ContextType> {
        Some(proxy_wasm::types::ContextType::HttpContext)
    }
}

/// Answers for a plugin without a configuration.
struct Unconfigured;

impl Stream for Unconfigured {
    fn on_request_headers(&mut self, host: &dyn Host, _end: bool) -> Flow {
        host.reply(503, &[], b"the LLM gateway has no configuration");
        Flow::Pause
    }
}
