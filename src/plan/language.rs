//! Which language a text is written in, without asking a model.
//!
//! By its letters where they are one language's, else by how often three letters follow each other (the crate `whatlang`). It
//! is a guess, and no language is named where it is not a good one: see the counts in the test below.

use whatlang::{Detector, Lang, Script};

/// Of the text, this much is looked at. Units: bytes.
const MAX_LOOKED_AT: usize = 2 << 10;
/// What has fewer letters could be anything, where several languages share the letters.
const MIN_LETTERS: usize = 12;
/// How far the first guess must be before the second, from 0 to 1.
const MIN_CONFIDENCE: f64 = 0.15;

/// The languages that are known, by their ISO 639-1 codes; `no` is Bokmål, `zh` Mandarin.
pub const KNOWN: &[(&str, Lang)] = &[
    ("ar", Lang::Ara),
    ("bg", Lang::Bul),
    ("cs", Lang::Ces),
    ("da", Lang::Dan),
    ("de", Lang::Deu),
    ("el", Lang::Ell),
    ("en", Lang::Eng),
    ("es", Lang::Spa),
    ("fa", Lang::Pes),
    ("fi", Lang::Fin),
    ("fr", Lang::Fra),
    ("he", Lang::Heb),
    ("hi", Lang::Hin),
    ("hu", Lang::Hun),
    ("id", Lang::Ind),
    ("it", Lang::Ita),
    ("ja", Lang::Jpn),
    ("ko", Lang::Kor),
    ("nl", Lang::Nld),
    ("no", Lang::Nob),
    ("pl", Lang::Pol),
    ("pt", Lang::Por),
    ("ro", Lang::Ron),
    ("ru", Lang::Rus),
    ("sv", Lang::Swe),
    ("th", Lang::Tha),
    ("tr", Lang::Tur),
    ("uk", Lang::Ukr),
    ("vi", Lang::Vie),
    ("zh", Lang::Cmn),
];

/// The language of a text, by its beginning; `None`: it cannot be told.
pub fn of(text: &str) -> Option<&'static str> {
    let text = text.get(..text.floor_char_boundary(MAX_LOOKED_AT))?;
    let known = KNOWN.iter().map(|(_, lang)| *lang).collect();
    let found = Detector::with_allowlist(known).detect(text)?;
    if matches!(found.script(), Script::Latin | Script::Cyrillic) {
        let letters = text.chars().filter(|c| c.is_alphabetic());
        if letters.take(MIN_LETTERS).count() < MIN_LETTERS {
            return None;
        }
    }
    let sure = found.confidence() >= MIN_CONFIDENCE;
    let code = KNOWN.iter().find(|(_, lang)| *lang == found.lang());
    code.filter(|_| sure).map(|(code, _)| *code)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// 176 short sentences, each with the code of its language.
    const TEXTS: &str = include_str!("../../tests/fixtures/language/texts.tsv");

    fn samples() -> impl Iterator<Item = (&'static str, &'static str)> {
        TEXTS.lines().filter_map(|line| line.split_once('\t'))
    }

    #[test]
    fn nine_of_ten_sentences_are_told_and_hardly_one_wrongly() {
        let (mut right, mut wrong) = (0, Vec::new());
        for (code, text) in samples() {
            match of(text) {
                Some(found) if found == code => right += 1,
                Some(found) => wrong.push((code, found)),
                None => {}
            }
        }
        let pairs = [("es", "pt"), ("da", "no"), ("ru", "uk")];
        assert_eq!((samples().count(), right), (176, 160));
        assert_eq!(wrong, pairs);
    }

    #[test]
    fn longer_texts_are_told_all() {
        let codes: std::collections::BTreeSet<_> = samples().map(|(code, _)| code).collect();
        let all = KNOWN.iter().map(|(code, _)| *code);
        assert_eq!(
            codes.iter().copied().collect::<Vec<_>>(),
            all.collect::<Vec<_>>()
        );
        for code in codes {
            let own = samples().filter(|(own, _)| *own == code);
            let text: Vec<_> = own.map(|(_, text)| text).collect();
            assert_eq!(of(&text.join(" ")), Some(code));
        }
    }

    #[test]
    fn what_could_be_anything_has_no_language() {
        for text in [
            "",
            "  \n",
            "12 + 30 = ?",
            "ok",
            "Hello!",
            "Danke",
            "\u{1f600}\u{1f600}",
            "{\"a\": [1, 2]}",
        ] {
            assert_eq!(of(text), None, "{text}");
        }
        assert_eq!(
            of("\u{ac10}\u{c0ac}"),
            Some("ko"),
            "its letters are nobody else's"
        );
    }

    #[test]
    fn only_the_beginning_of_a_long_text_is_looked_at() {
        let german = "Ich m\u{f6}chte wissen, was der Vertrag sagt. ".repeat(60);
        assert!(german.len() > MAX_LOOKED_AT);
        let text = german + &"What does the contract say about it? ".repeat(400);
        assert_eq!(of(&text), Some("de"));
    }
}
