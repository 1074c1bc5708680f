//! TLS: whom the client trusts, and who it says it is.

use std::sync::Arc;

use karrow::registry::{Cancel, Client, Kind, Patience};

use crate::support::certificates::{Certificates, KEY_PASSWORD};
use crate::support::gate::{Door, Gate, Reply, Request};
use crate::{client, client_of, id, no_id, no_id_in_time, options};

const CA: &str = "schema.registry.ssl.ca.location";
const CERTIFICATE: &str = "schema.registry.ssl.certificate.location";
const KEY: &str = "schema.registry.ssl.key.location";
const PASSWORD: &str = "schema.registry.ssl.key.password";
const STORE: &str = "schema.registry.ssl.keystore.location";

struct Files {
    certificates: Certificates,
    folder: tempfile::TempDir,
}

impl Files {
    fn make() -> Files {
        let folder = tempfile::tempdir().unwrap();
        Files { certificates: Certificates::make(folder.path()), folder }
    }

    fn path(&self, name: &str) -> String {
        self.certificates.path(name)
    }

    fn text(&self, name: &str) -> String {
        std::fs::read_to_string(self.path(name)).unwrap()
    }
}

fn schema(_: &Request) -> Reply {
    Reply::json(200, r#"{"schema": "\"string\""}"#)
}

/// Why no client is made of these properties.
fn refusal(pairs: &[(&str, &str)]) -> String {
    let settings = options(pairs).registry().and_then(|settings| Client::new(Arc::new(settings.unwrap())));
    settings.err().expect("it is refused").message().to_owned()
}

#[test]
fn an_authority_is_trusted_by_file_by_folder_or_by_text() {
    let files = Files::make();
    let gate = Gate::behind(Door::Tls(&files.certificates, "server"), schema);
    let (ca, text) = (files.path("ca.pem"), files.text("ca.pem"));
    let folded = text.replace('\n', " ");
    for pairs in [
        vec![(CA, &*ca)],
        vec![("schema.registry.ssl.truststore.type", "PEM"), ("schema.registry.ssl.truststore.location", &*ca)],
        vec![("schema.registry.ssl.truststore.certificates", &*text)],
        vec![("schema.registry.ssl.truststore.certificates", &*folded)],
    ] {
        let url = gate.url();
        let pairs = [&[("schema.registry.url", &*url)], &*pairs].concat();
        assert_eq!(id(&client(&pairs), 7).text, "\"string\"", "{pairs:?}");
    }
    let failure = no_id(&client(&[("schema.registry.url", &gate.url()), (CA, &files.path("strange-ca.pem"))]), 7);
    assert_eq!(failure.kind(), Kind::Refused);
    let expected = format!(
        "schema 7: the schema registry at {} cannot be used: its certificate is not accepted: unable to get local issuer \
         certificate; set schema.registry.ssl.ca.location to the certificate of the authority that signed it",
        gate.url()
    );
    assert_eq!(failure.message(), expected);
    // Without a word about authorities those of the system are meant, which do not know ours.
    let failure = no_id(&client_of(&gate.url()), 7);
    assert!(failure.message().contains("set schema.registry.ssl.ca.location to"), "{failure}");
}

/// The places where systems keep their authorities cannot be written to by a test, but for the one that a variable names.
#[test]
fn the_system_is_trusted_where_it_keeps_its_authorities() {
    const URL: &str = "KARROW_TEST_TLS_URL";
    if let Ok(url) = std::env::var(URL) {
        id(&client_of(&url), 7);
        return;
    }
    let files = Files::make();
    let gate = Gate::behind(Door::Tls(&files.certificates, "server"), schema);
    let output = std::process::Command::new(std::env::current_exe().unwrap())
        .args(["--exact", "tls::the_system_is_trusted_where_it_keeps_its_authorities"])
        .env(URL, gate.url())
        .env("SSL_CERT_FILE", files.path("ca.pem"))
        .output()
        .unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stdout));
    assert_eq!(gate.requests().len(), 1);
}

#[test]
fn the_host_has_to_be_the_certificates() {
    let files = Files::make();
    let gate = Gate::behind(Door::Tls(&files.certificates, "elsewhere"), schema);
    let url = gate.url();
    let ca = files.path("ca.pem");
    let trusting = [("schema.registry.url", &*url), (CA, &*ca)];
    let algorithm = "schema.registry.ssl.endpoint.identification.algorithm";
    for more in [None, Some((algorithm, "https"))] {
        let pairs: Vec<_> = trusting.into_iter().chain(more).collect();
        let failure = no_id(&client(&pairs), 7);
        assert_eq!(failure.kind(), Kind::Refused);
        let name = "use a name or an address that stands in it in schema.registry.url, or accept any host with \
                    schema.registry.ssl.endpoint.identification.algorithm=none";
        assert!(failure.message().ends_with(name), "{failure}");
    }
    for any_host in ["none", ""] {
        id(&client(&[&trusting[..], &[(algorithm, any_host)]].concat()), 7);
    }
    // Any host, but not any authority.
    let strange = files.path("strange-ca.pem");
    let pairs = [("schema.registry.url", &*url), (CA, &*strange), (algorithm, "none")];
    assert_eq!(no_id(&client(&pairs), 7).kind(), Kind::Refused);
    // A name is sent, and compared, as a name.
    let gate = Gate::behind(Door::Tls(&files.certificates, "server"), schema);
    id(&client(&[("schema.registry.url", &gate.url().replace("127.0.0.1", "localhost")), (CA, &*ca)]), 7);
}

#[test]
fn the_client_shows_its_certificate_in_any_of_the_forms_there_are() {
    let files = Files::make();
    let gate = Gate::behind(Door::MutualTls(&files.certificates, "server"), schema);
    let url = gate.url();
    let (ca, pem, key, plain, p12) = (
        files.path("ca.pem"),
        files.path("client.pem"),
        files.path("client.key"),
        files.path("client.plain.key"),
        files.path("client.p12"),
    );
    let (chain_text, key_text, plain_text) =
        (files.text("client.pem"), files.text("client.key"), files.text("client.plain.key"));
    let both = files.folder.path().join("both.pem");
    std::fs::write(&both, format!("{plain_text}{chain_text}")).unwrap();
    let both = both.to_str().unwrap();
    let kind = "schema.registry.ssl.keystore.type";
    let [chain, store_key] = ["schema.registry.ssl.keystore.certificate.chain", "schema.registry.ssl.keystore.key"];
    let identities = [
        vec![(CERTIFICATE, &*pem), (KEY, &*plain)],
        vec![(CERTIFICATE, &*pem), (KEY, &*key), (PASSWORD, KEY_PASSWORD)],
        vec![(CERTIFICATE, both)],
        vec![(kind, "PEM"), (STORE, both)],
        vec![(chain, &*chain_text), (store_key, &*key_text), (PASSWORD, KEY_PASSWORD)],
        vec![(kind, "PKCS12"), (STORE, &*p12), ("schema.registry.ssl.keystore.password", KEY_PASSWORD)],
        vec![(STORE, &*p12), ("schema.registry.ssl.keystore.password", KEY_PASSWORD)],
    ];
    let count = identities.len();
    for identity in identities {
        let pairs = [&[("schema.registry.url", &*url), (CA, &*ca)], &*identity].concat();
        assert_eq!(id(&client(&pairs), 7).text, "\"string\"", "{pairs:?}");
    }
    let shown: Vec<_> = gate.requests().into_iter().map(|request| request.client).collect();
    assert_eq!(shown, vec![Some("karrow test client".to_owned()); count]);
}

#[test]
fn a_refusal_of_the_client_says_which_certificate_is_meant() {
    let files = Files::make();
    let gate = Gate::behind(Door::MutualTls(&files.certificates, "server"), schema);
    let url = gate.url();
    let ca = files.path("ca.pem");
    let failure = no_id(&client(&[("schema.registry.url", &*url), (CA, &*ca)]), 7);
    assert_eq!(failure.kind(), Kind::Refused, "{failure}");
    let expected = "it wants a certificate of the client: set schema.registry.ssl.certificate.location and \
                    schema.registry.ssl.key.location, or schema.registry.ssl.keystore.location";
    assert!(failure.message().ends_with(expected), "{failure}");
    let (pem, key) = (files.path("stranger.pem"), files.path("stranger.plain.key"));
    let pairs = [("schema.registry.url", &*url), (CA, &*ca), (CERTIFICATE, &*pem), (KEY, &*key)];
    let failure = no_id(&client(&pairs), 7);
    assert_eq!(failure.kind(), Kind::Refused, "{failure}");
    assert!(failure.message().contains("it does not accept the client's certificate"), "{failure}");
    assert_eq!(gate.requests(), []);
}

#[test]
fn another_server_does_not_see_the_clients_certificate() {
    let files = Files::make();
    let elsewhere = Gate::behind(Door::MutualTls(&files.certificates, "server"), schema);
    let location = format!("{}/schemas/ids/7", elsewhere.url().replace("127.0.0.1", "localhost"));
    let gate = Gate::behind(Door::MutualTls(&files.certificates, "server"), move |_| Reply::redirect(307, &location));
    let (ca, pem, key) = (files.path("ca.pem"), files.path("client.pem"), files.path("client.plain.key"));
    let pairs = [("schema.registry.url", &*gate.url()), (CA, &*ca), (CERTIFICATE, &*pem), (KEY, &*key)];
    let failure = no_id(&client(&pairs), 7);
    assert_eq!(failure.kind(), Kind::Refused, "{failure}");
    assert_eq!(gate.requests().len(), 1);
    assert_eq!(elsewhere.requests(), []);
}

#[test]
fn one_side_with_tls_and_one_without_say_so() {
    let files = Files::make();
    let plain = Gate::open(schema);
    let failure = no_id(&client_of(&plain.url().replace("http:", "https:")), 7);
    assert_eq!(failure.kind(), Kind::Refused, "{failure}");
    assert!(failure.message().ends_with("if it expects none, let schema.registry.url begin with http://"), "{failure}");
    let tls = Gate::behind(Door::Tls(&files.certificates, "server"), schema);
    let failure = no_id_in_time(&client_of(&tls.url().replace("https:", "http:")), 7);
    assert_eq!(failure.kind(), Kind::Unreachable, "{failure}");
    assert!(failure.message().ends_with("if it expects TLS, let schema.registry.url begin with https://"), "{failure}");
}

#[test]
fn a_server_that_hangs_up_instead_of_a_handshake_may_come_back() {
    let listener = std::net::TcpListener::bind(("127.0.0.1", 0)).unwrap();
    let port = listener.local_addr().unwrap().port();
    // Goes on until the process ends.
    std::thread::spawn(move || listener.incoming().for_each(drop));
    let failure = no_id_in_time(&client_of(&format!("https://127.0.0.1:{port}")), 7);
    assert_eq!(failure.kind(), Kind::Unreachable, "{failure}");
    assert!(failure.message().contains("hangs up"), "{failure}");
}

#[test]
fn a_redirect_does_not_leave_tls() {
    let files = Files::make();
    let plain = Gate::open(schema);
    let location = format!("{}/schemas/ids/7", plain.url());
    let gate = Gate::behind(Door::Tls(&files.certificates, "server"), move |_| Reply::redirect(302, &location));
    let failure = no_id(&client(&[("schema.registry.url", &gate.url()), (CA, &files.path("ca.pem"))]), 7);
    assert!(failure.message().ends_with("redirects (HTTP 302) to where it cannot be followed"), "{failure}");
    assert_eq!(plain.requests(), []);
}

#[test]
fn tls_goes_through_a_proxy() {
    let files = Files::make();
    let gate = Gate::behind(Door::Tls(&files.certificates, "server"), schema);
    let proxy = Gate::open(|_| Reply::Tunnel);
    let port = proxy.port().to_string();
    let (url, ca) = (gate.url(), files.path("ca.pem"));
    let pairs = [
        ("schema.registry.url", &*url),
        (CA, &*ca),
        ("schema.registry.proxy.host", "localhost"),
        ("schema.registry.proxy.port", &*port),
    ];
    id(&client(&pairs), 7);
    assert_eq!(proxy.paths(), [format!("127.0.0.1:{}", gate.port())]);
}

#[test]
fn a_handshake_and_an_answer_over_tls_can_be_ended() {
    let files = Files::make();
    let silent = Gate::behind(Door::Tls(&files.certificates, "server"), |_| Reply::Silence);
    let ca = files.path("ca.pem");
    let time = "schema.registry.http.read.timeout.ms";
    let client = client(&[("schema.registry.url", &silent.url()), (CA, &*ca), (time, "600000")]);
    let cancel = Cancel::default();
    let deadline = Some(std::time::Instant::now() + crate::HANG);
    std::thread::scope(|scope| {
        let waiting = scope.spawn(|| client.by_id(7, Patience { deadline, cancel: &cancel }));
        silent.await_requests(1);
        cancel.cancel();
        assert_eq!(waiting.join().unwrap().unwrap_err().kind(), Kind::Cancelled);
    });
}

#[test]
fn files_that_are_not_what_they_should_be_are_named_when_the_client_is_made() {
    let files = Files::make();
    let (pem, key, plain, stranger, p12) = (
        files.path("client.pem"),
        files.path("client.key"),
        files.path("client.plain.key"),
        files.path("stranger.plain.key"),
        files.path("client.p12"),
    );
    let url = ("schema.registry.url", "https://127.0.0.1:1");
    for (pairs, expected) in [
        (
            vec![(CA, "/nowhere/ca.pem")],
            "schema.registry.ssl.ca.location: '/nowhere/ca.pem' cannot be read: No such file or directory (os error 2)",
        ),
        (
            vec![(CA, &*plain)],
            "schema.registry.ssl.ca.location: there is no certificate in it that OpenSSL can read; give it as PEM",
        ),
        (
            vec![(CERTIFICATE, &*pem), (KEY, &*key)],
            "schema.registry.ssl.key.location: there is no private key in it that opens without a password; give it as PEM, \
             and set schema.registry.ssl.key.password if it is encrypted",
        ),
        (
            vec![(CERTIFICATE, &*pem), (KEY, &*key), (PASSWORD, "hunter2")],
            "schema.registry.ssl.key.location: there is no private key in it that schema.registry.ssl.key.password opens; \
             give it as PEM",
        ),
        (
            vec![(CERTIFICATE, &*pem), (KEY, &*stranger)],
            "schema.registry.ssl.key.location: the private key is not that of the certificate, or TLS cannot use it",
        ),
    ] {
        assert_eq!(refusal(&[&[url], &*pairs].concat()), expected);
    }
    for (file, password) in [(&p12, "hunter2"), (&plain, KEY_PASSWORD)] {
        let message = refusal(&[url, (STORE, file), ("schema.registry.ssl.keystore.password", password)]);
        let expected = format!(
            "schema.registry.ssl.keystore.location: '{file}' is no PKCS12 file that schema.registry.ssl.keystore.password opens"
        );
        assert_eq!(message, expected);
    }
    // A password longer than OpenSSL has room for.
    let long = "x".repeat(100_000);
    assert!(refusal(&[url, (CERTIFICATE, &pem), (KEY, &key), (PASSWORD, &long)]).contains("there is no private key"));
}
