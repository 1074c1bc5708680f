//! The keys of the schema registry's client (rule K2), as Confluent's clients for Java and Python name them, and what they
//! come to: [`settings`].
//!
//! They are none of librdkafka's business. Stores of keys and certificates are PEM or PKCS12 here as they are for Kafka, and
//! are read by the same code.

use std::collections::BTreeMap;
use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use percent_encoding::percent_decode_str;
use ureq::http::{HeaderValue, Uri};
use ureq::{Proxy, ProxyProtocol};

use super::jaas;
use super::java;
use super::secrets::Secrets;
use crate::error::{Error, Result};
use crate::registry::settings::{Identity, Login, Pem, Settings, Source, TlsSettings, Url};

/// The registry's keys behind `schema.registry.`.
const KEYS: [&str; 29] = [
    "url",
    "basic.auth.credentials.source",
    "basic.auth.user.info",
    "bearer.auth.credentials.source",
    "bearer.auth.token",
    "bearer.auth.issuer.endpoint.url",
    "bearer.auth.client.id",
    "bearer.auth.client.secret",
    "bearer.auth.scope",
    "bearer.auth.logical.cluster",
    "bearer.auth.identity.pool.id",
    "http.connect.timeout.ms",
    "http.read.timeout.ms",
    "proxy.host",
    "proxy.port",
    "ssl.ca.location",
    "ssl.certificate.location",
    "ssl.endpoint.identification.algorithm",
    "ssl.key.location",
    "ssl.key.password",
    "ssl.keystore.certificate.chain",
    "ssl.keystore.key",
    "ssl.keystore.location",
    "ssl.keystore.password",
    "ssl.keystore.type",
    "ssl.truststore.certificates",
    "ssl.truststore.location",
    "ssl.truststore.password",
    "ssl.truststore.type",
];

const PREFIX: &str = "schema.registry.";
/// What may stand without the prefix too.
const BARE: [&str; 2] = ["basic.auth.", "bearer.auth."];

/// Whether a key is the registry client's, known or not.
pub fn owns(key: &str) -> bool {
    key.starts_with(PREFIX) || is_bare(key)
}

/// Whether the registry client has this key.
pub fn is_known(key: &str) -> bool {
    owns(key) && KEYS.contains(&key.strip_prefix(PREFIX).unwrap_or(key))
}

/// Every key, in every spelling.
pub fn keys() -> impl Iterator<Item = String> {
    let bare = KEYS.into_iter().filter(|key| is_bare(key)).map(str::to_owned);
    KEYS.into_iter().map(|key| format!("{PREFIX}{key}")).chain(bare)
}

/// The same key with or without the prefix, where both are possible.
pub fn other_spelling(key: &str) -> Option<String> {
    match key.strip_prefix(PREFIX) {
        Some(bare) => is_bare(bare).then(|| bare.to_owned()),
        None => is_bare(key).then(|| format!("{PREFIX}{key}")),
    }
}

fn is_bare(key: &str) -> bool {
    BARE.iter().any(|prefix| key.starts_with(prefix))
}

const NO_TOKENS: &str = "karrow fetches no OAuth tokens; fetch one, and set schema.registry.bearer.auth.token to it, or use \
     schema.registry.basic.auth.user.info";

/// What only a client that fetches tokens needs.
const TOKENS: [&str; 4] =
    ["bearer.auth.issuer.endpoint.url", "bearer.auth.client.id", "bearer.auth.client.secret", "bearer.auth.scope"];

/// The headers that Confluent's cloud wants beside a token, and where they come from.
const CLOUD_HEADERS: [(&str, &str); 2] = [
    ("bearer.auth.logical.cluster", "target-sr-cluster"),
    ("bearer.auth.identity.pool.id", "Confluent-Identity-Pool-Id"),
];

const URL: &str = "schema.registry.url";
const BASIC_SOURCE: &str = "schema.registry.basic.auth.credentials.source";
const USER_INFO: &str = "schema.registry.basic.auth.user.info";
const BEARER_SOURCE: &str = "schema.registry.bearer.auth.credentials.source";
const TOKEN: &str = "schema.registry.bearer.auth.token";

/// Short, so that another address gets its chance soon.
const DEFAULT_CONNECT_MS: u64 = 5000;
const DEFAULT_READ_MS: u64 = 10_000;
const LONGEST_MS: u64 = 3_600_000;

/// Fails if a property cannot be honoured, whatever the others are. An empty value says that there is none.
pub fn check(key: &str, value: &str) -> Result<()> {
    let bare = key.strip_prefix(PREFIX).unwrap_or(key);
    if value.trim().is_empty() {
        return Ok(());
    }
    if TOKENS.contains(&bare) {
        return Err(java::unsupported(key, NO_TOKENS));
    }
    match bare {
        "ssl.truststore.password" => Err(prefixed(&java::unsupported(bare, java::NO_STORE))),
        _ => Ok(()),
    }
}

/// What the properties, Kafka's among them, say to the registry's client; `None` if they name no registry.
pub fn settings(properties: &BTreeMap<String, String>, unknown_id_retry: Duration) -> Result<Option<Settings>> {
    let given = Given(properties);
    let Some(addresses) = given.get("url") else { return Ok(None) };
    let urls = urls(addresses)?;
    let logins = logins(given, &urls)?;
    let mut secrets = Secrets::new(properties);
    for login in logins.iter().flatten() {
        // Somebody who shows a whole request shows them like this.
        let header = login.authorization.to_str().unwrap_or_default();
        secrets.add(header.rsplit(' ').next().unwrap_or_default());
    }
    let urls = urls.into_iter().zip(logins).map(|((base, _), login)| Url { base, login }).collect();
    let mut headers = Vec::new();
    for (key, name) in CLOUD_HEADERS {
        if let Some(value) = given.get(key) {
            headers.push((name, header(&format!("{PREFIX}{key}"), value)?));
        }
    }
    Ok(Some(Settings {
        urls,
        headers,
        connect_timeout: given.millis("http.connect.timeout.ms", DEFAULT_CONNECT_MS)?,
        read_timeout: given.millis("http.read.timeout.ms", DEFAULT_READ_MS)?,
        proxy: proxy(given)?,
        tls: tls(given)?,
        unknown_id_retry,
        secrets,
    }))
}

/// The properties, by the registry's names.
#[derive(Clone, Copy)]
struct Given<'a>(&'a BTreeMap<String, String>);

impl<'a> Given<'a> {
    fn get(self, key: &str) -> Option<&'a str> {
        self.exactly(key).map(str::trim)
    }

    /// The same with blanks before and behind it, as passwords may have them. An empty value is none.
    fn exactly(self, key: &str) -> Option<&'a str> {
        let bare = is_bare(key).then(|| self.0.get(key)).flatten();
        let value = self.0.get(&format!("{PREFIX}{key}")).or(bare)?;
        Some(value.as_str()).filter(|value| !value.trim().is_empty())
    }

    fn millis(self, key: &str, default: u64) -> Result<Duration> {
        let Some(value) = self.get(key) else { return Ok(Duration::from_millis(default)) };
        let ms = value.parse().ok().filter(|ms| (1..=LONGEST_MS).contains(ms)).ok_or_else(|| {
            let message = format!("'{value}' is not a whole number of milliseconds from 1 to {LONGEST_MS}");
            Error::argument(&format!("{PREFIX}{key}"), message)
        })?;
        Ok(Duration::from_millis(ms))
    }
}

/// The addresses without users, and the users, still as they are written there.
fn urls(addresses: &str) -> Result<Vec<(String, Option<&str>)>> {
    let addresses: Vec<&str> = addresses.split(',').map(str::trim).filter(|address| !address.is_empty()).collect();
    if addresses.is_empty() {
        return Err(Error::argument(URL, "there is no address in it; give one such as http://host:8081"));
    }
    let count = addresses.len();
    let checked = addresses.into_iter().enumerate().map(|(index, address)| {
        url(address).ok_or_else(|| {
            // What it is may hold a password.
            let which = if count == 1 { "it".to_owned() } else { format!("address {} of {count}", index + 1) };
            let message = format!(
                "{which} is no address such as http://host:8081 or https://user:password@host/path; in user and \
                 password, characters other than letters and digits have to be written as in %40"
            );
            Error::argument(URL, message)
        })
    });
    checked.collect()
}

fn url(address: &str) -> Option<(String, Option<&str>)> {
    let uri: Uri = address.parse().ok()?;
    let scheme = uri.scheme_str().filter(|scheme| ["http", "https"].contains(scheme))?;
    let authority = uri.authority()?;
    if uri.query().is_some() || address.contains('#') || authority.host().is_empty() {
        return None;
    }
    let user_info = authority.as_str().rsplit_once('@').map(|(user_info, _)| user_info);
    let place = authority.as_str().rsplit_once('@').map_or(authority.as_str(), |(_, place)| place);
    if place.ends_with(':') || (place.rsplit_once(':').is_some() && !place.ends_with(']') && authority.port().is_none())
    {
        return None;
    }
    // From the text that was given, which lives longer.
    let user_info = user_info.and_then(|user_info| {
        let begin = address.find("://")? + 3;
        address.get(begin..begin + user_info.len())
    });
    if user_info.is_some_and(|user_info| !user_info.contains(':')) {
        return None;
    }
    Some((format!("{scheme}://{place}{}", uri.path().trim_end_matches('/')), user_info))
}

/// Who asks, at each address.
fn logins(given: Given, urls: &[(String, Option<&str>)]) -> Result<Vec<Option<Login>>> {
    let (user_info, token) = (given.exactly("basic.auth.user.info"), given.get("bearer.auth.token"));
    let basic_source = given.get("basic.auth.credentials.source").map(str::to_uppercase);
    let bearer_source = given.get("bearer.auth.credentials.source").map(str::to_uppercase);
    let is_in_url = urls.iter().any(|(_, user_info)| user_info.is_some());
    match bearer_source.as_deref() {
        None | Some("STATIC_TOKEN") => {}
        Some("OAUTHBEARER" | "SASL_OAUTHBEARER_INHERIT" | "CUSTOM") => {
            return Err(java::unsupported(BEARER_SOURCE, NO_TOKENS));
        }
        Some(_) => {
            return Err(Error::argument(BEARER_SOURCE, "it is not STATIC_TOKEN; set it to that, or leave it out"));
        }
    }
    let other = [(BASIC_SOURCE, basic_source.is_some()), (USER_INFO, user_info.is_some()), (URL, is_in_url)];
    let other = other.into_iter().find(|(_, is_set)| *is_set).map(|(key, _)| key);
    match (token, &bearer_source, other) {
        (Some(_), _, Some(other)) => {
            return Err(Error::argument(TOKEN, format!("{other} says who asks as well; set one of them")));
        }
        (Some(token), _, None) => {
            let login = Login { authorization: header(TOKEN, &format!("Bearer {token}"))?, key: TOKEN };
            return Ok(urls.iter().map(|_| Some(login.clone())).collect());
        }
        (None, Some(_), _) => return Err(Error::argument(TOKEN, format!("not set, but {BEARER_SOURCE} is"))),
        (None, None, _) => {}
    }
    let (key, user_info) = match (basic_source.as_deref(), user_info) {
        (None | Some("URL"), None) => {
            if basic_source.is_some() && !is_in_url {
                let message = format!("it says that {URL} holds user and password, and it does not");
                return Err(Error::argument(BASIC_SOURCE, message));
            }
            return Ok(urls.iter().map(|(_, user_info)| user_info.map(|info| basic(URL, &decoded(info)))).collect());
        }
        (None | Some("USER_INFO"), Some(user_info)) => (USER_INFO, user_info.to_owned()),
        (Some("USER_INFO"), None) => {
            return Err(Error::argument(USER_INFO, format!("not set, but {BASIC_SOURCE} names it")));
        }
        (Some("SASL_INHERIT"), None) => ("sasl.username", inherited(given)?),
        (Some("URL" | "SASL_INHERIT"), Some(_)) => {
            return Err(Error::argument(USER_INFO, format!("{BASIC_SOURCE} does not name it; set one of them")));
        }
        (Some(_), _) => return Err(Error::argument(BASIC_SOURCE, "it is none of URL, USER_INFO, SASL_INHERIT")),
    };
    if is_in_url {
        return Err(Error::argument(URL, format!("it holds a user, but {key} says who asks as well; set one of them")));
    }
    if !user_info.contains(':') {
        return Err(Error::argument(key, "it has to be user:password"));
    }
    let login = basic(key, &user_info);
    Ok(urls.iter().map(|_| Some(login.clone())).collect())
}

/// The user that Kafka knows.
fn inherited(given: Given) -> Result<String> {
    let get = |key: &str| given.0.get(key).map(String::as_str).filter(|value| !value.trim().is_empty());
    if let (Some(user), Some(password)) = (get("sasl.username"), get("sasl.password")) {
        return Ok(format!("{user}:{password}"));
    }
    let key = "sasl.jaas.config";
    let Some(text) = get(key) else {
        let message = "it says SASL_INHERIT, so sasl.username and sasl.password, or sasl.jaas.config, have to be set";
        return Err(Error::argument(BASIC_SOURCE, message));
    };
    let login = jaas::parse(text).map_err(|why| Error::argument(key, why))?;
    Ok(format!("{}:{}", login.username, login.password))
}

fn decoded(user_info: &str) -> String {
    percent_decode_str(user_info).decode_utf8_lossy().into_owned()
}

fn basic(key: &'static str, user_info: &str) -> Login {
    let header = format!("Basic {}", STANDARD.encode(user_info));
    let mut authorization = HeaderValue::from_str(&header).expect("base64 has no characters that a header cannot have");
    authorization.set_sensitive(true);
    Login { authorization, key }
}

fn header(key: &str, value: &str) -> Result<HeaderValue> {
    let header = HeaderValue::from_str(value).ok().filter(|header| header.to_str().is_ok());
    let mut header = header.ok_or_else(|| Error::argument(key, "it has characters that an HTTP header cannot have"))?;
    header.set_sensitive(true);
    Ok(header)
}

fn proxy(given: Given) -> Result<Option<(String, u16)>> {
    let [host_key, port_key] = ["proxy.host", "proxy.port"].map(|key| format!("{PREFIX}{key}"));
    let (host, port) = match (given.get("proxy.host"), given.get("proxy.port")) {
        (None, None) => return Ok(None),
        (Some(_), None) => return Err(Error::argument(&port_key, format!("not set, but {host_key} is"))),
        (None, Some(_)) => return Err(Error::argument(&host_key, format!("not set, but {port_key} is"))),
        (Some(host), Some(port)) => (host, port),
    };
    let port: u16 =
        port.parse().ok().filter(|port| *port > 0).ok_or_else(|| {
            Error::argument(&port_key, format!("'{port}' is no port, which is a number from 1 to 65535"))
        })?;
    let is_host = !host.contains(['/', '@', '?', '#']) && (!host.contains(':') || host.starts_with('['));
    if !is_host || Proxy::builder(ProxyProtocol::Http).host(host).port(port).build().is_err() {
        return Err(Error::argument(
            &host_key,
            "it has to be a host's name or address alone, without http:// and a user",
        ));
    }
    Ok(Some((host.to_owned(), port)))
}

/// Certificates and keys, said as for Kafka behind the registry's prefix.
fn tls(given: Given) -> Result<TlsSettings> {
    let ssl = given.0.iter().filter_map(|(key, value)| {
        let bare = key.strip_prefix(PREFIX).filter(|bare| bare.starts_with("ssl."))?;
        Some((bare.to_owned(), value.clone()))
    });
    let mut ssl: BTreeMap<String, String> = ssl.collect();
    java::trust(&mut ssl).and_then(|()| java::identify(&mut ssl)).map_err(|error| prefixed(&error))?;
    let mut take = |key: &str| java::take(&mut ssl, key);
    let text = |key, text| Pem { key, source: Source::Text(text) };
    let file = |key, path| Pem { key, source: Source::File(path) };
    let authorities = take("ssl.ca.location")
        .map(|path| file("schema.registry.ssl.ca.location", path))
        .or_else(|| take("ssl.ca.pem").map(|pem| text("schema.registry.ssl.truststore.certificates", pem)));
    let check_host = match take("ssl.endpoint.identification.algorithm").as_deref() {
        Some(name) if name.eq_ignore_ascii_case("https") => true,
        Some(name) if name.eq_ignore_ascii_case("none") => false,
        // Left out, and set to nothing, which is how Java's client says none.
        None => !given.0.contains_key("schema.registry.ssl.endpoint.identification.algorithm"),
        Some(_) => {
            let key = "schema.registry.ssl.endpoint.identification.algorithm";
            return Err(Error::argument(key, "it is neither https nor none"));
        }
    };
    let password = take("ssl.key.password");
    let [certificate, private, chain, chain_key, store] =
        ["ssl.certificate.location", "ssl.key.location", "ssl.certificate.pem", "ssl.key.pem", "ssl.keystore.location"]
            .map(take);
    let location = "schema.registry.ssl.certificate.location";
    let identity = match (certificate, private, chain.zip(chain_key), store) {
        (None, None, None, None) => None,
        (Some(certificate), private, None, None) => Some(Identity::Pem {
            // A file may hold both.
            private_key: file("schema.registry.ssl.key.location", private.unwrap_or_else(|| certificate.clone())),
            certificate: file(location, certificate),
            password,
        }),
        (None, Some(_), None, None) => {
            return Err(Error::argument(location, "not set, but schema.registry.ssl.key.location is"));
        }
        (None, None, Some((certificate, private)), None) => Some(Identity::Pem {
            certificate: text("schema.registry.ssl.keystore.certificate.chain", certificate),
            private_key: text("schema.registry.ssl.keystore.key", private),
            password,
        }),
        (None, None, None, Some(file)) => {
            Some(Identity::Pkcs12 { file, password: java::take(&mut ssl, "ssl.keystore.password").unwrap_or_default() })
        }
        _ => {
            let message = "more than one certificate of the client is set; set one of them";
            return Err(Error::argument(location, message));
        }
    };
    Ok(TlsSettings { authorities, identity, check_host })
}

/// The error about a key of Kafka's, for the same key behind the registry's prefix. All it says of `ssl.` are keys.
fn prefixed(error: &Error) -> Error {
    let prefixed = |text: &str| text.replace("ssl.", &format!("{PREFIX}ssl."));
    let argument = error.detail("argument").map(prefixed).unwrap_or_default();
    Error::new(error.status(), prefixed(error.message())).with_detail("argument", argument)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::error::Status;

    const URL_PAIR: (&str, &str) = (URL, "http://registry:8081");
    const PEM: &str = "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n";

    fn properties(pairs: &[(&str, &str)]) -> BTreeMap<String, String> {
        pairs.iter().map(|(key, value)| ((*key).to_owned(), (*value).to_owned())).collect()
    }

    fn parsed(pairs: &[(&str, &str)]) -> Result<Option<Settings>> {
        settings(&properties(pairs), Duration::from_secs(5))
    }

    /// The settings of a registry with these properties too.
    fn of(pairs: &[(&str, &str)]) -> Settings {
        parsed(&[&[URL_PAIR], pairs].concat()).unwrap().unwrap()
    }

    #[track_caller]
    fn fails(pairs: &[(&str, &str)], message: &str) {
        let error = parsed(&[&[URL_PAIR], pairs].concat()).err().unwrap();
        assert_eq!(error.message(), message);
        assert!(message.starts_with(error.detail("argument").unwrap()));
    }

    /// Addresses and the headers that go there.
    fn addresses(value: &str) -> Vec<(String, Option<String>)> {
        let urls = of(&[(URL, value)]).urls.into_iter();
        urls.map(|url| (url.base, url.login.map(|login| login.authorization.to_str().unwrap().to_owned()))).collect()
    }

    #[test]
    fn without_an_address_there_is_no_registry() {
        assert!(parsed(&[]).unwrap().is_none());
        assert!(parsed(&[(URL, " "), ("schema.registry.http.read.timeout.ms", "x")]).unwrap().is_none());
    }

    #[test]
    fn addresses_are_parted_from_users() {
        let plain = |address: &str| (address.to_owned(), None);
        assert_eq!(addresses("http://a"), [plain("http://a")]);
        assert_eq!(addresses(" https://a:1/x/y/ ,, HTTP://b/ "), [plain("https://a:1/x/y"), plain("http://b")]);
        assert_eq!(addresses("http://[::1]:8081"), [plain("http://[::1]:8081")]);
        assert_eq!(addresses("http://[::1]"), [plain("http://[::1]")]);
        let alice = Some("Basic YWxpY2U6QC86".to_owned());
        assert_eq!(
            addresses("https://alice:%40%2F%3A@a/x,http://b"),
            [("https://a/x".to_owned(), alice), plain("http://b")]
        );
    }

    #[test]
    fn passwords_are_taken_as_they_are() {
        let login = of(&[(USER_INFO, "alice: a ")]).urls.remove(0).login.unwrap();
        assert_eq!(login.authorization, format!("Basic {}", STANDARD.encode("alice: a ")).as_str());
        assert!(login.authorization.is_sensitive());
    }

    #[test]
    fn what_is_no_address_is_refused_without_a_word_of_it() {
        let secret = "hunter2";
        for address in [
            "registry:8081",
            "//registry",
            "ftp://registry",
            "http://",
            "http://:8081",
            "http://registry:port",
            "http://registry:",
            "http://registry:99999",
            "http://registry?x=hunter2",
            "http://registry#hunter2",
            "http://hunter2@registry",
            "http://alice:hunter2/@registry",
            "http://alice:hunter2#@registry",
            "http://alice:hun ter2@registry",
            "mock://hunter2",
            ",",
        ] {
            for value in [address.to_owned(), format!("http://a,{address}")] {
                let Err(error) = parsed(&[(URL, &value)]) else {
                    assert_eq!(address, ",", "{value} is taken");
                    continue;
                };
                assert_eq!(error.detail("argument"), Some(URL));
                assert!(!error.message().contains(secret), "{error}");
                let which = if value == address { "it is no address" } else { "address 2 of 2 is no address" };
                assert!(error.message().contains(which) || address == ",", "{value}: {error}");
            }
        }
    }

    #[test]
    fn defaults_are_short_and_everything_can_be_said() {
        let settings = of(&[]);
        assert_eq!(
            (settings.connect_timeout, settings.read_timeout),
            (Duration::from_secs(5), Duration::from_secs(10))
        );
        assert_eq!(settings.unknown_id_retry, Duration::from_secs(5));
        assert!(settings.proxy.is_none() && settings.tls.check_host && settings.headers.is_empty());
        assert!(settings.tls.authorities.is_none() && settings.tls.identity.is_none());
        let settings = of(&[
            ("schema.registry.http.connect.timeout.ms", " 7 "),
            ("schema.registry.http.read.timeout.ms", "3600000"),
            ("schema.registry.proxy.host", "[::1]"),
            ("schema.registry.proxy.port", "3128"),
            ("schema.registry.ssl.endpoint.identification.algorithm", "HTTPS"),
        ]);
        assert_eq!((settings.connect_timeout, settings.read_timeout.as_secs()), (Duration::from_millis(7), 3600));
        assert_eq!(settings.proxy, Some(("[::1]".to_owned(), 3128)));
        assert!(settings.tls.check_host);
    }

    #[test]
    fn wrong_values_are_refused_with_what_would_be_right() {
        fails(
            &[("schema.registry.http.connect.timeout.ms", "0")],
            "schema.registry.http.connect.timeout.ms: '0' is not a whole number of milliseconds from 1 to 3600000",
        );
        fails(
            &[("schema.registry.proxy.host", "p")],
            "schema.registry.proxy.port: not set, but schema.registry.proxy.host is",
        );
        fails(
            &[("schema.registry.proxy.port", "1")],
            "schema.registry.proxy.host: not set, but schema.registry.proxy.port is",
        );
        for host in ["http://p", "p:1", "alice:hunter2@p", "p/x", "ä b"] {
            fails(
                &[("schema.registry.proxy.host", host), ("schema.registry.proxy.port", "1")],
                "schema.registry.proxy.host: it has to be a host's name or address alone, without http:// and a user",
            );
        }
        for port in ["0", "65536", "x"] {
            fails(
                &[("schema.registry.proxy.host", "p"), ("schema.registry.proxy.port", port)],
                &format!("schema.registry.proxy.port: '{port}' is no port, which is a number from 1 to 65535"),
            );
        }
        fails(
            &[("schema.registry.ssl.endpoint.identification.algorithm", "ldaps")],
            "schema.registry.ssl.endpoint.identification.algorithm: it is neither https nor none",
        );
        fails(
            &[(TOKEN, "a\nb")],
            "schema.registry.bearer.auth.token: it has characters that an HTTP header cannot have",
        );
        fails(
            &[("bearer.auth.logical.cluster", "ä")],
            "schema.registry.bearer.auth.logical.cluster: it has characters that an HTTP header cannot have",
        );
    }

    #[test]
    fn who_asks_is_said_once() {
        let user = "alice:wonderland";
        let in_url = (URL, "http://alice:wonderland@registry");
        for (pairs, message) in [
            (
                vec![(USER_INFO, user), (TOKEN, "t")],
                format!("{TOKEN}: {USER_INFO} says who asks as well; set one of them"),
            ),
            (vec![in_url, (TOKEN, "t")], format!("{TOKEN}: {URL} says who asks as well; set one of them")),
            (
                vec![in_url, (USER_INFO, user)],
                format!("{URL}: it holds a user, but {USER_INFO} says who asks as well; set one of them"),
            ),
            (vec![(USER_INFO, "alice")], format!("{USER_INFO}: it has to be user:password")),
            (vec![(BASIC_SOURCE, "USER_INFO")], format!("{USER_INFO}: not set, but {BASIC_SOURCE} names it")),
            (
                vec![(BASIC_SOURCE, "URL")],
                format!("{BASIC_SOURCE}: it says that {URL} holds user and password, and it does not"),
            ),
            (
                vec![(BASIC_SOURCE, "URL"), (USER_INFO, user)],
                format!("{USER_INFO}: {BASIC_SOURCE} does not name it; set one of them"),
            ),
            (vec![(BASIC_SOURCE, "FILE")], format!("{BASIC_SOURCE}: it is none of URL, USER_INFO, SASL_INHERIT")),
            (
                vec![(BASIC_SOURCE, "SASL_INHERIT"), ("sasl.username", "alice")],
                format!(
                    "{BASIC_SOURCE}: it says SASL_INHERIT, so sasl.username and sasl.password, or sasl.jaas.config, have \
                     to be set"
                ),
            ),
            (vec![(BEARER_SOURCE, "STATIC_TOKEN")], format!("{TOKEN}: not set, but {BEARER_SOURCE} is")),
            (
                vec![(BEARER_SOURCE, "x"), (TOKEN, "t")],
                format!("{BEARER_SOURCE}: it is not STATIC_TOKEN; set it to that, or leave it out"),
            ),
        ] {
            fails(&pairs, &message);
        }
    }

    #[test]
    fn what_would_fetch_tokens_is_refused() {
        for source in ["OAUTHBEARER", "sasl_oauthbearer_inherit", "CUSTOM"] {
            let error = parsed(&[URL_PAIR, (BEARER_SOURCE, source)]).err().unwrap();
            assert_eq!(error.status(), Status::Unsupported);
            assert_eq!(error.message(), format!("{BEARER_SOURCE}: {NO_TOKENS}"));
        }
        for bare in TOKENS {
            for key in [bare.to_owned(), format!("{PREFIX}{bare}")] {
                let error = check(&key, "x").unwrap_err();
                assert_eq!((error.status(), error.message()), (Status::Unsupported, &*format!("{key}: {NO_TOKENS}")));
                check(&key, " ").unwrap();
            }
        }
        let error = check("schema.registry.ssl.truststore.password", "x").unwrap_err();
        assert!(error.message().ends_with("and set schema.registry.ssl.ca.location to it"), "{error}");
        for key in keys().filter(|key| key.contains("auth.user.info") || key.contains("url")) {
            assert_eq!(check(&key, "x").is_ok(), !key.contains("issuer"), "{key}");
        }
    }

    #[test]
    fn stores_are_what_they_are_for_kafka_under_the_registrys_names() {
        let jks = [("schema.registry.ssl.truststore.location", "trust.jks")];
        let error = parsed(&[&[URL_PAIR], &jks[..]].concat()).err().unwrap();
        assert_eq!(error.status(), Status::Unsupported);
        assert_eq!(
            error.message(),
            "schema.registry.ssl.truststore.location: a JKS or PKCS12 store cannot be read; write its certificates to a PEM \
             file (keytool -list -rfc), and set schema.registry.ssl.ca.location to that, or \
             schema.registry.ssl.truststore.type to PEM"
        );
        fails(
            &[("schema.registry.ssl.ca.location", "ca.pem"), ("schema.registry.ssl.truststore.certificates", PEM)],
            "schema.registry.ssl.truststore.certificates: schema.registry.ssl.ca.location is set as well, and both mean the \
             same; set one of them",
        );
        fails(
            &[("schema.registry.ssl.keystore.key", PEM)],
            "schema.registry.ssl.keystore.certificate.chain: not set, but schema.registry.ssl.keystore.key is; it needs the \
             certificate",
        );
        fails(
            &[("schema.registry.ssl.key.location", "key.pem")],
            "schema.registry.ssl.certificate.location: not set, but schema.registry.ssl.key.location is",
        );
        fails(
            &[
                ("schema.registry.ssl.certificate.location", "c.pem"),
                ("schema.registry.ssl.keystore.location", "k.p12"),
            ],
            "schema.registry.ssl.certificate.location: more than one certificate of the client is set; set one of them",
        );
        // Kafka's own keys are for Kafka.
        let settings = of(&[("ssl.ca.location", "ca.pem"), ("ssl.key.location", "key.pem")]);
        assert!(settings.tls.authorities.is_none() && settings.tls.identity.is_none());
    }

    proptest! {
        #[test]
        fn no_value_panics_and_none_that_is_secret_is_shown(
            values in prop::collection::vec((prop::sample::select(keys().collect::<Vec<_>>()), value()), 0..6),
            address in value(),
        ) {
            let mut given: BTreeMap<String, String> = values.into_iter().collect();
            given.entry(URL.to_owned()).or_insert(address);
            for (key, value) in &given {
                drop(check(key, value));
            }
            if let Err(error) = settings(&given, Duration::ZERO) {
                let argument = error.detail("argument").unwrap_or_default();
                prop_assert!(!argument.is_empty() && error.message().starts_with(argument));
                // What should be a number is no secret.
                prop_assert!(argument.ends_with(".ms") || !error.message().contains("hunter2"), "{}", error);
            }
        }
    }

    fn value() -> impl Strategy<Value = String> {
        prop_oneof![
            any::<String>(),
            "(https?|mock)?(://)?([a-z]{1,3}:hunter2)?[@/,:# ]?[a-z]{0,3}(:[0-9]{0,6})?[/?]?[a-z]?",
            "(URL|USER_INFO|SASL_INHERIT|STATIC_TOKEN|PEM|https|alice:[a-z]{1,8})",
        ]
    }
}
