//! The properties of Kafka's Java client (rule K3), for configurations that were written for it.
//!
//! [`KEYS`] has every key of its `ConsumerConfig`, and what becomes of it here: librdkafka knows most by the same name; some
//! are said in another way, which [`translate`] does; some have no effect, because what they tune does not exist here and
//! nothing is lost, changed or exposed without it; and the others are refused with what to do instead. A test compares the
//! list with the client's own, and another with `docs/options.md`, which says the same to users.

use std::collections::BTreeMap;
use std::ops::RangeInclusive;

use super::jaas;
use super::librdkafka::ALIASES;
use super::pem;
use crate::error::{Error, Result, Status};

/// What becomes of a key of the Java client.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Treatment {
    /// librdkafka has the same property.
    Same,
    /// librdkafka has other names or values for it, or karrow does it.
    Translated,
    /// Nothing here depends on it.
    WithoutEffect,
    /// It cannot be honoured, and would be missed; says why, and what to do instead.
    Refused(&'static str),
}

use Treatment::{Refused, Same, Translated, WithoutEffect};

pub(super) const NO_KERBEROS: &str = "this build has no Kerberos (GSSAPI); log in by sasl.mechanism PLAIN, SCRAM-SHA-256 or SCRAM-SHA-512, or by a client \
     certificate";
pub(super) const NO_TOKENS: &str = "this build fetches no OAuth tokens; log in by sasl.mechanism PLAIN, SCRAM-SHA-256 or SCRAM-SHA-512, or by a client \
     certificate";
const NO_PROVIDERS: &str = "karrow looks up no values elsewhere; set each key to the value itself";
const NO_MEMBERS: &str = "karrow joins no group, and so cannot keep a second reader of this name out; leave it out, and let one reader alone \
     commit for group.id";
const NO_INTERCEPTORS: &str = "karrow runs no Java classes; leave it out, and change rows where they are read";
const NO_LOGIN_CLASS: &str = "karrow runs no Java classes; log in by sasl.mechanism PLAIN, SCRAM-SHA-256 or SCRAM-SHA-512 with sasl.username and \
     sasl.password, or by a client certificate";
const NO_PROVIDER_CLASS: &str = "karrow runs no Java classes; providers of OpenSSL are named by ssl.providers";
const NO_ENGINE_CLASS: &str = "karrow runs no Java classes; give certificates and keys as PEM, with ssl.ca.location, ssl.certificate.location and \
     ssl.key.location";
pub(super) const NO_STORE: &str = "a trust store here is a PEM file, which has no password; write the certificates of a JKS or PKCS12 store to one \
     (keytool -list -rfc), and set ssl.ca.location to it";

/// Every key of the client's `ConsumerConfig`, as of kafka-clients 4.3.1.
pub const KEYS: [(&str, Treatment); 116] = [
    ("allow.auto.create.topics", Same),
    ("auto.commit.interval.ms", Translated),
    ("auto.offset.reset", Translated),
    ("bootstrap.servers", Same),
    ("check.crcs", Same),
    ("client.dns.lookup", Same),
    ("client.id", Same),
    ("client.rack", Same),
    ("config.providers", Refused(NO_PROVIDERS)),
    ("connections.max.idle.ms", Translated),
    ("default.api.timeout.ms", WithoutEffect),
    ("enable.auto.commit", Translated),
    ("enable.metrics.push", Same),
    ("exclude.internal.topics", WithoutEffect),
    ("fetch.max.bytes", Same),
    ("fetch.max.wait.ms", Translated),
    ("fetch.min.bytes", Same),
    ("group.id", Same),
    ("group.instance.id", Refused(NO_MEMBERS)),
    ("group.protocol", WithoutEffect),
    ("group.remote.assignor", WithoutEffect),
    ("heartbeat.interval.ms", WithoutEffect),
    ("interceptor.classes", Refused(NO_INTERCEPTORS)),
    ("internal.throw.on.fetch.stable.offset.unsupported", WithoutEffect),
    ("isolation.level", Same),
    ("key.deserializer", Translated),
    ("max.partition.fetch.bytes", Same),
    ("max.poll.interval.ms", WithoutEffect),
    ("max.poll.records", WithoutEffect),
    ("metadata.max.age.ms", Same),
    ("metadata.recovery.rebootstrap.trigger.ms", Same),
    ("metadata.recovery.strategy", Same),
    ("metric.reporters", WithoutEffect),
    ("metrics.num.samples", WithoutEffect),
    ("metrics.recording.level", WithoutEffect),
    ("metrics.sample.window.ms", WithoutEffect),
    ("partition.assignment.strategy", WithoutEffect),
    ("receive.buffer.bytes", Translated),
    ("reconnect.backoff.max.ms", Same),
    ("reconnect.backoff.ms", Same),
    ("request.timeout.ms", Translated),
    ("retry.backoff.max.ms", Same),
    ("retry.backoff.ms", Same),
    ("sasl.client.callback.handler.class", Refused(NO_LOGIN_CLASS)),
    ("sasl.jaas.config", Translated),
    ("sasl.kerberos.kinit.cmd", Refused(NO_KERBEROS)),
    ("sasl.kerberos.min.time.before.relogin", Refused(NO_KERBEROS)),
    ("sasl.kerberos.service.name", Refused(NO_KERBEROS)),
    ("sasl.kerberos.ticket.renew.jitter", Refused(NO_KERBEROS)),
    ("sasl.kerberos.ticket.renew.window.factor", Refused(NO_KERBEROS)),
    ("sasl.login.callback.handler.class", Refused(NO_LOGIN_CLASS)),
    ("sasl.login.class", Refused(NO_LOGIN_CLASS)),
    ("sasl.login.connect.timeout.ms", WithoutEffect),
    ("sasl.login.read.timeout.ms", WithoutEffect),
    ("sasl.login.refresh.buffer.seconds", WithoutEffect),
    ("sasl.login.refresh.min.period.seconds", WithoutEffect),
    ("sasl.login.refresh.window.factor", WithoutEffect),
    ("sasl.login.refresh.window.jitter", WithoutEffect),
    ("sasl.login.retry.backoff.max.ms", WithoutEffect),
    ("sasl.login.retry.backoff.ms", WithoutEffect),
    ("sasl.mechanism", Same),
    ("sasl.oauthbearer.assertion.algorithm", Refused(NO_TOKENS)),
    ("sasl.oauthbearer.assertion.claim.aud", Refused(NO_TOKENS)),
    ("sasl.oauthbearer.assertion.claim.exp.seconds", Refused(NO_TOKENS)),
    ("sasl.oauthbearer.assertion.claim.iss", Refused(NO_TOKENS)),
    ("sasl.oauthbearer.assertion.claim.jti.include", Refused(NO_TOKENS)),
    ("sasl.oauthbearer.assertion.claim.nbf.seconds", Refused(NO_TOKENS)),
    ("sasl.oauthbearer.assertion.claim.sub", Refused(NO_TOKENS)),
    ("sasl.oauthbearer.assertion.file", Refused(NO_TOKENS)),
    ("sasl.oauthbearer.assertion.private.key.file", Refused(NO_TOKENS)),
    ("sasl.oauthbearer.assertion.private.key.passphrase", Refused(NO_TOKENS)),
    ("sasl.oauthbearer.assertion.template.file", Refused(NO_TOKENS)),
    ("sasl.oauthbearer.client.credentials.client.id", Refused(NO_TOKENS)),
    ("sasl.oauthbearer.client.credentials.client.secret", Refused(NO_TOKENS)),
    ("sasl.oauthbearer.clock.skew.seconds", WithoutEffect),
    ("sasl.oauthbearer.expected.audience", WithoutEffect),
    ("sasl.oauthbearer.expected.issuer", WithoutEffect),
    ("sasl.oauthbearer.header.urlencode", Refused(NO_TOKENS)),
    ("sasl.oauthbearer.jwks.endpoint.refresh.ms", WithoutEffect),
    ("sasl.oauthbearer.jwks.endpoint.retry.backoff.max.ms", WithoutEffect),
    ("sasl.oauthbearer.jwks.endpoint.retry.backoff.ms", WithoutEffect),
    ("sasl.oauthbearer.jwks.endpoint.url", WithoutEffect),
    ("sasl.oauthbearer.jwt.retriever.class", Refused(NO_TOKENS)),
    ("sasl.oauthbearer.jwt.validator.class", Refused(NO_TOKENS)),
    ("sasl.oauthbearer.scope", Refused(NO_TOKENS)),
    ("sasl.oauthbearer.scope.claim.name", WithoutEffect),
    ("sasl.oauthbearer.sub.claim.name", WithoutEffect),
    ("sasl.oauthbearer.token.endpoint.url", Refused(NO_TOKENS)),
    ("security.protocol", Same),
    ("security.providers", Refused(NO_PROVIDER_CLASS)),
    ("send.buffer.bytes", Translated),
    ("session.timeout.ms", WithoutEffect),
    ("share.acknowledgement.mode", WithoutEffect),
    ("share.acquire.mode", WithoutEffect),
    ("socket.connection.setup.timeout.max.ms", WithoutEffect),
    ("socket.connection.setup.timeout.ms", Same),
    ("ssl.cipher.suites", Same),
    ("ssl.enabled.protocols", WithoutEffect),
    ("ssl.endpoint.identification.algorithm", Translated),
    ("ssl.engine.factory.class", Refused(NO_ENGINE_CLASS)),
    ("ssl.key.password", Same),
    ("ssl.keymanager.algorithm", WithoutEffect),
    ("ssl.keystore.certificate.chain", Translated),
    ("ssl.keystore.key", Translated),
    ("ssl.keystore.location", Translated),
    ("ssl.keystore.password", Same),
    ("ssl.keystore.type", Translated),
    ("ssl.protocol", WithoutEffect),
    ("ssl.provider", Refused(NO_PROVIDER_CLASS)),
    ("ssl.secure.random.implementation", WithoutEffect),
    ("ssl.trustmanager.algorithm", WithoutEffect),
    ("ssl.truststore.certificates", Translated),
    ("ssl.truststore.location", Translated),
    ("ssl.truststore.password", Refused(NO_STORE)),
    ("ssl.truststore.type", Translated),
    ("value.deserializer", Translated),
];

/// What librdkafka calls it, and which numbers it takes: all of them whole.
const RENAMED: [(&str, &str, RangeInclusive<i64>); 5] = [
    ("connections.max.idle.ms", "connections.max.idle.ms", -1..=2_147_483_647),
    ("fetch.max.wait.ms", "fetch.wait.max.ms", 0..=300_000),
    ("receive.buffer.bytes", "socket.receive.buffer.bytes", -1..=100_000_000),
    ("request.timeout.ms", "socket.timeout.ms", 10..=300_000),
    ("send.buffer.bytes", "socket.send.buffer.bytes", -1..=100_000_000),
];

const MECHANISMS: [&str; 2] = ["sasl.mechanism", "sasl.mechanisms"];

type Properties = BTreeMap<String, String>;

/// What becomes of a key, if it is one of the Java client's.
pub fn treatment(key: &str) -> Option<Treatment> {
    // Providers have properties of their own, config.providers.NAME.class and so on.
    let key = if key.starts_with("config.providers.") { "config.providers" } else { key };
    KEYS.iter().find(|(name, _)| *name == key).map(|(_, treatment)| *treatment)
}

/// Fails if a property cannot be honoured. Where it may be empty, that says that there is none, and is no harm.
pub fn check(key: &str, value: &str) -> Result<()> {
    match treatment(key) {
        Some(Refused(why)) if !value.trim().is_empty() => Err(unsupported(key, why)),
        _ => Ok(()),
    }
}

/// Kafka's properties as librdkafka has them. Two spellings of one thing are an error that names both.
pub fn translate(mut properties: Properties) -> Result<Properties> {
    check_values(&properties)?;
    properties.retain(|key, _| !matches!(treatment(key), Some(WithoutEffect | Refused(_))));
    rename(&mut properties)?;
    if let Some(level) = properties.get_mut("isolation.level") {
        // librdkafka takes it in any case, and karrow looks at it too.
        level.make_ascii_lowercase();
    }
    if let Some(algorithm) = properties.get_mut("ssl.endpoint.identification.algorithm")
        && algorithm.is_empty()
    {
        *algorithm = "none".to_owned();
    }
    log_in(&mut properties)?;
    trust(&mut properties)?;
    identify(&mut properties)?;
    for (alias, name) in ALIASES {
        if [alias, name].iter().all(|key| properties.get(*key).is_some_and(|value| !value.is_empty())) {
            return Err(both(alias, name));
        }
    }
    Ok(properties)
}

/// Fails for values that would not be honoured, of keys that have others.
fn check_values(properties: &Properties) -> Result<()> {
    let get = |key: &str| properties.get(key).map_or("", |value| value.trim());
    if get("auto.offset.reset").starts_with("by_duration") {
        let way =
            "a duration cannot be counted back from now; set a start time instead (karrow_options_set_start_time)";
        return Err(unsupported("auto.offset.reset", way));
    }
    for key in MECHANISMS {
        if get(key).eq_ignore_ascii_case("GSSAPI") {
            return Err(unsupported(key, NO_KERBEROS));
        }
    }
    if get("security.protocol").to_lowercase().starts_with("sasl_") && MECHANISMS.iter().all(|key| get(key).is_empty())
    {
        let message = format!("not set, and the default will not do: {NO_KERBEROS}");
        return Err(Error::argument("sasl.mechanism", message));
    }
    if get("sasl.oauthbearer.method").eq_ignore_ascii_case("oidc") {
        return Err(unsupported("sasl.oauthbearer.method", NO_TOKENS));
    }
    if get("ssl.cipher.suites")
        .split([',', ':', ' '])
        .any(|suite| suite.starts_with("TLS_") || suite.starts_with("SSL_"))
    {
        let way = "suites of TLS 1.2 go by OpenSSL's names here, such as ECDHE-RSA-AES128-GCM-SHA256; those of TLS 1.3 cannot \
                   be chosen";
        return Err(unsupported("ssl.cipher.suites", way));
    }
    let versions: Vec<&str> = get("ssl.enabled.protocols").split(',').map(str::trim).collect();
    let [protocol, failing] = ["ssl.protocol", "internal.throw.on.fetch.stable.offset.unsupported"].map(get);
    if versions != [""] && !["TLSv1.2", "TLSv1.3"].iter().all(|version| versions.contains(version)) {
        return Err(unsupported("ssl.enabled.protocols", BOTH_VERSIONS));
    }
    if !["", "TLS", "TLSv1.3"].contains(&protocol) {
        return Err(unsupported("ssl.protocol", BOTH_VERSIONS));
    }
    if failing.eq_ignore_ascii_case("true") {
        return Err(unsupported("internal.throw.on.fetch.stable.offset.unsupported", "leave it out"));
    }
    Ok(())
}

const BOTH_VERSIONS: &str = "TLS 1.2 and 1.3 are offered, always both; leave it out, and let the brokers choose";

/// Numbers that librdkafka has under another name, and for which Java's -1 is 0.
fn rename(properties: &mut Properties) -> Result<()> {
    for (name, new_name, range) in RENAMED {
        let Some(value) = properties.remove(name) else { continue };
        let number = value.trim().parse().ok().filter(|number: &i64| range.contains(number)).ok_or_else(|| {
            let (least, most) = (range.start(), range.end());
            Error::argument(name, format!("'{value}' is not a whole number from {least} to {most}"))
        })?;
        put(properties, name, new_name, number.max(0).to_string())?;
    }
    Ok(())
}

/// The user and the password of a login module.
fn log_in(properties: &mut Properties) -> Result<()> {
    let key = "sasl.jaas.config";
    let Some(text) = take(properties, key) else { return Ok(()) };
    let login = jaas::parse(&text).map_err(|why| Error::argument(key, why))?;
    let mechanism = MECHANISMS.iter().find_map(|key| properties.get(*key));
    if let Some(mechanism) = mechanism.filter(|mechanism| !login.module.serves(mechanism)) {
        let message =
            format!("{} does not go with sasl.mechanism {mechanism}; change one of them", login.module.name());
        return Err(Error::argument(key, message));
    }
    put(properties, key, "sasl.username", login.username)?;
    put(properties, key, "sasl.password", login.password)
}

/// Whom to trust: the certificates themselves, or a file of them.
pub(super) fn trust(properties: &mut Properties) -> Result<()> {
    let kind = take(properties, "ssl.truststore.type");
    let (location, certificates) = ("ssl.truststore.location", "ssl.truststore.certificates");
    let (file, text) = (take(properties, location), take(properties, certificates));
    let is_pem = kind.as_deref().map(|kind| kind.eq_ignore_ascii_case("PEM"));
    let (key, new_key, value) = match (file, text) {
        (None, None) => return Ok(()),
        (Some(_), Some(_)) => return Err(both(certificates, location)),
        (Some(file), None) if is_pem == Some(true) => (location, "ssl.ca.location", file),
        (Some(_), None) => {
            let way = "a JKS or PKCS12 store cannot be read; write its certificates to a PEM file (keytool -list -rfc), and \
                       set ssl.ca.location to that, or ssl.truststore.type to PEM";
            return Err(unsupported(location, way));
        }
        (None, Some(_)) if is_pem == Some(false) => return Err(not_pem(certificates, "ssl.truststore.type")),
        (None, Some(text)) => (certificates, "ssl.ca.pem", unfold(certificates, &text)?),
    };
    refuse_beside(properties, key, &["ssl.ca.location", "ssl.ca.pem"])?;
    put(properties, key, new_key, value)
}

/// Who the client is: certificate and key themselves, a file that has both, or a PKCS12 file.
pub(super) fn identify(properties: &mut Properties) -> Result<()> {
    let kind = take(properties, "ssl.keystore.type");
    let is_kind = |name: &str| kind.as_deref().is_some_and(|kind| kind.eq_ignore_ascii_case(name));
    let (location, chain, key) = ("ssl.keystore.location", "ssl.keystore.certificate.chain", "ssl.keystore.key");
    let others = ["ssl.certificate.location", "ssl.certificate.pem", "ssl.key.location", "ssl.key.pem"];
    let has_file = properties.get(location).is_some_and(|file| !file.is_empty());
    match (take(properties, chain), take(properties, key)) {
        (None, None) => {}
        (Some(_), None) => {
            return Err(Error::argument(key, format!("not set, but {chain} is; it needs the private key")));
        }
        (None, Some(_)) => {
            return Err(Error::argument(chain, format!("not set, but {key} is; it needs the certificate")));
        }
        (Some(_), Some(_)) if has_file => return Err(both(chain, location)),
        (Some(_), Some(_)) if kind.is_some() && !is_kind("PEM") => return Err(not_pem(chain, "ssl.keystore.type")),
        (Some(certificates), Some(private)) => {
            refuse_beside(properties, chain, &others)?;
            put(properties, chain, "ssl.certificate.pem", unfold(chain, &certificates)?)?;
            return put(properties, key, "ssl.key.pem", unfold(key, &private)?);
        }
    }
    if !has_file || kind.is_none() {
        // Without a type it is librdkafka's property, a PKCS12 file.
        return Ok(());
    }
    refuse_beside(properties, location, &others)?;
    if is_kind("PEM") {
        if take(properties, "ssl.keystore.password").is_some() {
            let message = "a PEM file has no password of its own; that of its private key is ssl.key.password";
            return Err(Error::argument("ssl.keystore.password", message));
        }
        if let Some(file) = take(properties, location) {
            put(properties, location, "ssl.certificate.location", file.clone())?;
            put(properties, location, "ssl.key.location", file)?;
        }
    } else if !is_kind("PKCS12") {
        let way = "only PKCS12 and PEM can be read; turn the store into one (keytool -importkeystore -deststoretype PKCS12), \
                   and set ssl.keystore.type to PKCS12";
        return Err(unsupported(location, way));
    }
    Ok(())
}

/// Takes out a property; an empty value is none.
pub(super) fn take(properties: &mut Properties, key: &str) -> Option<String> {
    properties.remove(key).filter(|value| !value.trim().is_empty())
}

/// Sets what `from` says under librdkafka's name, unless the caller has done that too.
fn put(properties: &mut Properties, from: &str, to: &str, value: String) -> Result<()> {
    refuse_beside(properties, from, &[to])?;
    properties.insert(to.to_owned(), value);
    Ok(())
}

fn refuse_beside(properties: &Properties, key: &str, others: &[&str]) -> Result<()> {
    match others.iter().find(|other| properties.contains_key(**other)) {
        Some(other) => Err(both(key, other)),
        None => Ok(()),
    }
}

/// The error for a property that means something, but not here.
pub(super) fn unsupported(key: &str, why: &str) -> Error {
    Error::new(Status::Unsupported, format!("{key}: {why}")).with_detail("argument", key)
}

fn both(key: &str, other: &str) -> Error {
    Error::argument(key, format!("{other} is set as well, and both mean the same; set one of them"))
}

fn not_pem(key: &str, kind: &str) -> Error {
    Error::argument(key, format!("this is always PEM; set {kind} to PEM, or leave it out"))
}

fn unfold(key: &str, text: &str) -> Result<String> {
    let message = "not PEM, which begins with -----BEGIN and ends with -----END and is base64 in between";
    pem::unfold(text).ok_or_else(|| Error::argument(key, message))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ingest::kafka::check_properties;

    const CERTIFICATE: &str = "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n";
    const KEY: &str = "-----BEGIN PRIVATE KEY-----\nBBBB\n-----END PRIVATE KEY-----\n";
    const PLAIN: &str =
        "org.apache.kafka.common.security.plain.PlainLoginModule required username=\"alice\" password=\"a \\\"b\\\"\";";

    fn properties(pairs: &[(&str, &str)]) -> Properties {
        pairs.iter().map(|(key, value)| ((*key).to_owned(), (*value).to_owned())).collect()
    }

    #[track_caller]
    fn becomes(java: &[(&str, &str)], librdkafka: &[(&str, &str)]) {
        assert_eq!(translate(properties(java)).unwrap(), properties(librdkafka));
    }

    #[track_caller]
    fn fails(java: &[(&str, &str)], status: Status, message: &str) {
        let error = translate(properties(java)).unwrap_err();
        assert_eq!((error.status(), error.message()), (status, message));
        assert!(message.starts_with(error.detail("argument").unwrap()));
    }

    /// Says whether librdkafka has a property of this name.
    fn is_librdkafkas(key: &str) -> bool {
        let outcome = check_properties(&properties(&[(key, "")]));
        !outcome.is_err_and(|error| error.message().contains("Kafka has no such property"))
    }

    #[test]
    fn the_list_is_in_order_and_librdkafka_has_what_is_said_to_be_the_same() {
        assert!(KEYS.is_sorted_by(|(a, _), (b, _)| a < b));
        for (key, treatment) in KEYS {
            assert!(treatment != Same || is_librdkafkas(key), "{key}");
        }
        for key in RENAMED.iter().map(|(_, key, _)| *key).chain(super::super::librdkafka::refused()) {
            assert!(is_librdkafkas(key) || key.starts_with("test.mock."), "{key}");
        }
    }

    #[test]
    fn what_is_the_same_stays_and_what_has_no_effect_goes() {
        becomes(
            &[
                ("client.id", "x"),
                ("debug", "all"),
                ("group.protocol", "consumer"),
                ("interceptor.classes", ""),
                ("max.poll.records", "10"),
                ("partition.assignment.strategy", "org.apache.kafka.clients.consumer.RangeAssignor"),
                ("session.timeout.ms", "10000"),
                ("ssl.enabled.protocols", "TLSv1.3, TLSv1.2"),
                ("ssl.protocol", "TLSv1.3"),
            ],
            &[("client.id", "x"), ("debug", "all")],
        );
    }

    #[test]
    fn numbers_go_by_librdkafkas_names() {
        becomes(
            &[
                ("connections.max.idle.ms", "-1"),
                ("fetch.max.wait.ms", " 7 "),
                ("receive.buffer.bytes", "-1"),
                ("request.timeout.ms", "40000"),
                ("send.buffer.bytes", "65536"),
            ],
            &[
                ("connections.max.idle.ms", "0"),
                ("fetch.wait.max.ms", "7"),
                ("socket.receive.buffer.bytes", "0"),
                ("socket.send.buffer.bytes", "65536"),
                ("socket.timeout.ms", "40000"),
            ],
        );
        for value in ["400000", "9", "-1", "", "1s"] {
            let message = format!("request.timeout.ms: '{value}' is not a whole number from 10 to 300000");
            fails(&[("request.timeout.ms", value)], Status::InvalidArgument, &message);
        }
    }

    #[test]
    fn two_spellings_of_one_thing_are_an_error_that_names_both() {
        for (key, value, other) in [
            ("fetch.max.wait.ms", "7", "fetch.wait.max.ms"),
            ("max.partition.fetch.bytes", "7", "fetch.message.max.bytes"),
            ("metadata.broker.list", "a:1", "bootstrap.servers"),
            ("request.timeout.ms", "70", "socket.timeout.ms"),
            ("sasl.jaas.config", PLAIN, "sasl.password"),
            ("sasl.jaas.config", PLAIN, "sasl.username"),
            ("sasl.mechanisms", "PLAIN", "sasl.mechanism"),
            ("ssl.truststore.certificates", CERTIFICATE, "ssl.ca.location"),
            ("ssl.truststore.certificates", CERTIFICATE, "ssl.ca.pem"),
        ] {
            let message = format!("{key}: {other} is set as well, and both mean the same; set one of them");
            fails(&[(key, value), (other, "PLAIN")], Status::InvalidArgument, &message);
        }
    }

    #[test]
    fn a_login_module_says_user_and_password() {
        let both = [("sasl.jaas.config", PLAIN), ("sasl.mechanism", "PLAIN"), ("security.protocol", "SASL_SSL")];
        becomes(
            &both,
            &[
                ("sasl.mechanism", "PLAIN"),
                ("sasl.password", "a \"b\""),
                ("sasl.username", "alice"),
                ("security.protocol", "SASL_SSL"),
            ],
        );
        fails(
            &[("sasl.jaas.config", PLAIN), ("sasl.mechanism", "SCRAM-SHA-256")],
            Status::InvalidArgument,
            "sasl.jaas.config: PlainLoginModule does not go with sasl.mechanism SCRAM-SHA-256; change one of them",
        );
        let scram = PLAIN.replace("plain.Plain", "scram.Scram");
        fails(
            &[("sasl.jaas.config", &scram), ("sasl.mechanism", "PLAIN")],
            Status::InvalidArgument,
            "sasl.jaas.config: ScramLoginModule does not go with sasl.mechanism PLAIN; change one of them",
        );
        assert!(translate(properties(&[("sasl.jaas.config", &scram), ("sasl.mechanism", "SCRAM-SHA-512")])).is_ok());
    }

    #[test]
    fn mechanisms_that_this_build_does_not_have_are_refused() {
        let kerberos = "this build has no Kerberos (GSSAPI); log in by sasl.mechanism PLAIN, SCRAM-SHA-256 or SCRAM-SHA-512, \
                        or by a client certificate";
        for key in MECHANISMS {
            fails(&[(key, "GSSAPI")], Status::Unsupported, &format!("{key}: {kerberos}"));
        }
        let message = format!("sasl.mechanism: not set, and the default will not do: {kerberos}");
        fails(&[("security.protocol", "SASL_PLAINTEXT")], Status::InvalidArgument, &message);
        let tokens = format!("sasl.oauthbearer.method: {NO_TOKENS}");
        fails(&[("sasl.oauthbearer.method", "OIDC")], Status::Unsupported, &tokens);
    }

    #[test]
    fn trust_is_pem() {
        let folded = CERTIFICATE.replace('\n', " ");
        let (kind, location, certificates) =
            ("ssl.truststore.type", "ssl.truststore.location", "ssl.truststore.certificates");
        becomes(&[(kind, "pem"), (certificates, &folded)], &[("ssl.ca.pem", CERTIFICATE)]);
        becomes(&[(certificates, CERTIFICATE)], &[("ssl.ca.pem", CERTIFICATE)]);
        becomes(&[(kind, "PEM"), (location, "ca.pem")], &[("ssl.ca.location", "ca.pem")]);
        becomes(&[(kind, "JKS"), (location, "")], &[]);
        for kinds in [&[][..], &[(kind, "JKS")], &[(kind, "PKCS12")]] {
            let java = [kinds, &[(location, "ca.jks")]].concat();
            let error = translate(properties(&java)).unwrap_err();
            assert!(
                error.message().starts_with("ssl.truststore.location: a JKS or PKCS12 store cannot be read; write")
            );
        }
        let message =
            "ssl.truststore.certificates: this is always PEM; set ssl.truststore.type to PEM, or leave it out";
        fails(&[(kind, "JKS"), (certificates, CERTIFICATE)], Status::InvalidArgument, message);
        let message = "ssl.truststore.certificates: ssl.truststore.location is set as well, and both mean the same; set one \
                       of them";
        fails(&[(location, "x"), (certificates, CERTIFICATE)], Status::InvalidArgument, message);
        let message = "ssl.truststore.certificates: not PEM, which begins with -----BEGIN and ends with -----END and is \
                       base64 in between";
        fails(&[(certificates, "AAAA")], Status::InvalidArgument, message);
    }

    #[test]
    fn a_client_is_a_certificate_and_its_key() {
        let (kind, location) = ("ssl.keystore.type", "ssl.keystore.location");
        let (chain, key, password) = ("ssl.keystore.certificate.chain", "ssl.keystore.key", "ssl.keystore.password");
        let pair = [("ssl.certificate.pem", CERTIFICATE), ("ssl.key.pem", KEY)];
        becomes(&[(kind, "PEM"), (chain, CERTIFICATE), (key, KEY)], &pair);
        becomes(&[(chain, CERTIFICATE), (key, KEY)], &pair);
        becomes(
            &[(kind, "PEM"), (location, "me.pem"), ("ssl.key.password", "p")],
            &[("ssl.certificate.location", "me.pem"), ("ssl.key.location", "me.pem"), ("ssl.key.password", "p")],
        );
        for kinds in [&[][..], &[(kind, "pkcs12")]] {
            let store = [(location, "me.p12"), (password, "p")];
            becomes(&[kinds, &store].concat(), &store);
        }
        let jks = translate(properties(&[(kind, "JKS"), (location, "me.jks")])).unwrap_err();
        assert_eq!(jks.status(), Status::Unsupported);
        assert!(
            jks.message().starts_with("ssl.keystore.location: only PKCS12 and PEM can be read; turn the store into")
        );
        for (java, message) in [
            (
                &[(chain, CERTIFICATE)][..],
                "ssl.keystore.key: not set, but ssl.keystore.certificate.chain is; it needs the",
            ),
            (
                &[(key, KEY)],
                "ssl.keystore.certificate.chain: not set, but ssl.keystore.key is; it needs the certificate",
            ),
            (
                &[(key, KEY), (chain, CERTIFICATE), (location, "x")],
                "ssl.keystore.certificate.chain: ssl.keystore.location",
            ),
            (
                &[(key, KEY), (chain, CERTIFICATE), (kind, "JKS")],
                "ssl.keystore.certificate.chain: this is always PEM; set",
            ),
            (&[(key, "x"), (chain, CERTIFICATE)], "ssl.keystore.key: not PEM, which begins with"),
            (&[(kind, "PEM"), (location, "x"), (password, "p")], "ssl.keystore.password: a PEM file has no password"),
            (
                &[(kind, "PEM"), (location, "x"), ("ssl.key.pem", KEY)],
                "ssl.keystore.location: ssl.key.pem is set as well",
            ),
            (
                &[(key, KEY), (chain, CERTIFICATE), ("ssl.key.location", "x")],
                "ssl.keystore.certificate.chain: ssl.key.loc",
            ),
        ] {
            let error = translate(properties(java)).unwrap_err();
            assert!(error.message().starts_with(message), "{error}");
        }
    }

    #[test]
    fn values_that_would_not_be_honoured_are_refused() {
        for (key, value, why) in [
            ("auto.offset.reset", "by_duration:PT1H", "a duration cannot be counted back from now"),
            ("internal.throw.on.fetch.stable.offset.unsupported", "True", "leave it out"),
            ("ssl.cipher.suites", "TLS_AES_256_GCM_SHA384", "suites of TLS 1.2 go by OpenSSL's names"),
            ("ssl.cipher.suites", "AES128-SHA,TLS_RSA_WITH_AES_128_CBC_SHA", "suites of TLS 1.2 go by OpenSSL's names"),
            ("ssl.enabled.protocols", "TLSv1.3", BOTH_VERSIONS),
            ("ssl.enabled.protocols", "TLSv1.1,TLSv1.2", BOTH_VERSIONS),
            ("ssl.protocol", "TLSv1.2", BOTH_VERSIONS),
        ] {
            let error = translate(properties(&[(key, value)])).unwrap_err();
            assert_eq!(error.status(), Status::Unsupported);
            assert!(error.message().starts_with(&format!("{key}: {why}")), "{error}");
        }
        let suites = [("ssl.cipher.suites", "ECDHE-RSA-AES128-GCM-SHA256")];
        becomes(&suites, &suites);
    }

    #[test]
    fn other_values_are_spelt_as_librdkafka_does() {
        becomes(
            &[("isolation.level", "READ_COMMITTED"), ("ssl.endpoint.identification.algorithm", "")],
            &[("isolation.level", "read_committed"), ("ssl.endpoint.identification.algorithm", "none")],
        );
    }

    #[test]
    fn what_cannot_be_honoured_is_refused_unless_it_is_empty() {
        for (key, treatment) in KEYS {
            if let Refused(why) = treatment {
                let error = check(key, "x").unwrap_err();
                assert_eq!(error.message(), format!("{key}: {why}"));
                assert_eq!(error.status(), Status::Unsupported);
                check(key, " ").unwrap();
            } else {
                check(key, "x").unwrap();
            }
        }
        let error = check("config.providers.vault.class", "x").unwrap_err();
        assert!(error.message().starts_with("config.providers.vault.class: karrow looks up no values"));
    }
}
