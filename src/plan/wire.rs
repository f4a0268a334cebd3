//! The plan as Envoy's `priority_group` cluster specifier reads it: a `google.protobuf.Value` list of
//! `{name, clusters: [{cluster_name, weight}]}`, in base64, for `header_to_metadata`.
//! Source: google/protobuf/struct.proto; `Value`: number 2, string 3, struct 5, list 6.

use super::Step;
use base64::{Engine, engine::general_purpose::STANDARD};

/// The value of the `x-llm-plan` header.
pub fn header<'a>(steps: impl Iterator<Item = &'a Step>) -> String {
    let groups = steps.map(|step| {
        let cluster = record(&[
            ("cluster_name", text(&step.cluster)),
            ("weight", number(1.0)),
        ]);
        record(&[
            ("clusters", list([cluster].into_iter())),
            ("name", text(&step.provider)),
        ])
    });
    STANDARD.encode(list(groups))
}

fn text(value: &str) -> Vec<u8> {
    field(3, value.as_bytes())
}

fn number(value: f64) -> Vec<u8> {
    let mut out = vec![2 << 3 | 1];
    out.extend_from_slice(&value.to_le_bytes());
    out
}

fn record(fields: &[(&str, Vec<u8>)]) -> Vec<u8> {
    let entry = |(key, value): &(&str, Vec<u8>)| {
        field(1, &[field(1, key.as_bytes()), field(2, value)].concat())
    };
    field(5, &fields.iter().flat_map(entry).collect::<Vec<u8>>())
}

fn list(values: impl Iterator<Item = Vec<u8>>) -> Vec<u8> {
    field(
        6,
        &values
            .flat_map(|value| field(1, &value))
            .collect::<Vec<u8>>(),
    )
}

/// One length-delimited field.
fn field(number: u8, bytes: &[u8]) -> Vec<u8> {
    let mut out = Vec::with_capacity(bytes.len() + 4);
    out.push(number << 3 | 2);
    let mut length = bytes.len();
    while length >= 0x80 {
        out.push((length & 0x7f) as u8 | 0x80);
        length >>= 7;
    }
    out.push(length as u8);
    out.extend_from_slice(bytes);
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_plan_is_a_protobuf_list_in_base64() {
        let step = Step {
            provider: "p".into(),
            cluster: "c".into(),
            model: "m".into(),
            dialect: "d".into(),
        };
        // As the protobuf library writes the same value.
        let want = "Mk8KTSpLCjwKCGNsdXN0ZXJzEjAyLgosKioKEwoMY2x1c3Rlcl9uYW1lEgMaAWMKEwoGd2VpZ2h0EgkRAAAAAAAA8D8KCwoEbmFtZRIDGgFw";
        assert_eq!(header([step].iter()), want);
    }

    #[test]
    fn lengths_above_127_take_two_bytes() {
        assert_eq!(field(1, &[0; 200]).get(..3), Some(&[0x0a, 0xc8, 0x01][..]));
    }
}
