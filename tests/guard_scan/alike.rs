//! What looks like an entity and is none, and what is one all the same.

use crate::{ALNUM, Dice, all_pii, cuts_change_nothing, found};
use envoy_llm_gateway::guard::scan::entities;

#[test]
fn what_only_looks_like_an_entity_is_left_alone() {
    let scanner = all_pii();
    for text in [
        "version 1.2.3.4.5 of icon@2x.png costs 4111111111111112 units",
        "std::cout << a::b; order 1234567890 of 078051120, 9 to 5",
        "a8eedfd6-9d8a-44e0-b0fc-cc7d517db5dc at 2024-03-15T14:30:00Z",
        "1,212,555.0187, 12,536,221 and 1,192.16, 1,234 567",
        "the ratio 16:9, ISO 9001, chapter 12, 3.14159265358979, 100 000 000",
        "npm i left-pad@1.3.0, foo@bar, @mention, e.g. this",
        "commit 2fd4e1c67a2d28fced849ee1bb76e7391b93eb12 in main",
        "## 0.12.0 (2026-05-12), ## 0.15.1 (2026/05/02), v1.12.0 (2026-01-02)",
        "0.66666662693, 0.40000972152, [0.0123456789]",
        r#"{"ts": 1517644800000, "time":1662921288123}"#,
        "50 => Some(c::B50), c::FF0, a::B1",
        "check(\"12345678\"); const VFIO_CHECK_EXTENSION: u32 = 536886117;",
        "[`TokenStream`]: https://docs.rs/proc-macro2/1.0/proc_macro2/struct.TokenStream.html",
        "token in target/wasm32-wasip1/release, secret twine-5.1.1-py3-none-any.whl",
        // Times, dates, fractions, numbers of books, and numbers that are filled up with zeros.
        "[05/12/2024 10:30:11] GET /",
        "01.02.2024 10:30",
        "number 2021-05-12 10:30, phone 2021-05-12 10",
        "[0.12 0.34 0.56 0.78], 0.25 0.30 0.45, 0.25 300 450, 1.25 2.30 3.45 4.5",
        "ISBN 0-306-40615-2, ISBN 0-8044-2957-X, ISBN 978-0-306-40615-7, order 0040012345",
        // Times in milliseconds, numbers of tickets and of documents.
        r#"{"created":1706251234567, "updated":1706255234567}"#,
        "INC0012345, CHG0031234, RCA0031234, T20240115",
        "user@1000.service getty@tty1.service, a@b1.timer, x@y.socket, x@y.target, x@y.slice, x@y.scope",
        // Code that fetches a password.
        "password: process.env.DB_PASSWORD,",
        "{password: req.body.password}",
        "password=self.password",
        "password = process.env.DB_PASS2!; db_password: os.environ.DB1; password=db_password",
        "password: this.form1.value; password: user.login2.passwd",
        "pub user_password: windows_sys::core::PCWSTR,",
        // The type of a password.
        "password: String, pub password: &str; password: Optional[str], password: Option<String>",
        "password: string; password: string|null; password: String! password: *string",
        "password: SecretString, password: &SecretString, db_password: NonEmptyString;",
        "password: DataTypes.STRING, password: PropTypes.string.isRequired, password: str|None",
        // Dumps in hexadecimal, and numbers in brackets.
        "00000010: 0201 0100 0000 4c46 0102 0304 7f45 0100 0000 0200",
        "00000020  7f 45 4c 46 02 01 01 00 00 00 3e 00  7f 01 02 03 04 05 |.ELF|",
        "00000030: 0100 0200 0300 0400 0500 0600 0700 0800",
        "0x80000000 (2147483648), INT_MIN (-2147483648), id(2147483648)",
        // A key that is only spoken of.
        "a file with -----BEGIN PRIVATE KEY----- in it, and many other words that stand behind it in this text for long",
        "from -----BEGIN PRIVATE KEY----- to -----END PRIVATE KEY-----",
    ] {
        assert_eq!(found(&scanner, text), [], "{text}");
        cuts_change_nothing(&scanner, text);
    }
}

#[test]
fn what_is_almost_an_entity_is_none() {
    let scanner = all_pii();
    let alike = format!("ghp_{}", "x".repeat(36));
    for text in [
        // Not random, no key, too short, not so long.
        "token: a1a1a1a1a1a1a1a1a1a1a1a1",
        alike.as_str(),
        "eyJhbGci.abcd.x",
        "abc8Q~abcdefgh0123",
        // Numbers with leading zeros are no address, and groups of other sizes no card.
        "host 010.001.002.003",
        "4111 11111111 1111",
        // Too many words lie between.
        "account one two three four five six seven eight nine ten 945456787654",
        // An address, and characters that no text has.
        "am9obkBleGFtcGxlLmNvbQEC",
    ] {
        assert_eq!(found(&scanner, text), [], "{text}");
    }
    let azure = format!("abc8Q~{}", Dice(9).text(ALNUM, 34));
    assert_eq!(
        found(&scanner, &azure),
        [("SECRET_AZURE_KEY", azure.as_str())]
    );
    assert_eq!(
        found(&scanner, "number 192.168.100.200"),
        [("IP_ADDRESS", "192.168.100.200")]
    );
}

#[test]
fn what_is_close_to_a_version_or_a_path_is_still_found() {
    let scanner = all_pii();
    for (text, name, value) in [
        (
            "+44 (0)20 7946 0958.",
            "PHONE_NUMBER",
            "+44 (0)20 7946 0958",
        ),
        ("1 (212) 555-0142.", "PHONE_NUMBER", "1 (212) 555-0142"),
        ("host fe80::1 is up", "IP_ADDRESS", "fe80::1"),
        ("host FE80::1FF is up", "IP_ADDRESS", "FE80::1FF"),
        (
            "token: a/b/7f3kq92mzx81/x0p4",
            "SECRET_HIGH_ENTROPY",
            "a/b/7f3kq92mzx81/x0p4",
        ),
        // Behind a comma that parts no thousands.
        ("John Smith,212-555-0187,x", "PHONE_NUMBER", "212-555-0187"),
        ("212-555-0187,536-22-1234", "US_SSN", "536-22-1234"),
        ("42,(212) 555-0187,a", "PHONE_NUMBER", "(212) 555-0187"),
        ("7,4111111111111111", "CREDIT_CARD", "4111111111111111"),
        ("42,192.168.1.10,x", "IP_ADDRESS", "192.168.1.10"),
        ("42,212.555.0187", "PHONE_NUMBER", "212.555.0187"),
        ("42,536 22 1234", "US_SSN", "536 22 1234"),
        (
            "+33 (0)6 12 34 56 78",
            "PHONE_NUMBER",
            "+33 (0)6 12 34 56 78",
        ),
        ("+31 (0)6 12345678", "PHONE_NUMBER", "+31 (0)6 12345678"),
        ("+46 (0)8 123 456 78", "PHONE_NUMBER", "+46 (0)8 123 456 78"),
        ("tel. 030 / 1234567", "PHONE_NUMBER", "030 / 1234567"),
        ("call (212)5550142", "PHONE_NUMBER", "(212)5550142"),
        ("cafe 0171 1234 5678", "PHONE_NUMBER", "0171 1234 5678"),
        ("2024 0171 1234 5678", "PHONE_NUMBER", "0171 1234 5678"),
        ("06 12 34 56 78 2b rue", "PHONE_NUMBER", "06 12 34 56 78"),
        (
            "01 23 45 67 89 01 23 45 67 90",
            "PHONE_NUMBER",
            "01 23 45 67 90",
        ),
        ("0171 - 1234567", "PHONE_NUMBER", "0171 - 1234567"),
        ("(555) 234-5678x890", "PHONE_NUMBER", "(555) 234-5678x890"),
        ("212-555-0187x12.", "PHONE_NUMBER", "212-555-0187x12"),
        ("at _john@example.com_", "EMAIL_ADDRESS", "john@example.com"),
        (
            "at __john@example.com__",
            "EMAIL_ADDRESS",
            "john@example.com",
        ),
        ("at _john@example.com", "EMAIL_ADDRESS", "_john@example.com"),
        ("INC: voter INC0012345", "IN_VOTER", "INC0012345"),
        ("RRN 1706251234567", "KR_RRN", "1706251234567"),
        ("170625-1234567", "KR_RRN", "170625-1234567"),
        ("Ausweis T20240115", "DE_ID_CARD", "T20240115"),
    ] {
        let found = found(&scanner, text);
        assert!(found.contains(&(name, value)), "{text} {found:?}");
        cuts_change_nothing(&scanner, text);
    }
}

#[test]
fn every_entity_says_what_keeps_it_from_being_found_where_it_is_not() {
    let mut names: Vec<_> = entities().map(|entity| entity.name).collect();
    assert!(entities().all(|entity| entity.about.len() > 8 && entity.about.ends_with('.')));
    let count = names.len();
    names.sort_unstable();
    names.dedup();
    assert_eq!((names.len(), count <= 256), (count, true));
}
