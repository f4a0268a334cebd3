//! Whether a JSON object that comes in pieces is complete. It is not checked: who reads it does that.

/// How far an object has come.
#[derive(Debug, Default)]
pub struct Ending {
    depth: usize,
    in_text: bool,
    escaped: bool,
    over: bool,
}

impl Ending {
    /// Takes in more of the text.
    pub fn push(&mut self, more: &str) {
        for byte in more.bytes() {
            match byte {
                _ if self.escaped => self.escaped = false,
                b'\\' if self.in_text => self.escaped = true,
                b'"' => self.in_text = !self.in_text,
                _ if self.in_text => {}
                b'{' | b'[' => self.depth = self.depth.saturating_add(1),
                b'}' | b']' => {
                    self.depth = self.depth.saturating_sub(1);
                    self.over |= self.depth == 0;
                }
                _ => {}
            }
        }
    }

    /// Whether the end has come.
    pub const fn is_over(&self) -> bool {
        self.over
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_object_is_over_with_its_last_brace_however_it_is_cut() {
        let text = r#" {"a\"}":[{"b":"]}\\"}],"ö":{}}"#;
        for size in 1..text.len() {
            let mut ending = Ending::default();
            let mut rest = text;
            while !rest.is_empty() {
                assert!(!ending.is_over(), "{size}: {rest}");
                let (piece, after) = rest.split_at(rest.ceil_char_boundary(size));
                ending.push(piece);
                rest = after;
            }
            assert!(ending.is_over(), "{size}");
        }
        let mut nothing = Ending::default();
        nothing.push(" null \"{}\" ");
        assert!(!nothing.is_over());
    }
}
