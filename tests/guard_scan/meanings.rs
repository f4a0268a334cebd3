//! Other ways to write a value, and words that give it a meaning.

use crate::{all_pii, found};

#[test]
fn a_day_of_birth_is_written_in_many_ways() {
    let scanner = all_pii();
    for (text, day) in [
        ("born on May 5th, 1980", "May 5th, 1980"),
        ("born 5th May 1980", "5th May 1980"),
        ("born on the 22nd of June 1980", "22nd of June 1980"),
        ("geb. 12.05.1985", "12.05.1985"),
        ("né le 13 janvier 1980", "13 janvier 1980"),
        ("née le 1er août 1980", "1er août 1980"),
        ("geboren am 3. März 1985", "3. März 1985"),
        ("nacido el 3 de marzo de 1985", "3 de marzo de 1985"),
    ] {
        assert!(
            found(&scanner, text).contains(&("DATE_OF_BIRTH", day)),
            "{text} {:?}",
            found(&scanner, text)
        );
    }
    assert_eq!(found(&scanner, "né le 13 tables 1980"), []);
}

#[test]
fn what_is_disguised_is_found() {
    let scanner = all_pii();
    for text in [
        "jo\u{200b}hn@exam\u{200d}ple.com",
        "\u{202e}john@example.com",
        "ｊｏｈｎ＠ｅｘａｍｐｌｅ．ｃｏｍ",
        "jоhn@exаmple.com",
        "john%40example.com",
        "mail=am9obkBleGFtcGxlLmNvbQ==",
        "YW0ub2JrQGV4YW1wbGUuY29tLCBqb2huQGV4YW1wbGUuY29t",
    ] {
        let found = found(&scanner, text);
        assert!(
            found.iter().any(|(name, _)| *name == "EMAIL_ADDRESS"),
            "{text} {found:?}"
        );
    }
    assert_eq!(
        found(&scanner, "４１１１ 1111 1111 1111 x"),
        [("CREDIT_CARD", "４１１１ 1111 1111 1111")]
    );
    assert_eq!(
        found(&scanner, "4111\u{200b}1111\u{200b}1111\u{200b}1111."),
        [("CREDIT_CARD", "4111\u{200b}1111\u{200b}1111\u{200b}1111")]
    );
    assert_eq!(
        found(&scanner, "رقم \u{200f}john@example.com\u{200f} هنا"),
        [("EMAIL_ADDRESS", "john@example.com")]
    );
}

#[test]
fn a_word_before_a_number_gives_it_a_meaning() {
    let scanner = all_pii();
    assert_eq!(found(&scanner, "number 945456787"), []);
    let text = "my ssn is 945456787, my bank account 945456787654";
    assert_eq!(found(&scanner, text), [("US_BANK_NUMBER", "945456787654")]);
    assert!(found(&scanner, "SSN 536221234").contains(&("US_SSN", "536221234")));
    assert!(found(&scanner, "born on 12/03/1988").contains(&("DATE_OF_BIRTH", "12/03/1988")));
    assert_eq!(found(&scanner, "sent on 12/03/1988"), []);
    assert!(found(&scanner, "MRN: 00482913").contains(&("MEDICAL_RECORD_NUMBER", "00482913")));
    assert_eq!(
        found(&scanner, "Steuernummer: 0981508150999"),
        [("DE_TAX_NUMBER", "0981508150999")]
    );
    assert!(found(&scanner, "checking 945456787654").contains(&("US_BANK_NUMBER", "945456787654")));
    assert!(found(&scanner, "CPF 529.982.247-25").contains(&("BR_CPF", "529.982.247-25")));
    assert!(
        found(&scanner, "NIR 2 55 08 14 168 025 38").contains(&("FR_NIR", "2 55 08 14 168 025 38"))
    );
}
