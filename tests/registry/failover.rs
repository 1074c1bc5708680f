//! Registries that are away, slow, busy or broken.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;
use std::time::Instant;

use karrow::error::{Error, Status};
use karrow::registry::{Cancel, Kind, Patience};

use crate::support::broker::free_port;
use crate::support::gate::{Gate, Reply, Request};
use crate::{HANG, SHORT, client, client_of, id, id_within, no_id_in_time};

const SCHEMA: &str = r#"{"schema": "\"string\""}"#;

/// A registry that does these things first, one a question, and then answers.
fn troubled(troubles: Vec<Reply>) -> Gate {
    let asked = AtomicUsize::new(0);
    Gate::open(move |_: &Request| {
        let number = asked.fetch_add(1, Ordering::Relaxed);
        troubles.get(number).cloned().unwrap_or_else(|| Reply::json(200, SCHEMA))
    })
}

#[test]
fn what_may_pass_is_tried_again() {
    let busy = |status| Reply::json(status, r#"{"error_code": 50001, "message": "store is busy"}"#);
    let troubles = vec![
        busy(500),
        busy(503),
        busy(429).with("Retry-After", "1"),
        Reply::Answer(502, Vec::new(), b"<html>Bad Gateway</html>".to_vec()),
        Reply::Answer(200, Vec::new(), b"<html>Please log in</html>".to_vec()),
        Reply::json(200, r#"{"schema": 1}"#),
        Reply::Cut(SCHEMA.as_bytes().to_vec(), 5),
        Reply::HangUp,
        Reply::Raw(b"220 mail.example ESMTP\r\n\r\n".to_vec()),
    ];
    for trouble in troubles {
        let gate = troubled(vec![trouble.clone()]);
        let schema = id(&client_of(&gate.url()), 7);
        assert_eq!(schema.text, "\"string\"", "{trouble:?}");
        assert_eq!(gate.requests().len(), 2, "{trouble:?}");
    }
}

#[test]
fn what_does_not_pass_is_told_when_the_time_is_over() {
    for (trouble, expected) in [
        (
            Reply::json(503, r#"{"message": "starting"}"#),
            "the schema registry at URL cannot answer for now: HTTP 503: starting",
        ),
        (Reply::Answer(500, Vec::new(), b"oh".to_vec()), "the schema registry at URL cannot answer for now: HTTP 500"),
        (
            Reply::Answer(200, Vec::new(), b"<html>".to_vec()),
            "URL does not answer as a schema registry does: it is not JSON; if that stays so, check schema.registry.url",
        ),
        (
            Reply::HangUp,
            "the schema registry at URL hangs up before it has answered; if it expects TLS, let schema.registry.url begin \
             with https://",
        ),
        (
            Reply::Raw(b"220 mail.example ESMTP\r\n\r\n".to_vec()),
            "what URL answers is not HTTP as a schema registry speaks it; if it expects TLS, let schema.registry.url begin \
             with https://",
        ),
    ] {
        let gate = Gate::open({
            let trouble = trouble.clone();
            move |_| trouble.clone()
        });
        let failure = no_id_in_time(&client_of(&gate.url()), 7);
        assert_eq!(failure.kind(), Kind::Unreachable, "{trouble:?}");
        assert_eq!(failure.message(), format!("schema 7: {}", expected.replace("URL", &gate.url())));
        let error = Error::from(failure);
        assert!(error.status() == Status::Registry && error.is_retriable());
    }
}

#[test]
fn a_registry_that_wants_more_patience_than_there_is_is_not_asked_again() {
    let gate = Gate::open(|_| Reply::json(429, r#"{"message": "slow down"}"#).with("Retry-After", "3600"));
    let failure = id_within(&client_of(&gate.url()), 7, HANG / 2).unwrap_err();
    assert_eq!(failure.kind(), Kind::Unreachable);
    assert!(failure.message().ends_with("HTTP 429: slow down"), "{failure}");
    assert_eq!(gate.requests().len(), 1);
}

#[test]
fn silence_ends_with_the_time_out() {
    let gate = Gate::open(|_| Reply::Silence);
    let client = client(&[("schema.registry.url", &gate.url()), ("schema.registry.http.read.timeout.ms", "50")]);
    let failure = no_id_in_time(&client, 7);
    assert_eq!(failure.kind(), Kind::Unreachable);
    let expected = "does not answer within 50 ms (schema.registry.http.read.timeout.ms)";
    assert!(failure.message().ends_with(expected), "{failure}");
    // The deadline may come before.
    let failure = id_within(&client_of(&gate.url()), 7, SHORT).unwrap_err();
    assert!(failure.message().ends_with("the time was over before it answered"), "{failure}");
}

#[test]
fn nobody_there_is_unreachable() {
    let url = format!("http://127.0.0.1:{}", free_port());
    let failure = no_id_in_time(&client_of(&url), 7);
    assert_eq!(failure.kind(), Kind::Unreachable);
    let expected = format!("schema 7: the schema registry at {url} cannot be reached: ");
    assert!(failure.message().starts_with(&expected) && failure.message().contains("refused"), "{failure}");
    let failure = no_id_in_time(&client_of("http://registry.invalid:8081"), 7);
    assert_eq!(failure.kind(), Kind::Unreachable, "{failure}");
}

#[test]
fn the_next_address_is_asked_and_preferred_from_then_on() {
    let answers = Gate::open(|_| Reply::json(200, SCHEMA));
    let busy = Gate::open(|_| Reply::json(503, "{}"));
    let nobody = format!("http://127.0.0.1:{}", free_port());
    let client = client_of(&format!("{nobody}, {} ,{}", busy.url(), answers.url()));
    id(&client, 1);
    id(&client, 2);
    assert_eq!(busy.requests().len(), 1, "who has answered is asked first");
    assert_eq!(answers.paths(), ["/schemas/ids/1", "/schemas/ids/2"]);
}

#[test]
fn when_no_address_answers_each_is_told() {
    let busy = Gate::open(|_| Reply::json(503, "{}"));
    let forbidden = Gate::open(|_| Reply::json(403, r#"{"error_code": 40301, "message": "not yours"}"#));
    let failure = no_id_in_time(&client_of(&format!("{},{}", busy.url(), forbidden.url())), 7);
    assert_eq!(failure.kind(), Kind::Unreachable, "the busy one may still have it");
    let expected = format!(
        "schema 7: the schema registry at {} cannot answer for now: HTTP 503; the schema registry at {} refuses (HTTP 403): \
         not yours; who asks needs the right to read it",
        busy.url(),
        forbidden.url()
    );
    assert_eq!(failure.message(), expected);
}

#[test]
fn what_all_refuse_is_final() {
    let status = |status| Gate::open(move |_| Reply::json(status, r#"{"error_code": 42202, "message": "no"}"#));
    let (forbidden, unprocessable) = (status(403), status(422));
    let client = client_of(&format!("{},{}", forbidden.url(), unprocessable.url()));
    let failure = id_within(&client, 7, HANG).unwrap_err();
    assert_eq!(failure.kind(), Kind::Refused);
    assert!(failure.message().ends_with("does not take the question: HTTP 422: no"), "{failure}");
    assert_eq!((forbidden.requests().len(), unprocessable.requests().len()), (1, 1));
    assert!(!Error::from(failure).is_retriable());
}

#[test]
fn a_registry_that_comes_back_is_found_by_who_has_waited() {
    // When the other address has been asked twice, nobody has answered at this one at least once.
    let port = free_port();
    let witness = Gate::open(|_| Reply::json(503, "{}"));
    let client = client_of(&format!("http://127.0.0.1:{port},{}", witness.url()));
    thread::scope(|scope| {
        let waiting = scope.spawn(|| id(&client, 7));
        witness.await_requests(2);
        let _back = Gate::open_at(port, |_| Reply::json(200, SCHEMA));
        assert_eq!(waiting.join().unwrap().text, "\"string\"");
    });
}

#[test]
fn a_look_up_can_be_ended_while_it_waits() {
    for trouble in [
        // For an answer.
        Reply::Silence,
        // To ask again.
        Reply::json(503, "{}").with("Retry-After", "60"),
    ] {
        let gate = Gate::open({
            let trouble = trouble.clone();
            move |_| trouble.clone()
        });
        let client =
            client(&[("schema.registry.url", &gate.url()), ("schema.registry.http.read.timeout.ms", "600000")]);
        let cancel = Cancel::default();
        let deadline = Some(Instant::now() + HANG * 2);
        thread::scope(|scope| {
            let waiting = scope.spawn(|| client.by_id(7, Patience { deadline, cancel: &cancel }));
            gate.await_requests(1);
            assert!(!cancel.is_cancelled());
            cancel.cancel();
            let failure = waiting.join().unwrap().unwrap_err();
            assert_eq!(failure.kind(), Kind::Cancelled, "{trouble:?}: {failure}");
            assert_eq!(Error::from(failure).status(), Status::Interrupted);
            assert!(cancel.is_cancelled());
        });
        // It ends what begins later too, before anything is asked.
        let failure = client.by_id(8, Patience { deadline: None, cancel: &cancel }).unwrap_err();
        assert_eq!(failure.kind(), Kind::Cancelled);
        assert_eq!(gate.requests().len(), 1);
    }
}
