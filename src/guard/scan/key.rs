//! Keys and tokens in the forms of their issuers.
//!
//! Most issuers begin their keys with letters of their own: such a beginning, the characters and the length of
//! what follows make a key.

use super::{entity::Hit, look::Look, secret::is_random};

/// How much of a token in three parts is read.
const MAX_TOKEN: usize = 8 << 10;
/// How long a key of a known issuer can be.
const MAX_KEY: usize = 512;

/// How an issuer writes its keys.
#[derive(Clone, Copy)]
pub(super) struct Form {
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

pub(super) const fn alnum(code: u8) -> bool {
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
pub(super) const AWS: &[Form] = &[
    form("AKIA", base32, 16, 16),
    form("ASIA", base32, 16, 16),
    form("ABIA", base32, 16, 16),
    form("ACCA", base32, 16, 16),
];
pub(super) const GOOGLE: &[Form] = &[
    form("AIza", name, 35, 35),
    form("GOCSPX-", name, 28, 28),
    form("ya29.", dotted, 30, MAX_KEY),
];
pub(super) const GITHUB: &[Form] = &[
    form("ghp_", alnum, 36, 251),
    form("gho_", alnum, 36, 251),
    form("ghu_", alnum, 36, 251),
    form("ghs_", alnum, 36, 251),
    form("ghr_", alnum, 36, 251),
    form("github_pat_", name, 22, 255),
];
pub(super) const GITLAB: &[Form] = &[
    form("glpat-", dotted, 20, 300),
    form("gldt-", name, 20, 64),
    form("glrt-", dotted, 20, 64),
    form("glcbt-", name, 20, 64),
    form("glptt-", name, 20, 64),
    form("glft-", name, 20, 64),
    form("glsoat-", name, 20, 64),
    form("gloas-", name, 20, 128),
];
pub(super) const SLACK: &[Form] = &[
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
pub(super) const STRIPE: &[Form] = &[
    form("sk_live_", alnum, 16, 255),
    form("sk_test_", alnum, 16, 255),
    form("rk_live_", alnum, 16, 255),
    form("rk_test_", alnum, 16, 255),
    form("whsec_", alnum, 16, 255),
];
pub(super) const OPENAI: &[Form] = &[
    form("sk-proj-", name, 20, 300),
    form("sk-svcacct-", name, 20, 300),
    form("sk-admin-", name, 20, 300),
    form("sk-None-", name, 20, 300),
    form("sk-", alnum, 32, 128),
];
pub(super) const ANTHROPIC: &[Form] = &[form("sk-ant-", name, 20, 300)];
pub(super) const TWILIO: &[Form] = &[form("SK", hex, 32, 32)];
pub(super) const NPM: &[Form] = &[form("npm_", alnum, 36, 36)];
pub(super) const PYPI: &[Form] = &[
    form("pypi-AgE", name, 40, MAX_KEY),
    form("pypi-AgN", name, 40, MAX_KEY),
];
pub(super) const OTHERS: &[Form] = &[
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
pub(super) fn key(look: &mut Look<'_>, forms: &[Form]) -> Option<Hit> {
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
pub(super) fn all_alike(codes: &[u8]) -> bool {
    let first = codes.first().copied().unwrap_or_default();
    codes.iter().filter(|code| **code == first).count() * 2 > codes.len()
}

pub(super) fn base64(code: u8) -> bool {
    code.is_ascii_alphanumeric() || matches!(code, b'+' | b'/')
}

pub(super) fn aws_secret(look: &mut Look<'_>) -> Option<Hit> {
    if matches!(look.before(), [b'+' | b'/', _]) {
        return None;
    }
    let whole = look.run(0, 41, base64) == 40 && look.get(40) != b'=';
    (whole && is_random(look.read(0, 40)))
        .then(|| Hit::to(40, 10))
        .flatten()
}

pub(super) fn azure(look: &mut Look<'_>) -> Option<Hit> {
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

pub(super) fn slack_webhook(look: &mut Look<'_>) -> Option<Hit> {
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

pub(super) fn sendgrid(look: &mut Look<'_>) -> Option<Hit> {
    let good = look.is(0, "SG.")
        && look.run(3, 23, name) == 22
        && look.get(25) == b'.'
        && look.run(26, 44, name) == 43;
    good.then(|| Hit::to(69, 95)).flatten()
}

/// A header, claims and a signature (RFC 7519), the first an object: `{"` is `eyJ` in base64.
pub(super) fn jwt(look: &mut Look<'_>) -> Option<Hit> {
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
