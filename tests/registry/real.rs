//! Apicurio's registry, as it is and behind a gate that makes another one of it.

use std::thread;
use std::time::Instant;

use karrow::registry::{Cancel, Kind, Patience, Reference, SchemaKind, Version};

use crate::support::certificates::Certificates;
use crate::support::gate::{Door, Gate, Reply};
use crate::support::registry::{Registry, shared_registry};
use crate::{HANG, client, client_of, hasty_client, id, no_id, no_id_in_time, subject};

const COUNTRY: &str = r#"{"type":"enum","name":"Country","namespace":"geo","symbols":["DE","FR"]}"#;
const ADDRESS: &str =
    r#"{"type":"record","name":"Address","namespace":"geo","fields":[{"name":"country","type":"geo.Country"}]}"#;
const CUSTOMER: &str = r#"{"type":"record","name":"Customer","fields":[{"name":"address","type":"geo.Address"}]}"#;

/// Registers a schema with references over two levels; returns its id.
fn register_customer(registry: &Registry, prefix: &str) -> i32 {
    let [country, address, customer] = ["country", "address", "customer"].map(|name| format!("{prefix}-{name}"));
    registry.register(&country, COUNTRY, &[]);
    registry.register(&address, ADDRESS, &[("geo.Country", &country, 1)]);
    registry.register(&customer, CUSTOMER, &[("geo.Address", &address, 1)])
}

fn only(references: &[Reference]) -> &Reference {
    assert_eq!(references.len(), 1);
    &references[0]
}

#[test]
fn avro_by_id_and_by_subject_with_references_over_two_levels() {
    let registry = shared_registry();
    let number = register_customer(registry, "levels");
    let client = client_of(&registry.url());
    let by_id = id(&client, number);
    assert_eq!((by_id.id, by_id.kind, by_id.text.as_str()), (Some(number), SchemaKind::Avro, CUSTOMER));
    let address = only(&by_id.references);
    assert_eq!(
        (address.name.as_str(), address.subject.as_str(), address.version),
        ("geo.Address", "levels-address", 1)
    );
    assert_eq!(address.schema.text, ADDRESS);
    let country = only(&address.schema.references);
    assert_eq!((country.name.as_str(), country.schema.text.as_str()), ("geo.Country", COUNTRY));
    for version in [Version::Latest, Version::Number(1)] {
        let by_subject = subject(&client_of(&registry.url()), "levels-customer", version).unwrap();
        assert_eq!((by_subject.id, by_subject.version), (Some(number), Some(1)));
        assert_eq!((&by_subject.text, &by_subject.references), (&by_id.text, &by_id.references));
    }
}

#[test]
fn the_latest_version_is_the_latest() {
    let registry = shared_registry();
    let client = client_of(&registry.url());
    let name = "a/subject with: all?#";
    for (version, text) in [(1, r#"{"type":"string"}"#), (2, r#"{"type":"bytes"}"#)] {
        let number = registry.register("a%2Fsubject%20with%3A%20all%3F%23", text, &[]);
        let latest = subject(&client, name, Version::Latest).unwrap();
        assert_eq!((latest.version, latest.id, latest.text.as_str()), (Some(version), Some(number), text));
    }
    assert_eq!(subject(&client, name, Version::Number(1)).unwrap().text, r#"{"type":"string"}"#);
}

#[test]
fn protobuf_with_imports() {
    let registry = shared_registry();
    let country = "syntax = \"proto3\";\npackage geo;\n\nmessage Country {\n  string code = 1;\n}\n";
    let address = "syntax = \"proto3\";\npackage geo;\n\nimport \"geo/country.proto\";\n\nmessage Address {\n  geo.Country \
                   country = 1;\n}\n";
    registry.register_kind("proto-country", "PROTOBUF", country, &[]);
    let references = [("geo/country.proto", "proto-country", 1)];
    let number = registry.register_kind("proto-address", "PROTOBUF", address, &references);
    let schema = id(&client_of(&registry.url()), number);
    assert_eq!(schema.kind, SchemaKind::Protobuf);
    assert!(schema.text.contains("message Address"), "{}", schema.text);
    let import = only(&schema.references);
    assert_eq!((import.name.as_str(), import.schema.kind), ("geo/country.proto", SchemaKind::Protobuf));
    assert!(import.schema.text.contains("message Country"), "{}", import.schema.text);
}

#[test]
fn json_schema() {
    let registry = shared_registry();
    let text = r#"{"$schema":"http://json-schema.org/draft-07/schema#","type":"object"}"#;
    let number = registry.register_kind("json-schema", "JSON", text, &[]);
    let schema = id(&client_of(&registry.url()), number);
    assert_eq!((schema.kind, schema.text.as_str()), (SchemaKind::Json, text));
}

#[test]
fn what_there_is_not() {
    let registry = shared_registry();
    registry.register("something", r#"{"type":"string"}"#, &[]);
    let client = hasty_client(&registry.url());
    for (failure, what) in [
        (no_id(&client, 1_000_000), "schema 1000000: the schema registry at URL has no such schema"),
        (
            subject(&client, "nothing", Version::Latest).unwrap_err(),
            "the latest version of subject 'nothing': the schema registry at URL has no such subject",
        ),
        (
            subject(&client, "something", Version::Number(9)).unwrap_err(),
            "version 9 of subject 'something': the schema registry at URL has no such version of it",
        ),
    ] {
        assert_eq!((failure.kind(), failure.message()), (Kind::Unknown, &*what.replace("URL", &registry.url())));
    }
    let root = registry.url().replace("/apis/ccompat/v7", "");
    let failure = no_id(&client_of(&root), 1);
    assert_eq!(failure.kind(), Kind::Refused);
    assert!(failure.message().ends_with("check the path in schema.registry.url"), "{failure}");
}

#[test]
fn behind_tls_and_a_password_and_with_what_confluents_leaves_out() {
    let registry = shared_registry();
    let number = register_customer(registry, "gated");
    let folder = tempfile::tempdir().unwrap();
    let certificates = Certificates::make(folder.path());
    let upstream = registry.url();
    let gate = Gate::behind(Door::Tls(&certificates, "server"), move |request| {
        if request.header("authorization") != Some("Basic YWxpY2U6d29uZGVybGFuZA==") {
            return Reply::json(401, r#"{"error_code": 401, "message": "Unauthorized"}"#);
        }
        let Reply::Answer(status, headers, body) = Reply::forward(request, &upstream) else { unreachable!() };
        let body =
            String::from_utf8(body).unwrap().replace(r#","references":[]"#, "").replace(r#","schemaType":"AVRO""#, "");
        Reply::Answer(status, headers, body.into_bytes())
    });
    let ca = certificates.path("ca.pem");
    let url = gate.url();
    let pairs = [
        ("schema.registry.url", &*url),
        ("schema.registry.ssl.ca.location", &*ca),
        ("basic.auth.credentials.source", "USER_INFO"),
        ("basic.auth.user.info", "alice:wonderland"),
    ];
    let schema = id(&client(&pairs), number);
    assert_eq!(only(&only(&schema.references).schema.references).schema.text, COUNTRY);
    assert_eq!(no_id(&client(&pairs[..2]), number).kind(), Kind::Refused);
}

#[test]
fn who_waits_while_the_registry_is_away_gets_the_schema_when_it_is_back() {
    let registry = Registry::start();
    let number = register_customer(&registry, "restart");
    for (end, again) in [(Registry::stop as fn(&Registry), "stopped"), (Registry::kill, "killed")] {
        // Another address tells when it has been found away.
        let witness = Gate::open(|_| Reply::json(503, "{}"));
        let client = client_of(&format!("{},{}", registry.url(), witness.url()));
        let country = subject(&client, "restart-country", Version::Number(1)).unwrap();
        end(&registry);
        assert_eq!(subject(&client, "restart-country", Version::Number(1)).unwrap(), country, "{again}");
        assert_eq!(no_id_in_time(&client, number).kind(), Kind::Unreachable, "{again}");
        let asked = witness.requests().len();
        let cancel = Cancel::default();
        let patience = Patience { deadline: Some(Instant::now() + HANG * 2), cancel: &cancel };
        thread::scope(|scope| {
            let waiting = scope.spawn(|| client.by_id(number, patience));
            witness.await_requests(asked + 1);
            registry.restart();
            let schema = waiting.join().unwrap().unwrap();
            assert_eq!(only(&only(&schema.references).schema.references).schema.text, COUNTRY, "{again}");
        });
    }
}
