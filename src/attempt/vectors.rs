//! Embeddings and reranking: an answer that is not made of parts is translated in one piece, or only
//! looked at where it passes.

use super::{
    Sent,
    facts::{Facts, bounded},
};
use crate::{
    api::client::{Api, Asked},
    config::Provider,
    fault::{Fault, FaultKind},
    provider::Outgoing,
};

/// The fields that are read or changed; `None`: all of them.
pub(super) fn touches(provider: &Provider, api: Api) -> Option<&'static [&'static str]> {
    match api {
        Api::Rerank => provider.speaks.rerank()?.touches(),
        _ => provider.speaks.embed()?.touches(),
    }
}

/// The request in the words of the provider's dialect.
pub(super) fn request(
    provider: &Provider,
    sent: &mut Sent,
    asked: &Asked<'_>,
) -> Result<Outgoing, Fault> {
    // Its errors are the client's then, too.
    let chat = provider.speaks.chat();
    sent.passes = chat.is_some_and(|chat| chat.events().is_none());
    if asked.api == Api::Rerank {
        let dialect = provider
            .speaks
            .rerank()
            .ok_or_else(|| offers_no(asked.api))?;
        return dialect.request(&asked.rerank(&sent.model));
    }
    let dialect = provider
        .speaks
        .embed()
        .ok_or_else(|| offers_no(asked.api))?;
    let embed = asked.embed(&sent.model);
    let outgoing = dialect.request(&embed)?;
    if dialect.touches().is_none() {
        sent.embed = Some(embed.asked()?);
    }
    Ok(outgoing)
}

/// The answer's new body; `None`: the provider's passes.
pub(super) fn answer(
    provider: &Provider,
    sent: &Sent,
    body: &[u8],
    facts: &mut Facts,
) -> Result<Option<Vec<u8>>, Fault> {
    let api = sent.plan.api;
    let answered = if api == Api::Rerank {
        let dialect = provider.speaks.rerank().ok_or_else(|| offers_no(api))?;
        dialect.answer(&sent.headers, body)?
    } else {
        let dialect = provider.speaks.embed().ok_or_else(|| offers_no(api))?;
        dialect.answer(&sent.headers, body, sent.embed.as_ref())?
    };
    facts.model = bounded(&answered.model);
    facts.usage = answered.usage;
    Ok(answered.body)
}

fn offers_no(api: Api) -> Fault {
    let what = if api == Api::Rerank {
        "This provider offers no reranking."
    } else {
        "This provider offers no embeddings."
    };
    Fault::new(FaultKind::Unsupported, what)
}
