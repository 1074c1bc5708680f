//! What an attempt that brings no schema means, and what to do about it.

use std::io;
use std::time::Duration;

use ureq::Timeout;

use super::answer::{self, Complaint, RawSchema, Unfit};
use super::http::Answer;
use super::settings::{Settings, Url};
use super::tls::TlsTrouble;

/// What became of one attempt at one address. Each has a sentence that names the address.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Trouble {
    /// The registry has no such thing.
    Unknown(String),
    /// It would be the same the next time: something has to be changed first.
    Refused(String),
    /// It may pass by itself; not before the time, if the other side has named one.
    Temporary(String, Option<Duration>),
    /// There is a schema, and karrow cannot use it.
    Unusable(String),
}

impl Trouble {
    pub fn sentence(&self) -> &str {
        match self {
            Trouble::Unknown(sentence)
            | Trouble::Refused(sentence)
            | Trouble::Temporary(sentence, _)
            | Trouble::Unusable(sentence) => sentence,
        }
    }
}

/// What an answer holds.
pub fn answered(answer: &Answer, url: &Url, settings: &Settings) -> Result<RawSchema, Trouble> {
    let base = &url.base;
    if (200..300).contains(&answer.status) {
        return answer::schema(&answer.body).map_err(|unfit| match unfit {
            // A gateway may show its own page while the registry is away, and a connection may be cut.
            Unfit::Strange(why) => {
                let hint = "if that stays so, check schema.registry.url";
                Trouble::Temporary(format!("{base} does not answer as a schema registry does: {why}; {hint}"), None)
            }
            Unfit::UnknownType(name) => {
                let known = "karrow knows AVRO, PROTOBUF and JSON";
                Trouble::Unusable(format!("the schema registry at {base} has it as a schema of type {name}; {known}"))
            }
        });
    }
    let complaint = answer::complaint(&answer.body);
    let said = complaint.message.clone().map(|message| settings.secrets.redact(message));
    let said = said.map(|message| format!(": {message}")).unwrap_or_default();
    let status = answer.status;
    Err(match status {
        401 => Trouble::Refused(unauthorized(answer, url)),
        403 => {
            let hint = "who asks needs the right to read it";
            Trouble::Refused(format!("the schema registry at {base} refuses (HTTP 403){said}; {hint}"))
        }
        404 => not_found(&complaint, base),
        408 | 425 | 429 | 500..=599 => {
            let sentence = format!("the schema registry at {base} cannot answer for now: HTTP {status}{said}");
            Trouble::Temporary(sentence, answer.retry_after)
        }
        _ => Trouble::Refused(format!("the schema registry at {base} does not take the question: HTTP {status}{said}")),
    })
}

fn unauthorized(answer: &Answer, url: &Url) -> String {
    let base = &url.base;
    match (&answer.elsewhere, &url.login) {
        (Some(elsewhere), _) => format!(
            "{base} redirects to {elsewhere}, which wants to know who asks (HTTP 401), and credentials go to no other \
             server; set schema.registry.url to where it leads"
        ),
        (None, Some(login)) => {
            format!("the schema registry at {base} does not accept who asks (HTTP 401); check {}", login.key)
        }
        (None, None) => format!(
            "the schema registry at {base} wants to know who asks (HTTP 401); set \
             schema.registry.basic.auth.user.info or schema.registry.bearer.auth.token"
        ),
    }
}

fn not_found(complaint: &Complaint, base: &str) -> Trouble {
    let what = match complaint.code {
        Some(40401 | 40404 | 40405) => "subject",
        Some(40402 | 40406) => "version of it",
        Some(40403) => "schema",
        _ => {
            let hint = "check the path in schema.registry.url";
            return Trouble::Refused(format!("{base} answers, but not as a schema registry does (HTTP 404); {hint}"));
        }
    };
    Trouble::Unknown(format!("the schema registry at {base} has no such {what}"))
}

/// What it means that no answer came.
pub fn failed(error: ureq::Error, url: &Url, settings: &Settings, has_identity: bool) -> Trouble {
    let base = &url.base;
    let through = settings.proxy.as_ref().map(|(host, port)| format!(" through the proxy {host}:{port}"));
    let registry = format!("the schema registry at {base}");
    let unreachable = |why: &str| {
        let through = through.as_deref().unwrap_or_default();
        Trouble::Temporary(format!("{registry} cannot be reached{through}: {why}"), None)
    };
    let is_plain = base.starts_with("http://");
    let tls_hint = if is_plain { "; if it expects TLS, let schema.registry.url begin with https://" } else { "" };
    match error {
        ureq::Error::Timeout(Timeout::Resolve | Timeout::Connect) => {
            let ms = settings.connect_timeout.as_millis();
            unreachable(&format!("no connection within {ms} ms (schema.registry.http.connect.timeout.ms)"))
        }
        ureq::Error::Timeout(Timeout::Global) => unreachable("the time was over before it answered"),
        ureq::Error::Timeout(_) => {
            let ms = settings.read_timeout.as_millis();
            let sentence = format!("{registry} does not answer within {ms} ms (schema.registry.http.read.timeout.ms)");
            Trouble::Temporary(sentence, None)
        }
        ureq::Error::HostNotFound => unreachable("the host has no address"),
        ureq::Error::Io(error) if hung_up(&error) => {
            Trouble::Temporary(format!("{registry} hangs up before it has answered{tls_hint}"), None)
        }
        ureq::Error::Io(error) => unreachable(&settings.secrets.redact(error.to_string())),
        ureq::Error::Protocol(_) | ureq::Error::LargeResponseHeader(..) => Trouble::Temporary(
            format!("what {base} answers is not HTTP as a schema registry speaks it{tls_hint}"),
            None,
        ),
        ureq::Error::BodyExceedsLimit(limit) => {
            Trouble::Unusable(format!("what {base} answers is longer than {limit} bytes"))
        }
        ureq::Error::ConnectProxyFailed(reason) => {
            let through = through.as_deref().unwrap_or_default();
            let sentence = format!("{registry} cannot be reached{through}: {reason}");
            // It wants a user, or does not go there for anybody; anything else may pass.
            match ["401", "403", "405", "407"].iter().any(|status| reason.contains(status)) {
                true => Trouble::Refused(format!("{sentence}; the proxy has to allow CONNECT to it without a user")),
                false => Trouble::Temporary(sentence, None),
            }
        }
        ureq::Error::Other(error) => match error.downcast_ref::<TlsTrouble>() {
            Some(trouble) => {
                let (what, may_pass) = trouble.explain(has_identity);
                let sentence = format!("{registry} cannot be used: {what}");
                if may_pass { Trouble::Temporary(sentence, None) } else { Trouble::Refused(sentence) }
            }
            None => unreachable(&settings.secrets.redact(error.to_string())),
        },
        error => unreachable(&settings.secrets.redact(error.to_string())),
    }
}

fn hung_up(error: &io::Error) -> bool {
    use io::ErrorKind::{BrokenPipe, ConnectionAborted, ConnectionReset, UnexpectedEof};
    matches!(error.kind(), UnexpectedEof | ConnectionReset | ConnectionAborted | BrokenPipe)
}
