//! The detectors against the published examples of each entity, whole and in pieces.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::string_slice
)]

use envoy_llm_gateway::guard::{
    Find, LOOK_BEHIND, Scan,
    scan::{Scanner, Selection, entities},
};
use serde::Deserialize;
use std::{collections::BTreeMap, fs};

/// A text, and where the entity stands in it (in code points).
#[derive(Debug, Deserialize)]
struct Row {
    entity: String,
    text: String,
    expected_spans: Option<Vec<(usize, usize)>>,
    expected_count: Option<usize>,
    positive: bool,
}

fn rows() -> Vec<Row> {
    let text = fs::read_to_string("tests/fixtures/guard/pii.jsonl").unwrap();
    text.lines()
        .map(|line| serde_json::from_str(line).unwrap())
        .collect()
}

fn only(name: &str) -> Scanner {
    Scanner::new(&Selection {
        kinds: vec![(name.to_owned(), None)],
        ..Selection::default()
    })
    .unwrap()
}

fn whole(scanner: &Scanner, text: &str) -> Vec<Find> {
    let mut finds = Vec::new();
    assert_eq!(scanner.scan(text, 0, true, &mut finds), text.len());
    finds
}

/// Finds as a stream gives them that brings the text in these two pieces, in bytes of the whole.
fn in_pieces(scanner: &Scanner, pieces: &[&str]) -> Vec<Find> {
    let (mut text, mut base, mut decided, mut finds) = (String::new(), 0, 0, Vec::new());
    for (index, piece) in pieces.iter().enumerate() {
        text.push_str(piece);
        let last = index + 1 == pieces.len();
        let mut now = Vec::new();
        let from: usize = decided - base;
        let until = scanner.scan(&text, from, last, &mut now);
        assert!(until >= from && until <= text.len() && (!last || until == text.len()));
        for find in now {
            assert!(
                find.start >= from && find.end <= until,
                "{find:?} {from} {until} {text:?}"
            );
            finds.push(Find {
                start: find.start + base,
                end: find.end + base,
                ..find
            });
        }
        decided = until + base;
        // Only so much of what is decided is kept.
        let mut cut = until.saturating_sub(LOOK_BEHIND);
        while !text.is_char_boundary(cut) {
            cut -= 1;
        }
        text.drain(..cut);
        base += cut;
    }
    finds
}

fn code_points(text: &str, byte: usize) -> usize {
    text[..byte].chars().count()
}

/// Right spans, missed ones, wrong ones.
#[derive(Debug, Default, Clone, Copy)]
struct Tally {
    right: usize,
    missed: usize,
    wrong: usize,
}

fn tally(row: &Row, scanner: &Scanner) -> Tally {
    let found: Vec<_> = whole(scanner, &row.text)
        .into_iter()
        .map(|find| {
            (
                code_points(&row.text, find.start),
                code_points(&row.text, find.end),
            )
        })
        .collect();
    match &row.expected_spans {
        _ if !row.positive => Tally {
            wrong: found.len(),
            ..Tally::default()
        },
        Some(spans) => {
            let right = spans.iter().filter(|span| found.contains(span)).count();
            Tally {
                right,
                missed: spans.len() - right,
                wrong: found.len().saturating_sub(right),
            }
        }
        None => {
            let count = row.expected_count.unwrap_or(1);
            let right = found.len().min(count);
            Tally {
                right,
                missed: count - right,
                wrong: found.len() - right,
            }
        }
    }
}

/// Rows that contradict another row (a check digit that one test wants and another does not, the same text with
/// another leniency), or count the quotes around a URL as part of it.
const CONTRADICTIONS: usize = 4;

#[test]
fn published_examples_are_found_as_published() {
    let mut table: BTreeMap<String, Tally> = BTreeMap::new();
    let mut scanners: BTreeMap<String, Scanner> = BTreeMap::new();
    let mut report = String::new();
    for row in rows() {
        let scanner = scanners
            .entry(row.entity.clone())
            .or_insert_with(|| only(&row.entity));
        let it = tally(&row, scanner);
        let sum = table.entry(row.entity.clone()).or_default();
        *sum = Tally {
            right: sum.right + it.right,
            missed: sum.missed + it.missed,
            wrong: sum.wrong + it.wrong,
        };
        if it.missed + it.wrong > 0 {
            report += &format!(
                "{} {:?} {:?} {it:?} {:?}\n",
                row.entity,
                row.text,
                row.expected_spans,
                whole(scanner, &row.text)
            );
        }
    }
    assert_eq!(report.lines().count(), CONTRADICTIONS, "{report}");
}

/// Numbers that look random and are the same in every run (a linear congruential generator).
struct Dice(u64);

impl Dice {
    fn next(&mut self, below: usize) -> usize {
        self.0 = self
            .0
            .wrapping_mul(6_364_136_223_846_793_005)
            .wrapping_add(1_442_695_040_888_963_407);
        usize::try_from(self.0 >> 33).unwrap() % below
    }

    fn text(&mut self, alphabet: &str, length: usize) -> String {
        let alphabet: Vec<_> = alphabet.chars().collect();
        (0..length)
            .map(|_| alphabet[self.next(alphabet.len())])
            .collect()
    }
}

const ALNUM: &str = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789";
const HEX: &str = "0123456789abcdef";

/// Every name at every score, with a pattern and words.
fn eager() -> Scanner {
    Scanner::new(&Selection {
        kinds: entities()
            .map(|entity| (entity.name.to_owned(), None))
            .collect(),
        patterns: vec![
            (
                "TICKET".to_owned(),
                r"(?i)\bproj-[a-z]+-\d{2,6}\b".to_owned(),
            ),
            ("LINE".to_owned(), r"^key .*$".to_owned()),
            (
                "LETTERS".to_owned(),
                r"\p{Alphabetic}".replace(r"\p{Alphabetic}", "x[a-z]+y"),
            ),
        ],
        words: vec![(
            "SECRET_NAMES".to_owned(),
            ["Bluebird", "new york", "new", "Straße", "機密", "Ωmega"]
                .map(str::to_owned)
                .to_vec(),
        )],
    })
    .unwrap()
}

fn all_pii() -> Scanner {
    Scanner::new(&Selection {
        kinds: vec![("PII".to_owned(), None), ("SECRET".to_owned(), None)],
        ..Selection::default()
    })
    .unwrap()
}

/// The names of what is found, and what it is.
fn found<'t>(scanner: &'t Scanner, text: &'t str) -> Vec<(&'t str, &'t str)> {
    let finds = whole(scanner, text).into_iter();
    finds
        .map(|find| {
            (
                scanner.kinds()[usize::from(find.kind)].as_str(),
                &text[find.start..find.end],
            )
        })
        .collect()
}

#[test]
fn every_example_in_two_pieces_is_found_as_in_one() {
    for scanner in [&Scanner::all(), &eager()] {
        for row in rows() {
            let expected = whole(scanner, &row.text);
            for (cut, _) in row.text.char_indices() {
                let (head, tail) = row.text.split_at(cut);
                assert_eq!(
                    in_pieces(scanner, &[head, tail]),
                    expected,
                    "{head:?} {tail:?}"
                );
            }
        }
    }
}

#[test]
fn texts_of_everything_in_pieces_of_any_size_give_what_the_whole_gives() {
    let (scanner, mut dice) = (eager(), Dice(7));
    let examples: Vec<_> = rows().into_iter().map(|row| row.text).collect();
    let joints = [
        " ",
        "",
        "\n",
        ". ",
        "@",
        "-",
        ":",
        "::",
        "=",
        "\u{200b}",
        "%40",
        "%",
        " new york",
        "proj-ab-1",
        "中文",
        "é",
        "password: ",
        "+",
        "(",
        "/",
        "-----BEGIN ",
        "-----BEGIN PRIVATE KEY-----",
        "-----END ",
        "eyJhbGciOiJub25lIn0.",
        "https://",
        "x",
        "key ",
        "am9obkBleGFtcGxlLmNvbSBpcyBoZXJl",
        "Bluebird",
        "機密",
        "xabcy",
        "a b c ",
        "ＡＢ１２",
        "\u{200f}",
        "'",
        "\"",
        "_",
        "~",
        "Straß",
        "STRAS",
        "SE ",
        ",",
        " / ",
        "x12",
        "_password=",
    ];
    for _ in 0..1500 {
        let mut text = String::new();
        for _ in 0..dice.next(9) + 1 {
            text.push_str(&examples[dice.next(examples.len())]);
            text.push_str(joints[dice.next(joints.len())]);
            text.push_str(joints[dice.next(joints.len())]);
        }
        let mut pieces = Vec::new();
        let mut rest = text.as_str();
        let size = [1, 2, 5, 40][dice.next(4)];
        while !rest.is_empty() {
            let mut cut = (dice.next(size) + 1).min(rest.len());
            while !rest.is_char_boundary(cut) {
                cut += 1;
            }
            let (head, tail) = rest.split_at(cut);
            pieces.push(head);
            rest = tail;
        }
        assert_eq!(
            in_pieces(&scanner, &pieces),
            whole(&scanner, &text),
            "{pieces:?}"
        );
    }
}

fn cuts_change_nothing(scanner: &Scanner, text: &str) {
    for (cut, _) in text.char_indices() {
        let (head, tail) = text.split_at(cut);
        assert_eq!(
            in_pieces(scanner, &[head, tail]),
            whole(scanner, text),
            "{head:?} {tail:?}"
        );
    }
}

#[test]
fn secrets_are_found_under_their_own_names() {
    let mut dice = Dice(3);
    let mut key = |prefix: &str, alphabet: &str, length: usize| {
        format!("{prefix}{}", dice.text(alphabet, length))
    };
    let base32 = "ABCDEFGHIJKLMNOPQRSTUVWXYZ234567";
    let rows = [
        ("SECRET_AWS_ACCESS_KEY", key("AKIA", base32, 16)),
        ("SECRET_GOOGLE_KEY", key("AIza", ALNUM, 35)),
        ("SECRET_AZURE_KEY", key("", ALNUM, 86) + "=="),
        ("SECRET_GITHUB_TOKEN", key("ghp_", ALNUM, 36)),
        ("SECRET_GITHUB_TOKEN", key("github_pat_", ALNUM, 82)),
        ("SECRET_GITLAB_TOKEN", key("glpat-", ALNUM, 20)),
        ("SECRET_SLACK_TOKEN", key("xoxb-", ALNUM, 40)),
        (
            "SECRET_SLACK_WEBHOOK",
            key(
                "https://hooks.slack.com/services/T01234567/B01234567/",
                ALNUM,
                24,
            ),
        ),
        ("SECRET_STRIPE_KEY", key("sk_live_", ALNUM, 24)),
        ("SECRET_OPENAI_KEY", key("sk-proj-", ALNUM, 48)),
        ("SECRET_ANTHROPIC_KEY", key("sk-ant-api03-", ALNUM, 80)),
        ("SECRET_TWILIO_KEY", key("SK", HEX, 32)),
        (
            "SECRET_SENDGRID_KEY",
            key("SG.", ALNUM, 22) + &key(".", ALNUM, 43),
        ),
        ("SECRET_NPM_TOKEN", key("npm_", ALNUM, 36)),
        ("SECRET_PYPI_TOKEN", key("pypi-AgEIcHlwaS5vcmc", ALNUM, 60)),
        ("SECRET_API_KEY", key("hf_", ALNUM, 34)),
        (
            "SECRET_JWT",
            format!(
                "{}.{}.{}",
                "eyJhbGciOiJIUzI1NiJ9",
                "eyJzdWIiOiJhIn0",
                key("", ALNUM, 43)
            ),
        ),
        (
            "SECRET_CONNECTION_STRING",
            key("postgres://app:", ALNUM, 12) + "@db.internal:5432/main",
        ),
        (
            "SECRET_PRIVATE_KEY",
            format!(
                "-----BEGIN RSA PRIVATE KEY-----\n{}\n-----END RSA PRIVATE KEY-----",
                key("", ALNUM, 200)
            ),
        ),
    ];
    let scanner = Scanner::new(&Selection {
        kinds: vec![("SECRET".to_owned(), None)],
        ..Selection::default()
    })
    .unwrap();
    for (name, secret) in rows {
        for text in [
            format!("it is {secret} here"),
            secret.clone(),
            format!("KEY=\"{secret}\"\n"),
        ] {
            let found = found(&scanner, &text);
            assert!(
                found.contains(&(name, secret.as_str())),
                "{name} {text} {found:?}"
            );
            cuts_change_nothing(&scanner, &text);
        }
    }
}

#[test]
fn secrets_without_a_form_need_a_word_before_them() {
    let scanner = all_pii();
    let random = Dice(5).text(ALNUM, 40);
    assert_eq!(found(&scanner, &format!("see {random} for more")), []);
    assert_eq!(
        found(&scanner, &format!("api_key: {random}")),
        [("SECRET_HIGH_ENTROPY", random.as_str())]
    );
    let text = format!("aws_secret_access_key = {random}");
    assert!(found(&scanner, &text).contains(&("SECRET_AWS_SECRET_KEY", random.as_str())));
    assert_eq!(
        found(&scanner, "password: hunter2!"),
        [("SECRET_PASSWORD", "hunter2!")]
    );
    assert_eq!(
        found(
            &scanner,
            "password: required, password = ${PASSWORD}, the password is new"
        ),
        []
    );
}

#[test]
fn a_password_is_announced_by_the_end_of_a_name() {
    let scanner = all_pii();
    for (text, value) in [
        ("POSTGRES_PASSWORD=Sup3rS3cret!", "Sup3rS3cret!"),
        ("db_password: hunter2!", "hunter2!"),
        ("dbPassword: 'hunter2!'", "hunter2!"),
        ("redisPassword = 'hunter2!'", "hunter2!"),
        (r#"{"db_password": "hunter2!"}"#, "hunter2!"),
        ("MYSQL_PWD=hunter2!", "hunter2!"),
        ("PGPASSWORD=hunter2!", "hunter2!"),
        ("spring.datasource.password=hunter2!", "hunter2!"),
        (
            "password: \"process.env.DB_PASSWORD\"",
            "process.env.DB_PASSWORD",
        ),
        ("password: hunter2.hunter3", "hunter2.hunter3"),
        ("password: mysecretstring", "mysecretstring"),
        ("password: 'SecretString'", "SecretString"),
        ("password: String1!", "String1!"),
    ] {
        let announced = found(&scanner, text);
        assert_eq!(announced, [("SECRET_PASSWORD", value)], "{text}");
        cuts_change_nothing(&scanner, text);
    }
    // A key of JSON is looked at before its value.
    let text = "db_password: hunter2!";
    let mut finds = Vec::new();
    scanner.scan(text, text.len() - "hunter2!".len(), true, &mut finds);
    assert_eq!(finds.len(), 1);
    assert_eq!(found(&scanner, "nopassword: hunter2!"), []);
}

#[test]
fn a_private_key_ends_where_no_key_goes_on() {
    let scanner = all_pii();
    let line = Dice(11).text(ALNUM, 64);
    for key in [
        format!("-----BEGIN PRIVATE KEY-----\n{line}\n-----END PRIVATE KEY-----"),
        format!("-----BEGIN PRIVATE KEY-----\r\n{line}\r\nabc=\r\n-----END PRIVATE KEY-----"),
        format!(r"-----BEGIN PRIVATE KEY-----\n{line}\nabc=\n-----END PRIVATE KEY-----"),
        format!("-----BEGIN PRIVATE KEY----- {line} {line} ab== -----END PRIVATE KEY-----"),
        format!(
            "-----BEGIN RSA PRIVATE KEY-----\nProc-Type: 4,ENCRYPTED\nDEK-Info: AES-128-CBC,0A1B\n\n{line}\n-----END RSA PRIVATE KEY-----"
        ),
        format!(
            "-----BEGIN PGP PRIVATE KEY BLOCK-----\nVersion: GnuPG v2.0 (it)\n\n{line}\n=aB1d\n-----END PGP PRIVATE KEY BLOCK-----"
        ),
        format!("-----BEGIN PRIVATE KEY-----\" +\n  \"{line}\" +\n \"-----END PRIVATE KEY-----"),
        format!("-----BEGIN PRIVATE KEY-----\n> {line}\n> {line}"),
    ] {
        let text = format!("it is {key} and what follows. It stays.");
        let found = found(&scanner, &text);
        assert_eq!(found[0], ("SECRET_PRIVATE_KEY", key.as_str()));
        cuts_change_nothing(&scanner, &text);
    }
}

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

/// How long a text takes at best.
fn time(scanner: &Scanner, text: &str) -> std::time::Duration {
    let once = |_| {
        let start = std::time::Instant::now();
        scanner.scan(text, 0, true, &mut Vec::new());
        start.elapsed()
    };
    (0..3).map(once).min().unwrap()
}

#[test]
fn what_begins_like_a_token_again_and_again_is_read_once() {
    let scanner = all_pii();
    let plain = time(&scanner, &"abc-".repeat(25_000));
    for unit in [
        "eyJ-",
        "--eyJ",
        "_-eyJ",
        "eyJ%2D",
        "The quick brown ",
        "(",
        "ya29.",
    ] {
        let taken = time(&scanner, &unit.repeat(100_000 / unit.len()));
        assert!(taken < plain * 15, "{unit:?} {taken:?} {plain:?}");
    }
}

/// Finds that overlap each other without end are decided all the same, and nothing of them stays uncovered.
#[test]
fn a_chain_of_finds_that_overlap_takes_linear_time() {
    let scanner = all_pii();
    let text = "1.x@h.ab::".repeat(100_000);
    let start = std::time::Instant::now();
    let (mut from, mut covered, mut turns) = (0, 0, 0);
    while from < text.len() {
        let end = text.len().min(from + (64 << 10));
        let mut finds = Vec::new();
        let last = end == text.len();
        let piece = &text[from.saturating_sub(LOOK_BEHIND)..end];
        let base = end - piece.len();
        let until = base + scanner.scan(piece, from - base, last, &mut finds);
        assert!(last || end - until <= 40_000, "{} are held", end - until);
        for find in finds {
            assert!(base + find.end <= until);
            assert!(base + find.start <= covered, "{} is not covered", covered);
            covered = covered.max(base + find.end);
        }
        (from, turns) = (until, turns + 1);
    }
    assert!(covered + 8 >= text.len() && turns < 60, "{covered} {turns}");
    assert!(start.elapsed().as_secs() < 10, "{:?}", start.elapsed());
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

#[test]
fn patterns_and_words_are_found() {
    let scanner = eager();
    let own = |text| -> Vec<(&str, &str)> {
        let found = found(&scanner, text).into_iter();
        found
            .filter(|(name, _)| matches!(*name, "TICKET" | "LINE" | "SECRET_NAMES"))
            .collect()
    };
    assert_eq!(own("see PROJ-abc-123."), [("TICKET", "PROJ-abc-123")]);
    assert_eq!(own("a\nkey of it\nb"), [("LINE", "key of it")]);
    assert_eq!(
        own("bluebird, bluebirds, BLUEBIRD"),
        [("SECRET_NAMES", "bluebird"), ("SECRET_NAMES", "BLUEBIRD")]
    );
    assert_eq!(own("the New Yorker"), [("SECRET_NAMES", "New")]);
    assert_eq!(
        own("STRASSE Straße STRAße"),
        [
            ("SECRET_NAMES", "STRASSE"),
            ("SECRET_NAMES", "Straße"),
            ("SECRET_NAMES", "STRAße")
        ]
    );
    assert_eq!(own("这是機密文件"), [("SECRET_NAMES", "機密")]);
}

#[test]
fn a_pattern_that_could_not_run_is_refused_with_a_reason() {
    for (source, reason) in [
        ("(a", "the pattern cannot be read"),
        ("a*", "matches the empty text"),
        (r"\Aabc", "may come in pieces"),
        (r"(\w{1,100}\d){50}", "too large"),
        (r"(?:a|b)*a(?:a|b){40}", "too large"),
        (r"(a)\1", "cannot be read"),
    ] {
        let selection = Selection {
            patterns: vec![("OWN".to_owned(), source.to_owned())],
            ..Selection::default()
        };
        let problems = Scanner::new(&selection).expect_err(source);
        assert!(
            problems[0].name == "OWN" && problems[0].message.contains(reason),
            "{problems:?}"
        );
    }
    let selection = Selection {
        kinds: vec![("EMAIL".to_owned(), None)],
        ..Selection::default()
    };
    assert_eq!(
        Scanner::new(&selection).unwrap_err()[0].to_string(),
        "EMAIL: no entity has this name; use PII, SECRET, or a name such as EMAIL_ADDRESS"
    );
}

/// What waits for more text is bounded, whatever the text.
#[test]
fn hostile_texts_take_bounded_time_and_are_not_held_back() {
    let scanner = eager();
    for unit in [
        "1",
        "@",
        "a@",
        "1 ",
        "a.",
        "WVdKaVlXSmg",
        "::",
        "-----BEGIN ",
        "-----BEGIN PRIVATE KEY-----",
        "eyJaaa.",
        "\u{200b}",
        "a\u{200b}",
        "+1",
        "%",
        "%41",
        "12-",
        "1234 ",
        "http://a/",
        "a://b:c",
        "password:",
        "x",
        "AB1 ",
        "a b c ",
        "_",
        "(",
        "proj-a",
        "new ",
        "1.x@h.ab::",
        "eyJ-",
        "--eyJ",
        "PRIVATE KEY-----\nab12 ",
        "db_password=",
        "12,",
    ] {
        let text = unit.repeat(200_000 / unit.len());
        let mut finds = Vec::new();
        let start = std::time::Instant::now();
        let decided = scanner.scan(&text, 0, false, &mut finds);
        assert!(
            text.len() - decided <= 40_000,
            "{unit:?} holds {}",
            text.len() - decided
        );
        assert!(
            start.elapsed().as_secs() < 20,
            "{unit:?} {:?}",
            start.elapsed()
        );
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
