//! TLS for the registry's client: ureq's connector over the OpenSSL that librdkafka brings.
//!
//! ureq's own connectors would bring a second TLS stack on some systems, cannot accept any host with a certificate of a
//! known authority, and say of a refusal only that there was one. Here what OpenSSL has found comes back as [`TlsTrouble`].

use std::fmt;
use std::fs;
use std::io::{self, Read as _, Write as _};
use std::path::Path;
use std::sync::Arc;

use openssl::error::ErrorStack;
use openssl::pkcs12::Pkcs12;
use openssl::pkey::{PKey, Private};
use openssl::ssl::{self, HandshakeError, SslConnector, SslConnectorBuilder, SslMethod, SslStream, SslVersion};
use openssl::x509::store::X509StoreBuilder;
use openssl::x509::{X509, X509VerifyResult};
use ureq::unversioned::transport::{
    Buffers, ConnectionDetails, Connector, Either, LazyBuffers, NextTimeout, Transport, TransportAdapter,
};

use super::settings::{Identity, Pem, Source, TlsSettings};
use crate::error::{self, Error};

const CA_LOCATION: &str = "schema.registry.ssl.ca.location";
const KEYSTORE: &str = "schema.registry.ssl.keystore.location";

/// What all connections of a client share.
pub struct Tls {
    /// For the registry's own hosts.
    own: SslConnector,
    /// For hosts that the registry redirects to: the client does not say there who it is.
    others: SslConnector,
    own_hosts: Vec<String>,
    check_host: bool,
    has_identity: bool,
}

impl Tls {
    /// Reads the files; an error names the property that names the file.
    pub fn new(settings: &TlsSettings, own_hosts: Vec<String>) -> error::Result<Tls> {
        let others = builder(settings)?.build();
        let own = match &settings.identity {
            None => others.clone(),
            Some(identity) => {
                let mut own = builder(settings)?;
                identify(&mut own, identity)?;
                own.build()
            }
        };
        Ok(Tls { own, others, own_hosts, check_host: settings.check_host, has_identity: settings.identity.is_some() })
    }

    /// Whether the client has a certificate to show.
    pub fn has_identity(&self) -> bool {
        self.has_identity
    }
}

fn builder(settings: &TlsSettings) -> error::Result<SslConnectorBuilder> {
    let failed = |_| Error::internal("OpenSSL makes no context for TLS");
    let mut builder = SslConnector::builder(SslMethod::tls_client()).map_err(failed)?;
    // As for Kafka; nothing older is safe.
    builder.set_min_proto_version(Some(SslVersion::TLS1_2)).map_err(failed)?;
    // Away with what stands where this OpenSSL was built to look, which is a place of the machine it was built on.
    builder.set_cert_store(X509StoreBuilder::new().map_err(failed)?.build());
    match &settings.authorities {
        Some(pem) => trust(&mut builder, pem)?,
        None => trust_system(&mut builder),
    }
    Ok(builder)
}

fn trust(builder: &mut SslConnectorBuilder, pem: &Pem) -> error::Result<()> {
    if let Source::File(path) = &pem.source
        && Path::new(path).is_dir()
    {
        let loaded = builder.load_verify_locations(None, Some(Path::new(path)));
        return loaded.map_err(|_| Error::argument(pem.key, format!("'{path}' is a folder that OpenSSL cannot use")));
    }
    for certificate in certificates(pem)? {
        // A certificate that stands there twice is no harm.
        let _ = builder.cert_store_mut().add_cert(certificate);
    }
    Ok(())
}

/// What is missing shows when a certificate is to be checked, and only then matters.
fn trust_system(builder: &mut SslConnectorBuilder) {
    let found = openssl_probe::probe();
    let file = found.cert_file.as_deref().filter(|path| path.to_str().is_some());
    let folders = found.cert_dir.iter().map(|path| path.as_path()).filter(|path| path.to_str().is_some());
    let places = file.map(|file| (Some(file), None)).into_iter().chain(folders.map(|folder| (None, Some(folder))));
    for (file, folder) in places {
        let _ = builder.load_verify_locations(file, folder);
    }
}

fn identify(builder: &mut SslConnectorBuilder, identity: &Identity) -> error::Result<()> {
    let (key, chain, private) = match identity {
        Identity::Pem { certificate, private_key, password } => {
            (private_key.key, certificates(certificate)?, private(private_key, password.as_deref())?)
        }
        Identity::Pkcs12 { file, password } => {
            let (chain, private) = pkcs12(file, password)?;
            (KEYSTORE, chain, private)
        }
    };
    let set = |builder: &mut SslConnectorBuilder| -> Result<(), ErrorStack> {
        let mut chain = chain.into_iter();
        if let Some(certificate) = chain.next() {
            builder.set_certificate(&certificate)?;
        }
        chain.try_for_each(|certificate| builder.add_extra_chain_cert(certificate))?;
        builder.set_private_key(&private)?;
        builder.check_private_key()
    };
    set(builder)
        .map_err(|_| Error::argument(key, "the private key is not that of the certificate, or TLS cannot use it"))
}

/// The certificates in a text, at least one.
fn certificates(pem: &Pem) -> error::Result<Vec<X509>> {
    let found = X509::stack_from_pem(&read(pem)?).ok().filter(|found| !found.is_empty());
    found.ok_or_else(|| Error::argument(pem.key, "there is no certificate in it that OpenSSL can read; give it as PEM"))
}

fn private(pem: &Pem, password: Option<&str>) -> error::Result<PKey<Private>> {
    // OpenSSL would ask on the terminal if it were not told.
    let give = |buffer: &mut [u8]| {
        let password = password.unwrap_or_default().as_bytes();
        let place = buffer.get_mut(..password.len()).ok_or_else(ErrorStack::get)?;
        place.copy_from_slice(password);
        Ok(password.len())
    };
    PKey::private_key_from_pem_callback(&read(pem)?, give).map_err(|_| {
        let message = match password {
            Some(_) => "there is no private key in it that schema.registry.ssl.key.password opens; give it as PEM",
            None => {
                "there is no private key in it that opens without a password; give it as PEM, and set \
                 schema.registry.ssl.key.password if it is encrypted"
            }
        };
        Error::argument(pem.key, message)
    })
}

fn pkcs12(file: &str, password: &str) -> error::Result<(Vec<X509>, PKey<Private>)> {
    let contents = fs::read(file).map_err(|error| unreadable(KEYSTORE, file, &error))?;
    let opened = Pkcs12::from_der(&contents).and_then(|store| store.parse2(password)).map_err(|_| {
        let message = format!("'{file}' is no PKCS12 file that schema.registry.ssl.keystore.password opens");
        Error::argument(KEYSTORE, message)
    })?;
    let (Some(certificate), Some(private)) = (opened.cert, opened.pkey) else {
        return Err(Error::argument(KEYSTORE, format!("'{file}' lacks a certificate or its private key")));
    };
    Ok((std::iter::once(certificate).chain(opened.ca.into_iter().flatten()).collect(), private))
}

fn read(pem: &Pem) -> error::Result<Vec<u8>> {
    match &pem.source {
        Source::Text(text) => Ok(text.clone().into_bytes()),
        Source::File(path) => fs::read(path).map_err(|error| unreadable(pem.key, path, &error)),
    }
}

fn unreadable(key: &str, path: &str, error: &io::Error) -> Error {
    Error::argument(key, format!("'{path}' cannot be read: {error}"))
}

/// What OpenSSL says about a connection that it does not make, or ends.
#[derive(Debug)]
pub struct TlsTrouble {
    /// What is wrong with the server's certificate.
    certificate: X509VerifyResult,
    /// OpenSSL's number and words for why.
    reason: Option<(i32, &'static str)>,
}

/// From here on a reason is an alert of the other side.
const ALERTS: i32 = 1000;

impl TlsTrouble {
    fn new(error: &ssl::Error, certificate: X509VerifyResult) -> TlsTrouble {
        // An error of the system is none of TLS; its code would be taken for one.
        let errors = error.ssl_error().map(ErrorStack::errors).unwrap_or_default();
        let first = errors.iter().find(|error| error.reason().is_some());
        TlsTrouble { certificate, reason: first.map(|error| (error.reason_code(), error.reason().unwrap_or_default())) }
    }

    /// What it means and what to do, and whether trying again may help.
    pub fn explain(&self, has_identity: bool) -> (String, bool) {
        if self.certificate != X509VerifyResult::OK {
            let (what, hint) = (self.certificate.error_string(), certificate_hint(self.certificate.as_raw()));
            return (format!("its certificate is not accepted: {what}{hint}"), false);
        }
        let hung_up = || {
            let hint = "; if it wants a certificate of the client, set schema.registry.ssl.certificate.location";
            let hint = if has_identity { "" } else { hint };
            (format!("it hangs up while TLS is being agreed on{hint}"), true)
        };
        let Some((code, what)) = self.reason else { return hung_up() };
        match code - ALERTS {
            // All the ways to say that a certificate is missing, or not good enough.
            40 | 42..=46 | 48 | 49 | 116 if has_identity => {
                let hint = "it does not accept the client's certificate, which has to be signed by an authority that it trusts";
                (format!("TLS fails: {what}; {hint}"), false)
            }
            40 | 42..=46 | 48 | 49 | 116 => {
                let hint = "it wants a certificate of the client: set schema.registry.ssl.certificate.location and \
                            schema.registry.ssl.key.location, or schema.registry.ssl.keystore.location";
                (format!("TLS fails: {what}; {hint}"), false)
            }
            // Trouble of its own, which may pass.
            80 | 90 => (format!("TLS fails: {what}"), true),
            0.. => (format!("TLS fails: {what}"), false),
            _ if what == "unexpected eof while reading" => hung_up(),
            _ => (format!("TLS fails: {what}; if it expects none, let schema.registry.url begin with http://"), false),
        }
    }
}

/// What to do about a certificate, by OpenSSL's number (`X509_V_ERR_…`) for what is wrong.
fn certificate_hint(number: i32) -> String {
    match number {
        2 | 19..=21 => format!("; set {CA_LOCATION} to the certificate of the authority that signed it"),
        18 => format!("; set {CA_LOCATION} to it, if it is meant"),
        9 => "; check the clocks".to_owned(),
        10 | 23 => "; the registry needs a new one".to_owned(),
        26 => "; the registry needs one with extended key usage serverAuth".to_owned(),
        62 | 64 => "; use a name or an address that stands in it in schema.registry.url, or accept any host with \
                    schema.registry.ssl.endpoint.identification.algorithm=none"
            .to_owned(),
        _ => String::new(),
    }
}

impl fmt::Display for TlsTrouble {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.explain(false).0)
    }
}

impl std::error::Error for TlsTrouble {}

/// The last link of ureq's chain: puts TLS over a connection if the address says `https`.
pub struct TlsConnector(pub Arc<Tls>);

impl fmt::Debug for TlsConnector {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("TlsConnector")
    }
}

impl<In: Transport> Connector<In> for TlsConnector {
    type Out = Either<In, TlsTransport>;

    fn connect(&self, details: &ConnectionDetails, chained: Option<In>) -> Result<Option<Self::Out>, ureq::Error> {
        let Some(transport) = chained else { return Ok(None) };
        if !details.needs_tls() {
            return Ok(Some(Either::A(transport)));
        }
        let host = details.uri.host().unwrap_or_default().trim_start_matches('[').trim_end_matches(']');
        let is_own = self.0.own_hosts.iter().any(|own| own.eq_ignore_ascii_case(host));
        let connector = if is_own { &self.0.own } else { &self.0.others };
        let mut adapter = TransportAdapter::new(transport.boxed(), details.current_time.clone());
        adapter.set_timeout(details.timeout);
        let configured = connector.configure().map_err(other)?.verify_hostname(self.0.check_host);
        let stream = configured.connect(host, adapter).map_err(|error| match error {
            HandshakeError::SetupFailure(stack) => other(stack),
            HandshakeError::Failure(shaken) | HandshakeError::WouldBlock(shaken) => {
                let certificate = shaken.ssl().verify_result();
                failed(shaken.into_error(), certificate)
            }
        })?;
        let buffers = LazyBuffers::new(details.config.input_buffer_size(), details.config.output_buffer_size());
        Ok(Some(Either::B(TlsTransport { buffers, stream })))
    }
}

fn other(error: impl std::error::Error + Send + Sync + 'static) -> ureq::Error {
    ureq::Error::Other(Box::new(error))
}

/// What the connection below says comes before what TLS makes of it.
fn failed(error: ssl::Error, certificate: X509VerifyResult) -> ureq::Error {
    match error.into_io_error() {
        Ok(error) => error.into(),
        Err(error) => other(TlsTrouble::new(&error, certificate)),
    }
}

/// A connection with TLS.
pub struct TlsTransport {
    buffers: LazyBuffers,
    stream: SslStream<TransportAdapter>,
}

impl fmt::Debug for TlsTransport {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("TlsTransport")
    }
}

impl Transport for TlsTransport {
    fn buffers(&mut self) -> &mut dyn Buffers {
        &mut self.buffers
    }

    fn transmit_output(&mut self, amount: usize, timeout: NextTimeout) -> Result<(), ureq::Error> {
        self.stream.get_mut().set_timeout(timeout);
        let output = self.buffers.output().get(..amount).unwrap_or_default();
        let Err(error) = self.stream.write_all(output) else { return Ok(()) };
        // A server that does not like the client's certificate says so and is gone when the question comes. What it has said
        // can still be read.
        Err(match self.stream.read(&mut [0]).map_err(unwrapped) {
            Err(ureq::Error::Other(alert)) => ureq::Error::Other(alert),
            _ => unwrapped(error),
        })
    }

    fn await_input(&mut self, timeout: NextTimeout) -> Result<bool, ureq::Error> {
        self.stream.get_mut().set_timeout(timeout);
        let amount = self.stream.read(self.buffers.input_append_buf()).map_err(unwrapped)?;
        self.buffers.input_appended(amount);
        Ok(amount > 0)
    }

    fn is_open(&mut self) -> bool {
        self.stream.get_mut().get_mut().is_open()
    }

    fn is_tls(&self) -> bool {
        true
    }
}

/// An error of OpenSSL that comes as one of input and output: alerts about the client's certificate come this late.
fn unwrapped(error: io::Error) -> ureq::Error {
    match error.downcast::<ssl::Error>() {
        Ok(error) => other(TlsTrouble::new(&error, X509VerifyResult::OK)),
        Err(error) => error.into(),
    }
}
