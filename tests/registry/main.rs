//! karrow's client of schema registries against a real registry, and against a small server that does to it what registries,
//! proxies and networks do.
//!
//! `cmake --workflow --preset test` fetches the real registry.

#[path = "../support/mod.rs"]
mod support;

mod answers;
mod credentials;
mod failover;
mod protobuf;
mod reading;
mod real;
mod tls;

use std::sync::Arc;
use std::time::{Duration, Instant};

use karrow::options::Options;
use karrow::registry::{Cancel, Client, Failure, Patience, Schema, Version};

/// Nothing here takes nearly as long: whatever does, hangs.
const HANG: Duration = Duration::from_secs(60);
/// Enough for some attempts, where all of them fail.
const SHORT: Duration = Duration::from_millis(400);

/// What the options say about the registry.
fn options(pairs: &[(&str, &str)]) -> Options {
    let mut options = Options::new("orders").unwrap();
    for (key, value) in pairs {
        options.set(key, Some(value)).unwrap();
    }
    options
}

fn client(pairs: &[(&str, &str)]) -> Client {
    let settings = options(pairs).registry().unwrap().expect("the registry is named");
    Client::new(Arc::new(settings)).unwrap()
}

fn client_of(url: &str) -> Client {
    client(&[("schema.registry.url", url)])
}

/// The same, for ids that are not known: they are asked for once.
fn hasty_client(url: &str) -> Client {
    client(&[("schema.registry.url", url), ("karrow.registry.unknown.id.retry.ms", "0")])
}

fn id_within(client: &Client, id: i32, time: Duration) -> Result<Arc<Schema>, Failure> {
    client.by_id(id, Patience { deadline: Some(Instant::now() + time), cancel: &Cancel::default() })
}

/// The schema of an id, which is there.
fn id(client: &Client, number: i32) -> Arc<Schema> {
    id_within(client, number, HANG).unwrap()
}

/// Why there is no schema of an id, where that is told at once.
fn no_id(client: &Client, number: i32) -> Failure {
    id_within(client, number, HANG).unwrap_err()
}

/// Why there is no schema of an id, where that is told when the time is over. A machine that has other things to do may need
/// more of it.
fn no_id_in_time(client: &Client, number: i32) -> Failure {
    let mut time = SHORT;
    loop {
        let failure = id_within(client, number, time).unwrap_err();
        if !failure.message().contains("the time was over before it answered") || time > HANG {
            return failure;
        }
        time *= 2;
    }
}

fn subject(client: &Client, name: &str, version: Version) -> Result<Arc<Schema>, Failure> {
    client.by_subject(name, version, Patience { deadline: Some(Instant::now() + HANG), cancel: &Cancel::default() })
}
