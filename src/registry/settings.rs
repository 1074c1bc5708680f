//! What a client has to know, checked: `options/registry.rs` makes it from the properties.

use std::time::Duration;

use ureq::http::HeaderValue;

use crate::options::secrets::Secrets;

/// Everything that a [`Client`](super::Client) is made from.
///
/// It prints nothing for debugging, since most of it is secret.
pub struct Settings {
    /// Where the registry is: at least one place, asked in this order until one answers.
    pub urls: Vec<Url>,
    /// Headers of every question.
    pub headers: Vec<(&'static str, HeaderValue)>,
    /// How long finding a host, connecting to it and agreeing on TLS may take.
    pub connect_timeout: Duration,
    /// How long an answer may take to begin, and then to be complete.
    pub read_timeout: Duration,
    /// Host and port of the proxy to go through.
    pub proxy: Option<(String, u16)>,
    /// How to meet servers that speak TLS.
    pub tls: TlsSettings,
    /// How long an id that the registry does not know is asked for again: replicas lag behind (rule A8).
    pub unknown_id_retry: Duration,
    /// What must not be shown of what others say.
    pub secrets: Secrets,
}

/// One of the registry's addresses.
pub struct Url {
    /// Scheme, host, port and path, without a slash at the end and without the user: it may be shown.
    pub base: String,
    /// Who asks.
    pub login: Option<Login>,
}

/// Who asks, for HTTP.
#[derive(Clone)]
pub struct Login {
    /// The header that says so.
    pub authorization: HeaderValue,
    /// The property it comes from, to name it where it is not accepted.
    pub key: &'static str,
}

/// How to meet servers that speak TLS.
pub struct TlsSettings {
    /// The certificates of the authorities to trust; `None`: the system's.
    pub authorities: Option<Pem>,
    /// Who the client is.
    pub identity: Option<Identity>,
    /// Whether the certificate has to be for the host that is asked.
    pub check_host: bool,
}

/// A text in PEM, and the property that it comes from.
pub struct Pem {
    /// The property.
    pub key: &'static str,
    /// Where the text is.
    pub source: Source,
}

/// Where a text in PEM is.
pub enum Source {
    /// In a file of this path.
    File(String),
    /// Here.
    Text(String),
}

/// A certificate of the client and its private key.
pub enum Identity {
    /// Both in PEM.
    Pem {
        /// The certificate, and those that lead from it to an authority.
        certificate: Pem,
        /// The private key.
        private_key: Pem,
        /// What opens the private key.
        password: Option<String>,
    },
    /// Both in a PKCS12 file.
    Pkcs12 {
        /// The path of the file.
        file: String,
        /// What opens it.
        password: String,
    },
}
