//! The provider roles of this machine: how each is configured.

use super::{
    Provider,
    calls::{Envoy, text},
};
use crate::host::Roles;
use proxy_wasm::hostcalls;
use std::{
    cell::RefCell,
    collections::BTreeMap,
    rc::{Rc, Weak},
};

thread_local! {
    /// The provider roles of this machine, by the names of their plugins.
    static PROVIDERS: RefCell<BTreeMap<String, Weak<Provider>>> = const { RefCell::new(BTreeMap::new()) };
}

/// Notes a provider role; those that are gone are forgotten.
pub(super) fn note(provider: &Rc<Provider>) {
    let names = ["plugin_root_id", "plugin_name"].map(|name| {
        let name = hostcalls::get_property(vec![name]).ok().flatten();
        text(name.unwrap_or_default())
    });
    PROVIDERS.with(|known| {
        let Ok(mut known) = known.try_borrow_mut() else {
            return;
        };
        known.retain(|_, role| role.strong_count() > 0);
        for name in names {
            known.insert(name, Rc::downgrade(provider));
        }
    });
}

impl Roles for Envoy {
    fn provider(&self, cluster: &str) -> Option<Rc<Provider>> {
        let find = |known: &RefCell<BTreeMap<String, Weak<Provider>>>| {
            known.try_borrow().ok()?.get(cluster)?.upgrade()
        };
        PROVIDERS.with(find)
    }
}
