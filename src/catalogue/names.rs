//! From the many names of a model to the one that is listed.
//!
//! The exact name first; then without what stands before it (an address, a region) and behind it (`-latest`, a date,
//! a version), one piece at a time. The first that is listed counts, so a dated name with a price of its own keeps it.

use super::{Model, packed::MAX_KEY_BYTES};

/// Dialects and other words for a provider, with the list's word for it.
const HOMES: &[(&str, &str)] = &[
    ("anthropic-bedrock", "bedrock"),
    ("anthropic-vertex", "vertex"),
    ("aws", "bedrock"),
    ("azure-openai", "azure"),
    ("azure_openai", "azure"),
    ("fireworks_ai", "fireworks"),
    ("google", "gemini"),
    ("grok", "xai"),
    ("jina_ai", "jina"),
    ("moonshotai", "moonshot"),
    ("together_ai", "together"),
    ("vertex_ai", "vertex"),
    ("voyageai", "voyage"),
    ("x-ai", "xai"),
];

/// The providers that are listed, sorted. A test holds this to the list.
const LISTED: &[&str] = &[
    "ai21",
    "anthropic",
    "azure",
    "baseten",
    "bedrock",
    "cerebras",
    "cloudflare",
    "cohere",
    "dashscope",
    "databricks",
    "deepinfra",
    "deepseek",
    "fireworks",
    "friendliai",
    "gemini",
    "groq",
    "hyperbolic",
    "jina",
    "meta",
    "minimax",
    "mistral",
    "moonshot",
    "nebius",
    "novita",
    "openai",
    "openrouter",
    "ovhcloud",
    "perplexity",
    "sambanova",
    "scaleway",
    "together",
    "vercel",
    "vertex",
    "voyage",
    "xai",
    "zai",
];

/// Where a model is looked for when its own host does not list it: who sells the same at the same price.
const ALSO: &[(&str, &[&str])] = &[("azure", &["openai"]), ("vertex", &["gemini", "anthropic"])];

/// Addresses that may stand before a name; what is behind the last of them is the name.
const ADDRESSES: &[&str] = &["models/", "foundation-model/", "inference-profile/"];

/// Prefixes of Bedrock's profiles that serve a model from several regions.
/// Source: docs.aws.amazon.com, "Supported Regions and models for inference profiles"; general knowledge, not confirmed.
const REGIONS: &[&str] = &[
    "us", "eu", "apac", "global", "au", "jp", "ca", "sa", "in", "us-gov",
];

/// Most pieces that are taken off a name's end.
const MAX_PIECES: usize = 4;

/// The list's word for a provider; `None`: it lists none of its models.
pub(super) fn home(provider: &str) -> Option<&'static str> {
    let named = HOMES.iter().find(|(word, _)| *word == provider);
    named.map(|(_, home)| *home).or_else(|| {
        let at = LISTED.binary_search(&provider).ok()?;
        LISTED.get(at).copied()
    })
}

/// The model that a name stands for; `get` looks up `provider/model`.
pub(super) fn resolve(
    provider: &str,
    model: &str,
    get: &dyn Fn(&str) -> Option<Model>,
) -> Option<Model> {
    let home = home(provider)?;
    if model.is_empty() || model.len() > 4 * MAX_KEY_BYTES {
        return None;
    }
    let name = model.to_ascii_lowercase();
    let also = ALSO.iter().find(|(word, _)| *word == home);
    let homes = std::iter::once(&home).chain(also.map_or(&[][..], |(_, more)| more));
    homes.into_iter().find_map(|home| at(home, &name, get))
}

fn at(home: &str, name: &str, get: &dyn Fn(&str) -> Option<Model>) -> Option<Model> {
    let look =
        |name: &str| (name.len() <= MAX_KEY_BYTES).then(|| get(&format!("{home}/{name}")))?;
    let mut starts = vec![name];
    if let Some(tuned) = fine_tuned(name) {
        // What a tuned model costs is its own; what it was tuned from says nothing of that.
        return shorter_until(tuned, home, &look);
    }
    if let Some(bare) = without_address(home, name) {
        starts.push(bare);
    }
    if let ("bedrock", Some(start)) = (home, starts.last().copied())
        && let Some((region, rest)) = start.split_once('.')
        && REGIONS.contains(&region)
    {
        starts.push(rest);
    }
    let found = starts
        .iter()
        .find_map(|start| shorter_until(start, home, &look));
    let accounts = || match (home, starts.last()) {
        ("fireworks", Some(start)) => look(&format!("accounts/fireworks/models/{start}")),
        _ => None,
    };
    found.or_else(accounts)
}

/// `ft:gpt-4o-2024-08-06:org::id` is listed as `ft:gpt-4o-2024-08-06`.
fn fine_tuned(name: &str) -> Option<&str> {
    let base = name.strip_prefix("ft:")?;
    let base = base.split(':').next()?;
    name.get(..3 + base.len())
}

fn without_address<'n>(home: &str, name: &'n str) -> Option<&'n str> {
    let behind = |address: &str| name.rfind(address).map(|at| at + address.len());
    let cut = ADDRESSES.iter().filter_map(|address| behind(address)).max();
    if let Some(cut) = cut {
        return name.get(cut..);
    }
    let (before, rest) = name.split_once('/')?;
    (self::home(before) == Some(home)).then_some(rest)
}

/// Takes pieces off a name's end until it is listed.
fn shorter_until(name: &str, home: &str, look: &dyn Fn(&str) -> Option<Model>) -> Option<Model> {
    let mut rest = name;
    for _ in 0..=MAX_PIECES {
        if let Some(model) = look(rest) {
            return Some(model);
        }
        rest = shorter(rest, home)?;
    }
    None
}

/// The name without its last piece, where that is a date, a version or a variant at the same price.
fn shorter<'n>(name: &'n str, home: &str) -> Option<&'n str> {
    const SAME: &[&str] = &["-latest", "@latest", "@default"];
    const ROUTES: &[&str] = &[":nitro", ":floor", ":online", ":exacto"];
    let routes = if home == "openrouter" { ROUTES } else { &[] };
    if let Some(rest) = SAME
        .iter()
        .chain(routes)
        .find_map(|end| name.strip_suffix(end))
    {
        return Some(rest);
    }
    // Shapes of ends: `0` is any digit.
    const DATES: &[&str] = &[
        "-0000-00-00",
        "-00000000",
        "@00000000",
        "-00-0000",
        "-00-00",
        "@0000",
        "@000",
        "-000",
    ];
    const VERSIONS: &[&str] = &[":000k", ":00k", ":0k", ":0", "-v0", "-v00"];
    let versions = if home == "bedrock" { VERSIONS } else { &[] };
    let ends = DATES.iter().chain(versions);
    ends.filter_map(|shape| ends_in(name, shape))
        .min_by_key(|rest| rest.len())
}

fn ends_in<'n>(name: &'n str, shape: &str) -> Option<&'n str> {
    let cut = name.len().checked_sub(shape.len())?;
    let (rest, end) = name.split_at_checked(cut)?;
    let fits = |(byte, shape): (u8, u8)| match shape {
        b'0' => byte.is_ascii_digit(),
        _ => byte == shape,
    };
    (!rest.is_empty() && end.bytes().zip(shape.bytes()).all(fits)).then_some(rest)
}

#[cfg(test)]
mod tests {
    use super::{super::PACKED, super::packed::Packed, *};
    use std::collections::BTreeSet;

    /// The key under which a name is found.
    fn key(provider: &str, model: &str) -> Option<String> {
        let packed = Packed::new(PACKED);
        let found = std::cell::RefCell::new(None);
        resolve(provider, model, &|key| {
            let model = packed.get(key)?;
            found.borrow_mut().replace(key.to_owned());
            Some(model)
        })?;
        found.into_inner()
    }

    #[test]
    fn the_many_names_of_a_model_lead_to_the_one_that_is_listed() {
        for (provider, name, want) in [
            ("openai", "gpt-4o", "openai/gpt-4o"),
            ("openai", "GPT-4o", "openai/gpt-4o"),
            ("openai", "openai/gpt-4o", "openai/gpt-4o"),
            ("openai", "gpt-4o-2024-08-06", "openai/gpt-4o-2024-08-06"),
            ("openai", "gpt-4o-2024-05-13", "openai/gpt-4o-2024-05-13"),
            ("openai", "gpt-4o-2031-01-02", "openai/gpt-4o"),
            (
                "openai",
                "ft:gpt-4o-2024-08-06:acme::9pk",
                "openai/ft:gpt-4o-2024-08-06",
            ),
            (
                "openai",
                "ft:gpt-4.1-mini:acme:name:9pk",
                "openai/ft:gpt-4.1-mini",
            ),
            (
                "anthropic",
                "claude-sonnet-4-5-20250929",
                "anthropic/claude-sonnet-4-5-20250929",
            ),
            (
                "anthropic",
                "claude-sonnet-4-5-20310101",
                "anthropic/claude-sonnet-4-5",
            ),
            (
                "anthropic",
                "claude-opus-4-5-latest",
                "anthropic/claude-opus-4-5",
            ),
            (
                "anthropic",
                "anthropic/claude-opus-4-5",
                "anthropic/claude-opus-4-5",
            ),
            (
                "vertex",
                "claude-sonnet-4-5@20250929",
                "vertex/claude-sonnet-4-5@20250929",
            ),
            (
                "anthropic-vertex",
                "claude-sonnet-4-5@20310101",
                "vertex/claude-sonnet-4-5",
            ),
            (
                "anthropic-vertex",
                "claude-opus-4-5@default",
                "vertex/claude-opus-4-5",
            ),
            (
                "vertex",
                "publishers/google/models/gemini-2.5-pro",
                "vertex/gemini-2.5-pro",
            ),
            (
                "gemini",
                "models/gemini-2.5-flash",
                "gemini/gemini-2.5-flash",
            ),
            ("gemini", "gemini-2.5-flash-001", "gemini/gemini-2.5-flash"),
            (
                "bedrock",
                "anthropic.claude-sonnet-4-5-20250929-v1:0",
                "bedrock/anthropic.claude-sonnet-4-5-20250929-v1:0",
            ),
            (
                "anthropic-bedrock",
                "us.anthropic.claude-sonnet-4-5-20250929-v1:0",
                "bedrock/us.anthropic.claude-sonnet-4-5-20250929-v1:0",
            ),
            (
                "bedrock",
                "sa.amazon.nova-pro-v1:0",
                "bedrock/amazon.nova-pro-v1:0",
            ),
            (
                "bedrock",
                "amazon.nova-pro-v1:0:300k",
                "bedrock/amazon.nova-pro-v1:0",
            ),
            (
                "bedrock",
                "arn:aws:bedrock:us-east-1:123456789012:inference-profile/eu.amazon.nova-pro-v1:0",
                "bedrock/eu.amazon.nova-pro-v1:0",
            ),
            ("azure", "gpt-4o", "azure/gpt-4o"),
            (
                "mistral",
                "mistral-large-latest",
                "mistral/mistral-large-latest",
            ),
            ("xai", "grok-4", "xai/grok-4"),
            ("x-ai", "xai/grok-4", "xai/grok-4"),
            (
                "fireworks",
                "accounts/fireworks/models/deepseek-v3p1",
                "fireworks/accounts/fireworks/models/deepseek-v3p1",
            ),
            (
                "openrouter",
                "openai/gpt-4o:nitro",
                "openrouter/openai/gpt-4o",
            ),
            ("cohere", "command-a-03-2025", "cohere/command-a-03-2025"),
            (
                "together",
                "meta-llama/Llama-3.3-70B-Instruct-Turbo",
                "together/meta-llama/llama-3.3-70b-instruct-turbo",
            ),
        ] {
            assert_eq!(
                key(provider, name).as_deref(),
                Some(want),
                "{provider} {name}"
            );
        }
    }

    #[test]
    fn a_name_that_says_nothing_finds_nothing() {
        for (provider, name) in [
            ("azure", "prod-chat"),
            ("openai", ""),
            ("openai", "-latest"),
            ("openai", "ft:"),
            ("openai", "ft:my-model:acme::1"),
            ("openai", "claude-opus-4-5"),
            ("openrouter", "openai/gpt-4o:unheard"),
            (
                "bedrock",
                "arn:aws:bedrock:us-east-1:1:application-inference-profile/abc",
            ),
            ("nobody", "gpt-4o"),
            ("", "gpt-4o"),
            ("openai", "ü-2024-08-0ü"),
        ] {
            assert_eq!(key(provider, name), None, "{provider} {name}");
        }
        assert_eq!(key("openai", &"a".repeat(10_000)), None);
        assert_eq!(key("openai", &"a-20240101".repeat(60)), None);
    }

    #[test]
    fn every_listed_provider_is_known_and_no_other() {
        let keys = Packed::new(PACKED).keys();
        let listed: BTreeSet<_> = keys
            .iter()
            .filter_map(|key| key.split('/').next())
            .collect();
        assert_eq!(listed.into_iter().collect::<Vec<_>>(), LISTED);
        assert!(HOMES.iter().all(|(_, home)| LISTED.contains(home)));
    }
}
