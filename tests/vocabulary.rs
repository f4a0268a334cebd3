//! The tables that are built into the filter say what the vocabularies and Unicode say. With
//! `PIN=1` they are written anew.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::string_slice,
    missing_docs
)]

use regex::Regex;
use std::{collections::HashMap, env, fs, path::Path};
use tiktoken_rs::{CoreBPE, cl100k_base, o200k_base};

/// A vocabulary as text, in the order of ranks.
fn vocabulary(bpe: &CoreBPE, size: u32) -> Vec<Vec<u8>> {
    (0..size)
        .map(|token| bpe.decode_bytes(&[token]).unwrap())
        .collect()
}

/// Each token longer than a byte with the two it is merged from: encoded with the tokens of lower
/// rank only, exactly two remain.
fn merges(tokens: &[Vec<u8>]) -> Vec<(u32, u32, u32)> {
    let ranks: HashMap<&[u8], u32> = tokens.iter().map(Vec::as_slice).zip(0..).collect();
    let mut merges = Vec::new();
    for (token, rank) in tokens.iter().zip(0..).filter(|(token, _)| token.len() > 1) {
        let mut cuts: Vec<usize> = (0..=token.len()).collect();
        while cuts.len() > 3 {
            let lowest = cuts
                .windows(3)
                .enumerate()
                .filter_map(|(i, w)| Some((*ranks.get(&token[w[0]..w[2]])?, i)))
                .filter(|(other, _)| *other < rank)
                .min();
            let Some((_, i)) = lowest else {
                panic!("token {rank} is not made by merges")
            };
            cuts.remove(i + 1);
        }
        merges.push((ranks[&token[..cuts[1]]], ranks[&token[cuts[1]..]], rank));
    }
    merges
}

/// The file that `src/tokens/table.rs` reads.
fn table(tokens: &[Vec<u8>]) -> Vec<u8> {
    let merges = merges(tokens);
    let part = |token: u32| ((token.wrapping_mul(0x9e37_79b1) >> 16) * 5) >> 16;
    let mut words: Vec<u32> = (0..tokens.len() as u32).collect();
    for &(left, right, _) in &merges {
        words[left as usize] |= 1 << (18 + part(right));
        words[right as usize] |= 1 << (18 + 5 + part(left));
    }

    let groups = merges.len() / 4;
    let slots = merges.len() + merges.len() / 32;
    let scaled = |hash: u64, below: usize| (((hash >> 32) * below as u64) >> 32) as usize;
    let place = |hash: u64, seed: u16| {
        let salt = (u64::from(seed) + 1).wrapping_mul(0xd6e8_feb8_6659_fd93);
        scaled((hash ^ salt).wrapping_mul(0xc2b2_ae3d_27d4_eb4f), slots)
    };
    let mut members = vec![Vec::new(); groups];
    for &(left, right, merged) in &merges {
        let pair = u64::from(left) | (u64::from(right) << 18);
        let hash = pair.wrapping_mul(0x9e37_79b9_7f4a_7c15);
        let slot = pair | (u64::from(words[merged as usize]) << 36);
        members[scaled(hash, groups)].push((hash, slot));
    }
    let mut order: Vec<usize> = (0..groups).collect();
    order.sort_by_key(|&group| std::cmp::Reverse(members[group].len()));
    let mut table = vec![u64::MAX; slots];
    let mut seeds = vec![0u16; groups];
    for group in order {
        let fits = |seed: &u16| {
            let mut places: Vec<usize> = members[group]
                .iter()
                .map(|(hash, _)| place(*hash, *seed))
                .collect();
            places.sort_unstable();
            places.iter().all(|&place| table[place] == u64::MAX)
                && places.windows(2).all(|pair| pair[0] != pair[1])
        };
        let seed = (0..=u16::MAX)
            .find(fits)
            .expect("a seed that leads each pair of the group to a free slot");
        for (hash, slot) in &members[group] {
            table[place(*hash, seed)] = *slot;
        }
        seeds[group] = seed;
    }

    let single = |byte: u8| words[tokens.iter().position(|token| *token == [byte]).unwrap()];
    let mut file: Vec<u8> = (0..=255)
        .flat_map(|byte| single(byte).to_le_bytes())
        .collect();
    file.extend((groups as u64).to_le_bytes());
    file.extend(seeds.iter().flat_map(|seed| seed.to_le_bytes()));
    file.extend(table.iter().flat_map(|slot| slot.to_le_bytes()));
    file
}

/// The file that `src/tokens/span.rs` reads.
fn spans(tokens: &[Vec<u8>]) -> Vec<u8> {
    let mut bits = vec![0u8; 1 << 17];
    for token in tokens {
        for at in (1..token.len()).filter(|&at| token[at] & 0xc0 != 0x80) {
            let (before, behind) = (at.min(2), (token.len() - at).min(2));
            let salt = match (before, behind) {
                (2, 2) => 0x9e37_79b1u32,
                (1, 2) => 0x85eb_ca77,
                (2, 1) => 0xc2b2_ae3d,
                _ => 0x27d4_eb2f,
            };
            let mut around = [0; 4];
            around[2 - before..2 + behind].copy_from_slice(&token[at - before..at + behind]);
            let bit = u32::from_be_bytes(around).wrapping_mul(salt) >> 12;
            bits[(bit >> 3) as usize] |= 1 << (bit & 7);
        }
    }
    bits
}

/// The file that `src/tokens/class.rs` reads.
fn classes() -> Vec<u8> {
    let patterns = [
        r"[\p{Lu}\p{Lt}]",
        r"\p{Ll}",
        r"[\p{Lm}\p{Lo}]",
        r"\p{M}",
        r"\p{N}",
        r"[\s--[\r\n]]",
        r"[\r\n]",
    ];
    let patterns = patterns.map(|pattern| Regex::new(pattern).unwrap());
    let class = |code: u32| {
        let Some(character) = char::from_u32(code) else {
            return 0;
        };
        let text = character.to_string();
        let found = patterns.iter().position(|pattern| pattern.is_match(&text));
        found.map_or(0, |i| i as u8 + 1)
    };
    let mut numbers = Vec::new();
    let mut blocks: Vec<Vec<u8>> = Vec::new();
    for block in 0..0x11_0000 / 256 {
        let block: Vec<u8> = (block * 256..(block + 1) * 256).map(class).collect();
        let known = blocks.iter().position(|other| *other == block);
        numbers.push(u8::try_from(known.unwrap_or(blocks.len())).expect("at most 256 blocks"));
        if known.is_none() {
            blocks.push(block);
        }
    }
    [numbers, blocks.concat()].concat()
}

#[track_caller]
fn pinned(name: &str, made: &[u8]) {
    let path = Path::new("src/tokens/data").join(name);
    if env::var_os("PIN").is_some() {
        fs::write(&path, made).unwrap();
    }
    assert!(
        fs::read(&path).unwrap() == made,
        "{name} is out of date; run with PIN=1"
    );
}

#[test]
fn the_tables_of_o200k_base_are_made_from_its_vocabulary() {
    let tokens = vocabulary(&o200k_base().unwrap(), 199_998);
    pinned("o200k_base.merges", &table(&tokens));
    pinned("o200k_base.spans", &spans(&tokens));
}

#[test]
fn the_tables_of_cl100k_base_are_made_from_its_vocabulary() {
    let tokens = vocabulary(&cl100k_base().unwrap(), 100_256);
    pinned("cl100k_base.merges", &table(&tokens));
    pinned("cl100k_base.spans", &spans(&tokens));
}

#[test]
fn the_classes_of_characters_are_those_of_the_regex_crate() {
    pinned("classes.bin", &classes());
}

/// What the margin in `src/tokens/merge.rs` stands on.
#[test]
fn no_row_of_pairs_each_of_a_higher_rank_than_the_next_is_longer_than_the_margin() {
    for (bpe, size, longest) in [(cl100k_base(), 100_256, 232), (o200k_base(), 199_998, 293)] {
        let tokens = vocabulary(&bpe.unwrap(), size);
        // The longest row that begins with each token, of the pairs of lower rank. Units: bytes.
        let mut rows: Vec<usize> = tokens.iter().map(Vec::len).collect();
        for (left, right, _) in merges(&tokens) {
            let (left, right) = (left as usize, right as usize);
            rows[left] = rows[left].max(tokens[left].len() + rows[right]);
        }
        assert_eq!(rows.into_iter().max(), Some(longest));
    }
}
