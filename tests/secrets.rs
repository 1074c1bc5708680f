//! No secret is shown: not in an error and its details, not in a debug print, not in a log entry.
//!
//! Each property that holds a secret is set to a marker in every form that a caller may give it, wrong ones too, and
//! whatever karrow and librdkafka then say is searched for the marker. No broker is needed: a handle that cannot connect
//! says a lot.

use std::collections::BTreeMap;
use std::fmt::Write;
use std::sync::Arc;
use std::time::Instant;

use karrow::error::Error;
use karrow::format::{Side, Spec};
use karrow::ingest::{Consumer, Timeout};
use karrow::log::{Level, Log};
use karrow::options::secrets::{Shown, is_secret};
use karrow::options::{Options, java, librdkafka, registry};
use karrow::registry::{Cancel, Client, Patience, Settings};

const MARKER: &str = "Xyzzy2Plugh";

/// Those of librdkafka's properties that hold a secret, and that no table of karrow's has.
const LIBRDKAFKAS: [&str; 5] =
    ["sasl.password", "sasl.oauthbearer.config", "ssl.ca.pem", "ssl.certificate.pem", "ssl.key.pem"];

fn secret_keys() -> Vec<String> {
    let java = java::KEYS.iter().map(|(key, _)| *key);
    let named = java.chain(LIBRDKAFKAS).chain(librdkafka::refused()).map(str::to_owned);
    named.chain(registry::keys()).filter(|key| is_secret(key)).collect()
}

/// The forms that a secret may have, with the marker in it.
fn values() -> Vec<String> {
    let login = |options: &str| {
        format!("org.apache.kafka.common.security.plain.PlainLoginModule required {options}").replace("MARKER", MARKER)
    };
    vec![
        MARKER.to_owned(),
        format!("{MARKER}\0"),
        format!(" {MARKER}\n"),
        format!("principal=x {MARKER}"),
        format!("principal=x scope={MARKER} lifeSeconds={MARKER}"),
        format!("x:{MARKER}"),
        format!("-----BEGIN PRIVATE KEY-----\n{MARKER}\n-----END PRIVATE KEY-----\n"),
        format!("-----BEGIN CERTIFICATE-----\n{MARKER}\n-----END CERTIFICATE-----\n"),
        format!("-----BEGIN {MARKER}-----\nAAAA\n"),
        login("username=\"alice\" password=\"MARKER\";"),
        login("username=\"alice\" password=\"MARKER\""),
        login("username=\"alice\" password=\"MARKER;"),
        login("username=\"alice\" password=MARKER MARKER;"),
        login("username=\"alice\" MARKER=\"MARKER\";"),
        login("MARKER"),
        format!("{MARKER} required username=\"{MARKER}\";"),
        format!(
            "org.apache.kafka.common.security.oauthbearer.OAuthBearerLoginModule required clientSecret=\"{MARKER}\";"
        ),
    ]
}

fn options(log: &Log) -> Options {
    let mut options = Options::new("orders").unwrap();
    options.set_spec(Side::Key, Spec::Ignore);
    options.set_spec(Side::Value, Spec::Simple { column: None, type_name: Some("utf8".to_owned()) });
    options.set("bootstrap.servers", Some("127.0.0.1:1")).unwrap();
    options.set("debug", Some("all")).unwrap();
    options.set_log(Some(log.clone()));
    options
}

/// Everything that is said about an error.
fn told(error: &Error) -> String {
    let details: String = error.details().map(|(key, value)| format!("{key}={value} ")).collect();
    format!("{error} {error:?} {details}\n")
}

/// Sets properties and goes as far as they let it; returns all that was said on the way.
fn everything_said(pairs: &[(&str, &str)]) -> String {
    let log = Log::new(Level::Debug, 10_000).unwrap();
    let mut options = options(&log);
    let mut said = String::new();
    // Whatever is wrong with a registry's keys is told only if there is one.
    options.set("schema.registry.url", Some("http://127.0.0.1:1")).unwrap();
    for (key, value) in pairs {
        if let Err(error) = options.set(key, Some(value)) {
            said += &told(&error);
        }
    }
    write!(said, "{options:?}").unwrap();
    match options.plan() {
        Err(error) => said += &told(&error),
        Ok(plan) => {
            write!(said, "{:?}", Shown(&plan.kafka)).unwrap();
            said += &asked(plan.registry.expect("it is named"));
        }
    }
    match Consumer::new(&options) {
        Err(error) => said += &told(&error),
        Ok(consumer) => said += &told(&consumer.open(Timeout::Millis(50)).unwrap_err()),
    }
    while let Some(entry) = log.take(Some(Instant::now())) {
        said += &format!("{}: {}\n", entry.source, entry.text);
    }
    assert_eq!(log.dropped(), 0);
    said
}

/// What is said when a registry that nobody can reach is asked.
fn asked(registry: Arc<Settings>) -> String {
    let client = match Client::new(registry) {
        Err(error) => return told(&error),
        Ok(client) => client,
    };
    let patience = Patience { deadline: Some(Instant::now()), cancel: &Cancel::default() };
    let failure = client.by_id(7, patience).unwrap_err();
    format!("{failure} {failure:?} {}", told(&failure.clone().into()))
}

#[track_caller]
fn assert_hidden(said: &str, pairs: &[(&str, &str)]) {
    if let Some(line) = said.lines().find(|line| line.contains(MARKER)) {
        panic!("{pairs:?}: {line}");
    }
}

#[test]
fn no_secret_is_shown_whatever_it_looks_like() {
    let keys = secret_keys();
    for key in LIBRDKAFKAS.iter().chain(&["basic.auth.user.info", "bearer.auth.token", "bearer.auth.client.secret"]) {
        assert!(keys.iter().any(|known| known == key), "{key} holds a secret");
    }
    for key in &keys {
        for value in values() {
            let pairs = [
                ("sasl.mechanism", "PLAIN"),
                ("sasl.username", "alice"),
                ("security.protocol", "SASL_SSL"),
                (key.as_str(), &value),
            ];
            // A login module says who logs in, so that nothing else may.
            let pairs: Vec<_> =
                pairs.into_iter().filter(|(name, _)| key != "sasl.jaas.config" || *name != "sasl.username").collect();
            assert_hidden(&everything_said(&pairs), &pairs);
        }
    }
}

#[test]
fn no_key_or_certificate_is_shown_beside_its_other_half() {
    let pem = |label: &str| format!("-----BEGIN {label}-----\n{MARKER}\n-----END {label}-----\n");
    let (chain, key) = (pem("CERTIFICATE"), pem("PRIVATE KEY"));
    for (certificate_key, private_key) in
        [("ssl.keystore.certificate.chain", "ssl.keystore.key"), ("ssl.certificate.pem", "ssl.key.pem")]
    {
        for private in [&key, MARKER] {
            let pairs = [(certificate_key, &*chain), (private_key, private), ("security.protocol", "SSL")];
            assert_hidden(&everything_said(&pairs), &pairs);
        }
    }
}

#[test]
fn no_token_is_shown_when_it_cannot_be_made() {
    for config in [format!("principal=x {MARKER}"), format!("{MARKER}=x"), format!("principal={MARKER}\u{1}")] {
        let pairs = [
            ("security.protocol", "SASL_PLAINTEXT"),
            ("sasl.mechanism", "OAUTHBEARER"),
            ("enable.sasl.oauthbearer.unsecure.jwt", "true"),
            ("sasl.oauthbearer.config", &config),
        ];
        assert_hidden(&everything_said(&pairs), &pairs);
    }
}

#[test]
fn a_password_in_an_address_or_under_a_misspelt_name_is_not_printed() {
    let address = format!("https://alice:{MARKER}@registry:8081");
    for (key, value) in [("schema.registry.url", &*address), ("sasl.pasword", MARKER), ("schema.registry.pass", MARKER)]
    {
        let pairs = [(key, value)];
        assert_hidden(&everything_said(&pairs), &pairs);
    }
    for value in [
        format!("http://127.0.0.1:1,http://alice:{MARKER}@127.0.0.1:1"),
        format!("http://alice:{MARKER}@127.0.0.1:1/a/b,https://bob:{MARKER}@127.0.0.1:1"),
        format!("alice:{MARKER}@registry"),
        format!("http://alice:a/{MARKER}@registry"),
        format!("http://alice:{MARKER}#@registry"),
        format!("http://{MARKER}@registry"),
        format!("http://a,b:{MARKER}@registry,ftp://c"),
    ] {
        let pairs = [("schema.registry.url", &*value)];
        assert_hidden(&everything_said(&pairs), &pairs);
    }
    let pairs = [
        ("schema.registry.basic.auth.credentials.source", "SASL_INHERIT"),
        ("sasl.username", "alice"),
        ("sasl.password", MARKER),
    ];
    assert_hidden(&everything_said(&pairs), &pairs);
    let properties = BTreeMap::from([("schema.registry.url".to_owned(), address)]);
    assert_eq!(format!("{:?}", Shown(&properties)), "{\"schema.registry.url\": \"https://[redacted]@registry:8081\"}");
}
