//! What begins in one text and ends in the next: a value that is split over two parts, or two messages.
//!
//! The end of each text is looked at together with the beginning of the next, once as if they were one text and
//! once with a space between them. Only what crosses from one to the other counts here, and only where neither
//! side is such a find by itself: an address at the end of a text does not grow by the next one's first word.

use super::Stop;
use crate::guard::{Find, LOOK_BEHIND, edit::Guard};
use std::{ops::Range, rc::Rc};

/// How much of a text's end and of its beginning is looked at with its neighbour. Units: bytes.
const WINDOW: usize = 1024;
/// How much of a beginning mostly decides that nothing crosses. Units: bytes.
const GLANCE: usize = 96;
/// Short texts are gathered until they are this long. Units: bytes.
const LONGEST_RUN: usize = 64 << 10;
/// Most finds of one request that cross from one text to another.
const MAX_CROSSING: usize = 10_000;

/// Something to put in the place of a part of one text.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Part {
    /// The text's place in the list.
    pub(super) text: usize,
    /// In bytes of its meaning.
    pub(super) place: Range<usize>,
    pub(super) with: Rc<str>,
}

/// A stretch of one text in a run.
#[derive(Debug)]
struct Piece {
    /// Where it begins in the run.
    at: usize,
    text: usize,
    /// Where it begins in its text.
    from: usize,
    len: usize,
    /// It is all of its text.
    whole: bool,
}

/// Neighbours that are looked at together.
#[derive(Debug, Default)]
pub(super) struct Joined {
    run: String,
    pieces: Vec<Piece>,
    /// What stands before is only looked back at.
    from: usize,
    /// What is to be put where, in the order of the texts.
    pub(super) parts: Vec<Part>,
}

impl Joined {
    /// The next text.
    ///
    /// Errors: a rule blocks; too much crosses.
    pub(super) fn push(
        &mut self,
        guard: &mut Guard<'_>,
        place: usize,
        text: &str,
    ) -> Result<(), Stop> {
        let head = text.get(..text.floor_char_boundary(WINDOW)).unwrap_or(text);
        self.add(place, 0, head, head.len() == text.len());
        if head.len() < text.len() {
            self.look(guard, false)?;
            self.clear();
            let start = text.len().saturating_sub(WINDOW + LOOK_BEHIND);
            let start = text.ceil_char_boundary(start);
            let tail = text.get(start..).unwrap_or_default();
            self.from = tail.floor_char_boundary(LOOK_BEHIND);
            self.add(place, start, tail, false);
        } else if self.run.len() > LONGEST_RUN {
            self.look(guard, true)?;
            self.clear();
            self.add(place, 0, text, true);
        }
        Ok(())
    }

    /// There is no further text.
    ///
    /// Errors: as of [`Self::push`].
    pub(super) fn close(&mut self, guard: &mut Guard<'_>) -> Result<(), Stop> {
        self.look(guard, true)?;
        self.clear();
        self.parts.sort_by_key(|part| (part.text, part.place.start));
        Ok(())
    }

    fn add(&mut self, text: usize, from: usize, piece: &str, whole: bool) {
        self.pieces.push(Piece {
            at: self.run.len(),
            text,
            from,
            len: piece.len(),
            whole,
        });
        self.run.push_str(piece);
    }

    fn clear(&mut self) {
        self.run.clear();
        self.pieces.clear();
        self.from = 0;
    }

    fn look(&mut self, guard: &mut Guard<'_>, last: bool) -> Result<(), Stop> {
        if self.pieces.len() < 2 || (!last && self.nothing_crosses(guard)) {
            return Ok(());
        }
        let mut crossed = Vec::new();
        let run = std::mem::take(&mut self.run);
        let looked = self.cross(guard, &run, last, &mut crossed);
        let looked = looked.and_then(|()| {
            // The same with a space between them.
            let mut spaced = String::with_capacity(run.len() + self.pieces.len());
            for piece in &mut self.pieces {
                let text = run.get(piece.at..piece.at + piece.len).unwrap_or_default();
                if !spaced.is_empty() {
                    spaced.push(' ');
                }
                piece.at = spaced.len();
                spaced.push_str(text);
            }
            self.cross(guard, &spaced, last, &mut crossed)
        });
        self.run = run;
        looked
    }

    /// Whether the end of one long text leaves nothing open, or nothing that the next one's first bytes do not close.
    fn nothing_crosses(&self, guard: &Guard<'_>) -> bool {
        let [_, second] = self.pieces.as_slice() else {
            return false;
        };
        let Some((end, begin)) = self.run.split_at_checked(second.at) else {
            return false;
        };
        let mut finds = Vec::new();
        let open = guard.find(end, self.from, false, &mut finds);
        if open >= end.len() {
            return true;
        }
        let start = end.floor_char_boundary(open.saturating_sub(LOOK_BEHIND));
        let end = end.get(start..).unwrap_or_default();
        let begin = begin.get(..begin.floor_char_boundary(GLANCE));
        ["", " "].iter().all(|between| {
            let text = [end, between, begin.unwrap_or_default()].concat();
            finds.clear();
            let until = guard.find(&text, open - start, false, &mut finds);
            let crosses = |find: &Find| find.start < end.len() && find.end > end.len();
            until >= end.len() && !finds.iter().any(crosses)
        })
    }

    /// Settles what crosses from one piece to another. `crossed`: the pieces into which something has crossed already.
    fn cross(
        &mut self,
        guard: &mut Guard<'_>,
        run: &str,
        last: bool,
        crossed: &mut Vec<usize>,
    ) -> Result<(), Stop> {
        let mut finds = Vec::new();
        let until = guard.find(run, self.from, last, &mut finds);
        let before = crossed.len();
        for find in finds.iter().filter(|find| find.end <= until) {
            let of = |byte: usize| self.pieces.partition_point(|piece| piece.at <= byte);
            // Each is the number of pieces that begin before it, so that none is 0.
            let (first, end) = (of(find.start), of(find.end.saturating_sub(1)));
            if first == end || !guard.acts(find) {
                continue;
            }
            let known = crossed.get(..before).unwrap_or_default();
            if known.iter().any(|piece| (first..end).contains(piece))
                || self.is_known(guard, run, find, first, end)
            {
                continue;
            }
            if self.parts.len() >= MAX_CROSSING {
                return Err(Stop::Unreadable);
            }
            crossed.extend(first..end);
            let value = run.get(find.start..find.end).unwrap_or_default();
            let Some(with) = guard.settle(find, value)? else {
                continue;
            };
            self.put(find, first, end, &with);
        }
        Ok(())
    }

    /// Whether one side of a find is one of the same kind without the other.
    fn is_known(
        &self,
        guard: &Guard<'_>,
        run: &str,
        find: &Find,
        first: usize,
        end: usize,
    ) -> bool {
        let start = |piece: usize| self.pieces.get(piece).map_or(run.len(), |piece| piece.at);
        let mut finds = Vec::new();
        let before = run.get(..start(first)).unwrap_or_default();
        guard.find(
            before.trim_end(),
            find.start.min(before.trim_end().len()),
            true,
            &mut finds,
        );
        if finds.iter().any(|known| known.kind == find.kind) {
            return true;
        }
        finds.clear();
        let begin = start(end.saturating_sub(1));
        let reach = run.ceil_char_boundary(find.end.saturating_add(WINDOW).min(run.len()));
        let after = run.get(begin..reach).unwrap_or_default();
        guard.find(after, 0, true, &mut finds);
        finds
            .iter()
            .any(|known| known.kind == find.kind && known.start < find.end - begin)
    }

    /// What stands for a find goes where it begins; of the other texts their part is taken out, unless nothing would be
    /// left, which not every provider takes.
    fn put(&mut self, find: &Find, first: usize, end: usize, with: &Rc<str>) {
        let pieces = self.pieces.iter().enumerate();
        for (at, piece) in pieces.skip(first.saturating_sub(1)).take(end - first + 1) {
            let start = find.start.saturating_sub(piece.at);
            let stop = find.end.saturating_sub(piece.at).min(piece.len);
            if start >= stop {
                continue;
            }
            let emptied = piece.whole && start == 0 && stop == piece.len;
            let begins = at + 1 == first;
            self.parts.push(Part {
                text: piece.text,
                place: piece.from + start..piece.from + stop,
                with: if begins || emptied {
                    with.clone()
                } else {
                    Rc::from("")
                },
            });
        }
    }
}
