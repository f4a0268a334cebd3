//! Gemini's `generateContent`, as the Gemini API and as Vertex AI speak it.
//!
//! Two entries of the registry, one body: they differ in the path, in ids and in which addresses of
//! files they take ([`Home`]). A request is written anew from the client's (`request`): the
//! conversation (`messages`, `parts`, `media`), the tools (`tools`, `schema`), how to generate
//! (`generation`, `thinking`), fitted to what the model can do (`model`). An answer is read as a
//! stream of one or many chunks (`chunk`, `events`, `logprobs`); an error by its reason and status
//! (`fault`). What must return with the next request is written and read in `signature`. Embeddings
//! are one file (`embed`).
//!
//! Source: ai.google.dev, "Generating content", "Thought signatures", "Function calling"; the types
//! of google-genai 3.6 (both APIs) and of google-cloud-aiplatform 2.7 (`aiplatform_v1`); read 2026-11.

mod chunk;
mod embed;
mod events;
mod fault;
mod generation;
mod joined;
mod logprobs;
mod media;
mod messages;
mod model;
mod parts;
mod request;
mod schema;
mod signature;
mod thinking;
mod tools;
mod wire;

use super::{
    Answered, ChatDialect, ChatEvents, Common, EmbedDialect, Entry, Outgoing, Provider,
    features::{Features, Support},
};
use crate::{
    api::{
        answer::AnswerSink,
        chat::{Chat, Extensions},
        dropped::note,
        embeddings::{Asked, Embed},
    },
    config::node::{Fields, Node},
    fault::Fault,
    host::Headers,
};

/// The Gemini API's line in the registry.
pub(super) const GEMINI: Entry = Entry {
    name: "gemini",
    base_path: "/v1beta",
    features: FEATURES,
    open: open_gemini,
};

/// Vertex AI's line in the registry.
pub(super) const VERTEX: Entry = Entry {
    name: "vertex",
    base_path: "/v1",
    features: FEATURES,
    open: open_vertex,
};

/// The same body, and so the same features.
const FEATURES: Features = Features {
    model: "gemini-3-flash-preview",
    parallel_tools: Support::Partly("several calls, but no way to forbid them"),
    images: Support::Partly("an address must be https and end in its type, e.g. .png"),
    json_schema: Support::Partly("beside tools from Gemini 3 on"),
    logprobs: Support::Partly("where the model gives them"),
    n: Support::Partly("at most 8, where the model gives them"),
    seed: Support::Partly("32 bits; a longer one is dropped"),
    cache_control: Support::Partly("left out; Gemini caches by itself"),
    ..Features::ALL
};

/// A configured dialect.
#[derive(Debug)]
struct Gemini {
    common: Common,
    home: Home,
}

/// Whose `generateContent` it is.
#[derive(Debug, Clone, PartialEq, Eq)]
enum Home {
    /// The Gemini API, generativelanguage.googleapis.com.
    Gemini,
    /// Vertex AI, {location}-aiplatform.googleapis.com.
    Vertex {
        /// Who pays.
        project: String,
        /// `global` or a region.
        location: String,
    },
}

impl Home {
    /// The tag on what must return. Signatures are sealed by the API that gave them.
    const fn tag(&self) -> &'static str {
        match self {
            Self::Gemini => "gemini",
            Self::Vertex { .. } => "vertex",
        }
    }

    /// Whether calls and results carry ids. `FunctionCall` of `aiplatform_v1` has no such field, and
    /// unknown fields are refused.
    const fn takes_ids(&self) -> bool {
        matches!(self, Self::Gemini)
    }
}

fn open_gemini(common: Common, _fields: &Fields<'_>) -> Option<Box<dyn Provider>> {
    Some(Box::new(Gemini {
        common,
        home: Home::Gemini,
    }))
}

fn open_vertex(common: Common, fields: &Fields<'_>) -> Option<Box<dyn Provider>> {
    let project = fields.needed("project", |node| {
        let want = "a project id such as \"my-project\"";
        segment(&node, want, b"-_.:")
    });
    let location = fields.needed("location", |node| {
        let want = "\"global\" or a region such as \"europe-west4\"";
        segment(&node, want, b"-")
    });
    Some(Box::new(Gemini {
        common,
        home: Home::Vertex {
            project: project?,
            location: location?,
        },
    }))
}

/// One segment of a path.
fn segment(node: &Node<'_>, want: &str, marks: &[u8]) -> Option<String> {
    let text = node.nonempty()?;
    let plain = |b: u8| b.is_ascii_alphanumeric() || marks.contains(&b);
    if !text.bytes().all(plain) || text.bytes().all(|b| b == b'.') {
        node.wrong(format_args!("expected {want}, found {text:?}"));
        return None;
    }
    Some(text.to_owned())
}

impl Provider for Gemini {
    fn chat(&self) -> Option<&dyn ChatDialect> {
        Some(self)
    }

    fn embed(&self) -> Option<&dyn EmbedDialect> {
        Some(self)
    }

    fn fault(&self, status: u16, headers: &Headers, body: &[u8]) -> Fault {
        fault::read(status, headers, body)
    }
}

impl ChatDialect for Gemini {
    fn request(&self, chat: &Chat<'_>) -> Result<Outgoing, Fault> {
        request::translate(self, chat)
    }

    fn answer(&self, body: &[u8], out: &mut dyn AnswerSink) -> Result<(), Fault> {
        events::read(self.home.tag(), body, out)
    }

    fn events(&self) -> Option<Box<dyn ChatEvents>> {
        Some(Box::new(events::Events::new(self.home.tag())))
    }

    fn takes(&self, model: &str) -> Extensions {
        Extensions {
            rich_results: model::model(model).age == model::Age::New,
            thinking: true,
            ..Extensions::TRANSLATED
        }
    }
}

impl EmbedDialect for Gemini {
    fn request(&self, embed: &Embed<'_>) -> Result<Outgoing, Fault> {
        embed::request(self, embed)
    }

    fn answer(
        &self,
        _headers: &Headers,
        body: &[u8],
        asked: Option<&Asked>,
    ) -> Result<Answered, Fault> {
        embed::answer(body, asked)
    }
}

#[cfg(test)]
mod tests {
    use crate::config::Config;

    fn problems(settings: &str) -> Vec<String> {
        let text = format!(r#"{{"role":"provider","dialect":"vertex"{settings}}}"#);
        match Config::parse(text.as_bytes()) {
            Ok(_) => Vec::new(),
            Err(list) => list.iter().map(ToString::to_string).collect(),
        }
    }

    #[test]
    fn vertex_needs_its_place_and_nothing_that_leaves_it() {
        let good = [
            r#","project":"example.com:my-project","location":"global""#,
            r#","project":"123456","location":"europe-west4""#,
        ];
        for settings in good {
            assert_eq!(problems(settings), Vec::<String>::new(), "{settings}");
        }
        let missing = problems("");
        assert_eq!(missing.len(), 2, "{missing:?}");
        assert_eq!(
            problems(r#","project":"..","location":"us/x""#),
            [
                "$.location: expected \"global\" or a region such as \"europe-west4\", found \"us/x\"",
                "$.project: expected a project id such as \"my-project\", found \"..\"",
            ]
        );
    }
}
