//! The fields of a chat request that was made of another API's, in the words of that API: a client is
//! told of what it has sent.

use crate::fault::Fault;
use std::borrow::Cow;

/// Where in the client's request a message comes from.
#[derive(Debug, Default, Clone, Copy, PartialEq, Eq)]
pub(in crate::api) enum Origin {
    /// A field of its own.
    #[default]
    System,
    /// What may be a list and is none.
    Whole,
    /// The list, at this place.
    At(usize),
}

/// What a client's API calls what a chat request says.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::api) struct Names {
    /// The list that the messages come from.
    pub(in crate::api) messages: &'static str,
    /// What the first of them comes from, where it is in no list.
    pub(in crate::api) system: &'static str,
    /// The schema of a tool.
    pub(in crate::api) parameters: &'static str,
    /// Where the client has said how much to think.
    pub(in crate::api) effort: &'static str,
    /// Where it has said what form the answer takes.
    pub(in crate::api) format: &'static str,
    /// Others.
    pub(in crate::api) fields: &'static [(&'static str, &'static str)],
}

impl Names {
    /// `fault` in the client's words; `from`: where the messages come from.
    pub(super) fn of(&self, fault: Fault, from: &[Origin]) -> Fault {
        let pieces = fault.message.split('`').enumerate();
        let pieces = pieces.map(|(n, piece)| match n % 2 {
            0 => Cow::Borrowed(piece),
            _ => self.place(piece, from),
        });
        let message = pieces.collect::<Vec<_>>().join("`");
        let param = fault.param.as_deref();
        let param = param.map(|place| self.place(place, from).into_owned());
        Fault {
            message: message.into(),
            param,
            ..fault
        }
    }

    fn place<'p>(&self, place: &'p str, from: &[Origin]) -> Cow<'p, str> {
        if let Some(rest) = below(place, "messages") {
            return self.message(rest, from).into();
        }
        if below(place, "tools").is_some() || below(place, "tool_choice").is_some() {
            let Some((tool, rest)) = place.split_once(".function") else {
                return place.into();
            };
            return match rest.strip_prefix(".parameters") {
                Some(inside) => [tool, self.parameters, inside].concat().into(),
                None => [tool, rest].concat().into(),
            };
        }
        let others = [
            ("reasoning_effort", self.effort),
            ("response_format.json_schema", self.format),
            ("response_format", self.format),
        ];
        let fields = self.fields.iter().copied().chain(others);
        let mut named = fields.filter_map(|(ours, theirs)| Some((theirs, below(place, ours)?)));
        match named.next() {
            Some((theirs, rest)) => [theirs, rest].concat().into(),
            None => place.into(),
        }
    }

    /// What is inside of a message has other forms there, so that no more is told than which one it is.
    fn message(&self, rest: &str, from: &[Origin]) -> String {
        let index = rest.strip_prefix('[').and_then(|rest| rest.split_once(']'));
        let index = index.and_then(|(index, _)| index.parse::<usize>().ok());
        match index.and_then(|index| from.get(index)) {
            Some(Origin::At(index)) => format!("{}[{index}]", self.messages),
            Some(Origin::System) => self.system.to_owned(),
            Some(Origin::Whole) | None => self.messages.to_owned(),
        }
    }
}

/// The rest of a place at or below `field`.
fn below<'p>(place: &'p str, field: &str) -> Option<&'p str> {
    let rest = place.strip_prefix(field)?;
    (rest.is_empty() || rest.starts_with(['.', '['])).then_some(rest)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::fault::FaultKind;

    const NAMES: Names = Names {
        messages: "input",
        system: "instructions",
        parameters: ".parameters",
        effort: "reasoning.effort",
        format: "text.format",
        fields: &[("stop", "stops")],
    };

    #[test]
    fn a_place_becomes_the_client_s() {
        let from = [Origin::System, Origin::At(0), Origin::At(3), Origin::Whole];
        for (ours, theirs) in [
            ("messages[0].content", "instructions"),
            ("messages[1].content[0].image_url.url", "input[0]"),
            ("messages[2]", "input[3]"),
            ("messages[3].content", "input"),
            ("messages[4]", "input"),
            ("messages", "input"),
            ("messages_", "messages_"),
            (
                "tools[2].function.parameters.function",
                "tools[2].parameters.function",
            ),
            ("tools[2].function.name", "tools[2].name"),
            ("tool_choice.function.name", "tool_choice.name"),
            ("response_format.type", "text.format.type"),
            ("response_format.json_schema.name", "text.format.name"),
            ("reasoning_effort", "reasoning.effort"),
            ("stop", "stops"),
            ("stopped", "stopped"),
            ("temperature", "temperature"),
        ] {
            assert_eq!(NAMES.place(ours, &from), theirs);
        }
    }

    #[test]
    fn both_the_message_and_the_field_of_a_refusal_are_the_client_s() {
        let message = "`messages[1].content` must go with `stop`; say stop.";
        let fault = Fault::new(FaultKind::Unsupported, message).at("messages[1].content");
        let fault = NAMES.of(fault, &[Origin::System, Origin::At(4)]);
        assert_eq!(fault.message, "`input[4]` must go with `stops`; say stop.");
        assert_eq!(fault.param.as_deref(), Some("input[4]"));
    }
}
