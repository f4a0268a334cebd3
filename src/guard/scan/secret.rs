//! Keys, tokens and passwords.
//!
//! Most issuers begin their keys with letters of their own: such a beginning, the characters and the length of
//! what follows make a key. Only what has no form of its own needs a word before it.

use super::{
    entity::{Entity, Group, Hit, read},
    look::{END, Look, is_word},
    password,
};

/// How much of a private key is read. What is longer is cut there.
pub(super) const MAX_PRIVATE_KEY: usize = 16 << 10;
/// How much of a token in three parts is read.
pub(super) const MAX_TOKEN: usize = 8 << 10;
/// How long a key of a known issuer can be.
const MAX_KEY: usize = 512;
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

/// How an issuer writes its keys.
#[derive(Clone, Copy)]
struct Form {
    prefix: &'static str,
    chars: fn(u8) -> bool,
    least: usize,
    most: usize,
}

const fn form(prefix: &'static str, chars: fn(u8) -> bool, least: usize, most: usize) -> Form {
    Form {
        prefix,
        chars,
        least,
        most,
    }
}

const fn alnum(code: u8) -> bool {
    code.is_ascii_alphanumeric()
}
const fn name(code: u8) -> bool {
    code.is_ascii_alphanumeric() || code == b'_' || code == b'-'
}
const fn hex(code: u8) -> bool {
    code.is_ascii_digit() || matches!(code, b'a'..=b'f')
}
const fn base32(code: u8) -> bool {
    matches!(code, b'A'..=b'Z' | b'2'..=b'7')
}
const fn dotted(code: u8) -> bool {
    name(code) || code == b'.'
}

// Source of the forms below: the issuers' announcements and secret scanning patterns, general knowledge, not
// confirmed.
const AWS: &[Form] = &[
    form("AKIA", base32, 16, 16),
    form("ASIA", base32, 16, 16),
    form("ABIA", base32, 16, 16),
    form("ACCA", base32, 16, 16),
];
const GOOGLE: &[Form] = &[
    form("AIza", name, 35, 35),
    form("GOCSPX-", name, 28, 28),
    form("ya29.", dotted, 30, MAX_KEY),
];
const GITHUB: &[Form] = &[
    form("ghp_", alnum, 36, 251),
    form("gho_", alnum, 36, 251),
    form("ghu_", alnum, 36, 251),
    form("ghs_", alnum, 36, 251),
    form("ghr_", alnum, 36, 251),
    form("github_pat_", name, 22, 255),
];
const GITLAB: &[Form] = &[
    form("glpat-", dotted, 20, 300),
    form("gldt-", name, 20, 64),
    form("glrt-", dotted, 20, 64),
    form("glcbt-", name, 20, 64),
    form("glptt-", name, 20, 64),
    form("glft-", name, 20, 64),
    form("glsoat-", name, 20, 64),
    form("gloas-", name, 20, 128),
];
const SLACK: &[Form] = &[
    form("xoxb-", name, 10, 255),
    form("xoxp-", name, 10, 255),
    form("xoxa-", name, 10, 255),
    form("xoxr-", name, 10, 255),
    form("xoxs-", name, 10, 255),
    form("xoxe-", name, 10, 255),
    form("xoxe.xoxp-", name, 10, 255),
    form("xoxo-", name, 10, 255),
    form("xapp-", name, 20, 255),
];
const STRIPE: &[Form] = &[
    form("sk_live_", alnum, 16, 255),
    form("sk_test_", alnum, 16, 255),
    form("rk_live_", alnum, 16, 255),
    form("rk_test_", alnum, 16, 255),
    form("whsec_", alnum, 16, 255),
];
const OPENAI: &[Form] = &[
    form("sk-proj-", name, 20, 300),
    form("sk-svcacct-", name, 20, 300),
    form("sk-admin-", name, 20, 300),
    form("sk-None-", name, 20, 300),
    form("sk-", alnum, 32, 128),
];
const ANTHROPIC: &[Form] = &[form("sk-ant-", name, 20, 300)];
const TWILIO: &[Form] = &[form("SK", hex, 32, 32)];
const NPM: &[Form] = &[form("npm_", alnum, 36, 36)];
const PYPI: &[Form] = &[
    form("pypi-AgE", name, 40, MAX_KEY),
    form("pypi-AgN", name, 40, MAX_KEY),
];
const OTHERS: &[Form] = &[
    form("hf_", alnum, 30, 64),
    form("api_org_", alnum, 30, 64),
    form("gsk_", alnum, 40, 64),
    form("xai-", alnum, 60, 100),
    form("pplx-", alnum, 40, 64),
    form("r8_", alnum, 30, 48),
    form("sk-or-v1-", hex, 60, 70),
    form("dop_v1_", hex, 64, 64),
    form("doo_v1_", hex, 64, 64),
    form("dor_v1_", hex, 64, 64),
    form("shpat_", hex, 32, 32),
    form("shpss_", hex, 32, 32),
    form("shpca_", hex, 32, 32),
    form("shppa_", hex, 32, 32),
    form("dapi", hex, 32, 32),
    form("dckr_pat_", name, 27, 40),
    form("hvs.", name, 24, 200),
    form("hvb.", name, 24, 300),
    form("lin_api_", alnum, 32, 48),
    form("PMAK-", name, 40, 64),
    form("ATATT3x", dotted, 40, 255),
    form("NRAK-", alnum, 27, 27),
    form("glsa_", name, 32, 64),
    form("glc_eyJ", alnum, 20, MAX_KEY),
    form("sq0atp-", name, 22, 22),
    form("sq0csp-", name, 43, 43),
    form("EAAA", name, 56, 64),
    form("key-", hex, 32, 32),
    form("dp.pt.", alnum, 40, 48),
    form("rubygems_", hex, 48, 48),
    form("sntrys_", name, 40, MAX_KEY),
    form("phc_", alnum, 30, 64),
    form("fw_", alnum, 20, 40),
    form("tgp_v1_", name, 30, 64),
    form("AGE-SECRET-KEY-1", alnum, 58, 58),
];

/// A key of one of these forms.
fn key(look: &mut Look<'_>, forms: &[Form]) -> Option<Hit> {
    let first = look.get(0);
    for form in forms {
        if form.prefix.as_bytes().first() != Some(&first) || !look.is(0, form.prefix) {
            continue;
        }
        let from = form.prefix.len();
        let mut length = look.run(from, form.most + 1, form.chars);
        // A sentence's full stop is not the key's.
        while length > 0 && matches!(look.get(from + length - 1), b'.' | b'-') {
            length -= 1;
        }
        let end = from + length;
        if (form.least..=form.most).contains(&length)
            && !look.get(end).is_ascii_alphanumeric()
            && !all_alike(look.read(from, end))
        {
            return Hit::to(end, 95);
        }
    }
    None
}

/// `xxxx` and `****` stand for a key that is not shown.
fn all_alike(codes: &[u8]) -> bool {
    let first = codes.first().copied().unwrap_or_default();
    codes.iter().filter(|code| **code == first).count() * 2 > codes.len()
}

fn base64(code: u8) -> bool {
    code.is_ascii_alphanumeric() || matches!(code, b'+' | b'/')
}

fn aws_secret(look: &mut Look<'_>) -> Option<Hit> {
    if matches!(look.before(), [b'+' | b'/', _]) {
        return None;
    }
    let whole = look.run(0, 41, base64) == 40 && look.get(40) != b'=';
    (whole && is_random(look.read(0, 40)))
        .then(|| Hit::to(40, 10))
        .flatten()
}

fn azure(look: &mut Look<'_>) -> Option<Hit> {
    // Within a longer run only the other form is possible, which is short.
    let inside = matches!(look.before(), [b'+' | b'/', _]);
    let length = look.run(0, if inside { 8 } else { 87 }, base64);
    if length == 86 && look.is(86, "==") && !all_alike(look.read(0, 86)) {
        return Hit::to(88, 90);
    }
    let secret = |c: u8| dotted(c) || c == b'~';
    if length == 3 || (4..8).contains(&length) {
        let mark = look.run(0, 8, |c| alnum(c) || matches!(c, b'_' | b'-' | b'.'));
        if (4..=5).contains(&mark) && look.get(mark) == b'~' && look.get(mark - 1) == b'Q' {
            let rest = look.run(mark + 1, 36, secret);
            if (31..=35).contains(&rest) {
                return Hit::to(mark + 1 + rest, 90);
            }
        }
    }
    None
}

fn slack_webhook(look: &mut Look<'_>) -> Option<Hit> {
    let from = [
        "https://hooks.slack.com/services/",
        "https://hooks.slack.com/workflows/",
    ]
    .into_iter()
    .find(|prefix| look.says(0, prefix))?
    .len();
    let length = look.run(from, 128, |c| alnum(c) || c == b'/');
    if length >= 40 {
        Hit::to(from + length, 95)
    } else {
        None
    }
}

fn sendgrid(look: &mut Look<'_>) -> Option<Hit> {
    let good = look.is(0, "SG.")
        && look.run(3, 23, name) == 22
        && look.get(25) == b'.'
        && look.run(26, 44, name) == 43;
    good.then(|| Hit::to(69, 95)).flatten()
}

/// A header, claims and a signature (RFC 7519), the first an object: `{"` is `eyJ` in base64.
fn jwt(look: &mut Look<'_>) -> Option<Hit> {
    // A token that began before is read once.
    let inside = matches!(look.before(), [b'-', earlier] if name(earlier));
    if inside || !look.is(0, "eyJ") {
        return None;
    }
    let mut at = look.run(0, MAX_TOKEN, name);
    for part in 0..2 {
        if look.get(at) != b'.' {
            return None;
        }
        let length = look.run(at + 1, MAX_TOKEN - at.min(MAX_TOKEN), name);
        if length < 4 && part == 0 {
            return None;
        }
        at += 1 + length;
    }
    if at < 30 { None } else { Hit::to(at, 95) }
}

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
fn is_random(codes: &[u8]) -> bool {
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
