//! The keys of the schema registry's client (rule K2), as Confluent's clients for Java and Python name them.
//!
//! They are none of librdkafka's business. Stores of keys and certificates are PEM here as they are for Kafka.

/// The registry's keys behind `schema.registry.`.
const KEYS: [&str; 27] = [
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
    "ssl.keystore.type",
    "ssl.truststore.certificates",
    "ssl.truststore.location",
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
