//! Keys, tokens and passwords: all of them by name, and those that no issuer has given a form.
//!
//! Only what has no form of its own needs a word before it.

use super::{
    entity::{Entity, Group, Hit, read},
    key::{
        ANTHROPIC, AWS, GITHUB, GITLAB, GOOGLE, NPM, OPENAI, OTHERS, PYPI, SLACK, STRIPE, TWILIO,
        all_alike, alnum, aws_secret, azure, base64, jwt, key, sendgrid, slack_webhook,
    },
    look::{END, Look, is_word},
    password,
};

/// How much of a private key is read. What is longer is cut there.
pub(super) const MAX_PRIVATE_KEY: usize = 16 << 10;
/// How long a password in a URL can be, and its name.
pub(super) const MAX_PASSWORD: usize = 128;
const MAX_ENTROPY: usize = 256;
/// How many characters of base64 a private key has at least, and each of its lines but the last.
const LEAST_KEY: usize = 64;
const LEAST_LINE: usize = 16;
/// Lines such as `Proc-Type: 4,ENCRYPTED` before a key, and how long they can be.
const MAX_HEADERS: usize = 4;
const MAX_HEADER: usize = 128;
/// How many letters and digits in a row something random has, which no word does.
const LEAST_RANDOM: usize = 10;

const WORDS: &[&str] = &[
    "password",
    "passwd",
    "passphrase",
    "pwd",
    "secret",
    "token",
    "api key",
    "apikey",
    "api_key",
    "api-key",
    "access key",
    "access_key",
    "accesskey",
    "secret_key",
    "auth",
    "authorization",
    "bearer",
    "credential",
    "credentials",
    "private_key",
    "private key",
    "client_secret",
    "passwort",
    "contraseña",
    "mot de passe",
];

macro_rules! secret {
    ($name:literal, $about:literal, $first:expr, $read:expr) => {
        read($name, Group::Secret, $about, &[], $first, $read)
    };
}

pub(super) static ENTITIES: &[Entity] = &[
    secret!(
        "SECRET_AWS_ACCESS_KEY",
        "`AKIA`, `ASIA`, `ABIA` or `ACCA` and sixteen characters.",
        "A[KSBC][IC]Ax{4}",
        |look| key(look, AWS)
    ),
    read(
        "SECRET_AWS_SECRET_KEY",
        Group::Secret,
        "Forty characters of base64, only after words such as `aws_secret_access_key`.",
        &[
            "aws_secret_access_key",
            "aws secret",
            "secret access key",
            "secret_access_key",
            "secretaccesskey",
            "aws_secret_key",
            "secret key",
        ],
        "x[A-Z0-9+/]{7}",
        aws_secret,
    ),
    secret!(
        "SECRET_GOOGLE_KEY",
        "`AIza` and 35 characters, a client's secret `GOCSPX-`, a token `ya29.`.",
        "[AGY][IOA]",
        |look| key(look, GOOGLE)
    ),
    secret!(
        "SECRET_AZURE_KEY",
        "An account's key of 86 characters and `==`, or a client's secret with `Q~`.",
        "x[A-Z0-9+/]{2}[A-Z0-9+/_.-][A-Z0-9+/_.~-]",
        azure
    ),
    secret!(
        "SECRET_GITHUB_TOKEN",
        "`ghp_` and its relatives, `github_pat_`.",
        "g[HI][OPRSTU]",
        |look| key(look, GITHUB)
    ),
    secret!(
        "SECRET_GITLAB_TOKEN",
        "`glpat-` and its relatives.",
        "gl",
        |look| key(look, GITLAB)
    ),
    secret!(
        "SECRET_SLACK_TOKEN",
        "`xoxb-` and its relatives.",
        "[X][OA]",
        |look| { key(look, SLACK) }
    ),
    secret!(
        "SECRET_SLACK_WEBHOOK",
        "An incoming webhook's address.",
        "[H]ttps://",
        slack_webhook
    ),
    secret!(
        "SECRET_STRIPE_KEY",
        "Secret, restricted and webhook keys; publishable ones are none.",
        "[SRW][KH]",
        |look| key(look, STRIPE)
    ),
    secret!(
        "SECRET_OPENAI_KEY",
        "`sk-` with its kinds of keys.",
        "sk-",
        |look| key(look, OPENAI)
    ),
    secret!("SECRET_ANTHROPIC_KEY", "`sk-ant-`.", "sk-[A]", |look| key(
        look, ANTHROPIC
    )),
    secret!(
        "SECRET_TWILIO_KEY",
        "`SK` and 32 hexadecimal digits.",
        "skh{6}",
        |look| key(look, TWILIO)
    ),
    secret!(
        "SECRET_SENDGRID_KEY",
        "`SG.`, 22 characters, a dot, 43 characters.",
        "sg.",
        sendgrid
    ),
    secret!(
        "SECRET_NPM_TOKEN",
        "`npm_` and 36 characters.",
        "npm[_]",
        |look| key(look, NPM)
    ),
    secret!(
        "SECRET_PYPI_TOKEN",
        "`pypi-AgE` and what follows.",
        "pypi-[A]",
        |look| key(look, PYPI)
    ),
    secret!(
        "SECRET_API_KEY",
        "Keys of other issuers with a beginning of their own (Hugging Face, Groq, DigitalOcean, Shopify, Databricks, Vault, ..).",
        "[HAGXPRSDLNEFTK]",
        |look| key(look, OTHERS)
    ),
    secret!(
        "SECRET_JWT",
        "Three parts of base64 of which the first is an object with an algorithm.",
        "eyj[A-Z0-9_.-]{5}",
        jwt
    ),
    secret!(
        "SECRET_PRIVATE_KEY",
        "A block from BEGIN to END, or as far as a key goes; one that is only spoken of is none.",
        "-----BEG",
        private_key
    ),
    secret!(
        "SECRET_CONNECTION_STRING",
        "A URL with a name and a password, of a database or another service.",
        "a[A-Z0-9+.:-]",
        connection
    ),
    secret!(
        "SECRET_PASSWORD",
        "What is assigned to `password`, `pwd` or a name that ends so with `=` or `:`, unless it is a placeholder or a name.",
        "[A-Z_]w",
        password::password
    ),
    read(
        "SECRET_HIGH_ENTROPY",
        Group::Secret,
        "Twenty or more characters that look random, only after words such as `token`; words and numbers are none.",
        WORDS,
        "[A-Z0-9_][A-Z0-9+/_.~-]{7}",
        entropy,
    ),
];

/// From the line that begins a private key to the one that ends it.
fn private_key(look: &mut Look<'_>) -> Option<Hit> {
    const BEGIN: &str = "-----BEGIN ";
    const END_MARK: &str = "-----END ";
    if !look.is(0, BEGIN) {
        return None;
    }
    let mut at = BEGIN.len();
    let label = look.run(at, 48, |c| {
        c.is_ascii_uppercase() || c == b' ' || c.is_ascii_digit()
    });
    let words = look.read(at, at + label);
    if !words.windows(11).any(|window| window == b"PRIVATE KEY") || !look.is(at + label, "-----") {
        return None;
    }
    at += label + 5;
    at = between(look, at);
    at = headers(look, at);
    let (mut letters, mut end) = (0, at);
    while at < MAX_PRIVATE_KEY {
        if look.is(at, END_MARK) {
            let tail = look.run(at + END_MARK.len(), 48, |c| {
                c.is_ascii_uppercase() || c == b' ' || c.is_ascii_digit()
            });
            let dashes = look.run(at + END_MARK.len() + tail, 5, |c| c == b'-');
            end = at + END_MARK.len() + tail + dashes;
            break;
        }
        let length = look.run(at, MAX_PRIVATE_KEY - at, |c| base64(c) || c == b'=');
        let next = between(look, at + length);
        // What is short is the last of a key, or a word behind it.
        let ends = look.get(next) == END || look.is(next, END_MARK);
        if length == 0 || (length < LEAST_LINE && !ends) {
            break;
        }
        letters += length;
        end = at + length;
        at = next;
    }
    (letters >= LEAST_KEY).then(|| Hit::to(end, 100)).flatten()
}

/// Where what follows begins behind the lines before a key that say how it is made.
fn headers(look: &mut Look<'_>, mut at: usize) -> usize {
    for _ in 0..MAX_HEADERS {
        let name = look.run(at, MAX_HEADER, |c| c.is_ascii_alphabetic() || c == b'-');
        if name == 0 || !look.is(at + name, ": ") {
            break;
        }
        let line = look.run(at, MAX_HEADER, |c| {
            !matches!(c, END | b'\n' | b'\r' | b'\\')
        });
        at = between(look, at + line);
    }
    at
}

/// Where what follows begins behind what may stand between two lines of a key: ends of lines, also written as `\n`,
/// quotes, and signs of code and of quoted mail.
fn between(look: &mut Look<'_>, mut at: usize) -> usize {
    while at < MAX_PRIVATE_KEY {
        let next = look.get(at);
        at += match next {
            b'\\' if matches!(look.get(at + 1), b'n' | b'r' | b't') => 2,
            b'+' if !base64(look.get(at + 1)) => 1,
            b'-' if look.get(at + 1) != b'-' => 1,
            _ if b" \n\r\t\\\"'`,;>|#*".contains(&next) => 1,
            _ => break,
        };
    }
    at
}

/// `scheme://name:password@`.
fn connection(look: &mut Look<'_>) -> Option<Hit> {
    if !look.get(0).is_ascii_alphabetic() {
        return None;
    }
    let scheme = look.run(0, 24, |c| alnum(c) || matches!(c, b'+' | b'-' | b'.'));
    if !look.is(scheme, "://") {
        return None;
    }
    let from = scheme + 3;
    let user = look.run(from, MAX_PASSWORD, |c| {
        !matches!(
            c,
            END | b':' | b'@' | b'/' | b' ' | b'"' | b'\'' | b'<' | b'>' | b'\n' | b'?' | b'#'
        )
    });
    if look.get(from + user) != b':' {
        return None;
    }
    let start = from + user + 1;
    let length = look.run(start, MAX_PASSWORD, |c| {
        !matches!(
            c,
            END | b'@' | b' ' | b'"' | b'\'' | b'<' | b'>' | b'\n' | b'\r'
        )
    });
    let end = start + length;
    if look.get(end) != b'@' || length == 0 || is_placeholder(look.read(start, end)) {
        return None;
    }
    // A port and a path are no password.
    let digits = look
        .read(start, end)
        .iter()
        .take_while(|c| c.is_ascii_digit())
        .count();
    if digits > 0 && look.get(start + digits) == b'/' {
        return None;
    }
    let rest = look.run(end + 1, 512, |c| {
        is_word(c) || b".-:/?=&%,+~[]".contains(&c)
    });
    let mut to = end + 1 + rest;
    while to > end + 1 && b".,:?".contains(&look.get(to - 1)) {
        to -= 1;
    }
    Hit::to(to, 95)
}

/// `${PASSWORD}`, `<password>`, `***` and the like.
pub(super) fn is_placeholder(codes: &[u8]) -> bool {
    let marks = codes.iter().any(|c| b"{}<>[]$()".contains(c))
        && codes.iter().filter(|c| c.is_ascii_alphanumeric()).count() < codes.len()
        && codes.first().is_some_and(|c| b"{<[$(%".contains(c));
    let words: [&[u8]; 12] = [
        b"password",
        b"passwd",
        b"pass",
        b"secret",
        b"changeme",
        b"example",
        b"none",
        b"null",
        b"true",
        b"false",
        b"required",
        b"string",
    ];
    marks
        || (codes.len() > 2 && all_alike(codes))
        || words.iter().any(|word| codes.eq_ignore_ascii_case(word))
}

/// Characters that look drawn at random: not a word, not a number.
fn entropy(look: &mut Look<'_>) -> Option<Hit> {
    let [before, earlier] = look.before();
    if matches!(before, b'-' | b'.' | b'/' | b'+') && is_word(earlier) {
        return None;
    }
    let chars = |c: u8| base64(c) || matches!(c, b'_' | b'-' | b'.' | b'~');
    let mut length = look.run(0, MAX_ENTROPY, chars);
    length += look.run(length, 2, |c| c == b'=');
    while length > 0 && matches!(look.get(length - 1), b'.' | b'-') {
        length -= 1;
    }
    let codes = look.read(0, length);
    if length < 20 || !is_random(codes) || is_path(codes) {
        return None;
    }
    Hit::to(length, 10)
}

/// Words, numbers and versions with signs between them, such as paths and names of files: no stretch of letters and
/// digits is long and has both.
fn is_path(codes: &[u8]) -> bool {
    let mut parts = codes.split(|code| !code.is_ascii_alphanumeric());
    !parts.any(|part| {
        part.len() >= LEAST_RANDOM
            && part.iter().any(u8::is_ascii_digit)
            && part.iter().any(u8::is_ascii_alphabetic)
    })
}

/// Letters and digits mixed, and at least three bits in a character (Shannon).
pub(super) fn is_random(codes: &[u8]) -> bool {
    let mut counts = [0_u16; 128];
    for code in codes {
        if let Some(count) = counts.get_mut(usize::from(*code)) {
            *count += 1;
        }
    }
    let length = f64::from(u32::try_from(codes.len()).unwrap_or(u32::MAX));
    let bits: f64 = counts
        .iter()
        .filter(|count| **count > 0)
        .map(|count| {
            let share = f64::from(*count) / length;
            -share * share.log2()
        })
        .sum();
    let digits = codes.iter().filter(|c| c.is_ascii_digit()).count();
    let letters = codes.iter().filter(|c| c.is_ascii_alphabetic()).count();
    let changes = codes
        .windows(2)
        .filter(|pair| matches!(pair, [one, two] if one.is_ascii_digit() != two.is_ascii_digit()))
        .count();
    digits >= 2 && letters >= 2 && changes >= 3 && bits >= 3.0
}
