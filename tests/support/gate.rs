//! A small HTTP server that a test has in its hand: before a real registry, or instead of one.
//!
//! It speaks as much of HTTP/1.1 as asking for schemas takes, with or without TLS, and also as a proxy. What it answers is a
//! closure of the test, so that it can demand credentials, redirect, be busy, fall silent or cut an answer short. What it
//! has been asked is kept.

use std::io::{self, Read, Write};
use std::net::{Shutdown, TcpListener, TcpStream};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Condvar, Mutex};
use std::thread;
use std::time::Duration;

use openssl::pkey::PKey;
use openssl::ssl::{SslAcceptor, SslMethod, SslVerifyMode};
use openssl::x509::X509;

use super::certificates::Certificates;

const UNPOISONED: &str = "no code that holds this lock panics";
/// A client that says nothing is given up.
const READ_TIMEOUT: Duration = Duration::from_secs(60);
const LONGEST_HEAD: usize = 64 * 1024;

/// What has been asked.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Request {
    pub method: String,
    /// The path with its query; of `CONNECT` the host and the port.
    pub path: String,
    headers: Vec<(String, String)>,
    /// The common name in the client's certificate.
    pub client: Option<String>,
}

impl Request {
    /// A header's value, by its name in small letters.
    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers.iter().find(|(known, _)| known == name).map(|(_, value)| value.as_str())
    }
}

/// What the gate does about a request.
#[derive(Debug, Clone)]
pub enum Reply {
    /// Answers: status, headers, body.
    Answer(u16, Vec<(String, String)>, Vec<u8>),
    /// Announces the body, and hangs up after so many bytes of it.
    Cut(Vec<u8>, usize),
    /// Hangs up without a word.
    HangUp,
    /// Writes this, which need not be HTTP, and hangs up.
    Raw(Vec<u8>),
    /// Says nothing until the gate closes.
    Silence,
    /// For `CONNECT`: lets both sides talk.
    Tunnel,
}

impl Reply {
    /// An answer of JSON.
    pub fn json(status: u16, body: &str) -> Reply {
        let kind = "application/vnd.schemaregistry.v1+json".to_owned();
        Reply::Answer(status, vec![("Content-Type".to_owned(), kind)], body.as_bytes().to_vec())
    }

    /// The same with one more header.
    pub fn with(self, name: &str, value: &str) -> Reply {
        match self {
            Reply::Answer(status, mut headers, body) => {
                headers.push((name.to_owned(), value.to_owned()));
                Reply::Answer(status, headers, body)
            }
            other => panic!("{other:?} has no headers"),
        }
    }

    pub fn redirect(status: u16, location: &str) -> Reply {
        Reply::Answer(status, vec![("Location".to_owned(), location.to_owned())], Vec::new())
    }

    /// Hands a question on, and the answer back.
    pub fn forward(request: &Request, url: &str) -> Reply {
        let agent = ureq::Agent::config_builder()
            .http_status_as_error(false)
            .timeout_global(Some(READ_TIMEOUT))
            .proxy(None)
            .build()
            .new_agent();
        match agent.get(format!("{url}{}", request.path)).call() {
            Ok(mut response) => {
                let status = response.status().as_u16();
                Reply::json(status, &response.body_mut().read_to_string().expect("the registry answers to the end"))
            }
            Err(_) => Reply::json(502, r#"{"error_code": 502, "message": "nobody behind the gate"}"#),
        }
    }
}

/// How the gate is spoken to.
pub enum Door<'a> {
    Plain,
    /// With the certificate in `NAME.keystore.pem`.
    Tls(&'a Certificates, &'a str),
    /// The same, and clients have to show one of the same authority.
    MutualTls(&'a Certificates, &'a str),
}

type Answers = dyn Fn(&Request) -> Reply + Send + Sync;

/// A running server. Dropping it closes it.
pub struct Gate {
    inner: Arc<Inner>,
    scheme: &'static str,
    port: u16,
    listening: Option<thread::JoinHandle<()>>,
}

struct Inner {
    answers: Box<Answers>,
    acceptor: Option<SslAcceptor>,
    requests: Mutex<Vec<Request>>,
    asked: Condvar,
    closing: AtomicBool,
    closed: (Mutex<bool>, Condvar),
}

impl Gate {
    /// A server without TLS.
    pub fn open(answers: impl Fn(&Request) -> Reply + Send + Sync + 'static) -> Gate {
        Gate::listen(0, Door::Plain, answers)
    }

    /// The same at a port that is free.
    pub fn open_at(port: u16, answers: impl Fn(&Request) -> Reply + Send + Sync + 'static) -> Gate {
        Gate::listen(port, Door::Plain, answers)
    }

    pub fn behind(door: Door, answers: impl Fn(&Request) -> Reply + Send + Sync + 'static) -> Gate {
        Gate::listen(0, door, answers)
    }

    fn listen(port: u16, door: Door, answers: impl Fn(&Request) -> Reply + Send + Sync + 'static) -> Gate {
        let listener = TcpListener::bind(("127.0.0.1", port)).expect("the port is free");
        let port = listener.local_addr().expect("it is bound").port();
        let (scheme, acceptor) = match door {
            Door::Plain => ("http", None),
            Door::Tls(certificates, name) => ("https", Some(acceptor(certificates, name, false))),
            Door::MutualTls(certificates, name) => ("https", Some(acceptor(certificates, name, true))),
        };
        let inner = Arc::new(Inner {
            answers: Box::new(answers),
            acceptor,
            requests: Mutex::default(),
            asked: Condvar::new(),
            closing: AtomicBool::new(false),
            closed: Default::default(),
        });
        let listening = thread::spawn({
            let inner = inner.clone();
            move || {
                for stream in listener.incoming() {
                    if inner.closing.load(Ordering::Acquire) {
                        return;
                    }
                    let inner = inner.clone();
                    // A client that does not finish its handshake is not a test's failure.
                    thread::spawn(move || stream.and_then(|stream| inner.serve(stream)).ok());
                }
            }
        });
        Gate { inner, scheme, port, listening: Some(listening) }
    }

    pub fn port(&self) -> u16 {
        self.port
    }

    pub fn url(&self) -> String {
        format!("{}://127.0.0.1:{}", self.scheme, self.port)
    }

    /// With a user, who may be anything that an address can hold.
    pub fn url_with_user(&self, user_info: &str) -> String {
        format!("{}://{user_info}@127.0.0.1:{}", self.scheme, self.port)
    }

    /// What has been asked until now.
    pub fn requests(&self) -> Vec<Request> {
        self.inner.requests.lock().expect(UNPOISONED).clone()
    }

    pub fn paths(&self) -> Vec<String> {
        self.requests().into_iter().map(|request| request.path).collect()
    }

    /// Waits until so many requests have come.
    pub fn await_requests(&self, count: usize) {
        let requests = self.inner.requests.lock().expect(UNPOISONED);
        let waited = self.inner.asked.wait_timeout_while(requests, READ_TIMEOUT, |requests| requests.len() < count);
        assert!(waited.expect(UNPOISONED).0.len() >= count, "fewer than {count} requests have come");
    }
}

impl Drop for Gate {
    fn drop(&mut self) {
        self.inner.closing.store(true, Ordering::Release);
        *self.inner.closed.0.lock().expect(UNPOISONED) = true;
        self.inner.closed.1.notify_all();
        // Lets the listener look at the flag.
        drop(TcpStream::connect(("127.0.0.1", self.port)));
        if let Some(listening) = self.listening.take() {
            listening.join().expect("the listener does not panic");
        }
    }
}

fn acceptor(certificates: &Certificates, name: &str, mutual: bool) -> SslAcceptor {
    let keystore = certificates.path(&format!("{name}.keystore.pem"));
    let mut builder = SslAcceptor::mozilla_intermediate_v5(SslMethod::tls_server()).expect("OpenSSL works");
    let pem = std::fs::read(&keystore).expect("the file can be read");
    builder.set_private_key(&PKey::private_key_from_pem(&pem).expect("it has a key")).expect("the key is good");
    builder.set_certificate(&X509::from_pem(&pem).expect("it has a certificate")).expect("it is good");
    builder.check_private_key().expect("they belong together");
    if mutual {
        builder.set_ca_file(certificates.path("ca.pem")).expect("the file can be read");
        builder.set_verify(SslVerifyMode::PEER | SslVerifyMode::FAIL_IF_NO_PEER_CERT);
    }
    builder.build()
}

trait Stream: Read + Write {}
impl<S: Read + Write> Stream for S {}

impl Inner {
    fn serve(&self, tcp: TcpStream) -> io::Result<()> {
        tcp.set_read_timeout(Some(READ_TIMEOUT))?;
        tcp.set_nodelay(true)?;
        let Some(acceptor) = &self.acceptor else { return self.talk(&mut tcp.try_clone()?, &tcp, None) };
        let mut tls = acceptor.accept(tcp.try_clone()?).map_err(io::Error::other)?;
        let client = tls.ssl().peer_certificate().and_then(|certificate| {
            let name = certificate.subject_name().entries_by_nid(openssl::nid::Nid::COMMONNAME).next()?;
            Some(String::from_utf8_lossy(name.data().as_slice()).into_owned())
        });
        self.talk(&mut tls, &tcp, client)?;
        tls.shutdown().map_err(io::Error::other)?;
        Ok(())
    }

    /// Answers one request after another on a connection.
    fn talk(&self, stream: &mut dyn Stream, tcp: &TcpStream, client: Option<String>) -> io::Result<()> {
        while let Some(head) = read_head(stream)? {
            if !head.starts_with(|c: char| c.is_ascii_uppercase()) {
                // What servers say to TLS where they expect none.
                stream.write_all(b"HTTP/1.1 400 Bad Request\r\nContent-Length: 0\r\n\r\n")?;
                return tcp.shutdown(Shutdown::Both);
            }
            let request = parse(&head, client.clone());
            self.requests.lock().expect(UNPOISONED).push(request.clone());
            self.asked.notify_all();
            match (self.answers)(&request) {
                Reply::Answer(status, headers, body) => {
                    let headers: String = headers.iter().map(|(name, value)| format!("{name}: {value}\r\n")).collect();
                    let head = format!("HTTP/1.1 {status} Said\r\n{headers}Content-Length: {}\r\n\r\n", body.len());
                    stream.write_all(&[head.as_bytes(), &body].concat())?;
                }
                Reply::Cut(body, bytes) => {
                    let head = format!("HTTP/1.1 200 Said\r\nContent-Length: {}\r\n\r\n", body.len());
                    stream.write_all(&[head.as_bytes(), &body[..bytes]].concat())?;
                    return tcp.shutdown(Shutdown::Both);
                }
                Reply::Raw(bytes) => {
                    stream.write_all(&bytes)?;
                    return tcp.shutdown(Shutdown::Write);
                }
                Reply::HangUp => return tcp.shutdown(Shutdown::Both),
                Reply::Silence => {
                    let (closed, changed) = &self.closed;
                    drop(changed.wait_while(closed.lock().expect(UNPOISONED), |closed| !*closed));
                    return tcp.shutdown(Shutdown::Both);
                }
                Reply::Tunnel => {
                    let target = TcpStream::connect(&request.path)?;
                    stream.write_all(b"HTTP/1.1 200 Connected\r\n\r\n")?;
                    return pass(tcp, &target);
                }
            }
            stream.flush()?;
        }
        Ok(())
    }
}

/// Lets two connections talk until one of them ends.
fn pass(a: &TcpStream, b: &TcpStream) -> io::Result<()> {
    let (mut from_a, mut to_b) = (a.try_clone()?, b.try_clone()?);
    let there = thread::spawn(move || {
        let copied = io::copy(&mut from_a, &mut to_b);
        to_b.shutdown(Shutdown::Write).ok();
        copied
    });
    let (mut from_b, mut to_a) = (b.try_clone()?, a.try_clone()?);
    io::copy(&mut from_b, &mut to_a).ok();
    to_a.shutdown(Shutdown::Both).ok();
    there.join().expect("copying does not panic").map(drop)
}

/// The first lines of a request, up to the empty one, or what shows that it is none; `None` if the client has nothing more
/// to ask.
fn read_head(stream: &mut dyn Stream) -> io::Result<Option<String>> {
    let mut head = Vec::new();
    let mut byte = [0];
    while !head.ends_with(b"\r\n\r\n") {
        if head.len() > LONGEST_HEAD || stream.read(&mut byte)? == 0 {
            return Ok(None);
        }
        head.push(byte[0]);
        if !head[0].is_ascii_uppercase() {
            break;
        }
    }
    Ok(Some(String::from_utf8_lossy(&head).into_owned()))
}

fn parse(head: &str, client: Option<String>) -> Request {
    let mut lines = head.lines();
    let mut first = lines.next().unwrap_or_default().split(' ').map(str::to_owned);
    let headers = lines.filter_map(|line| line.split_once(':'));
    let headers = headers.map(|(name, value)| (name.to_lowercase(), value.trim().to_owned())).collect();
    Request { method: first.next().unwrap_or_default(), path: first.next().unwrap_or_default(), headers, client }
}
