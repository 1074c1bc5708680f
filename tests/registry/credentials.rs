//! Who asks, whom that is told, and where it must not appear.

use karrow::registry::Kind;

use crate::support::gate::{Gate, Reply, Request};
use crate::{client, client_of, id, no_id, no_id_in_time};

const SCHEMA: &str = r#"{"schema": "\"string\""}"#;
/// `alice:wonder@land`, and the same in base64.
const USER_INFO: &str = "alice:wonder@land";
const BASIC: &str = "Basic YWxpY2U6d29uZGVyQGxhbmQ=";
const TOKEN: &str = "t0ken.of-alice";

/// A registry that answers whoever shows this, and says what it has been shown to all others.
fn demanding(authorization: &'static str) -> Gate {
    Gate::open(move |request| demand(request, authorization))
}

fn demand(request: &Request, authorization: &str) -> Reply {
    match request.header("authorization") {
        Some(shown) if shown == authorization => Reply::json(200, SCHEMA),
        shown => {
            let message = format!(r#"{{"error_code": 401, "message": "not {}"}}"#, shown.unwrap_or("nobody"));
            Reply::json(401, &message).with("WWW-Authenticate", "Basic")
        }
    }
}

#[test]
fn a_user_is_said_in_any_of_the_ways_there_are() {
    let gate = demanding(BASIC);
    let url = gate.url();
    let in_url = gate.url_with_user("alice:wonder%40land");
    let jaas =
        "org.apache.kafka.common.security.plain.PlainLoginModule required username=alice password=\"wonder@land\";";
    for pairs in [
        vec![("schema.registry.url", &*in_url)],
        vec![("schema.registry.url", &*in_url), ("basic.auth.credentials.source", "URL")],
        vec![("schema.registry.url", &*url), ("schema.registry.basic.auth.user.info", USER_INFO)],
        vec![
            ("schema.registry.url", &*url),
            ("basic.auth.credentials.source", "USER_INFO"),
            ("basic.auth.user.info", USER_INFO),
        ],
        vec![
            ("schema.registry.url", &*url),
            ("basic.auth.credentials.source", "SASL_INHERIT"),
            ("sasl.username", "alice"),
            ("sasl.password", "wonder@land"),
        ],
        vec![
            ("schema.registry.url", &*url),
            ("basic.auth.credentials.source", "sasl_inherit"),
            ("sasl.jaas.config", jaas),
        ],
    ] {
        assert_eq!(id(&client(&pairs), 7).text, "\"string\"", "{pairs:?}");
    }
}

#[test]
fn a_token_goes_with_what_the_cloud_wants_to_know() {
    let gate = demanding("Bearer t0ken.of-alice");
    let client = client(&[
        ("schema.registry.url", &gate.url()),
        ("schema.registry.bearer.auth.credentials.source", "STATIC_TOKEN"),
        ("schema.registry.bearer.auth.token", TOKEN),
        ("bearer.auth.logical.cluster", "lsrc-1"),
        ("bearer.auth.identity.pool.id", "pool-2"),
    ]);
    id(&client, 7);
    let request = &gate.requests()[0];
    assert_eq!(request.header("target-sr-cluster"), Some("lsrc-1"));
    assert_eq!(request.header("confluent-identity-pool-id"), Some("pool-2"));
}

#[test]
fn each_address_has_its_own_user() {
    let (first, second) = (Gate::open(|_| Reply::json(503, "{}")), demanding(BASIC));
    let client =
        client_of(&format!("{},{}", first.url_with_user("bob:builder"), second.url_with_user("alice:wonder%40land")));
    id(&client, 7);
    assert_eq!(first.requests()[0].header("authorization"), Some("Basic Ym9iOmJ1aWxkZXI="));
}

#[test]
fn a_refusal_names_the_key_and_nothing_secret() {
    let gate = demanding("Basic somebody else");
    let url = gate.url();
    let in_url = gate.url_with_user("alice:wonder%40land");
    let sources = [
        (
            vec![("schema.registry.url", &*url)],
            "wants to know who asks (HTTP 401); set schema.registry.basic.auth.user.info or schema.registry.bearer.auth.token",
        ),
        (vec![("schema.registry.url", &*in_url)], "does not accept who asks (HTTP 401); check schema.registry.url"),
        (
            vec![("schema.registry.url", &*url), ("basic.auth.user.info", USER_INFO)],
            "does not accept who asks (HTTP 401); check schema.registry.basic.auth.user.info",
        ),
        (
            vec![("schema.registry.url", &*url), ("bearer.auth.token", TOKEN)],
            "does not accept who asks (HTTP 401); check schema.registry.bearer.auth.token",
        ),
    ];
    for (pairs, expected) in sources {
        let failure = no_id(&client(&pairs), 7);
        assert_eq!(failure.kind(), Kind::Refused);
        assert_eq!(failure.message(), format!("schema 7: the schema registry at {url} {expected}"));
    }
    assert_eq!(gate.requests().len(), 4, "what is refused is asked once");
}

#[test]
fn what_a_registry_repeats_of_a_secret_is_not_repeated() {
    let repeating = |status| {
        Gate::open(move |request| {
            let shown = request.header("authorization").unwrap_or_default();
            let message = format!(r#"{{"message": "{shown} is {USER_INFO} or {TOKEN}, alice:wonder%40land"}}"#);
            Reply::json(status, &message)
        })
    };
    for status in [403, 422, 500] {
        let gate = repeating(status);
        let url = gate.url();
        let in_url = gate.url_with_user("alice:wonder%40land");
        for pairs in [
            vec![("schema.registry.url", &*in_url)],
            vec![("schema.registry.url", &*url), ("basic.auth.user.info", USER_INFO)],
            vec![("schema.registry.url", &*url), ("bearer.auth.token", TOKEN)],
        ] {
            let failure = no_id_in_time(&client(&pairs), 7);
            let is_token = pairs.iter().any(|(key, _)| key.contains("token"));
            let secrets = if is_token { [TOKEN, TOKEN] } else { ["wonder@land", "YWxpY2U6d29uZGVyQGxhbmQ="] };
            for secret in secrets {
                assert!(!failure.message().contains(secret), "{pairs:?}: {failure}");
            }
            assert!(failure.message().contains("[redacted]"), "{pairs:?}: {failure}");
        }
    }
}

#[test]
fn redirects_are_followed_and_keep_credentials_at_home() {
    for status in [301, 302, 303, 307, 308] {
        let gate = Gate::open(move |request| match request.path.as_str() {
            "/schemas/ids/7" => Reply::redirect(status, "/moved/schemas/ids/7"),
            _ => demand(request, BASIC),
        });
        id(&client_of(&gate.url_with_user("alice:wonder%40land")), 7);
        assert_eq!(gate.paths(), ["/schemas/ids/7", "/moved/schemas/ids/7"]);
    }

    // The same host with another port is another server.
    let elsewhere = demanding(BASIC);
    let location = format!("{}/schemas/ids/7", elsewhere.url());
    let gate = Gate::open(move |_| Reply::redirect(307, &location));
    let pairs = [("schema.registry.url", &*gate.url()), ("basic.auth.user.info", USER_INFO)];
    let failure = no_id(&client(&pairs), 7);
    assert_eq!(failure.kind(), Kind::Refused);
    let expected = format!(
        "schema 7: {} redirects to 127.0.0.1:{}, which wants to know who asks (HTTP 401), and credentials go to no other \
         server; set schema.registry.url to where it leads",
        gate.url(),
        elsewhere.port()
    );
    assert_eq!(failure.message(), expected);
    assert_eq!(elsewhere.requests()[0].header("authorization"), None);
    assert_eq!(gate.requests()[0].header("authorization"), Some(BASIC));

    // Who wants no credentials may be elsewhere.
    let open = Gate::open(|_| Reply::json(200, SCHEMA));
    let location = format!("{}/schemas/ids/7", open.url());
    let gate = Gate::open(move |_| Reply::redirect(302, &location));
    id(&client_of(&gate.url_with_user("alice:wonder%40land")), 7);
    assert_eq!(open.requests()[0].header("authorization"), None);
}

#[test]
fn redirects_in_a_circle_or_to_nowhere_end() {
    let gate = Gate::open(|request| Reply::redirect(302, &request.path));
    let failure = no_id(&client_of(&gate.url()), 7);
    assert_eq!(failure.kind(), Kind::Refused);
    assert!(failure.message().ends_with("redirects too often; check schema.registry.url"), "{failure}");
    assert_eq!(gate.requests().len(), 6);
    for reply in [Reply::redirect(302, "ftp://elsewhere"), Reply::Answer(302, Vec::new(), Vec::new())] {
        let gate = Gate::open(move |_| reply.clone());
        let failure = no_id(&client_of(&gate.url()), 7);
        assert_eq!(failure.kind(), Kind::Refused);
        assert!(failure.message().ends_with("redirects (HTTP 302) to where it cannot be followed"), "{failure}");
    }
}

#[test]
fn a_proxy_is_gone_through_if_it_is_named() {
    let registry = demanding(BASIC);
    let proxy = Gate::open(|request| if request.method == "CONNECT" { Reply::Tunnel } else { Reply::HangUp });
    let port = proxy.port().to_string();
    let pairs = [
        ("schema.registry.url", &*registry.url()),
        ("schema.registry.proxy.host", "127.0.0.1"),
        ("schema.registry.proxy.port", &port),
        ("basic.auth.user.info", USER_INFO),
    ];
    id(&client(&pairs), 7);
    assert_eq!(proxy.paths(), [format!("127.0.0.1:{}", registry.port())]);
    assert_eq!(proxy.requests()[0].header("authorization"), None);

    let refusing = Gate::open(|_| Reply::Answer(407, Vec::new(), Vec::new()));
    let port = refusing.port().to_string();
    let pairs = [
        ("schema.registry.url", &*registry.url()),
        ("schema.registry.proxy.host", "127.0.0.1"),
        ("schema.registry.proxy.port", &port),
    ];
    let failure = no_id(&client(&pairs), 7);
    assert_eq!(failure.kind(), Kind::Refused);
    let expected = format!("cannot be reached through the proxy 127.0.0.1:{port}: ");
    assert!(failure.message().contains(&expected), "{failure}");
    assert!(failure.message().ends_with("; the proxy has to allow CONNECT to it without a user"), "{failure}");
}

/// The environment is the whole process's, so that a process of its own has it.
#[test]
fn the_environment_names_no_proxy() {
    const URL: &str = "KARROW_TEST_URL";
    if let Ok(url) = std::env::var(URL) {
        id(&client_of(&url), 7);
        return;
    }
    let registry = Gate::open(|_| Reply::json(200, SCHEMA));
    let proxy = Gate::open(|_| Reply::HangUp);
    let mut child = std::process::Command::new(std::env::current_exe().unwrap());
    child.args(["--exact", "credentials::the_environment_names_no_proxy"]).env(URL, registry.url());
    for name in ["ALL_PROXY", "HTTP_PROXY", "http_proxy"] {
        child.env(name, proxy.url());
    }
    let output = child.output().unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stdout));
    assert_eq!((registry.requests().len(), proxy.requests().len()), (1, 0));
}
