//! The fixtures of every dialect: a folder each, in the form `tests/fixtures/README.md` describes.
//! The host reads them from the disk; wasm32 has none, so there they are embedded.

use super::{FakeHost, Passed, START, request, response, response_with_trailers};
use envoy_llm_gateway::{
    api::client::{Api, Asked},
    attempt::Attempt,
    config::{Config, Provider},
    host::keys::{header, state},
    plan::{HandOver, Step},
};
use serde_json::{Value, json};
use std::{
    collections::{BTreeMap, BTreeSet},
    rc::Rc,
};

/// Every file below `tests/fixtures`, by its path from there.
type Files = BTreeMap<String, Vec<u8>>;

#[cfg(target_arch = "wasm32")]
fn files() -> Files {
    use include_dir::{Dir, include_dir};
    static ALL: Dir<'_> = include_dir!("$CARGO_MANIFEST_DIR/tests/fixtures");
    fn gather(dir: &Dir<'_>, files: &mut Files) {
        for file in dir.files() {
            files.insert(file.path().display().to_string(), file.contents().to_vec());
        }
        dir.dirs().for_each(|dir| gather(dir, files));
    }
    let mut files = Files::new();
    gather(&ALL, &mut files);
    files
}

#[cfg(not(target_arch = "wasm32"))]
fn files() -> Files {
    fn gather(root: &std::path::Path, dir: &std::path::Path, files: &mut Files) {
        for entry in std::fs::read_dir(dir).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                gather(root, &path, files);
            } else {
                let name = path.strip_prefix(root).unwrap().display().to_string();
                files.insert(name, std::fs::read(path).unwrap());
            }
        }
    }
    let root = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures");
    let mut files = Files::new();
    gather(&root, &root, &mut files);
    files
}

/// The state keys that `5-record.json` pins.
const RECORD: &[&str] = &[
    state::PROVIDER,
    state::DIALECT,
    state::SERVED_MODEL,
    state::FINISH,
    state::INPUT_TOKENS,
    state::OUTPUT_TOKENS,
    state::CACHED_TOKENS,
    state::REASONING_TOKENS,
    state::TOTAL_TOKENS,
];

/// One folder.
pub struct Case {
    pub dialect: String,
    /// The language of the client.
    pub api: Api,
    /// Its headers that a provider of the same language may see.
    pub client_headers: Vec<(String, String)>,
    pub name: String,
    pub settings: Value,
    pub target: String,
    pub status: u16,
    pub headers: Vec<(String, String)>,
    pub dropped: Vec<String>,
    pub client_status: u16,
    /// The attempt failed: Envoy goes on to the next one.
    pub failed: bool,
    pub client: Vec<u8>,
    pub upstream_request: Value,
    pub upstream: Option<Vec<u8>>,
    pub client_answer: Option<(Vec<u8>, bool)>,
    pub record: Value,
    /// The case that gives the same answer whole.
    pub gathers_to: Option<String>,
}

/// What a case gave.
#[derive(Debug, PartialEq)]
pub struct Outcome {
    pub upstream_request: Value,
    pub client_status: u16,
    pub failed: bool,
    pub dropped: Vec<String>,
    pub answer: String,
    pub record: Value,
}

/// Every folder of every dialect, in order.
pub fn all() -> Vec<Case> {
    let mut folders: BTreeMap<String, Files> = BTreeMap::new();
    for (path, bytes) in files() {
        // `dialect/case/file`; what lies further up is not a case.
        if let [dialect, case, file] = path.split('/').collect::<Vec<_>>()[..] {
            let folder = folders.entry(format!("{dialect}/{case}")).or_default();
            folder.insert(file.to_owned(), bytes);
        }
    }
    folders
        .into_iter()
        .map(|(path, files)| read(&path, &files))
        .collect()
}

/// The dialects that have a folder.
pub fn dialects() -> BTreeSet<String> {
    all().into_iter().map(|case| case.dialect).collect()
}

fn read(path: &str, files: &Files) -> Case {
    let dialect = path.split('/').next().unwrap_or_default();
    let file = |name: &str| files.get(name).cloned();
    let must = |name: &str| file(name).unwrap_or_else(|| panic!("{path} has no {name}"));
    let parse = |name: &str| -> Value {
        serde_json::from_slice(&must(name)).unwrap_or_else(|e| panic!("{path}/{name}: {e}"))
    };
    let case: Value = serde_yaml_ng::from_slice(&must("0-case.yaml"))
        .unwrap_or_else(|e| panic!("{path}/0-case.yaml: {e}"));
    for key in ["about", "origin"] {
        assert!(
            case[key].as_str().is_some_and(|s| !s.is_empty()),
            "{path} has no `{key}`"
        );
    }
    let known = [
        "about",
        "api",
        "client_headers",
        "origin",
        "target",
        "settings",
        "status",
        "headers",
        "dropped",
        "client_status",
        "failed",
        "gathers_to",
    ];
    for key in case.as_object().unwrap().keys() {
        assert!(
            known.contains(&key.as_str()),
            "{path}/0-case.yaml: unknown key {key}"
        );
    }
    let lines = |key: &str| -> Vec<(String, String)> {
        let headers = case[key].as_object().cloned().unwrap_or_default();
        headers
            .into_iter()
            .map(|(n, v)| (n, v.as_str().map_or_else(|| v.to_string(), str::to_owned)))
            .collect()
    };
    let list = |key: &str| -> Vec<String> {
        serde_json::from_value(case[key].clone()).unwrap_or_default()
    };
    let number = |key: &str, default: u16| {
        case[key]
            .as_u64()
            .map_or(default, |n| u16::try_from(n).unwrap())
    };
    let sse = file("4-client.sse").map(|bytes| (bytes, true));
    Case {
        dialect: dialect.to_owned(),
        api: match &case["api"] {
            Value::Null => Api::Chat,
            api => serde_json::from_value(api.clone()).unwrap_or_else(|e| panic!("{path}: {e}")),
        },
        client_headers: lines("client_headers"),
        name: path.to_owned(),
        settings: case["settings"].clone(),
        target: case["target"].as_str().unwrap_or("target-model").to_owned(),
        status: number("status", 200),
        headers: lines("headers"),
        dropped: list("dropped"),
        client_status: number("client_status", 200),
        failed: case["failed"].as_bool().unwrap_or(false),
        client: must("1-client.json"),
        upstream_request: file("2-upstream.json").map_or(Value::Null, |_| parse("2-upstream.json")),
        upstream: file("3-upstream.json")
            .or_else(|| file("3-upstream.sse"))
            .or_else(|| file("3-upstream.html"))
            .or_else(|| file("3-upstream.bin")),
        client_answer: sse.or_else(|| file("4-client.json").map(|bytes| (bytes, false))),
        gathers_to: case["gathers_to"]
            .as_str()
            .map(|name| format!("{dialect}/{name}")),
        record: file("5-record.json").map_or(Value::Null, |_| parse("5-record.json")),
    }
}

impl Case {
    /// What the folder says should happen.
    pub fn expected(&self) -> Outcome {
        let answer = match &self.client_answer {
            Some((bytes, true)) => String::from_utf8(bytes.clone()).unwrap(),
            Some((bytes, false)) => {
                let value: Value = serde_json::from_slice(bytes).unwrap();
                value.to_string()
            }
            None => String::new(),
        };
        Outcome {
            upstream_request: self.upstream_request.clone(),
            client_status: self.client_status,
            failed: self.failed,
            dropped: self.dropped.clone(),
            answer,
            record: self.record.clone(),
        }
    }

    /// Runs the provider role over this case, the provider's answer cut at `cuts`.
    pub fn run(&self, cuts: &[usize]) -> Outcome {
        self.ended(&FakeHost::default(), cuts, false)
    }

    /// As [`Case::run`], on a host that is looked at afterwards.
    pub fn run_on(&self, host: &FakeHost, cuts: &[usize]) -> Outcome {
        self.ended(host, cuts, false)
    }

    /// As [`Case::run`], with an answer that ends in trailers.
    pub fn run_with_trailers(&self, cuts: &[usize]) -> Outcome {
        self.ended(&FakeHost::default(), cuts, true)
    }

    fn ended(&self, host: &FakeHost, cuts: &[usize], trailers: bool) -> Outcome {
        let config = self.role();
        let step = Step {
            provider: "primary".into(),
            cluster: "c".into(),
            model: self.target.clone(),
            dialect: self.dialect.clone(),
        };
        let asked =
            Asked::parse(self.api, &self.client).unwrap_or_else(|e| panic!("{}: {e}", self.name));
        let mut plan = HandOver::new(&asked, vec![step], "gateway", vec![]);
        plan.client_headers.clone_from(&self.client_headers);
        plan.store(host);
        let mut attempt = Attempt::new(config);
        let head = [
            (":method", "POST"),
            (":path", path(self.api)),
            (":authority", "gateway"),
            ("content-type", "application/json"),
            ("authorization", "Bearer secret-of-another"),
        ];
        let sent = request(&mut attempt, host, &head, &[&self.client]);
        let Some(sent) = sent else {
            let reply = host.replies.borrow().last().cloned().unwrap();
            return Outcome {
                upstream_request: Value::Null,
                client_status: reply.status,
                failed: false,
                dropped: vec![],
                answer: canonical(&reply.body, false),
                record: Value::Null,
            };
        };
        let status = self.status.to_string();
        let mut head = vec![(":status", status.as_str())];
        head.extend(self.headers.iter().map(|(n, v)| (n.as_str(), v.as_str())));
        let upstream = self.upstream.as_deref().unwrap_or_default();
        let mut chunks = Vec::new();
        let mut from = 0;
        for cut in cuts.iter().copied().chain([upstream.len()]) {
            chunks.push(&upstream[from..cut]);
            from = cut;
        }
        let respond = if trailers {
            response_with_trailers
        } else {
            response
        };
        let answer = respond(&mut attempt, host, &head, &chunks)
            .unwrap_or_else(|| panic!("{}: no answer came back", self.name));
        Outcome {
            upstream_request: as_sent(&sent),
            client_status: answer.header(":status").unwrap().parse().unwrap(),
            failed: answer.header(header::PROVIDER).is_none(),
            dropped: answer
                .header(header::DROPPED)
                .map_or(vec![], |list| list.split(',').map(str::to_owned).collect()),
            answer: {
                let stream = answer
                    .header("content-type")
                    .is_some_and(|kind| kind.starts_with("text/event-stream"));
                canonical(&answer.text(), stream)
            },
            record: record(host),
        }
    }

    /// The provider role of this case.
    pub fn role(&self) -> Rc<Provider> {
        let mut settings = json!({"role": "provider", "dialect": self.dialect});
        if let (Some(all), Some(own)) = (settings.as_object_mut(), self.settings.as_object()) {
            all.extend(own.clone());
        }
        match Config::parse(settings.to_string().as_bytes()) {
            Ok(Config::Provider(config)) => Rc::new(config),
            other => panic!("{}: settings: {other:?}", self.name),
        }
    }

    /// The last event of the provider's stream lacks the blank line behind it.
    pub fn ends_within_an_event(&self) -> bool {
        let upstream = self.upstream.as_deref().unwrap_or_default();
        let text = String::from_utf8_lossy(upstream);
        let stream = text.starts_with("data:") || text.starts_with("event:");
        stream && !text.replace("\r\n", "\n").ends_with("\n\n")
    }

    /// Cuts the provider's answer at every byte, in two.
    pub fn every_cut(&self) -> impl Iterator<Item = usize> {
        1..self.upstream.as_ref().map_or(0, Vec::len)
    }

    /// Single bytes.
    pub fn all_cuts(&self) -> Vec<usize> {
        self.every_cut().collect()
    }
}

/// The path that a client of this language asks.
pub const fn path(api: Api) -> &'static str {
    match api {
        Api::Chat => "/v1/chat/completions",
        Api::Completions => "/v1/completions",
        Api::Responses => "/v1/responses",
        Api::Messages => "/v1/messages",
        Api::CountTokens => "/v1/messages/count_tokens",
        Api::Embeddings => "/v1/embeddings",
        Api::Rerank => "/v1/rerank",
    }
}

/// JSON is compared as a value, a stream to the letter.
fn canonical(text: &str, stream: bool) -> String {
    if stream {
        return text.to_owned();
    }
    serde_json::from_str::<Value>(text).map_or_else(|_| text.to_owned(), |value| value.to_string())
}

fn as_sent(sent: &Passed) -> Value {
    let headers: BTreeMap<_, _> = sent
        .headers
        .iter()
        .filter(|(name, _)| !name.starts_with(':') && name != "content-length")
        .cloned()
        .collect();
    if let Some(length) = sent.header("content-length") {
        assert_eq!(length, sent.body.len().to_string(), "content-length");
    }
    let body: Value = serde_json::from_slice(&sent.body).expect("a JSON body is sent");
    json!({
        "method": sent.header(":method"),
        "path": sent.header(":path"),
        "headers": headers,
        "body": body,
    })
}

fn record(host: &FakeHost) -> Value {
    let kept = RECORD.iter().filter_map(|key| {
        let value = host.state_value(key)?;
        Some((
            (*key).trim_start_matches("llm.").to_owned(),
            Value::from(value),
        ))
    });
    Value::Object(kept.collect())
}

/// The clock of every case stands still; `created` of a translated answer is this.
pub const CREATED: u64 = START;
