//! What the filter may ask of the proxy: the only door to Envoy.
//!
//! Everything outside this folder is plain Rust, driven in tests by a fake host.

pub mod board;
#[cfg(all(target_arch = "wasm32", target_os = "wasi"))]
mod envoy;
pub mod keys;

use board::Board;
use std::{
    borrow::Cow,
    rc::Rc,
    time::{Duration, SystemTime},
};

/// Which half of the exchange.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Side {
    /// From the client to the provider.
    Request,
    /// From the provider to the client.
    Response,
}

/// What a callback answers to the proxy.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Flow {
    /// Pass on what is here.
    Continue,
    /// Hold everything; the body is gathered.
    Pause,
}

/// The host did not do what it was asked to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Refused(pub &'static str);

/// A header value without the characters that would end its line or Envoy would not take: a client or
/// a provider may have put them into a name that becomes a header.
pub fn header_value(text: &str) -> Cow<'_, str> {
    if !text.contains(|c: char| c.is_control()) {
        return Cow::Borrowed(text);
    }
    Cow::Owned(
        text.chars()
            .map(|c| if c.is_control() { '?' } else { c })
            .collect(),
    )
}

/// Header lines in order. Names are lower case; bytes that are not text are replaced.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Headers(pub Vec<(String, String)>);

impl Headers {
    /// The first value of a header; `name` in lower case.
    pub fn get(&self, name: &str) -> Option<&str> {
        self.0
            .iter()
            .find(|(n, _)| n == name)
            .map(|(_, v)| v.as_str())
    }

    /// All values of a header that may come in several lines, which is the same as one with commas between them.
    pub fn joined(&self, name: &str) -> Option<String> {
        let lines = self.0.iter().filter(|(n, _)| n == name);
        let values: Vec<_> = lines.map(|(_, v)| v.as_str()).collect();
        (!values.is_empty()).then(|| values.join(","))
    }

    /// The type of the body in lower case, without parameters; empty where none is given.
    pub fn media_type(&self) -> String {
        let kind = self.get("content-type").unwrap_or_default();
        let essence = kind.split(';').next().unwrap_or_default();
        essence.trim().to_ascii_lowercase()
    }

    /// All lines in order.
    pub fn iter(&self) -> impl Iterator<Item = (&str, &str)> {
        self.0.iter().map(|(n, v)| (n.as_str(), v.as_str()))
    }
}

/// The exchange that is passing through.
///
/// Headers of a side may be read and written from its headers callback until a callback of that
/// side answers [`Flow::Continue`]; afterwards reads find nothing and writes are refused.
pub trait Exchange {
    /// All header lines of a side, in one call.
    fn headers(&self, side: Side) -> Headers;
    /// Sets a header, or removes it with `None`. Values pass through [`header_value`].
    ///
    /// Errors: the headers have left already.
    fn set_header(&self, side: Side, name: &str, value: Option<&str>) -> Result<(), Refused>;
    /// The value of one header; cheaper than all of them when the rest does not matter.
    fn header(&self, side: Side, name: &str) -> Option<String>;
    /// Replaces every header of a side by these, in order: what is not named is gone.
    ///
    /// Errors: the headers have left already.
    fn replace_headers(&self, side: Side, headers: &[(&str, &str)]) -> Result<(), Refused>;
    /// At most `size` bytes of the body that is here, from the `from`th on: of all that is gathered
    /// while the side is held, of this chunk when it is not.
    fn body(&self, side: Side, from: usize, size: usize) -> Vec<u8>;
    /// Replaces the first `cut` bytes of what is here (`usize::MAX`: all) by `bytes`.
    fn replace_body(&self, side: Side, cut: usize, bytes: &[u8]) -> Result<(), Refused>;
    /// A property of the proxy, e.g. `["upstream", "request_attempt_count"]`; numbers are 8 bytes, little endian.
    fn property(&self, path: &[&str]) -> Option<Vec<u8>>;
    /// What both roles know of the request, in the memory that they share. `None`: it goes through filter state.
    fn board(&self) -> Option<Rc<Board>> {
        None
    }
    /// Reads what either role has written. `key` is one of [`keys::state`].
    fn state(&self, key: &str) -> Option<Vec<u8>>;
    /// Writes a fact, for the other role and the record.
    fn set_state(&self, key: &'static str, value: &str);
    /// Writes filter state for roles in other machines, beside the board.
    fn tell(&self, _key: &'static str, _value: &str) {}
    /// Breaks an answer off whose headers have left: what has gone before this callback reaches the client, and nobody
    /// listens to the provider any longer.
    fn stop(&self);
    /// Answers the client; the request goes no further.
    fn reply(&self, status: u16, headers: &[(&str, &str)], body: &[u8]);
}

/// The time of day.
pub trait Clock {
    /// Now.
    fn now(&self) -> SystemTime;
}

/// Counters of the proxy.
pub trait Meter {
    /// Adds to a counter, defining it at first use. Names are in [`keys::metric`]: counters are never forgotten, so
    /// none may be made of what a request says.
    fn count(&self, metric: &str, amount: i64);
}

/// A value that every worker sees.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Stored {
    /// Empty when nobody has written it.
    pub bytes: Vec<u8>,
    /// Which writing this is, for [`Store::set`]; 0 when nobody has written it.
    pub version: u32,
}

/// Memory that all workers and roles of this process share; it is empty after a restart.
pub trait Store {
    /// Reads a value. `key` is one of [`keys::shared`].
    fn get(&self, key: &str) -> Stored;
    /// Writes a value, if it still is in this version. Two first writings may both pass, the second over the first.
    ///
    /// Errors: somebody has written it since; read it again.
    fn set(&self, key: &str, bytes: &[u8], version: u32) -> Result<(), Refused>;
}

/// A request beside the exchange.
#[derive(Debug, Clone, Copy)]
pub struct SideCall<'a> {
    /// Envoy's cluster; never one that carries this filter: that would end every stream of the worker.
    pub cluster: &'a str,
    /// With `:method`, `:path` and `:authority`.
    pub headers: &'a [(&'a str, &'a str)],
    /// The whole body.
    pub body: &'a [u8],
    /// Afterwards it is answered with 504.
    pub timeout: Duration,
}

/// The answer to a request beside the exchange.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SideAnswer {
    /// 0 when there was none.
    pub status: u16,
    /// The whole body.
    pub body: Vec<u8>,
}

/// Requests beside the exchange.
pub trait Callouts {
    /// Sends one; its answer arrives at [`Stream::on_side_answer`] under the number that this gives.
    ///
    /// Errors: there is no such cluster, or nobody in it; no answer will come.
    fn call(&self, call: &SideCall<'_>) -> Result<u32, Refused>;
}

/// How often a writing is tried that others came before.
const MAX_TRIES: usize = 32;

/// Changes a shared value, whoever else does; false: too many others were first, and nothing has been written.
///
/// `change`: from what is stored to what shall be; called again when somebody else was first.
pub fn update(store: &dyn Store, key: &str, mut change: impl FnMut(&[u8]) -> Vec<u8>) -> bool {
    (0..MAX_TRIES).any(|_| {
        let stored = store.get(key);
        let new = change(&stored.bytes);
        store.set(key, &new, stored.version).is_ok()
    })
}

/// The provider roles beside this one.
pub trait Roles {
    /// How the provider role of a cluster is configured. `None`: no plugin of the cluster's name has been configured in
    /// this worker.
    fn provider(&self, cluster: &str) -> Option<Rc<crate::config::Provider>>;
}

/// Everything a role may use.
pub trait Host: Exchange + Clock + Meter + Store + Callouts + Roles {}
impl<T: Exchange + Clock + Meter + Store + Callouts + Roles> Host for T {}

/// One role of the filter for one HTTP stream. `size` counts the body bytes that are here: while
/// held, all of them; else this chunk. `end`: nothing follows, trailers neither.
pub trait Stream {
    /// The request's headers are here.
    fn on_request_headers(&mut self, _host: &dyn Host, _end: bool) -> Flow {
        Flow::Continue
    }
    /// More of the request's body is here.
    fn on_request_body(&mut self, _host: &dyn Host, _size: usize, _end: bool) -> Flow {
        Flow::Continue
    }
    /// The request ended in trailers instead of a last body chunk.
    fn on_request_trailers(&mut self, _host: &dyn Host) -> Flow {
        Flow::Continue
    }
    /// The response's headers are here.
    fn on_response_headers(&mut self, _host: &dyn Host, _end: bool) -> Flow {
        Flow::Continue
    }
    /// More of the response's body is here.
    fn on_response_body(&mut self, _host: &dyn Host, _size: usize, _end: bool) -> Flow {
        Flow::Continue
    }
    /// The response ended in trailers instead of a last body chunk.
    fn on_response_trailers(&mut self, _host: &dyn Host) -> Flow {
        Flow::Continue
    }
    /// A request beside the exchange was answered. The answer is the side that was held for it and may go on.
    fn on_side_answer(
        &mut self,
        _host: &dyn Host,
        _number: u32,
        _answer: &SideAnswer,
    ) -> Option<Side> {
        None
    }
    /// When something is due although nothing comes, e.g. because the provider has been silent for too long; `None`: never.
    /// The host looks now and then, and soon where it is due at once.
    fn deadline(&self) -> Option<SystemTime> {
        None
    }
    /// That time is over. The answer is the side that was held and may go on.
    fn on_deadline(&mut self, _host: &dyn Host) -> Option<Side> {
        None
    }
    /// The exchange is over and about to be logged. Only the gateway role gets this.
    fn on_log(&mut self, _host: &dyn Host) {}
    /// The exchange is over, however it ended: nothing of it can be changed.
    fn on_done(&mut self, _host: &dyn Host) {}
}
