//! From what is found in a text to what is put in its place.
//!
//! A text may come in pieces: a [`Guard`] looks at what is not decided yet and says up to where it is now.
//! Edits are places and what stands there instead; every byte outside them is as it was.

use super::{
    Find, LOOK_BEHIND, injection,
    policy::{Policy, Request},
    rules::{Action, Direction, Guards, Holding, Tally, Watch},
    vault::{Kept, Vault, digest},
};
use std::{ops::Range, rc::Rc};

/// A long text is looked at in pieces of this size, so that what is found at a time is bounded. Units: bytes.
const PIECE: usize = 64 << 10;

/// Something to put in the place of a part of a text.
///
/// Shape: `with` holds nothing that a JSON string would have to escape.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Edit {
    /// Where the part begins, in bytes of the text.
    pub start: usize,
    /// Where it ends, exclusive.
    pub end: usize,
    /// What stands there instead.
    pub with: Rc<str>,
}

/// A rule refuses the text.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Blocked {
    /// Its place.
    pub rule: u8,
}

/// Looks at the texts of one request, or of its answer.
pub struct Guard<'g> {
    guards: &'g Guards,
    watch: &'g Watch,
    holding: Holding,
    vault: &'g mut Vault,
    tally: &'g mut Tally,
    routed: Option<u8>,
    finds: Vec<Find>,
}

/// What is done at one place.
#[derive(Debug, Clone, Copy)]
struct Span {
    start: usize,
    end: usize,
    rule: u8,
    action: Action,
    kind: u16,
    score: u8,
}

impl Span {
    /// Whether what is done here outweighs the other: the stronger action, then the surer and the longer find.
    fn outweighs(&self, other: &Self) -> bool {
        let weight = |span: &Self| (span.action, span.score, span.end - span.start);
        weight(self) > weight(other)
    }
}

impl<'g> Guard<'g> {
    /// `None`: no rule holds, so that nothing needs to be looked at.
    pub fn new(
        guards: &'g Guards,
        direction: Direction,
        holding: Holding,
        vault: &'g mut Vault,
        tally: &'g mut Tally,
    ) -> Option<Self> {
        if holding.is_empty() {
            return None;
        }
        Some(Self {
            guards,
            watch: guards.watch(direction)?,
            holding,
            vault,
            tally,
            routed: None,
            finds: Vec::new(),
        })
    }

    /// The rule that sends the request to another model; the first that was found.
    pub fn routed(&self) -> Option<u8> {
        self.routed
    }

    /// The values that the provider does not see.
    pub fn vault(&mut self) -> &mut Vault {
        self.vault
    }

    /// What is looked for besides, in answers.
    pub fn policy(&self) -> &'g Policy {
        &self.watch.policy
    }

    /// Counts how long an answer has become.
    ///
    /// Errors: a rule blocks what is longer.
    pub fn count(&mut self, text: &str, request: &mut Request) -> Result<(), Blocked> {
        if !self.watch.policy.measures {
            return Ok(());
        }
        request.letters = request.letters.saturating_add(text.chars().count() as u64);
        for place in self.holding.iter() {
            if request.over.has(place) {
                continue;
            }
            let (Some(rule), Ok(number)) = (self.guards.rule(place), u8::try_from(place)) else {
                continue;
            };
            if rule.max_chars.is_some_and(|most| request.letters > most) {
                request.over.add(place);
                self.tally.add(number);
                if rule.action == Action::Block {
                    return Err(Blocked { rule: number });
                }
            }
        }
        Ok(())
    }

    /// How often each rule has acted.
    pub fn tally(&mut self) -> &mut Tally {
        self.tally
    }

    /// Looks at a text from `from` on; what stands before is only context, and [`LOOK_BEHIND`] bytes of it are
    /// enough. Adds the edits, in order and apart from each other. The answer is up to where the text is decided: all
    /// of it with `last`.
    ///
    /// Errors: a rule blocks; nothing of the text may go on.
    pub fn look(
        &mut self,
        text: &str,
        from: usize,
        last: bool,
        edits: &mut Vec<Edit>,
    ) -> Result<usize, Blocked> {
        let mut finds = std::mem::take(&mut self.finds);
        finds.clear();
        let until = self.watch.scan.scan(text, from, last, &mut finds);
        // What begins later is found again, with what follows.
        finds.retain(|find| find.start < until && find.end <= until && find.start < find.end);
        let decided = self.decide(text, &finds, edits);
        self.finds = finds;
        decided.map(|()| until)
    }

    /// Looks at a whole text from `from` on, however long; shows each edit, in order and apart from each other.
    ///
    /// Errors: a rule blocks.
    pub fn look_whole(
        &mut self,
        text: &str,
        mut from: usize,
        show: &mut dyn FnMut(Edit),
    ) -> Result<(), Blocked> {
        let mut size = PIECE;
        let mut found = Vec::new();
        while from < text.len() {
            let start = text.floor_char_boundary(from.saturating_sub(LOOK_BEHIND));
            let end = text.ceil_char_boundary(from.saturating_add(size).min(text.len()));
            let last = end == text.len();
            let piece = text.get(start..end).unwrap_or_default();
            let until = start + self.look(piece, from - start, last, &mut found)?;
            for edit in found.drain(..) {
                show(Edit {
                    start: edit.start + start,
                    end: edit.end + start,
                    with: edit.with,
                });
            }
            if last {
                break;
            }
            // A find that is longer than a piece needs a longer one.
            size = if until > from {
                PIECE
            } else {
                size.saturating_mul(2)
            };
            from = until.max(from);
        }
        Ok(())
    }

    /// Whether a rule judges whole texts.
    pub fn judges(&self) -> bool {
        let acts = self.watch.injection.iter();
        acts.into_iter()
            .any(|act| self.holding.has(act.rule.into()))
    }

    /// Judges a whole text. With `seam` only what stands on both sides of that place counts.
    ///
    /// Errors: a rule blocks.
    pub fn judge(&mut self, text: &str, seam: Option<usize>) -> Result<(), Blocked> {
        let verdict = injection::score(text);
        let crosses = |seam: usize| verdict.start < seam && seam < verdict.end;
        if !seam.is_none_or(crosses) {
            return Ok(());
        }
        let acts = &self.watch.injection;
        let Some((rule, action)) = self.guards.strongest(acts, self.holding, verdict.score) else {
            return Ok(());
        };
        self.tally.add(rule);
        match action {
            Action::Block => return Err(Blocked { rule }),
            Action::Route => {
                self.routed.get_or_insert(rule);
            }
            _ => {}
        }
        Ok(())
    }

    /// What is found in a text, without deciding anything: for texts that are looked at together.
    pub fn find(&self, text: &str, from: usize, last: bool, finds: &mut Vec<Find>) -> usize {
        self.watch.scan.scan(text, from, last, finds)
    }

    /// Decides about one find whose text is `value`: what stands in its place, if anything does.
    ///
    /// Errors: a rule blocks.
    pub fn settle(&mut self, find: &Find, value: &str) -> Result<Option<Rc<str>>, Blocked> {
        let Some((rule, action)) = self.guards.decide(self.watch, self.holding, find) else {
            return Ok(None);
        };
        self.tally.add(rule);
        match action {
            Action::Block => return Err(Blocked { rule }),
            Action::Route => {
                self.routed.get_or_insert(rule);
            }
            _ => {}
        }
        Ok(self.instead(rule, action, find.kind, value))
    }

    /// Whether a rule acts upon a find.
    pub fn acts(&self, find: &Find) -> bool {
        self.guards.decide(self.watch, self.holding, find).is_some()
    }

    /// Decides about finds, which are in the order of their starts. Adds the edits.
    ///
    /// Errors: a rule blocks; nothing of the text may go on.
    pub fn decide(
        &mut self,
        text: &str,
        finds: &[Find],
        edits: &mut Vec<Edit>,
    ) -> Result<(), Blocked> {
        let spans = finds.iter().filter_map(|find| {
            let (rule, action) = self.guards.decide(self.watch, self.holding, find)?;
            Some(Span {
                start: find.start,
                end: find.end,
                rule,
                action,
                kind: find.kind,
                score: find.score,
            })
        });
        let spans: Vec<Span> = spans.collect();
        if let Some(span) = spans.iter().find(|span| span.action == Action::Block) {
            self.tally.add(span.rule);
            return Err(Blocked { rule: span.rule });
        }
        let of = |wanted: fn(Action) -> bool| spans.iter().filter(move |span| wanted(span.action));
        let routed = merged(of(|action| action == Action::Route), &[]);
        for span in &routed {
            self.tally.add(span.rule);
            self.routed.get_or_insert(span.rule);
        }
        // What goes to another model goes there as it is.
        let edited = merged(of(Action::edits), &[&routed]);
        let warned = merged(of(|action| action == Action::Warn), &[&routed, &edited]);
        for span in &warned {
            self.tally.add(span.rule);
        }
        for span in &edited {
            self.tally.add(span.rule);
            let value = text.get(span.start..span.end).unwrap_or_default();
            let with = self.instead(span.rule, span.action, span.kind, value);
            edits.extend(with.map(|with| Edit {
                start: span.start,
                end: span.end,
                with,
            }));
        }
        Ok(())
    }

    /// What stands in the place of a value.
    fn instead(&mut self, rule: u8, action: Action, kind: u16, value: &str) -> Option<Rc<str>> {
        let label = self.watch.labels.get(usize::from(kind))?;
        let salt = || self.guards.rule(usize::from(rule))?.salt.as_ref();
        match action {
            Action::Mask => Some(self.vault.placeholder(label, value, Kept::Away)),
            Action::Restore => Some(self.vault.placeholder(label, value, Kept::Back)),
            // A rule that hashes has its salt; without one, nothing may be told.
            Action::Hash => Some(match salt() {
                Some(salt) => digest(label, value, salt).into(),
                None => self.vault.placeholder(label, value, Kept::Away),
            }),
            Action::Warn | Action::Route | Action::Block => None,
        }
    }
}

/// Spans that overlap, as one of the strongest's kind; those that overlap with one of `above` are left out. All in the order
/// of their starts.
fn merged<'s>(spans: impl Iterator<Item = &'s Span>, above: &[&[Span]]) -> Vec<Span> {
    let mut out: Vec<Span> = Vec::new();
    let mut at = [0; 2];
    for span in spans {
        let mut free = true;
        for (above, at) in above.iter().zip(&mut at) {
            while above.get(*at).is_some_and(|over| over.end <= span.start) {
                *at += 1;
            }
            free &= above.get(*at).is_none_or(|over| over.start >= span.end);
        }
        if !free {
            continue;
        }
        match out.last_mut().filter(|before| before.end > span.start) {
            Some(before) => {
                let (start, end) = (before.start, before.end.max(span.end));
                if span.outweighs(before) {
                    *before = *span;
                }
                (before.start, before.end) = (start, end);
            }
            None => out.push(*span),
        }
    }
    out
}

/// Writes a part of a text with its edits, which are in order and apart from each other; those outside the part are
/// left out.
pub fn write(text: &str, part: Range<usize>, edits: &[Edit], out: &mut String) {
    let mut at = part.start;
    for edit in edits {
        if edit.start < at || edit.end > part.end {
            continue;
        }
        out.push_str(text.get(at..edit.start).unwrap_or_default());
        out.push_str(&edit.with);
        at = edit.end;
    }
    out.push_str(text.get(at..part.end).unwrap_or_default());
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::guard::{
        fake::Words,
        rules::{Act, OnError, Rule, Salt},
    };

    const RULES: [(&str, Action); 6] = [
        ("warned", Action::Warn),
        ("kept", Action::Restore),
        ("hashed", Action::Hash),
        ("masked", Action::Mask),
        ("routed", Action::Route),
        ("blocked", Action::Block),
    ];

    /// One rule for each action; `acts` says which act upon which kind.
    fn guards(kinds: &[(&str, &str)], acts: Vec<Vec<Act>>) -> Guards {
        let mut holding = Holding::default();
        let rule = |(place, (name, action)): (usize, (&str, Action))| {
            holding.add(place);
            Rule {
                name: name.into(),
                action,
                metric: String::new(),
                to: None,
                salt: Some(Salt("sixteen letters!".into())),
                teams: None,
                models: None,
                on_error: OnError::Block,
                max_chars: None,
            }
        };
        let rules = RULES.into_iter().enumerate().map(rule).collect();
        Guards {
            rules,
            input: Some(Watch {
                scan: Box::new(Words::new(kinds)),
                acts,
                labels: kinds.iter().map(|(kind, _)| (*kind).into()).collect(),
                rules: holding,
                injection: Vec::new(),
                policy: Policy::default(),
            }),
            output: None,
            calls: Vec::new(),
        }
    }

    fn act(rule: u8) -> Act {
        Act { rule, least: 0 }
    }

    /// The text with its edits, the rule that it is routed by, and what was counted.
    fn guarded(guards: &Guards, text: &str) -> Result<(String, Option<u8>, String), Blocked> {
        let (mut vault, mut tally) = (Vault::default(), Tally::default());
        let holding = guards.holding(Direction::Input, None, &[]);
        let mut guard =
            Guard::new(guards, Direction::Input, holding, &mut vault, &mut tally).unwrap();
        let (mut edits, mut out) = (Vec::new(), String::new());
        guard.look_whole(text, 0, &mut |edit| edits.push(edit))?;
        let routed = guard.routed();
        write(text, 0..text.len(), &edits, &mut out);
        Ok((out, routed, tally.text(guards)))
    }

    fn passed(
        text: &str,
        routed: Option<u8>,
        told: &str,
    ) -> Result<(String, Option<u8>, String), Blocked> {
        Ok((text.into(), routed, told.into()))
    }

    #[test]
    fn each_action_does_what_it_says() {
        let kinds = [
            ("A", "aa"),
            ("B", "bb"),
            ("C", "cc"),
            ("D", "dd"),
            ("E", "ee"),
            ("F", "ff"),
        ];
        let guards = guards(&kinds, (0..6).map(|rule| vec![act(rule)]).collect());
        assert_eq!(guarded(&guards, "nothing"), passed("nothing", None, ""));
        assert_eq!(
            guarded(&guards, "aa-bb-cc-dd-bb-dd"),
            passed(
                "aa-[B_1]-[C_87bc7998cb55]-[D_1]-[B_1]-[D_1]",
                None,
                "warned:warn=1,kept:restore=2,hashed:hash=1,masked:mask=2"
            )
        );
        assert_eq!(
            guarded(&guards, "dd ee"),
            passed("[D_1] ee", Some(4), "masked:mask=1,routed:route=1")
        );
        assert_eq!(guarded(&guards, "dd ff"), Err(Blocked { rule: 5 }));
    }

    #[test]
    fn where_finds_overlap_the_strongest_action_counts_and_edits_cover_both() {
        let kinds = [("LONG", "xyzzy"), ("SHORT", "yz"), ("NEXT", "zy!")];
        let of = |long: u8, short: u8, next: u8| {
            let guards = guards(
                &kinds,
                vec![vec![act(long)], vec![act(short)], vec![act(next)]],
            );
            guarded(&guards, "a xyzzy! b")
        };
        assert_eq!(of(3, 3, 3), passed("a [LONG_1] b", None, "masked:mask=1"));
        assert_eq!(of(1, 3, 1), passed("a [SHORT_1] b", None, "masked:mask=1"));
        assert_eq!(of(3, 1, 0), passed("a [LONG_1]! b", None, "masked:mask=1"));
        assert_eq!(
            of(0, 3, 0),
            passed("a x[SHORT_1]zy! b", None, "warned:warn=1,masked:mask=1")
        );
        assert_eq!(
            of(3, 4, 0),
            passed("a xyzzy! b", Some(4), "warned:warn=1,routed:route=1")
        );
        assert_eq!(of(3, 5, 0), Err(Blocked { rule: 5 }));
    }

    #[test]
    fn of_several_rules_the_strongest_that_is_sure_enough_acts() {
        let sure = Act {
            rule: 5,
            least: 100,
        };
        let guards = guards(&[("A", "aa")], vec![vec![act(0), sure, act(3), act(2)]]);
        assert_eq!(
            guarded(&guards, "aa"),
            passed("[A_1]", None, "masked:mask=1")
        );
    }

    #[test]
    fn a_long_text_is_looked_at_in_pieces_without_missing_what_they_cut() {
        let guards = guards(&[("A", "äbcdefgh")], vec![vec![act(3)]]);
        for shift in 0..12 {
            let text = [
                "x".repeat(PIECE - shift),
                "äbcdefgh".to_owned(),
                "y".repeat(PIECE),
            ]
            .concat();
            let (out, ..) = guarded(&guards, &text).unwrap();
            assert_eq!(out, text.replace("äbcdefgh", "[A_1]"));
        }
        let long = "z".repeat(3 * PIECE);
        let guards = super::tests::guards(&[("A", &long)], vec![vec![act(3)]]);
        let text = ["ab", &long, "c"].concat();
        assert_eq!(guarded(&guards, &text).unwrap().0, "ab[A_1]c");
    }

    #[test]
    fn the_longest_word_at_a_place_is_all_that_is_held() {
        let guards = guards(&[("A", "secret")], vec![vec![act(3)]]);
        let (mut vault, mut tally) = (Vault::default(), Tally::default());
        let holding = guards.holding(Direction::Input, None, &[]);
        let mut guard =
            Guard::new(&guards, Direction::Input, holding, &mut vault, &mut tally).unwrap();
        let mut edits = Vec::new();
        assert_eq!(guard.look("a secret and sec", 0, false, &mut edits), Ok(13));
        assert_eq!(edits.len(), 1);
        assert_eq!(
            guard.look("a secret and seconds", 13, false, &mut edits),
            Ok(19)
        );
        assert_eq!(edits.len(), 1);
    }
}
