//! Keys, tokens and passwords.

use crate::{ALNUM, Dice, HEX, all_pii, cuts_change_nothing, found};
use envoy_llm_gateway::guard::{
    Scan,
    scan::{Scanner, Selection},
};

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
