//! TLS and SASL: each way in is taken, with the configurations that `docs/security.md` gives, and each way to be turned
//! away says why.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::mpsc::channel;

use karrow::error::{Error, Status};
use karrow::ingest::{Consumer, Timeout};
use karrow::log::{Level, Log};
use karrow::options::Options;
use karrow::table::retention::TableType;
use rdkafka::bindings::rd_kafka_resp_err_t as Code;

use crate::support::broker::free_port;
use crate::support::certificates::KEY_PASSWORD;
use crate::support::secured::{Listener, PASSWORD, Secured, USER, secured_cluster};
use crate::trouble::drain;
use crate::{HANG, check_rows, options, poll_until, produce};

const PAGE: &str = include_str!("../../docs/security.md");
const MECHANISMS: [&str; 3] = ["PLAIN", "SCRAM-SHA-256", "SCRAM-SHA-512"];
const ROWS: i64 = 50;

const SSL: i32 = Code::RD_KAFKA_RESP_ERR__SSL as i32;
const AUTHENTICATION: i32 = Code::RD_KAFKA_RESP_ERR__AUTHENTICATION as i32;

/// A topic of two partitions with some rows each.
fn topic(secured: &Secured, name: &'static str) -> &'static str {
    secured.cluster.create_topic(name, 2, 1, &[]);
    for partition in 0..2 {
        produce(&secured.cluster, name, partition, 0, ROWS);
    }
    name
}

/// The configurations on the page, by the word behind `properties`.
fn page() -> BTreeMap<&'static str, Vec<(&'static str, &'static str)>> {
    let blocks = PAGE.split("\n```properties ").skip(1);
    let blocks = blocks.map(|block| block.split_once("\n```").expect("a block ends").0);
    let parse = |block: &'static str| {
        let (name, lines) = block.split_once('\n').expect("a block has a name and lines");
        let lines = lines.lines().map(|line| line.split_once('=').unwrap_or_else(|| panic!("{name}: {line}")));
        (name, lines.collect())
    };
    blocks.map(parse).collect()
}

/// Options with a configuration of the page, for a listener.
fn page_options(secured: &Secured, topic: &str, name: &str, listener: Listener) -> Options {
    let mut options = options(&secured.cluster, topic);
    options.set_table_type(TableType::Append).unwrap();
    for (key, value) in &page()[name] {
        let value = match (*value, value.strip_prefix("/path/to/")) {
            (_, Some(file)) => secured.certificates.path(file),
            ("HOST:PORT", _) => secured.address(listener),
            ("KEY-PASSWORD", _) => KEY_PASSWORD.to_owned(),
            ("PASSWORD", _) => PASSWORD.to_owned(),
            (value, _) => value.replace("USER", USER),
        };
        options.set(key, Some(&value)).unwrap();
    }
    options
}

fn with(mut options: Options, changes: &[(&str, &str)]) -> Options {
    for (key, value) in changes {
        options.set(key, (!value.is_empty()).then_some(*value)).unwrap();
    }
    options
}

/// Opens, and reads all rows there are.
fn read(options: &Options, what: &str) {
    let consumer = Consumer::new(options).unwrap();
    consumer.open(Timeout::Millis(60_000)).unwrap_or_else(|error| panic!("{what}: {error}"));
    poll_until(&consumer, |cycle| {
        assert_eq!(cycle.failed, 0, "{what}: {:?}", crate::progress(&cycle.snapshot));
        cycle.snapshot.partitions().iter().all(|partition| partition.rows().end_row() == ROWS)
    });
    for partition in 0..2 {
        assert_eq!(check_rows(&consumer.snapshot().unwrap().whole(partition).unwrap(), partition, 0), ROWS, "{what}");
    }
}

/// What open fails with. Panics if it does not end although it should give up by itself.
fn refusal(options: &Options, timeout: Timeout) -> Error {
    let consumer = match Consumer::new(options) {
        Ok(consumer) => consumer,
        Err(error) => return error,
    };
    std::thread::scope(|scope| {
        let (send, receive) = channel();
        let opening = &consumer;
        scope.spawn(move || send.send(opening.open(timeout)).unwrap());
        let outcome = receive.recv_timeout(HANG);
        if outcome.is_err() {
            consumer.wakeup();
        }
        let error = outcome.expect("open hangs").expect_err("nobody keeps this client out");
        consumer.close(Timeout::Millis(20_000)).unwrap();
        error
    })
}

#[test]
fn every_configuration_of_the_page_reads_rows() {
    let secured = secured_cluster();
    let topic = topic(secured, "ways-in");
    let mut tried = BTreeSet::new();
    let mut reads = |name: &'static str, listener: Listener, changes: &[(&str, &str)]| {
        tried.insert(name);
        let options = with(page_options(secured, topic, name, listener), changes);
        read(&options, &format!("{name} with {changes:?}"));
    };
    reads("plaintext", Listener::Plaintext, &[]);
    reads("tls", Listener::Ssl, &[]);
    reads("mutual-tls", Listener::Mtls, &[]);
    reads("mutual-tls-pkcs12", Listener::Mtls, &[]);
    reads("oauthbearer-unsecured", Listener::SaslPlaintext, &[]);
    for mechanism in MECHANISMS {
        reads("sasl", Listener::SaslPlaintext, &[("sasl.mechanism", mechanism)]);
        reads("sasl-tls", Listener::SaslSsl, &[("sasl.mechanism", mechanism)]);
    }
    // What the page says beside the blocks.
    let text = |file: &str| std::fs::read_to_string(secured.certificates.path(file)).unwrap();
    reads("tls", Listener::Ssl, &[("ssl.ca.location", ""), ("ssl.ca.pem", &text("ca.pem"))]);
    reads("tls", Listener::Elsewhere, &[("ssl.endpoint.identification.algorithm", "none")]);
    let unchecked = [("ssl.ca.location", ""), ("enable.ssl.certificate.verification", "false")];
    reads("tls", Listener::Elsewhere, &unchecked);
    let address = format!("127.0.0.1:{}", secured.port(Listener::Ssl));
    reads("tls", Listener::Ssl, &[("bootstrap.servers", &address)]);
    let unencrypted = secured.certificates.path("client.plain.key");
    reads("mutual-tls", Listener::Mtls, &[("ssl.key.location", &unencrypted), ("ssl.key.password", "")]);
    let (certificate, key) = (text("client.pem"), text("client.plain.key"));
    let texts = [
        ("ssl.certificate.location", ""),
        ("ssl.key.location", ""),
        ("ssl.key.password", ""),
        ("ssl.certificate.pem", &certificate),
        ("ssl.key.pem", &key),
    ];
    reads("mutual-tls", Listener::Mtls, &texts);
    // Its authority is none that a system knows.
    tried.insert("tls-system");
    assert_eq!(tried, page().into_keys().collect(), "a configuration is not tried, or not on the page");
}

/// One way to be turned away.
struct Refused {
    /// The configuration of the page that is changed.
    form: &'static str,
    listener: Listener,
    changes: Vec<(&'static str, String)>,
    status: Status,
    code: i32,
    /// What the message has, beginning with what the page lists, if it does.
    has: &'static [&'static str],
}

#[test]
fn who_is_refused_is_told_why_at_once_however_long_he_would_wait() {
    let secured = secured_cluster();
    let path = |file: &str| secured.certificates.path(file);
    let mut cases = Vec::new();
    let mut case = |form, listener, changes: &[(&'static str, &str)], status, code, has| {
        let changes = changes.iter().map(|(key, value)| (*key, (*value).to_owned())).collect();
        cases.push(Refused { form, listener, changes, status, code, has });
    };
    for mechanism in MECHANISMS {
        for (form, listener) in [("sasl", Listener::SaslPlaintext), ("sasl-tls", Listener::SaslSsl)] {
            for wrong in [("sasl.password", "open-sesame-77"), ("sasl.username", "mallory")] {
                let changes = [("sasl.mechanism", mechanism), wrong];
                let has = &["Authentication failed", "check sasl.username, sasl.password and sasl.mechanism"];
                case(form, listener, &changes, Status::Kafka, AUTHENTICATION, has);
            }
        }
    }
    let has = &["Unsupported SASL mechanism: broker's supported mechanisms: ", "SCRAM-SHA-512", "set sasl.mechanism"];
    let changes = [("sasl.mechanism", "SCRAM-SHA-1")];
    case("sasl", Listener::SaslPlaintext, &changes, Status::Kafka, AUTHENTICATION, has);
    let has = &["this listener wants no SASL", "set security.protocol to plaintext"];
    case("sasl", Listener::Plaintext, &[], Status::Kafka, AUTHENTICATION, has);
    let has = &["this listener wants no SASL", "set security.protocol to ssl"];
    case("sasl-tls", Listener::Ssl, &[], Status::Kafka, AUTHENTICATION, has);

    let has = &["signed by an authority that is not known here", "certificate verify failed", "ssl.ca.location"];
    case("tls", Listener::Ssl, &[("ssl.ca.location", &path("strange-ca.pem"))], Status::Kafka, SSL, has);
    case("sasl-tls", Listener::SaslSsl, &[("ssl.ca.location", &path("strange-ca.pem"))], Status::Kafka, SSL, has);
    let has = &["for a host of another name (hostname mismatch)", "localhost", "advertised.listeners"];
    case("tls", Listener::Elsewhere, &[], Status::Kafka, SSL, has);
    let address = format!("127.0.0.1:{}", secured.port(Listener::Elsewhere));
    let has = &["for a host of another name (hostname mismatch)", "127.0.0.1"];
    case("tls", Listener::Elsewhere, &[("bootstrap.servers", &address)], Status::Kafka, SSL, has);
    let has = &["the broker wants a certificate of the client", "ssl.certificate.location", "ssl.key.location"];
    case("tls", Listener::Mtls, &[], Status::Kafka, SSL, has);
    let stranger = [("ssl.certificate.location", &*path("stranger.pem")), ("ssl.key.location", &path("stranger.key"))];
    case("mutual-tls", Listener::Mtls, &stranger, Status::Kafka, SSL, &["does not accept the client's certificate"]);

    // What librdkafka finds out by itself.
    let has = &["ssl.key.location failed", "maybe wrong password"];
    case("mutual-tls", Listener::Mtls, &[("ssl.key.password", "open-sesame-77")], Status::Kafka, 0, has);
    let has = &["ssl.key.location failed", "requires password but no password configured (ssl.key.password)"];
    case("mutual-tls", Listener::Mtls, &[("ssl.key.password", "")], Status::Kafka, 0, has);
    let has = &["ssl.key.location failed", "key values mismatch"];
    case("mutual-tls", Listener::Mtls, &[("ssl.key.location", &path("stranger.key"))], Status::Kafka, 0, has);
    let has = &["ssl.ca.location", "No such file or directory", "/nowhere/ca.pem"];
    case("tls", Listener::Ssl, &[("ssl.ca.location", "/nowhere/ca.pem")], Status::Kafka, 0, has);
    let has = &["GSSAPI", "log in by sasl.mechanism PLAIN, SCRAM-SHA-256 or SCRAM-SHA-512"];
    case("sasl", Listener::SaslPlaintext, &[("sasl.mechanism", "")], Status::InvalidArgument, 0, has);
    let has = &["OAUTHBEARER", "karrow cannot fetch tokens"];
    let bearer = [("sasl.mechanism", "OAUTHBEARER")];
    case("sasl", Listener::SaslPlaintext, &bearer, Status::Unsupported, 0, has);
    let oidc = [("sasl.mechanism", "OAUTHBEARER"), ("sasl.oauthbearer.method", "oidc")];
    let has = &["sasl.oauthbearer.method", "this build fetches no OAuth tokens"];
    case("sasl", Listener::SaslPlaintext, &oidc, Status::Unsupported, 0, has);
    let token = [("sasl.oauthbearer.config", "no such thing")];
    let has = &["OAUTHBEARER", "Unrecognized sasl.oauthbearer.config"];
    case("oauthbearer-unsecured", Listener::SaslPlaintext, &token, Status::Kafka, AUTHENTICATION, has);

    for Refused { form, listener, changes, status, code, has } in cases {
        let what = format!("{form} through {listener:?} with {changes:?}");
        let changes: Vec<_> = changes.iter().map(|(key, value)| (*key, &**value)).collect();
        let options = with(page_options(secured, "nobody-gets-here", form, listener), &changes);
        let error = refusal(&options, Timeout::Never);
        let found = (error.status(), error.kafka_code(), error.is_retriable());
        assert_eq!(found, (status, code, false), "{what}: {error}");
        assert!(PAGE.contains(has[0]), "the page does not say what to do about {}", has[0]);
        for part in has {
            assert!(error.message().contains(part), "{what}: '{part}' is missing in: {error}");
        }
        for secret in [PASSWORD, "open-sesame-77", KEY_PASSWORD] {
            assert!(!format!("{error:?}").contains(secret), "{what}: {error}");
        }
    }
}

#[test]
fn who_speaks_another_protocol_is_told_when_the_time_is_over() {
    let secured = secured_cluster();
    for (form, listener, has) in [
        ("plaintext", Listener::Ssl, ["if the broker expects TLS", "set security.protocol to ssl"]),
        ("sasl", Listener::SaslSsl, ["if the broker expects TLS", "set security.protocol to sasl_ssl"]),
        (
            "plaintext",
            Listener::SaslPlaintext,
            ["if the broker expects SASL", "set security.protocol to sasl_plaintext"],
        ),
        ("tls", Listener::SaslSsl, ["if the broker expects SASL", "set security.protocol to sasl_ssl"]),
        ("tls", Listener::Plaintext, ["if the broker does not expect TLS", "set security.protocol to plaintext"]),
        (
            "sasl-tls",
            Listener::SaslPlaintext,
            ["if the broker does not expect TLS", "set security.protocol to sasl_plaintext"],
        ),
    ] {
        let error = refusal(&page_options(secured, "nobody-gets-here", form, listener), Timeout::Millis(1500));
        assert_eq!((error.status(), error.is_retriable()), (Status::Timeout, true), "{form}, {listener:?}: {error}");
        assert!(error.message().starts_with("Kafka could not be reached within 1500 ms: "), "{error}");
        assert!(PAGE.contains(has[0]), "the page does not say what to do about {}", has[0]);
        for part in has {
            assert!(error.message().contains(part), "{form}, {listener:?}: '{part}' is missing in: {error}");
        }
    }
}

#[test]
fn a_bad_broker_beside_a_good_one_keeps_nobody_out() {
    let secured = secured_cluster();
    let topic = topic(secured, "bad-and-good");
    let (good, bad) = (secured.address(Listener::Ssl), secured.address(Listener::Elsewhere));
    let dead = format!("127.0.0.1:{}", free_port());
    // librdkafka takes one of them at random.
    for servers in [format!("{bad},{good}"), format!("{good},{bad},{dead}"), format!("{dead},{good}")] {
        for _ in 0..5 {
            let changes = [("bootstrap.servers", &*servers)];
            read(&with(page_options(secured, topic, "tls", Listener::Ssl), &changes), &servers);
        }
    }
    // A dead one may come back, so that the refusal is held back for a while, but not for ever.
    let changes = [("bootstrap.servers", &*format!("{bad},{dead}"))];
    let error = refusal(&with(page_options(secured, topic, "tls", Listener::Ssl), &changes), Timeout::Never);
    assert_eq!((error.status(), error.kafka_code()), (Status::Kafka, SSL));
    assert!(error.message().contains("hostname mismatch"), "{error}");
}

#[test]
fn the_systems_authorities_are_found_by_default() {
    let secured = secured_cluster();
    let log = Log::new(Level::Debug, 100_000).unwrap();
    let mut options = page_options(secured, "nobody-gets-here", "tls-system", Listener::Ssl);
    options.set("debug", Some("security")).unwrap();
    options.set_log(Some(log.clone()));
    let error = refusal(&options, Timeout::Never);
    assert_eq!((error.status(), error.kafka_code()), (Status::Kafka, SSL));
    assert!(error.message().contains("signed by an authority that is not known here"), "{error}");
    let said = drain(&log);
    let found =
        said.lines().find_map(|line| line.split_once("Setting default CA certificate location for kafka to \""));
    let path = found.and_then(|(_, path)| path.split_once('"')).map(|(path, _)| path);
    let path = path.unwrap_or_else(|| panic!("install the package ca-certificates; librdkafka found none:\n{said}"));
    assert!(!said.contains("Failed to set default CA certificate"), "{said}");
    // A file of certificates, or a directory of them.
    let path = std::path::Path::new(path);
    let authorities = |file: &std::path::Path| openssl::x509::X509::stack_from_pem(&std::fs::read(file).unwrap());
    assert!(path.is_dir() || authorities(path).unwrap().len() > 10, "{}", path.display());
    assert!(PAGE.contains("/etc/ssl/certs/ca-certificates.crt") && PAGE.contains("/etc/pki/tls/certs/ca-bundle.crt"));
}

#[test]
fn no_secret_is_told_to_anybody() {
    let secured = secured_cluster();
    let topic = topic(secured, "secrets");
    const MARKER: &str = "marker-4f1c9e-marker";
    let log = Log::new(Level::Debug, 1_000_000).unwrap();
    let noisy = |form: &str, listener: Listener, changes: &[(&str, &str)]| {
        let mut options = with(page_options(secured, topic, form, listener), changes);
        options.set("debug", Some("all")).unwrap();
        options.set_log(Some(log.clone()));
        options
    };
    let mut said = String::new();
    for mechanism in MECHANISMS {
        read(&noisy("sasl", Listener::SaslPlaintext, &[("sasl.mechanism", mechanism)]), mechanism);
        let wrong = [("sasl.mechanism", mechanism), ("sasl.password", MARKER)];
        said += &format!("{:?}\n", refusal(&noisy("sasl-tls", Listener::SaslSsl, &wrong), Timeout::Never));
    }
    read(&noisy("mutual-tls", Listener::Mtls, &[]), "mutual TLS");
    for (form, listener, secret) in [
        ("mutual-tls", Listener::Mtls, "ssl.key.password"),
        ("mutual-tls-pkcs12", Listener::Mtls, "ssl.keystore.password"),
        ("tls", Listener::Ssl, "ssl.key.pem"),
        ("tls", Listener::Ssl, "ssl.certificate.pem"),
        ("oauthbearer-unsecured", Listener::SaslPlaintext, "sasl.oauthbearer.config"),
    ] {
        let error = refusal(&noisy(form, listener, &[(secret, MARKER)]), Timeout::Never);
        said += &format!("{error:?} {:?}\n", error.details().collect::<Vec<_>>());
    }
    let log = drain(&log);
    for seen in ["Debug librdkafka/AUTH ", "Debug librdkafka/FETCH ", "librdkafka/FAIL ", "Debug librdkafka/CONF"] {
        assert!(log.contains(seen), "the log does not have {seen}");
    }
    said += &log;
    use base64::Engine as _;
    let base64 = |text: &str| base64::engine::general_purpose::STANDARD_NO_PAD.encode(text);
    for secret in [MARKER, PASSWORD, KEY_PASSWORD] {
        for form in [secret.to_owned(), base64(secret), base64(&format!("\0{USER}\0{secret}"))] {
            let line = said.lines().find(|line| line.contains(&form));
            assert_eq!(line, None, "a secret is told");
        }
    }
}
