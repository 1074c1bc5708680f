//! What registries answer, and what is remembered of it.

use std::collections::HashMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::thread;
use std::time::Instant;

use karrow::registry::{Cancel, Kind, Patience, SchemaKind, Version};

use crate::support::gate::{Gate, Reply};
use crate::{HANG, SHORT, client, client_of, hasty_client, id, id_within, no_id, no_id_in_time, subject};

const NO_ID: &str = r#"{"error_code": 40403, "message": "Schema not found"}"#;

/// A registry that answers these paths, and that it knows nothing else.
fn registry(answers: &[(&'static str, String)]) -> Gate {
    let answers: HashMap<_, _> = answers.iter().cloned().collect();
    Gate::open(move |request| {
        let path = request.path.trim_end_matches("?deleted=true");
        answers.get(path).map_or_else(|| Reply::json(404, NO_ID), |body| Reply::json(200, body))
    })
}

/// An answer of Confluent's registry for a version of a subject, which refers to others: name, subject, version.
fn version(id: i32, text: &str, references: &[(&str, &str, i32)]) -> String {
    let references: Vec<String> = references
        .iter()
        .map(|(name, subject, version)| {
            format!(r#"{{"name": "{name}", "subject": "{subject}", "version": {version}}}"#)
        })
        .collect();
    let references = match references.len() {
        0 => String::new(),
        _ => format!(r#", "references": [{}]"#, references.join(",")),
    };
    format!(r#"{{"subject": "s", "version": 1, "id": {id}, "schema": "{text}"{references}}}"#)
}

#[test]
fn a_schema_by_id_is_asked_for_once() {
    let gate = registry(&[("/schemas/ids/7", r#"{"schema": "\"string\""}"#.to_owned())]);
    let client = client_of(&gate.url());
    assert_eq!(client.known_id(7), None);
    for _ in 0..3 {
        let schema = id(&client, 7);
        assert_eq!((schema.id, schema.version, schema.kind), (Some(7), None, SchemaKind::Avro));
        assert_eq!((schema.text.as_str(), schema.references.len()), ("\"string\"", 0));
    }
    assert_eq!(client.known_id(7), Some(id(&client, 7)));
    assert_eq!(gate.paths(), ["/schemas/ids/7"]);
    let request = &gate.requests()[0];
    assert_eq!(request.method, "GET");
    assert!(request.header("accept").unwrap().contains("application/vnd.schemaregistry.v1+json"));
    assert_eq!(request.header("authorization"), None);
}

#[test]
fn the_latest_version_is_asked_for_each_time_and_numbers_are_not() {
    let gate = registry(&[
        ("/subjects/a%2Fb%20c/versions/latest", version(7, "x", &[])),
        ("/subjects/a%2Fb%20c/versions/1", version(7, "x", &[])),
    ]);
    let client = client_of(&gate.url());
    for _ in 0..2 {
        let schema = subject(&client, "a/b c", Version::Latest).unwrap();
        assert_eq!((schema.id, schema.version), (Some(7), Some(1)));
    }
    // What has been seen as the latest is known by its number and its id.
    subject(&client, "a/b c", Version::Number(1)).unwrap();
    id(&client, 7);
    assert_eq!(gate.paths(), ["/subjects/a%2Fb%20c/versions/latest"; 2]);
}

#[test]
fn the_path_of_the_address_stays_before_every_question() {
    let gate = registry(&[("/apis/ccompat/v7/schemas/ids/7", version(7, "x", &[]))]);
    id(&client_of(&format!("{}/apis/ccompat/v7/", gate.url())), 7);
}

#[test]
fn references_are_resolved_through_all_levels_and_each_is_asked_for_once() {
    let gate = registry(&[
        ("/schemas/ids/1", version(1, "top", &[("L", "left", 1), ("R", "right", 1)])),
        ("/subjects/left/versions/1", version(2, "left", &[("B", "bottom", 4)])),
        ("/subjects/right/versions/1", version(3, "right", &[("B", "bottom", 4)])),
        ("/subjects/bottom/versions/4", version(4, "bottom", &[])),
    ]);
    let client = client_of(&gate.url());
    let top = id(&client, 1);
    let names = |references: &[karrow::registry::Reference]| {
        references.iter().map(|r| (r.name.clone(), r.subject.clone(), r.version)).collect::<Vec<_>>()
    };
    assert_eq!(names(&top.references), [("L".into(), "left".into(), 1), ("R".into(), "right".into(), 1)]);
    for side in &top.references {
        assert_eq!(names(&side.schema.references), [("B".into(), "bottom".into(), 4)]);
        assert_eq!(side.schema.references[0].schema.text, "bottom");
    }
    assert_eq!(
        gate.paths(),
        [
            "/schemas/ids/1",
            // A version that is deleted is still what others refer to.
            "/subjects/left/versions/1?deleted=true",
            "/subjects/bottom/versions/4?deleted=true",
            "/subjects/right/versions/1?deleted=true",
        ]
    );
    id(&client, 4);
    assert_eq!(gate.requests().len(), 4, "the id of a reference is known too");
}

#[test]
fn references_that_lead_in_a_circle_or_nowhere_or_too_deep_are_refused() {
    let gate = registry(&[
        ("/schemas/ids/1", version(1, "x", &[("A", "a", 1)])),
        ("/subjects/a/versions/1", version(2, "x", &[("B", "b", 1)])),
        ("/subjects/b/versions/1", version(3, "x", &[("A", "a", 1)])),
        ("/schemas/ids/4", version(4, "x", &[("N", "nowhere", 3)])),
    ]);
    let client = hasty_client(&gate.url());
    for failure in [no_id(&client, 1), subject(&client, "a", Version::Number(1)).unwrap_err()] {
        assert_eq!(failure.kind(), Kind::Unusable);
        assert!(
            failure.message().ends_with("what it refers to leads in a circle, at version 1 of subject 'a'"),
            "{failure}"
        );
    }
    let asked = gate.requests().len();
    assert_eq!(no_id(&client, 1).kind(), Kind::Unusable);
    assert_eq!(gate.requests().len(), asked, "nobody is asked for each record of it");
    let failure = no_id(&client, 4);
    assert_eq!(failure.kind(), Kind::Unknown, "{failure}");
    let expected = "schema 4: it refers to version 3 of subject 'nowhere': the schema registry at http://127.0.0.1:";
    assert!(failure.message().starts_with(expected), "{failure}");

    let deep = Gate::open(|request| {
        let level = request.path.trim_end_matches("?deleted=true").rsplit('/').next().unwrap().parse::<i32>().unwrap();
        Reply::json(200, &version(level, "x", &[("Next", "s", level + 1)]))
    });
    let failure = no_id(&client_of(&deep.url()), 1);
    assert_eq!(failure.kind(), Kind::Unusable);
    assert_eq!(failure.message(), "schema 1: what it refers to is nested more than 32 levels deep");
}

#[test]
fn too_many_references_are_refused() {
    let many: Vec<(String, i32)> = (0..1001).map(|number| (format!("s{number}"), number)).collect();
    let many: Vec<(&str, &str, i32)> = many.iter().map(|(name, _)| (name.as_str(), name.as_str(), 1)).collect();
    let top = version(1, "x", &many);
    let gate = Gate::open(move |request| match request.path.as_str() {
        "/schemas/ids/1" => Reply::json(200, &top),
        // Each has an id of its own.
        _ => Reply::json(200, r#"{"schema": "x"}"#),
    });
    let failure = id_within(&client_of(&gate.url()), 1, HANG).unwrap_err();
    assert_eq!(failure.message(), "schema 1: it refers to more than 1000 other schemas");
}

#[test]
fn what_the_registry_does_not_have_is_told_apart() {
    let gate = Gate::open(|request| match request.path.as_str() {
        "/schemas/ids/-9" => Reply::json(404, NO_ID),
        path if path.contains("nobody") => Reply::json(404, r#"{"error_code": 40401, "message": "Subject not found"}"#),
        path if path.contains("/versions/") => {
            Reply::json(404, r#"{"error_code": 40402, "message": "Version not found"}"#)
        }
        "/html/schemas/ids/1" => Reply::Answer(404, Vec::new(), b"<html>no such page</html>".to_vec()),
        _ => Reply::json(404, r#"{"error_code": 404, "message": "HTTP 404 Not Found"}"#),
    });
    let client = hasty_client(&gate.url());
    for (failure, what) in [
        (no_id(&client, -9), "schema -9: the schema registry at URL has no such schema"),
        (
            subject(&client, "nobody", Version::Latest).unwrap_err(),
            "the latest version of subject 'nobody': the schema registry at URL has no such subject",
        ),
        (
            subject(&client, "somebody", Version::Number(9)).unwrap_err(),
            "version 9 of subject 'somebody': the schema registry at URL has no such version of it",
        ),
    ] {
        assert_eq!((failure.kind(), failure.message()), (Kind::Unknown, &*what.replace("URL", &gate.url())));
    }
    for path in ["html", "elsewhere"] {
        let url = format!("{}/{path}", gate.url());
        let failure = no_id(&client_of(&url), 1);
        assert_eq!(failure.kind(), Kind::Refused, "no record is bad because of a wrong path");
        let expected = format!(
            "schema 1: {url} answers, but not as a schema registry does (HTTP 404); check the path in schema.registry.url"
        );
        assert_eq!(failure.message(), expected);
    }
}

#[test]
fn a_subject_has_a_name() {
    let gate = registry(&[]);
    let failure = subject(&client_of(&gate.url()), "", Version::Latest).unwrap_err();
    assert_eq!(failure.kind(), Kind::Unknown);
    assert_eq!(failure.message(), "subject: the name is empty; give that of a subject of the schema registry");
    assert_eq!(gate.requests(), []);
}

#[test]
fn a_schema_of_an_unknown_type_is_unusable() {
    let gate = registry(&[("/schemas/ids/1", r#"{"schema": "x", "schemaType": "THRIFT"}"#.to_owned())]);
    let failure = no_id(&client_of(&gate.url()), 1);
    assert_eq!(failure.kind(), Kind::Unusable);
    assert!(failure.message().ends_with("has it as a schema of type THRIFT; karrow knows AVRO, PROTOBUF and JSON"));
}

#[test]
fn an_answer_without_an_end_is_not_read_to_it() {
    let long = vec![b' '; 17 * 1024 * 1024];
    let gate = Gate::open(move |_| Reply::Answer(200, Vec::new(), long.clone()));
    let failure = no_id(&client_of(&gate.url()), 1);
    assert_eq!(failure.kind(), Kind::Unusable);
    assert_eq!(failure.message(), format!("schema 1: what {} answers is longer than 16777216 bytes", gate.url()));
}

#[test]
fn an_unknown_id_is_asked_for_until_replicas_have_it() {
    let asked = AtomicUsize::new(0);
    let gate = Gate::open(move |_| match asked.fetch_add(1, Ordering::Relaxed) {
        0..3 => Reply::json(404, NO_ID),
        _ => Reply::json(200, r#"{"schema": "x"}"#),
    });
    let client = client(&[("schema.registry.url", &gate.url()), ("karrow.registry.unknown.id.retry.ms", "60000")]);
    assert_eq!(id(&client, 7).text, "x");
    assert_eq!(gate.paths(), ["/schemas/ids/7"; 4]);
}

#[test]
fn an_id_that_stays_unknown_is_not_asked_for_again_and_again() {
    let gate = Gate::open(|_| Reply::json(404, NO_ID));
    let client = client(&[("schema.registry.url", &gate.url()), ("karrow.registry.unknown.id.retry.ms", "150")]);
    let first = id_within(&client, 7, HANG).unwrap_err();
    assert_eq!(first.kind(), Kind::Unknown);
    let asked = gate.requests().len();
    assert_eq!(id_within(&client, 7, HANG).unwrap_err(), first);
    assert_eq!(gate.requests().len(), asked);
    assert_eq!(id_within(&client, 8, HANG).unwrap_err().kind(), Kind::Unknown);
    assert!(gate.requests().len() > asked, "another id is another question");
}

#[test]
fn an_id_that_there_was_no_time_for_is_asked_for_again() {
    let has_it = Arc::new(AtomicBool::new(false));
    let gate = Gate::open({
        let has_it = has_it.clone();
        move |_| match has_it.load(Ordering::Relaxed) {
            false => Reply::json(404, NO_ID),
            true => Reply::json(200, r#"{"schema": "x"}"#),
        }
    });
    // Replicas would have two minutes.
    let client = client(&[("schema.registry.url", &gate.url()), ("karrow.registry.unknown.id.retry.ms", "120000")]);
    assert_eq!(no_id_in_time(&client, 7).kind(), Kind::Unknown);
    has_it.store(true, Ordering::Relaxed);
    assert_eq!(id(&client, 7).text, "x");
}

#[test]
fn who_asks_for_the_same_at_the_same_time_shares_the_answer() {
    let gate = registry(&[("/schemas/ids/7", r#"{"schema": "x"}"#.to_owned())]);
    let client = client_of(&gate.url());
    thread::scope(|scope| {
        let askers: Vec<_> = (0..8).map(|_| scope.spawn(|| id(&client, 7))).collect();
        for asker in askers {
            assert_eq!(asker.join().unwrap().text, "x");
        }
    });
    assert_eq!(gate.requests().len(), 1);
}

#[test]
fn who_waits_for_the_answer_to_another_has_a_time_of_its_own() {
    let gate = Gate::open(|_| Reply::Silence);
    let client = client(&[("schema.registry.url", &gate.url()), ("schema.registry.http.read.timeout.ms", "600000")]);
    let cancel = Cancel::default();
    thread::scope(|scope| {
        let first =
            scope.spawn(|| client.by_id(7, Patience { deadline: Some(Instant::now() + HANG), cancel: &cancel }));
        gate.await_requests(1);
        let second = id_within(&client, 7, SHORT).unwrap_err();
        assert_eq!(second.kind(), Kind::Unreachable);
        assert!(second.message().contains("another look-up"), "{second}");
        cancel.cancel();
        let third = client.by_id(7, Patience { deadline: None, cancel: &cancel });
        assert_eq!(third.unwrap_err().kind(), Kind::Cancelled);
        assert_eq!(first.join().unwrap().unwrap_err().kind(), Kind::Cancelled);
    });
}
