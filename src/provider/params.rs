//! What becomes of each request parameter: one rule table per dialect.

use crate::{
    fault::{Fault, FaultKind},
    json::Object,
};

/// The fate of one parameter.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Rule {
    /// Sent as it is.
    Keep,
    /// Sent under another name.
    Rename(&'static str),
    /// Not sent; listed in `x-llm-dropped`.
    Drop,
    /// Not sent and not listed: it says nothing to this provider, or the dialect writes it itself.
    Handled,
    /// The request is refused.
    Refuse,
}

/// The fate of parameters outside the table (`unknown_parameters:`).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Unknown {
    /// Sent as they are, so that new ones work before this gateway knows them.
    #[default]
    Keep,
    /// Not sent; listed in `x-llm-dropped`.
    Drop,
    /// The request is refused.
    Refuse,
}

/// Applies a table to a request. Gives the kept and renamed fields, in order, and the dropped ones.
///
/// A dropped or refused field whose value is `null` asks for nothing and is left out silently.
/// Errors: `Unsupported` that names the parameter.
pub fn apply<'a>(
    table: &[(&str, Rule)],
    unknown: Unknown,
    from: &Object<'a>,
) -> Result<(Object<'a>, Vec<String>), Fault> {
    let (mut kept, mut dropped) = (Object::default(), Vec::new());
    for (key, raw) in from.iter() {
        let known = table.iter().find(|(name, _)| *name == key);
        let rule = known.map_or(unknown.rule(), |(_, rule)| *rule);
        let empty = raw.get() == "null";
        match rule {
            Rule::Keep => kept.push(key.to_owned().into(), raw.clone()),
            Rule::Rename(name) => kept.push(name.into(), raw.clone()),
            Rule::Drop if !empty => dropped.push(key.to_owned()),
            Rule::Refuse if !empty => return Err(refused(key)),
            Rule::Drop | Rule::Refuse | Rule::Handled => {}
        }
    }
    Ok((kept, dropped))
}

impl Unknown {
    const fn rule(self) -> Rule {
        match self {
            Self::Keep => Rule::Keep,
            Self::Drop => Rule::Drop,
            Self::Refuse => Rule::Refuse,
        }
    }
}

/// The refusal of a parameter.
pub(super) fn refused(key: &str) -> Fault {
    let message = format!("`{key}` is not supported by this model's provider; leave it out.");
    Fault::new(FaultKind::Unsupported, message).at(key)
}

#[cfg(test)]
mod tests {
    use super::*;

    const TABLE: &[(&str, Rule)] = &[
        ("model", Rule::Keep),
        ("stop", Rule::Rename("stop_sequences")),
        ("seed", Rule::Drop),
        ("messages", Rule::Handled),
        ("logprobs", Rule::Refuse),
    ];

    fn apply_to(body: &str, unknown: Unknown) -> Result<(String, Vec<String>), Option<String>> {
        let (kept, dropped) =
            apply(TABLE, unknown, &Object::parse(body).unwrap()).map_err(|fault| fault.param)?;
        Ok((String::from_utf8(kept.to_vec()).unwrap(), dropped))
    }

    #[test]
    fn each_rule_does_what_it_says() {
        let body = r#"{"model":"m","stop":["a"],"seed":1,"messages":[],"new":{"z":1.10}}"#;
        assert_eq!(
            apply_to(body, Unknown::Keep),
            Ok((
                r#"{"model":"m","stop_sequences":["a"],"new":{"z":1.10}}"#.into(),
                vec!["seed".into()]
            ))
        );
        assert_eq!(
            apply_to(body, Unknown::Drop),
            Ok((
                r#"{"model":"m","stop_sequences":["a"]}"#.into(),
                vec!["seed".into(), "new".into()]
            ))
        );
        assert_eq!(apply_to(body, Unknown::Refuse), Err(Some("new".into())));
        assert_eq!(
            apply_to(r#"{"logprobs":true}"#, Unknown::Keep),
            Err(Some("logprobs".into()))
        );
    }

    #[test]
    fn null_asks_for_nothing() {
        assert_eq!(
            apply_to(r#"{"logprobs":null,"seed":null}"#, Unknown::Keep),
            Ok(("{}".into(), vec![]))
        );
    }
}
