//! The plan as Envoy's `priority_group` cluster specifier reads it: a `google.protobuf.Value` list of
//! `{name, clusters: [{cluster_name, weight}]}`, in base64, for `header_to_metadata`.
//! Source: google/protobuf/struct.proto; `Value`: number 2, string 3, struct 5, list 6.

use super::Step;
use base64::{Engine, engine::general_purpose::STANDARD};

/// The value of the `x-llm-plan` header.
pub fn header<'a>(steps: impl DoubleEndedIterator<Item = &'a Step>) -> String {
    let mut out = Backwards(Vec::with_capacity(512));
    let list = out.here();
    for step in steps.rev() {
        let (value, group) = (out.here(), out.here());
        out.entry("name", |out| out.text(&step.provider));
        out.entry("clusters", |out| {
            let (clusters, value, cluster) = (out.here(), out.here(), out.here());
            out.entry("weight", |out| out.number(1.0));
            out.entry("cluster_name", |out| out.text(&step.cluster));
            out.close(5, cluster);
            out.close(1, value);
            out.close(6, clusters);
        });
        out.close(5, group);
        out.close(1, value);
    }
    out.close(6, list);
    out.0.reverse();
    STANDARD.encode(out.0)
}

/// A message from its last byte to its first: the length of a part stands before it, and is known once it is written.
struct Backwards(Vec<u8>);

impl Backwards {
    fn here(&self) -> usize {
        self.0.len()
    }

    fn bytes(&mut self, bytes: &[u8]) {
        self.0.extend(bytes.iter().rev());
    }

    /// What was written since `from` becomes a field.
    fn close(&mut self, number: u8, from: usize) {
        let length = self.here() - from;
        let mut groups = 1;
        while length >> (7 * groups) > 0 {
            groups += 1;
        }
        for group in (0..groups).rev() {
            let more = if group + 1 < groups { 0x80 } else { 0 };
            self.0.push((length >> (7 * group) & 0x7f) as u8 | more);
        }
        self.0.push(number << 3 | 2);
    }

    /// One field of a struct.
    fn entry(&mut self, key: &str, value: impl FnOnce(&mut Self)) {
        let (entry, inner) = (self.here(), self.here());
        value(self);
        self.close(2, inner);
        let name = self.here();
        self.bytes(key.as_bytes());
        self.close(1, name);
        self.close(1, entry);
    }

    fn text(&mut self, text: &str) {
        let start = self.here();
        self.bytes(text.as_bytes());
        self.close(3, start);
    }

    fn number(&mut self, value: f64) {
        self.bytes(&value.to_le_bytes());
        self.0.push(2 << 3 | 1);
    }
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
    fn lengths_above_127_take_more_bytes() {
        for (length, want) in [
            (127, &[0x0a, 127][..]),
            (128, &[0x0a, 0x80, 1]),
            (200, &[0x0a, 0xc8, 1]),
            (16_384, &[0x0a, 0x80, 0x80, 1]),
        ] {
            let mut out = Backwards(vec![7; length]);
            out.close(1, 0);
            out.0.reverse();
            assert_eq!(out.0.get(..want.len()), Some(want));
        }
    }

    #[test]
    fn the_steps_keep_their_order() {
        let step = |name: &str| Step {
            provider: name.into(),
            cluster: name.to_uppercase(),
            model: "m".into(),
            dialect: "d".into(),
        };
        let (one, two) = (step("one"), step("two"));
        let bytes = |steps: &[Step]| STANDARD.decode(header(steps.iter())).unwrap_or_default();
        let (first, second) = (
            bytes(std::slice::from_ref(&one)),
            bytes(std::slice::from_ref(&two)),
        );
        let both = bytes(&[one, two]);
        // Each list is one tag and one length before its steps; both lengths are below 128.
        let steps = [first.get(2..), second.get(2..)].map(Option::unwrap_or_default);
        assert_eq!(both.get(3..), Some(steps.concat().as_slice()));
    }
}
