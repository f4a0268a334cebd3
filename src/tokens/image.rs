//! What an image costs: its size as its first bytes tell it, and the formula of each family.
//!
//! Nothing is decoded but a header, and of that a bounded part.

use crate::json::Quoted;
use base64::{
    Engine,
    engine::{
        DecodePaddingMode,
        general_purpose::{GeneralPurpose, GeneralPurposeConfig},
    },
};

/// Width and height. Units: pixels.
pub type Size = (u64, u64);

/// Taken for an image that only has an address, or whose header cannot be read.
pub const UNSEEN: Size = (1024, 1024);

/// The most of an image that is looked at; a JPEG may hold a preview before its size. Units: bytes.
const MAX_HEADER: usize = 256 << 10;

/// Enough for every format but JPEG.
const SHORT_HEADER: usize = 64;

/// Sides beyond this are no image's.
const MAX_SIDE: u64 = 1 << 20;

/// The formula of a family.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Pictures {
    /// A base, and tiles of 512 pixels after scaling into 2048 by 2048 and to a short side of 768.
    Tiles {
        /// For the image.
        base: u64,
        /// For each tile.
        tile: u64,
    },
    /// Patches of 32 pixels.
    Patches {
        /// The most of them; a larger image is scaled down.
        most: u64,
        /// Tokens for a hundred patches.
        percent: u64,
    },
    /// Patches of 28 pixels.
    /// Source: docs.rs `atomwrite` 0.1.38 and the wiki of OmniGlyph, which restate the provider's page "Vision"
    /// (1568 and 1568, newer models 2576 and 4784); read 2026-11. The older rule is pixels by 750.
    Claude {
        /// The longest side; a larger image is scaled down.
        edge: u64,
        /// The most patches.
        most: u64,
    },
    /// 258 for a small image and for each tile of a larger one.
    /// General knowledge of ai.google.dev, "Understand and count tokens"; the size of a tile is not confirmed.
    Gemini,
    /// The same for every image.
    Fixed(u64),
}

/// How closely the model is asked to look.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Detail {
    /// As the model likes; the default.
    Auto,
    /// A small version only.
    Low,
    /// In tiles.
    High,
}

impl Detail {
    /// Reads OpenAI's word.
    pub fn named(word: Option<&str>) -> Self {
        match word {
            Some("low") => Self::Low,
            Some("high") => Self::High,
            _ => Self::Auto,
        }
    }
}

impl Pictures {
    /// A base and tiles.
    pub const fn tiles(base: u64, tile: u64) -> Self {
        Self::Tiles { base, tile }
    }

    /// Patches and their price.
    pub const fn patches(most: u64, percent: u64) -> Self {
        Self::Patches { most, percent }
    }

    /// Tokens of one image.
    pub fn tokens(self, size: Size, detail: Detail) -> u64 {
        let (width, height) = (size.0.clamp(1, MAX_SIDE), size.1.clamp(1, MAX_SIDE));
        match self {
            Self::Tiles { base, .. } if detail == Detail::Low => base,
            Self::Tiles { base, tile } => {
                let (width, height) = within((width, height), width.max(height), 2048);
                let (width, height) = within((width, height), width.min(height), 768);
                base + tile * width.div_ceil(512) * height.div_ceil(512)
            }
            Self::Patches { most, percent } => {
                // The larger models look at the original unless they are told how closely.
                let most = if most > 1536 && detail == Detail::Auto {
                    10_000
                } else {
                    most
                };
                (patches(width, height, most) * percent).div_ceil(100)
            }
            Self::Claude { edge, most } => {
                let (width, height) = within((width, height), width.max(height), edge);
                let (long, short) = (width.max(height), width.min(height));
                let mut across = long.div_ceil(28);
                let mut down = short.div_ceil(28);
                // One column less at a time, the other side with it.
                while across * down > most && across > 1 {
                    across -= 1;
                    down = (short * across).div_ceil(long).max(1);
                }
                across * down
            }
            Self::Gemini if width <= 384 && height <= 384 => 258,
            Self::Gemini => {
                let unit = (width.min(height) * 2 / 3).clamp(256, 768);
                258 * width.div_ceil(unit) * height.div_ceil(unit)
            }
            Self::Fixed(tokens) => tokens,
        }
    }
}

/// Scaled down so that `side` of it is at most `most`, to the nearest pixel.
fn within((width, height): Size, side: u64, most: u64) -> Size {
    if side <= most {
        return (width, height);
    }
    let scaled = |length: u64| ((length * most * 2 + side) / (side * 2)).max(1);
    (scaled(width), scaled(height))
}

/// Patches of 32 pixels that cover the image, scaled down where they would be more than `most`.
/// Source: the example of platform.openai.com, "Images and vision": 1800 by 2400 is 33 by 44.
fn patches(width: u64, height: u64, most: u64) -> u64 {
    let all = width.div_ceil(32) * height.div_ceil(32);
    if all <= most {
        return all;
    }
    let (width, height) = (width as f64 / 32.0, height as f64 / 32.0);
    let scale = (most as f64 / (width * height)).sqrt();
    let (across, down) = (width * scale, height * scale);
    let fit = (across.floor() / across).min(down.floor() / down);
    let side = |length: f64| (length * fit - 1e-6).ceil().max(1.0) as u64;
    (side(across) * side(down)).min(most)
}

/// The size of an image in a `data:` URL or in bare base64; `None`: it is not there or not readable.
pub fn size_of(text: Quoted<'_>) -> Option<Size> {
    let short = start(text, SHORT_HEADER)?;
    if short.starts_with(&[0xff, 0xd8]) {
        return jpeg(&start(text, MAX_HEADER)?);
    }
    size(&short)
}

/// The first `most` bytes of what base64 text stands for; fewer where it is mostly white space.
pub fn start(text: Quoted<'_>, most: usize) -> Option<Vec<u8>> {
    const LONGEST_PREFIX: usize = 128;
    /// Pieces that are looked at: base64 in lines of 76 letters needs two.
    const MAX_PIECES: usize = 4;
    const LENIENT: GeneralPurpose = GeneralPurpose::new(
        &base64::alphabet::STANDARD,
        GeneralPurposeConfig::new()
            .with_decode_allow_trailing_bits(true)
            .with_decode_padding_mode(DecodePaddingMode::Indifferent),
    );
    let want = most.div_ceil(3) * 4;
    let mut letters = Vec::with_capacity(want.min(text.inner().len()));
    let mut pieces = 0;
    text.pieces(want + LONGEST_PREFIX, &mut |piece| {
        let mut piece = piece;
        pieces += 1;
        if pieces == 1 && piece.starts_with("data:") {
            piece = piece.split_once(',').map_or("", |(_, data)| data);
        }
        let data = piece.bytes().filter(|b| !b.is_ascii_whitespace());
        letters.extend(data.take(want.saturating_sub(letters.len())));
        letters.len() < want && pieces < MAX_PIECES
    });
    letters.truncate(letters.len() / 4 * 4);
    LENIENT.decode(&letters).ok().filter(|b| !b.is_empty())
}

/// Reads PNG, GIF and WebP.
fn size(bytes: &[u8]) -> Option<Size> {
    let byte = |at: usize| bytes.get(at).copied().map(u64::from);
    let big = |at: usize| {
        let four = bytes.get(at..at + 4)?;
        Some(four.iter().fold(0, |n, b| n << 8 | u64::from(*b)))
    };
    let little = |at: usize| Some(byte(at)? | byte(at + 1)? << 8);
    let checked = |width: u64, height: u64| {
        let sane = |side: u64| (1..=MAX_SIDE).contains(&side);
        (sane(width) && sane(height)).then_some((width, height))
    };
    if bytes.starts_with(b"\x89PNG\r\n\x1a\n") {
        return checked(big(16)?, big(20)?);
    }
    if bytes.starts_with(b"GIF8") {
        return checked(little(6)?, little(8)?);
    }
    if !bytes.starts_with(b"RIFF") || bytes.get(8..12) != Some(b"WEBP") {
        return None;
    }
    match bytes.get(12..16)? {
        b"VP8 " => checked(little(26)? & 0x3fff, little(28)? & 0x3fff),
        b"VP8L" => {
            let bits = little(21)? | little(23)? << 16;
            checked((bits & 0x3fff) + 1, (bits >> 14 & 0x3fff) + 1)
        }
        b"VP8X" => {
            let side = |at| Some((little(at)? | byte(at + 2)? << 16) + 1);
            checked(side(24)?, side(27)?)
        }
        _ => None,
    }
}

/// Reads a JPEG's first frame header. Source: ITU-T T.81, B.2.2.
fn jpeg(bytes: &[u8]) -> Option<Size> {
    let mut rest = bytes.get(2..)?;
    loop {
        let (marker, after) = match rest {
            [0xff, 0xff, ..] => {
                rest = rest.get(1..)?;
                continue;
            }
            [0xff, marker, after @ ..] => (*marker, after),
            _ => return None,
        };
        if matches!(marker, 0x01 | 0xd0..=0xd7) {
            rest = after;
            continue;
        }
        let (length, body) = after.split_first_chunk::<2>()?;
        let length = usize::from(u16::from_be_bytes(*length));
        // Frames, without the tables that share their numbers.
        if matches!(marker, 0xc0..=0xcf) && !matches!(marker, 0xc4 | 0xc8 | 0xcc) {
            let [_, h1, h2, w1, w2, ..] = body else {
                return None;
            };
            let side = |a: u8, b: u8| u64::from(u16::from_be_bytes([a, b]));
            let (width, height) = (side(*w1, *w2), side(*h1, *h2));
            return (width > 0 && height > 0).then_some((width, height));
        }
        rest = body.get(length.checked_sub(2)?..)?;
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use base64::engine::general_purpose::STANDARD;

    fn read(bytes: &[u8], prefix: &str) -> Option<Size> {
        let json = format!("\"{prefix}{}\"", STANDARD.encode(bytes));
        size_of(Quoted::of(serde_json::from_str(&json).unwrap()).unwrap())
    }

    fn png(width: u32, height: u32) -> Vec<u8> {
        let start = b"\x89PNG\r\n\x1a\n\0\0\0\rIHDR".as_slice();
        [start, &width.to_be_bytes(), &height.to_be_bytes(), &[8; 40]].concat()
    }

    #[test]
    fn the_size_is_read_from_the_header_of_each_format() {
        let gif = [b"GIF89a\x40\x01\xf0\x00".as_slice(), &[0; 60]].concat();
        let riff = |kind: &[u8], rest: &[u8]| {
            [
                b"RIFF\0\0\0\0WEBP".as_slice(),
                kind,
                &[0; 4],
                rest,
                &[0; 60],
            ]
            .concat()
        };
        let lossy = riff(b"VP8 ", &[0, 0, 0, 0x9d, 1, 0x2a, 0x40, 0x01, 0xf0, 0x00]);
        let lossless = riff(b"VP8L", &[0x2f, 0x3f, 0xc1, 0x3b, 0x00]);
        let extended = riff(b"VP8X", &[0, 0, 0, 0, 0x3f, 1, 0, 0xef, 0, 0]);
        for (bytes, want) in [
            (png(320, 240), Some((320, 240))),
            (gif, Some((320, 240))),
            (lossy, Some((320, 240))),
            (lossless, Some((320, 240))),
            (extended, Some((320, 240))),
            (png(0, 240), None),
            (b"%PDF-1.7 and so on".to_vec(), None),
        ] {
            assert_eq!(read(&bytes, ""), want, "{:?}", bytes.get(..16));
            assert_eq!(read(&bytes, "data:image/png;base64,"), want);
        }
    }

    #[test]
    fn an_image_may_come_in_lines_and_is_not_looked_for_behind_white_space() {
        let image = STANDARD.encode(png(320, 240));
        let size = |before: &str| {
            let json = format!("\"data:image/png;base64,{before}{image}\\n\"");
            size_of(Quoted::of(serde_json::from_str(&json).unwrap()).unwrap())
        };
        assert_eq!(size("\\n\\r\\n"), Some((320, 240)));
        assert_eq!(size(&" ".repeat(100_000)), None);
    }

    #[test]
    fn the_size_of_a_jpeg_may_stand_behind_a_preview() {
        let part = |marker: u8, body: &[u8]| {
            let length = u16::try_from(body.len() + 2).unwrap().to_be_bytes();
            [&[0xff, marker], length.as_slice(), body].concat()
        };
        let frame = part(0xc2, &[8, 0, 240, 1, 64, 3, 0, 0, 0]);
        for previews in [0, 1, 3] {
            let before = part(0xe1, &vec![7; 65_000]).repeat(previews);
            let tables = part(0xc4, &[0; 30]);
            let image = [
                &[0xff, 0xd8],
                &before[..],
                &tables,
                &[0xff],
                &frame,
                &[0; 99],
            ]
            .concat();
            assert_eq!(read(&image, ""), Some((320, 240)), "{previews}");
        }
        let far = [
            &[0xff, 0xd8],
            &part(0xe1, &vec![7; 65_000]).repeat(5)[..],
            &frame,
        ]
        .concat();
        assert_eq!(read(&far, ""), None, "beyond what is looked at");
        assert_eq!(read(&[0xff, 0xd8, 0xff], ""), None);
    }

    #[test]
    fn tiles_are_counted_as_published() {
        let of = |size, detail| Pictures::tiles(85, 170).tokens(size, detail);
        assert_eq!(of((1024, 1024), Detail::High), 765);
        assert_eq!(of((2048, 4096), Detail::High), 1105);
        assert_eq!(of((4096, 8192), Detail::Low), 85);
        // As billed: a side is scaled to the nearest pixel.
        assert_eq!(of((2049, 513), Detail::Auto), 1445);
        assert_eq!(of((2050, 513), Detail::Auto), 765);
        assert_eq!(
            Pictures::tiles(2833, 5667).tokens((128, 64), Detail::High),
            8500
        );
    }

    #[test]
    fn patches_are_counted_as_published_and_as_billed() {
        assert_eq!(patches(1024, 1024, 1536), 1024);
        assert_eq!(patches(1800, 2400, 1536), 1452);
        let of =
            |most, percent, size, detail| Pictures::patches(most, percent).tokens(size, detail);
        assert_eq!(of(1536, 162, (1024, 1024), Detail::High), 1659);
        assert_eq!(of(1536, 120, (768, 1024), Detail::High), 922);
        assert_eq!(of(1536, 120, (2048, 768), Detail::High), 1844);
        assert_eq!(of(2500, 120, (1920, 1080), Detail::High), 2448);
        assert_eq!(of(2500, 120, (2560, 1440), Detail::Auto), 4320);
        assert!(of(2500, 120, (3840, 2160), Detail::High) <= 3000);
    }

    #[test]
    fn claude_and_gemini_count_as_measured() {
        let old = Pictures::Claude {
            edge: 1568,
            most: 1568,
        };
        let new = Pictures::Claude {
            edge: 2016,
            most: 4784,
        };
        for (size, before, since) in [
            ((256, 256), 100, 100),
            ((512, 512), 361, 361),
            ((768, 768), 784, 784),
            ((1024, 1024), 1369, 1369),
            ((1280, 720), 1196, 1196),
            ((1920, 1080), 1560, 2691),
            ((1080, 1920), 1560, 2691),
        ] {
            assert_eq!(old.tokens(size, Detail::Auto), before, "{size:?}");
            assert_eq!(new.tokens(size, Detail::Auto), since, "{size:?}");
        }
        assert!((2900..3060).contains(&new.tokens((3840, 2160), Detail::Auto)));
        let gemini = |size| Pictures::Gemini.tokens(size, Detail::Auto);
        assert_eq!([gemini((384, 384)), gemini((960, 540))], [258, 258 * 6]);
    }

    #[test]
    fn absurd_sizes_end_and_do_not_overflow() {
        for pictures in [
            Pictures::tiles(2833, 5667),
            Pictures::patches(1536, 246),
            Pictures::patches(2500, 120),
            Pictures::Claude {
                edge: 2576,
                most: 4784,
            },
            Pictures::Gemini,
        ] {
            for size in [(0, 0), (1, u64::MAX), (u64::MAX, u64::MAX), (1, 1)] {
                assert!(pictures.tokens(size, Detail::High) < 1 << 40);
            }
        }
    }
}
