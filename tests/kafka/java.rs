//! What karrow says about the Java client, held against the Java client: its list of keys (rule K3), which of them are
//! secrets, and how it reads a login module.

use std::collections::{BTreeMap, BTreeSet};
use std::io::Write;
use std::path::Path;
use std::process::{Command, Stdio};

use base64::Engine;
use base64::engine::general_purpose::STANDARD as BASE64;
use karrow::options::java;
use karrow::options::secrets::is_secret;
use proptest::prelude::*;
use proptest::strategy::ValueTree;
use proptest::test_runner::TestRunner;

/// How many values of `sasl.jaas.config` are read by both.
const LOGINS: usize = 5000;

/// Runs a program of this directory from its source, with Kafka's jars.
fn run_java(source: &str, input: String) -> String {
    let java = std::env::var_os("JAVA_HOME").map_or("java".into(), |home| Path::new(&home).join("bin/java"));
    let jars = std::env::var_os("KARROW_KAFKA_LIB").expect("KARROW_KAFKA_LIB is set, as for all tests here");
    let mut child = Command::new(java)
        .args(["-XX:+UseSerialGC", "-XX:TieredStopAtLevel=1", "-cp"])
        .arg(Path::new(&jars).join("*"))
        .arg(Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/kafka").join(source))
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn()
        .expect("java can be run, since the brokers run in it");
    let mut stdin = child.stdin.take().expect("it is piped");
    let writer = std::thread::spawn(move || stdin.write_all(input.as_bytes()));
    let output = child.wait_with_output().expect("it has been started");
    assert!(output.status.success(), "{source} failed");
    writer.join().expect("it does not panic").expect("the program reads all of it");
    String::from_utf8(output.stdout).expect("it prints ASCII")
}

#[test]
fn the_table_has_exactly_the_keys_of_the_client_and_knows_its_secrets() {
    let printed = run_java("ConsumerKeys.java", String::new());
    let types: BTreeMap<&str, &str> = printed.lines().filter_map(|line| line.split_once(' ')).collect();
    let clients: BTreeSet<&str> = types.keys().copied().collect();
    let ours: BTreeSet<&str> = java::KEYS.iter().map(|(key, _)| *key).collect();
    let missing: Vec<_> = clients.difference(&ours).collect();
    let superfluous: Vec<_> = ours.difference(&clients).collect();
    assert!(missing.is_empty() && superfluous.is_empty(), "missing: {missing:?}, superfluous: {superfluous:?}");
    let secrets: Vec<_> = types.iter().filter(|(_, kind)| **kind == "PASSWORD").map(|(key, _)| *key).collect();
    assert!(secrets.len() > 5);
    for key in secrets {
        assert!(is_secret(key), "{key} holds a secret");
    }
}

/// A login module as somebody might write it, or as it might come out of an accident.
fn login_text() -> impl Strategy<Value = String> {
    let module = prop_oneof![
        20 => Just("org.apache.kafka.common.security.plain.PlainLoginModule".to_owned()),
        9 => Just("org.apache.kafka.common.security.scram.ScramLoginModule".to_owned()),
        1 => "[a-z.\"]{0,9}",
    ];
    let flag = prop_oneof![28 => Just("required".to_owned()), 1 => Just("OPTIONAL".to_owned()), 1 => "[a-z=;]{0,4}"];
    let value = prop_oneof![
        8 => r#""([a-z0-9 ;=/'#äß€]|\\["\\a-z0-9])*""#,
        4 => r"'[a-z0-9 \\/\u{80}-\u{ff}]*'",
        4 => r"[a-z$_\u{90}-\u{b0}][a-z0-9$_.-]{0,6}",
        1 => r#"[a-c0-3"'\\/\n*=;. -]{0,8}"#,
    ];
    let gap = prop_oneof![
        16 => Just(" ".to_owned()),
        1 => Just("\n\t".to_owned()),
        1 => Just(" /* a */ ".to_owned()),
        1 => Just(" // a ; b\n".to_owned()),
        1 => Just(" / a\r".to_owned()),
        1 => "[/* \n]{0,3}",
    ];
    let is = prop_oneof![15 => " ?= ?", 1 => "=|  "];
    let option = move |name: BoxedStrategy<String>| {
        let parts = (gap.clone(), name, is.clone(), value.clone());
        parts.prop_map(|(gap, name, is, value)| gap + &name + &is + &value).boxed()
    };
    let user = option(Just("username".to_owned()).boxed());
    let password = option(Just("password".to_owned()).boxed());
    let more = prop::collection::vec(option("username|password|[a-z0-9/]{1,9}".boxed()), 0..2);
    let options = prop_oneof![(user.clone(), password.clone()), (password, user)];
    let end = prop_oneof![15 => " ?;\n?", 1 => "[;a /\n]{0,3}"];
    (module, flag, options, more, end).prop_map(|(module, flag, (first, second), more, end)| {
        format!("{module} {flag}{first}{second}{}{end}", more.concat())
    })
}

/// The module's short name, the user and the password, as karrow reads them.
fn our_login(text: &str) -> Option<(&'static str, String, String)> {
    // Each module goes with its own mechanisms only.
    [("PLAIN", "PlainLoginModule"), ("SCRAM-SHA-256", "ScramLoginModule")].into_iter().find_map(
        |(mechanism, module)| {
            let properties = [("sasl.jaas.config", text), ("sasl.mechanism", mechanism)];
            let properties: BTreeMap<_, _> = properties.map(|(key, value)| (key.to_owned(), value.to_owned())).into();
            let mut translated = java::translate(properties).ok()?;
            Some((module, translated.remove("sasl.username")?, translated.remove("sasl.password")?))
        },
    )
}

#[test]
fn login_modules_are_read_as_the_client_reads_them_or_not_at_all() {
    let mut runner = TestRunner::default();
    let strategy = login_text();
    let mut draw = || strategy.new_tree(&mut runner).expect("nothing is filtered").current();
    let texts: Vec<String> = (0..LOGINS).map(|_| draw()).collect();
    let input: String = texts.iter().map(|text| BASE64.encode(text) + "\n").collect();
    let printed = run_java("Logins.java", input);
    let clients: Vec<Option<Vec<String>>> = printed
        .lines()
        .map(|line| {
            let decode = |word| String::from_utf8(BASE64.decode(word).expect("base64")).expect("UTF-8");
            (line != "-").then(|| line.split(' ').map(decode).collect())
        })
        .collect();
    assert_eq!(clients.len(), texts.len());
    let mut agreed = 0;
    for (text, client) in texts.iter().zip(&clients) {
        let Some((module, user, password)) = our_login(text) else { continue };
        let [client_module, client_user, client_password] = client.as_deref().unwrap_or_default() else {
            panic!("karrow reads what the client refuses: {text:?}");
        };
        assert!(client_module.ends_with(module), "{text:?}");
        assert_eq!((&user, &password), (client_user, client_password), "{text:?}");
        agreed += 1;
    }
    let read = clients.iter().flatten().count();
    assert!(
        agreed * 2 > read && read * 4 > LOGINS,
        "of {read} values that the client reads, karrow takes only {agreed}"
    );
    eprintln!("{LOGINS} values: the client reads {read}, karrow {agreed}");
}
