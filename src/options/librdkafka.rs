//! The properties of librdkafka that a caller may not set, and why (rule K4).
//!
//! All others go to it as they are. Its list of properties is longer than this one, and the last word on names and values
//! is its own; what stands here it would take, and a promise of karrow's, or somebody's expectation, would break.

use super::java;
use crate::error::{Error, Result};

/// Keys that karrow must own for its promises to hold, or that would reach into its host.
const OWNED: [(&str, &str); 15] = [
    ("enable.partition.eof", "karrow turns it on, to know where a partition ends"),
    ("enable.auto.offset.store", "karrow tracks offsets itself, by what a snapshot shows"),
    ("auto.commit.enable", "karrow commits by itself only if enable.auto.commit says so"),
    ("offset.store.method", "committed offsets are kept by the brokers"),
    ("offset.store.path", "committed offsets are kept by the brokers"),
    ("offset.store.sync.interval.ms", "committed offsets are kept by the brokers"),
    ("plugin.library.paths", "karrow loads no code into its host"),
    ("ssl.engine.location", "karrow loads no code into its host"),
    ("ssl.engine.id", "karrow loads no code into its host"),
    ("internal.termination.signal", "karrow sends no signals in its host"),
    ("log.queue", "messages are read through a log handle"),
    ("enabled_events", "karrow serves librdkafka's events itself"),
    ("statistics.interval.ms", "karrow has nobody to hand librdkafka's statistics to"),
    ("test.mock.num.brokers", "use the embedded cluster's bootstrap servers"),
    ("test.mock.broker.rtt", "use the embedded cluster's bootstrap servers"),
];

/// Properties whose values are addresses in memory. librdkafka sets them through calls of its own.
const POINTERS: [&str; 26] = [
    "background_event_cb",
    "closesocket_cb",
    "connect_cb",
    "consume_cb",
    "default_topic_conf",
    "dr_cb",
    "dr_msg_cb",
    "error_cb",
    "interceptors",
    "log_cb",
    "msg_order_cmp",
    "oauthbearer_token_refresh_cb",
    "offset_commit_cb",
    "opaque",
    "open_cb",
    "partitioner_cb",
    "rebalance_cb",
    "resolve_cb",
    "socket_cb",
    "ssl.certificate.verify_cb",
    "ssl_ca",
    "ssl_certificate",
    "ssl_engine_callback_data",
    "ssl_key",
    "stats_cb",
    "throttle_cb",
];

/// Properties of producers.
const PRODUCERS: [&str; 25] = [
    "acks",
    "batch.num.messages",
    "batch.size",
    "compression.codec",
    "compression.level",
    "compression.type",
    "delivery.report.only.error",
    "delivery.timeout.ms",
    "enable.gapless.guarantee",
    "enable.idempotence",
    "linger.ms",
    "message.send.max.retries",
    "message.timeout.ms",
    "partitioner",
    "produce.offset.report",
    "queue.buffering.backpressure.threshold",
    "queue.buffering.max.kbytes",
    "queue.buffering.max.messages",
    "queue.buffering.max.ms",
    "queuing.strategy",
    "request.required.acks",
    "retries",
    "sticky.partitioning.linger.ms",
    "transaction.timeout.ms",
    "transactional.id",
];

/// Properties of Kerberos that the Java client does not have. Its own, and why, are in [`java`].
const KERBEROS: [&str; 2] = ["sasl.kerberos.keytab", "sasl.kerberos.principal"];

/// Properties that only OAUTHBEARER's method `oidc` reads, under names that the Java client does not have.
const OIDC: [&str; 9] = [
    "https.ca.location",
    "https.ca.pem",
    "sasl.oauthbearer.assertion.jwt.template.file",
    "sasl.oauthbearer.assertion.private.key.pem",
    "sasl.oauthbearer.client.id",
    "sasl.oauthbearer.client.secret",
    "sasl.oauthbearer.extensions",
    "sasl.oauthbearer.grant.type",
    "sasl.oauthbearer.metadata.authentication.type",
];

/// Pairs of names for one property: what librdkafka calls an alias, and what it is an alias for.
pub const ALIASES: [(&str, &str); 4] = [
    ("metadata.broker.list", "bootstrap.servers"),
    ("sasl.mechanisms", "sasl.mechanism"),
    ("max.partition.fetch.bytes", "fetch.message.max.bytes"),
    ("max.in.flight", "max.in.flight.requests.per.connection"),
];

/// Fails if the caller may not set a property.
pub fn check(key: &str) -> Result<()> {
    if let Some((_, why)) = OWNED.iter().find(|(owned, _)| *owned == key) {
        return Err(Error::argument(key, format!("this property cannot be set: {why}")));
    }
    if POINTERS.contains(&key) {
        return Err(Error::argument(key, "this property cannot be set: it is an address in memory, not a text"));
    }
    if PRODUCERS.contains(&key) {
        let hint = if key == "linger.ms" { "; how long a poll waits for more is karrow.poll.linger.ms" } else { "" };
        return Err(Error::argument(key, format!("this is a producer's property, and karrow only reads{hint}")));
    }
    if KERBEROS.contains(&key) {
        return Err(java::unsupported(key, java::NO_KERBEROS));
    }
    if OIDC.contains(&key) {
        return Err(java::unsupported(key, java::NO_TOKENS));
    }
    Ok(())
}

/// Every property that may not be set.
pub fn refused() -> impl Iterator<Item = &'static str> {
    OWNED.into_iter().map(|(key, _)| key).chain(POINTERS).chain(PRODUCERS).chain(KERBEROS).chain(OIDC)
}
