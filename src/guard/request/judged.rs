//! Texts that are judged as wholes: whether one tries to take over the model that reads it.

use super::{
    Stop,
    walk::{How, Text},
};
use crate::{guard::edit::Guard, json::meant};

/// Shorter texts say too little. Units: bytes.
const SHORTEST: usize = 12;
/// How much of a text's end and of the next one's beginning is judged together. Units: bytes.
const SEAM: usize = 256;

/// Judges every text of a body, and what crosses from one message to the next.
///
/// Errors: a rule blocks.
pub(super) fn judge(guard: &mut Guard<'_>, body: &str, texts: &[Text]) -> Result<(), Stop> {
    let mut before = String::new();
    for text in texts {
        if text.how == How::Number {
            continue;
        }
        let meaning = meant(body.get(text.place.clone()).unwrap_or_default());
        if meaning.len() >= SHORTEST {
            guard.judge(&meaning, None)?;
        }
        if text.how != How::Joined {
            continue;
        }
        let head = meaning.get(..meaning.floor_char_boundary(SEAM));
        let seam = before.len();
        if seam > 0 {
            before.push(' ');
        }
        before.push_str(head.unwrap_or_default());
        if seam > 0 {
            guard.judge(&before, Some(seam))?;
        }
        // A short text does not separate what stands around it.
        let rest = if meaning.len() > SEAM {
            &*meaning
        } else {
            &before
        };
        let from = rest.ceil_char_boundary(rest.len().saturating_sub(SEAM));
        before = rest.get(from..).unwrap_or_default().to_owned();
    }
    Ok(())
}
