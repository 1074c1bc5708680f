//! A real schema registry for tests: Apicurio's, which speaks Confluent's protocol.
//!
//! It runs under the supervisor `tests/registry/registry.sh` ([`Supervised`]). It knows no users and no TLS; a
//! [`Gate`](super::gate::Gate) before it does.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::{Mutex, OnceLock};
use std::thread;
use std::time::{Duration, Instant};

use serde_json::{Value, json};

use super::broker::free_port;
use super::supervised::Supervised;

/// Long enough for a busy machine.
const DEADLINE: Duration = Duration::from_secs(90);
const REQUEST_TIMEOUT: Duration = Duration::from_secs(10);
const PAUSE: Duration = Duration::from_millis(50);

const UNPOISONED: &str = "no code that holds this lock panics";

/// The registry that the tests of this binary share. Names of subjects keep them apart.
pub fn shared_registry() -> &'static Registry {
    static SHARED: OnceLock<Registry> = OnceLock::new();
    SHARED.get_or_init(Registry::start)
}

/// A running registry. Dropping it kills it.
pub struct Registry {
    // Dropped first: the process writes to the directory.
    process: Mutex<Option<Supervised>>,
    run_dir: tempfile::TempDir,
    port: u16,
    agent: ureq::Agent,
}

/// What a schema refers to: name, subject, version.
pub type Reference<'a> = (&'a str, &'a str, i32);

impl Registry {
    /// Starts a registry, and returns when it answers.
    pub fn start() -> Registry {
        for _ in 0..3 {
            let agent = ureq::Agent::config_builder()
                .http_status_as_error(false)
                .timeout_global(Some(REQUEST_TIMEOUT))
                .proxy(None)
                .build()
                .new_agent();
            let run_dir = tempfile::Builder::new().prefix("karrow-registry-").tempdir().expect("a temporary directory");
            let registry = Registry { process: Mutex::default(), run_dir, port: free_port(), agent };
            match registry.run() {
                Ok(()) => return registry,
                // Another process took the port after we found it free.
                Err(failure) if failure.contains("already in use") => continue,
                Err(failure) => panic!("{failure}"),
            }
        }
        panic!("three times in a row a port was taken before the registry could bind it");
    }

    /// Where Confluent's protocol is spoken.
    pub fn url(&self) -> String {
        format!("http://127.0.0.1:{}/apis/ccompat/v7", self.port)
    }

    /// Registers an Avro schema, and returns its id.
    pub fn register(&self, subject: &str, schema: &str, references: &[Reference]) -> i32 {
        self.register_kind(subject, "AVRO", schema, references)
    }

    /// Registers a schema of any kind, and returns its id.
    pub fn register_kind(&self, subject: &str, kind: &str, schema: &str, references: &[Reference]) -> i32 {
        let references: Vec<Value> = references
            .iter()
            .map(|(name, subject, version)| json!({"name": name, "subject": subject, "version": version}))
            .collect();
        let body = json!({"schema": schema, "schemaType": kind, "references": references});
        let (status, answer) = self.post(&format!("/subjects/{subject}/versions"), &body);
        let id = answer["id"].as_i64().and_then(|id| i32::try_from(id).ok());
        id.unwrap_or_else(|| panic!("{subject} is not registered: HTTP {status}: {answer}"))
    }

    fn post(&self, path: &str, body: &Value) -> (u16, Value) {
        let request = self.agent.post(format!("{}{path}", self.url()));
        let request = request.header("Content-Type", "application/vnd.schemaregistry.v1+json");
        let mut response = request.send(body.to_string()).expect("the registry answers");
        let text = response.body_mut().read_to_string().expect("the registry answers to the end");
        (response.status().as_u16(), serde_json::from_str(&text).unwrap_or(Value::String(text)))
    }

    /// Stops it cleanly. What it knows is kept.
    pub fn stop(&self) {
        self.end("stop");
    }

    /// Kills it as a power cut would. What it knows is kept.
    pub fn kill(&self) {
        self.end("kill");
    }

    fn end(&self, command: &str) {
        self.process.lock().expect(UNPOISONED).take().expect("the registry is running").end(command);
    }

    /// Starts it again, and returns when it answers.
    pub fn restart(&self) {
        self.run().unwrap_or_else(|failure| panic!("{failure}"));
    }

    fn run(&self) -> Result<(), String> {
        let mut process = self.process.lock().expect(UNPOISONED);
        assert!(process.is_none(), "the registry is running already");
        let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/registry/registry.sh");
        let mut command = Command::new(script);
        command.arg(registry_dir()).arg(self.run_dir.path()).arg(self.port.to_string());
        let running = process.insert(Supervised::start(&mut command));
        let end = Instant::now() + DEADLINE;
        while !self.answers() {
            if running.has_gone() {
                return Err(format!("the registry has gone\n{}", self.log_tail()));
            }
            assert!(Instant::now() < end, "the registry does not answer after {DEADLINE:?}\n{}", self.log_tail());
            thread::sleep(PAUSE);
        }
        Ok(())
    }

    fn answers(&self) -> bool {
        let answer = self.agent.get(format!("{}/subjects", self.url())).call();
        answer.is_ok_and(|answer| answer.status().is_success())
    }

    fn log_tail(&self) -> String {
        let path = self.run_dir.path().join("registry.log");
        let log = fs::read(&path).unwrap_or_default();
        let log = String::from_utf8_lossy(&log);
        let lines: Vec<&str> = log.lines().collect();
        format!("the end of {}:\n{}", path.display(), lines[lines.len().saturating_sub(40)..].join("\n"))
    }
}

fn registry_dir() -> PathBuf {
    let dir = std::env::var_os("KARROW_REGISTRY_DIR").unwrap_or_else(|| {
        panic!(
            "KARROW_REGISTRY_DIR is not set. Run the tests with `cmake --workflow --preset test`, or set it to a directory \
             that this command makes: mvn -f tests/registry/pom.xml dependency:unpack -Dout=DIRECTORY"
        )
    });
    dir.into()
}
