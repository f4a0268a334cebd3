//! Reads who gets copies of a model's requests.

use super::{
    Labels, Mirror, Target, To,
    labels::{labels, over},
    node::Node,
    targets::{Known, own_name, place},
};
use crate::json::decimal::scaled;

/// Decimal places of a percentage, down to one in a million.
const PLACES: i32 = 4;

pub(super) fn read(node: &Node<'_>, known: &Known<'_>) -> Option<Mirror> {
    node.object(|fields| {
        let provider = fields
            .required("provider")
            .and_then(|node| place(&node, known.providers));
        let model = fields.maybe("model", |node| own_name(&node));
        let own = fields.or("labels", Labels::new(), |node| labels(&node));
        let share = fields.required("percent").and_then(|node| share(&node));
        let provider = provider?;
        let inherited = known.providers.get(provider);
        let inherited = inherited.map(|(_, labels)| labels.as_slice());
        Some(Mirror {
            target: Target {
                to: To::Provider {
                    provider,
                    model: model?,
                },
                weight: 0,
                labels: over(own?, inherited.unwrap_or_default()),
            },
            share: share?,
        })
    })
}

fn share(node: &Node<'_>) -> Option<u32> {
    let text = node.number()?;
    let scaled = scaled(&text, PLACES).filter(|number| number.exact);
    let share = scaled.and_then(|number| u32::try_from(number.nearest).ok());
    let share = share.filter(|share| *share <= Mirror::WHOLE);
    if share.is_none() {
        node.wrong(format_args!(
            "expected 0 to 100 with at most {PLACES} decimal places, found {text}"
        ));
    }
    share
}
