//! A streamed answer in windows: its events wait until somebody else has judged their texts.
//!
//! Events go on in the order in which they came. One window is judged at a time; meanwhile the next one grows, and is as
//! large as what has come by then. The end of a window waits for the next one, so that what stands across the border is
//! seen whole before its first letter leaves.

use super::{
    Key,
    outside::{Edit, Gather, New, Piece, Shown},
    replace::Replace,
    stream::{Stream, Unread},
    whole::Halt,
};
use crate::{api::client::Api, frame::sse::Splitter};
use std::collections::{BTreeMap, VecDeque};

/// Largest event: what the provider role lets pass, and what guards before this may have added.
const EVENT_LIMIT_BYTES: usize = 10 << 20;

/// Most bytes that wait; with more there will be no opinion in time.
pub const MAX_WAITING_BYTES: usize = 8 << 20;

/// How much is judged at once. Units: characters.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Size {
    /// From so many new ones on a window is complete.
    pub window: usize,
    /// So many wait at its end for the next one; at least 1.
    pub overlap: usize,
}

/// What becomes of the events of a stream.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Mode {
    /// They pass, and their texts are judged.
    Watch,
    /// They wait for the judgement.
    Hold,
    /// They wait, and something may stand in the place of what was found.
    Edit,
}

/// Why a stream goes no further.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Trouble {
    /// It cannot be read.
    Unread,
    /// More waits than may.
    TooMuch,
}

/// Those events of a stream that wait.
#[derive(Debug)]
pub struct Window {
    api_events: Stream,
    splitter: Splitter,
    gather: Gather,
    replace: Option<(Stream, Replace)>,
    mode: Mode,
    size: Size,
    queue: VecDeque<Held>,
    /// Bytes of those.
    bytes: usize,
    /// How many of them are being judged.
    asked: usize,
    /// Characters behind those.
    fresh: usize,
    ended: bool,
}

#[derive(Debug)]
struct Held {
    bytes: Vec<u8>,
    pieces: Vec<Piece>,
    chars: usize,
    /// Bytes of all that.
    size: usize,
    /// The number of the event.
    number: u64,
}

impl Window {
    /// A stream that has not begun.
    pub fn new(api: Api, unread: Unread, mode: Mode, size: Size) -> Self {
        let replace = || match api {
            Api::Responses => Replace::repeating(),
            _ => Replace::default(),
        };
        Self {
            api_events: Stream::new(api, unread),
            splitter: Splitter::new(EVENT_LIMIT_BYTES),
            gather: Gather::new(mode != Mode::Watch),
            replace: (mode == Mode::Edit).then(|| (Stream::new(api, unread), replace())),
            mode,
            size,
            queue: VecDeque::new(),
            bytes: 0,
            asked: 0,
            fresh: 0,
            ended: false,
        }
    }

    /// Takes in bytes, and adds to `out` what need not wait. With `end` nothing follows.
    ///
    /// Errors: it goes no further; what was added may go on.
    pub fn push(&mut self, bytes: &[u8], end: bool, out: &mut Vec<u8>) -> Result<(), Trouble> {
        let mut events: Vec<Vec<u8>> = Vec::new();
        let mut each = |event: crate::frame::Event<'_>| events.push(event.raw.to_vec());
        let fed = self.splitter.push(bytes, &mut each);
        if end {
            self.splitter.close(&mut each);
        }
        for event in events {
            self.event(event, false, out)?;
        }
        fed.map_err(|_| Trouble::Unread)?;
        if end {
            self.event(Vec::new(), true, out)?;
            self.ended = true;
        }
        if self.bytes > MAX_WAITING_BYTES {
            return Err(Trouble::TooMuch);
        }
        Ok(())
    }

    fn event(&mut self, raw: Vec<u8>, end: bool, out: &mut Vec<u8>) -> Result<(), Trouble> {
        let number = self.api_events.number();
        let mut bytes = Vec::with_capacity(raw.len());
        let gather = &mut self.gather;
        let read = self.api_events.push(&raw, end, gather, &mut bytes);
        let pieces = gather.take();
        match read {
            Ok(()) => {}
            Err(Halt::Unread) => return Err(Trouble::Unread),
            Err(Halt::Stopped(never)) => match never {},
        }
        // What is edited is read once more.
        let bytes = if self.replace.is_some() { raw } else { bytes };
        let held = Held {
            chars: pieces.iter().map(Piece::chars).sum(),
            size: bytes.len() + pieces.iter().map(Piece::len).sum::<usize>(),
            bytes,
            pieces,
            number,
        };
        if self.queue.is_empty() && held.pieces.is_empty() {
            return self.emit(held, end, out);
        }
        self.fresh += held.chars;
        self.bytes += held.size;
        self.queue.push_back(held);
        if self.mode == Mode::Watch
            && let Some(held) = self.queue.back_mut()
        {
            out.append(&mut held.bytes);
        }
        Ok(())
    }

    /// What is to be judged next, if it is time for that: everything that waits.
    pub fn question(&mut self) -> Option<Shown> {
        let due = self.fresh >= self.size.window || self.ended;
        if self.asked > 0 || !due || self.queue.is_empty() {
            return None;
        }
        self.asked = self.queue.len();
        self.fresh = 0;
        Some(Shown::of(self.queue.iter().flat_map(|held| &held.pieces)))
    }

    /// What was judged may pass, with this in the places of parts of it; adds to `out` what goes on. Gives how many of the
    /// new parts are among that; the others will be judged again.
    pub fn passes(&mut self, shown: &Shown, news: &[New], out: &mut Vec<u8>) -> Vec<bool> {
        let asked = std::mem::take(&mut self.asked).min(self.queue.len());
        let all = self.ended && asked == self.queue.len();
        let edits: Vec<Vec<Edit>> = news.iter().map(|new| shown.edits(new)).collect();
        let until = if all { asked } else { self.cut(asked, &edits) };
        let last = self.queue.iter().take(until);
        let last = last
            .flat_map(|held| &held.pieces)
            .filter_map(Piece::number)
            .next_back();
        let goes = |edits: &Vec<Edit>| {
            let mut numbers = edits.iter().map(|edit| edit.number);
            numbers.all(|number| last.is_some_and(|last| number <= last))
        };
        let gone: Vec<bool> = edits.iter().map(goes).collect();
        if let Some((_, replace)) = &mut self.replace {
            let going = news.iter().zip(&gone).filter(|(_, goes)| **goes);
            let values = going.map(|(new, _)| shown.value(new));
            let edits = edits.into_iter().zip(&gone).filter(|(_, goes)| **goes);
            replace.add(edits.flat_map(|(edits, _)| edits), values);
        }
        self.release(until, out);
        gone
    }

    /// Everything that waits goes on as it is.
    pub fn give_up(&mut self, out: &mut Vec<u8>) {
        self.asked = 0;
        self.fresh = 0;
        self.release(self.queue.len(), out);
    }

    /// Nothing of what waits goes on.
    pub fn drop_all(&mut self) {
        self.queue.clear();
        (self.bytes, self.asked, self.fresh) = (0, 0, 0);
    }

    /// Whether nothing waits.
    pub fn is_empty(&self) -> bool {
        self.queue.is_empty()
    }

    /// Whether the stream is complete.
    pub fn has_ended(&self) -> bool {
        self.ended
    }

    /// Whether something has passed that cannot be read.
    pub fn has_passed_unread(&self) -> bool {
        self.api_events.has_passed_unread()
    }

    /// Whether more was said than is remembered of what was hidden: what is said again may not go on.
    pub fn has_lost(&self) -> bool {
        let replace = self.replace.as_ref();
        replace.is_some_and(|(_, replace)| replace.has_lost())
    }

    /// The number that an event of our own would have in the place of what waits.
    pub fn number(&self) -> u64 {
        match (&self.replace, self.queue.front()) {
            (Some((stream, _)), _) => stream.number(),
            (None, Some(first)) if self.mode != Mode::Watch => first.number,
            _ => self.api_events.number(),
        }
    }

    /// How many of the judged events go on.
    fn cut(&self, asked: usize, edits: &[Vec<Edit>]) -> usize {
        let mut until = self.border(asked);
        // What is replaced goes as a whole.
        while until > 0 {
            let later = self.queue.iter().skip(until);
            let mut later = later
                .flat_map(|held| &held.pieces)
                .filter_map(Piece::number);
            let Some(next) = later.next() else { break };
            let crosses = |edits: &&Vec<Edit>| {
                edits.iter().any(|edit| edit.number < next)
                    && edits.iter().any(|edit| edit.number >= next)
            };
            let first = edits
                .iter()
                .filter(crosses)
                .flatten()
                .map(|edit| edit.number);
            let Some(first) = first.min() else { break };
            let before = self.queue.iter().take_while(|held| {
                let mut numbers = held.pieces.iter().filter_map(Piece::number);
                numbers.all(|number| number < first)
            });
            until = before.count().min(until - 1);
        }
        until
    }

    /// Behind so many of the judged events stands the end of each text, which is seen again. Texts that mix end apart:
    /// each of those that end here is seen, and one that has not gone on for long is not waited for.
    fn border(&self, asked: usize) -> usize {
        let said = |held: &'_ Held| {
            let pieces = held.pieces.iter().map(|piece| (piece.key(), piece.chars()));
            pieces.filter(|(_, chars)| *chars > 0).collect::<Vec<_>>()
        };
        // How much of each is yet to be seen again, and whether some has been.
        let mut left: BTreeMap<Key, (usize, bool)> = BTreeMap::new();
        for (key, chars) in self.queue.iter().take(asked).flat_map(said) {
            let (left, _) = left.entry(key).or_default();
            *left = left.saturating_add(chars).min(self.size.overlap);
        }
        let most = self.size.overlap.saturating_mul(left.len());
        let (mut until, mut seen, mut begun, mut open) = (asked, 0, 0, left.len());
        while until > 0 && open > 0 && (begun > 0 || seen < most) {
            until -= 1;
            for (key, chars) in self.queue.get(until).map(said).unwrap_or_default() {
                seen += chars;
                let Some((left, some)) = left.get_mut(&key).filter(|(left, _)| *left > 0) else {
                    continue;
                };
                begun += usize::from(!std::mem::replace(some, true));
                *left = left.saturating_sub(chars);
                if *left == 0 {
                    (begun, open) = (begun - 1, open - 1);
                }
            }
        }
        until
    }

    fn release(&mut self, until: usize, out: &mut Vec<u8>) {
        let ends = self.ended && until == self.queue.len();
        let going: Vec<Held> = self.queue.drain(..until.min(self.queue.len())).collect();
        for held in going {
            self.bytes = self.bytes.saturating_sub(held.size);
            // Reading it has worked once.
            let _ = self.emit(held, false, out);
        }
        if ends {
            let nothing = Held {
                bytes: Vec::new(),
                pieces: Vec::new(),
                chars: 0,
                size: 0,
                number: 0,
            };
            let _ = self.emit(nothing, true, out);
        }
    }

    fn emit(&mut self, held: Held, end: bool, out: &mut Vec<u8>) -> Result<(), Trouble> {
        let Some((stream, replace)) = &mut self.replace else {
            out.extend_from_slice(&held.bytes);
            return Ok(());
        };
        let written = stream.push(&held.bytes, end, replace, out);
        written.map_err(|_| Trouble::Unread)
    }
}
