//! Reads labels, and which labels are needed.

use super::{
    Labels, Need,
    node::Node,
    targets::{bounded, some},
};

/// Most labels in one place, and most values of one.
const MAX_LABELS: usize = 32;
const MAX_VALUES: usize = 64;

/// Labels: texts, or true and false.
pub(super) fn labels(node: &Node<'_>) -> Option<Labels> {
    let mut labels = node.map(|name, node| Some((label_name(name, &node)?, label(&node)?)))?;
    labels.sort_unstable();
    bounded(node, labels.len(), MAX_LABELS, "labels")?;
    Some(labels)
}

/// Labels that must be carried; a list of values: any of them.
pub(super) fn needs(node: &Node<'_>) -> Option<Vec<Need>> {
    let needs = node.map(|name, node| {
        let values = node.each(|node| label(&node));
        let values = some(&node, values, "value")?;
        bounded(&node, values.len(), MAX_VALUES, "values")?;
        let name = label_name(name, &node)?;
        Some(Need { name, values })
    });
    let needs = some(node, needs, "label")?;
    bounded(node, needs.len(), MAX_LABELS, "labels")?;
    Some(needs)
}

fn label_name(name: &str, node: &Node<'_>) -> Option<String> {
    let plain = |b: u8| b.is_ascii_alphanumeric() || b"._-/".contains(&b);
    if name.is_empty() || !name.bytes().all(plain) {
        node.wrong("a label's name holds ASCII letters, digits, `.`, `_`, `-` and `/`");
        return None;
    }
    Some(name.to_owned())
}

fn label(node: &Node<'_>) -> Option<String> {
    match node.is_flag() {
        true => Some(node.flag()?.to_string()),
        false => node.plain().map(str::to_owned),
    }
}

/// The first, and of the second what the first does not name.
pub(super) fn over(mut own: Labels, inherited: &[(String, String)]) -> Labels {
    for (name, value) in inherited {
        if !own.iter().any(|(known, _)| known == name) {
            own.push((name.clone(), value.clone()));
        }
    }
    own.sort_unstable();
    own
}
