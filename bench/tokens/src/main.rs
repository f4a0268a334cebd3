//! Counts a text with this project's counter or with bpe-openai, and prints the tokens and the
//! seconds of the fastest turn: `bench-tokens <own|bpe-openai> <encoding> <file> <turns>`.

use envoy_llm_gateway::tokens::Encoding;
use std::{env, fs, time::Instant};

fn main() {
    let arguments: Vec<String> = env::args().skip(1).collect();
    let [counter, encoding, file, turns] = arguments.as_slice() else {
        panic!("usage: bench-tokens <own|bpe-openai> <encoding> <file> <turns>");
    };
    let text = fs::read_to_string(file).expect("the text");
    let own = Encoding::named(encoding).expect("an encoding");
    let peer = match own {
        Encoding::O200kBase => bpe_openai::o200k_base,
        Encoding::Cl100kBase => bpe_openai::cl100k_base,
    };
    let count: Box<dyn Fn(&str) -> u64> = match counter.as_str() {
        "own" => Box::new(move |text| own.count(text)),
        _ => {
            let peer = peer();
            Box::new(|text| peer.count(text) as u64)
        }
    };
    let mut tokens = 0;
    let mut fastest = f64::MAX;
    for turn in 0..turns.parse().expect("a number of turns") {
        // This project's counter remembers whole texts: none comes twice.
        let text = format!("{turn} {text}");
        let start = Instant::now();
        tokens = count(&text);
        fastest = fastest.min(start.elapsed().as_secs_f64());
    }
    println!("{tokens} {fastest}");
}
