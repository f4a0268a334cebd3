//! Addresses of machines.

use super::{
    entity::{Entity, Group, Hit, Verdict, person, read, rule},
    look::{Look, is_word},
};

/// How long the name of an interface after an address can be.
const MAX_ZONE: usize = 64;

pub(super) static ENTITIES: &[Entity] = &[
    read(
        "IP_ADDRESS",
        Group::Personal,
        "IPv4 of four numbers up to 255 (five numbers are a version), IPv6 of eight groups or with `::`; a network's length belongs to it. `::` alone is hardly sure.",
        &["ip", "ipv4", "ipv6", "address", "host", "server"],
        "[:0-9A-F][:.0-9A-F]",
        address,
    ),
    person(
        "MAC_ADDRESS",
        "Six pairs or three groups of hexadecimal digits, separators all alike.",
        &[
            "mac",
            "mac address",
            "hardware address",
            "physical address",
            "ethernet",
        ],
        &[
            rule("hh:hh:hh:hh:hh:hh", 60, |_| Verdict::Maybe),
            rule("hh-hh-hh-hh-hh-hh", 60, |_| Verdict::Maybe),
            rule("hhhh.hhhh.hhhh", 60, |_| Verdict::Maybe),
        ],
    ),
];

/// Four numbers up to 255 without leading zeros; where they end.
fn four(look: &mut Look<'_>, from: usize) -> Option<usize> {
    let mut at = from;
    for index in 0..4 {
        if index > 0 {
            if look.get(at) != b'.' {
                return None;
            }
            at += 1;
        }
        let length = look.run(at, 4, |c| c.is_ascii_digit());
        let value = super::check::number(look.read(at, at + length));
        if !(1..=3).contains(&length) || value > 255 || (length > 1 && look.get(at) == b'0') {
            return None;
        }
        at += length;
    }
    Some(at)
}

/// The length of a network after an address, when there is one.
fn network(look: &mut Look<'_>, at: usize, most: u64) -> usize {
    if look.get(at) != b'/' {
        return at;
    }
    let length = look.run(at + 1, 4, |c| c.is_ascii_digit());
    let value = super::check::number(look.read(at + 1, at + 1 + length));
    let end = at + 1 + length;
    if (1..=3).contains(&length) && value <= most && !is_word(look.get(end)) {
        end
    } else {
        at
    }
}

fn address(look: &mut Look<'_>) -> Option<Hit> {
    let [before, earlier] = look.before();
    if let Some(hit) = six(look, before) {
        return Some(hit);
    }
    if before == b'.' && earlier.is_ascii_digit() {
        return None;
    }
    let end = four(look, 0)?;
    let next = look.get(end);
    if is_word(next) || (next == b'.' && look.get(end + 1).is_ascii_digit()) {
        return None;
    }
    Hit::to(network(look, end, 32), 60)
}

/// Eight groups of up to four hexadecimal digits; `::` stands for groups of zeros, once; the last two may be
/// written as an IPv4 address.
fn six(look: &mut Look<'_>, before: u8) -> Option<Hit> {
    if before == b':' {
        return None;
    }
    let (mut at, mut groups, mut short, mut digits) = (0, 0, false, false);
    let (mut upper, mut lower) = (false, false);
    if look.get(0) == b':' {
        if is_word(before) || look.get(1) != b':' || look.get(2) == b':' {
            return None;
        }
        (at, short) = (2, true);
    }
    while groups < 8 {
        let length = look.run(at, 5, |c| c.is_ascii_hexdigit());
        if length == 0 {
            break;
        }
        if (groups > 0 || short)
            && look.get(at + length) == b'.'
            && let Some(end) = four(look, at)
        {
            (at, groups, digits) = (end, groups + 2, true);
            break;
        }
        if length > 4 {
            return None;
        }
        let group = look.read(at, at + length);
        digits |= group.iter().any(u8::is_ascii_digit);
        upper |= group.iter().any(u8::is_ascii_uppercase);
        lower |= group.iter().any(u8::is_ascii_lowercase);
        (at, groups) = (at + length, groups + 1);
        if look.get(at) != b':' {
            break;
        }
        if look.get(at + 1) == b':' {
            if short || look.get(at + 2) == b':' {
                return None;
            }
            (at, short) = (at + 2, true);
        } else if look.get(at + 1).is_ascii_hexdigit() {
            at += 1;
        } else {
            break;
        }
    }
    let whole = if short { groups <= 7 } else { groups == 8 };
    let next = look.get(at);
    let goes_on = is_word(next)
        || (next == b':' && (is_word(look.get(at + 1)) || look.get(at + 1) == b':'))
        || (next == b'.' && look.get(at + 1).is_ascii_digit());
    if !whole || goes_on {
        return None;
    }
    let score = match (groups, digits) {
        (0, _) => 10,
        // Names in programs are written so too.
        (_, false) => 30,
        _ if short && upper && lower => 30,
        _ => 60,
    };
    if groups == 0 && next == b':' {
        return None;
    }
    // An interface may follow, as in `fe80::1%eth0`.
    if next == b'%' {
        let zone = look.run(at + 1, MAX_ZONE, |c| c.is_ascii_alphanumeric());
        if zone > 0 {
            at += 1 + zone;
        }
    }
    Hit::to(network(look, at, 128), score)
}
