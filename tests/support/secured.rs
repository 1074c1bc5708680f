//! A cluster of one node that wants to know who is there: a listener for each way to say so.

use std::sync::OnceLock;

use karrow::options::Options;

use super::broker::{Cluster, Extras, free_port};
use super::certificates::Certificates;

/// The one user there is, for every mechanism of SASL.
pub const USER: &str = "alice";
/// The user's password. Tests look for it where it must not be.
pub const PASSWORD: &str = "wonderland-8c1f";

/// The listeners of a secured node.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Listener {
    /// Neither TLS nor SASL: the tests administer and produce through it.
    Plaintext,
    /// PLAIN, SCRAM-SHA-256, SCRAM-SHA-512 and unsecured OAUTHBEARER, without TLS.
    SaslPlaintext,
    /// TLS, anybody.
    Ssl,
    /// TLS, clients with a certificate.
    Mtls,
    /// The mechanisms of `SaslPlaintext`, with TLS.
    SaslSsl,
    /// TLS with the certificate of another host.
    Elsewhere,
}

impl Listener {
    /// Those beside `Plaintext`, which every node has.
    const FURTHER: [Listener; 5] =
        [Listener::SaslPlaintext, Listener::Ssl, Listener::Mtls, Listener::SaslSsl, Listener::Elsewhere];

    fn name(self) -> &'static str {
        match self {
            Listener::Plaintext => "PLAINTEXT",
            Listener::SaslPlaintext => "SASL_PLAINTEXT",
            Listener::Ssl => "SSL",
            Listener::Mtls => "MTLS",
            Listener::SaslSsl => "SASL_SSL",
            Listener::Elsewhere => "ELSEWHERE",
        }
    }
}

/// A running cluster of one secured node.
pub struct Secured {
    pub cluster: Cluster,
    pub certificates: Certificates,
    /// Of the further listeners, in order.
    ports: Vec<u16>,
}

/// The secured cluster that the tests of this binary share.
pub fn secured_cluster() -> &'static Secured {
    static SHARED: OnceLock<Secured> = OnceLock::new();
    SHARED.get_or_init(Secured::start)
}

impl Secured {
    pub fn start() -> Secured {
        let mut certificates = None;
        let mut ports = Vec::new();
        let cluster = Cluster::start_configured(1, |own, folder| {
            certificates = Some(Certificates::make(folder));
            ports = Listener::FURTHER.map(|_| free_port()).to_vec();
            let addresses = |host: &str| {
                let listeners = Listener::FURTHER.iter().zip(&ports);
                let addresses = listeners.map(|(listener, port)| format!("{}://{host}:{port}", listener.name()));
                addresses.collect::<Vec<_>>().join(",")
            };
            let jaas =
                |module: &str, options: &str| format!("org.apache.kafka.common.security.{module} required{options};");
            let config = include_str!("../kafka/secured.properties.in")
                .replace("@BROKER_PORT@", &own[0].to_string())
                .replace("@CONTROLLER_PORT@", &own[1].to_string())
                .replace("@LISTENERS@", &addresses("127.0.0.1"))
                .replace("@ADVERTISED@", &addresses("localhost"))
                .replace("@CERTIFICATES@", folder.to_str().expect("the path is UTF-8"))
                .replace("@PLAIN@", &jaas("plain.PlainLoginModule", &format!(" user_{USER}=\"{PASSWORD}\"")))
                .replace("@SCRAM@", &jaas("scram.ScramLoginModule", ""))
                .replace("@OAUTHBEARER@", &jaas("oauthbearer.OAuthBearerLoginModule", ""));
            let scram = |mechanism: &str| format!("{mechanism}=[name={USER},password={PASSWORD}]\n");
            Extras { config, scram_users: ["SCRAM-SHA-256", "SCRAM-SHA-512"].map(scram).concat() }
        });
        Secured { cluster, certificates: certificates.expect("the cluster has been configured"), ports }
    }

    /// The port of one of the further listeners.
    pub fn port(&self, listener: Listener) -> u16 {
        let index = Listener::FURTHER.iter().position(|other| *other == listener);
        self.ports[index.unwrap_or_else(|| panic!("{listener:?} has no port of its own"))]
    }

    /// Lets options use a listener that wants a user, with this mechanism.
    pub fn log_in(&self, options: &mut Options, listener: Listener, mechanism: &str) {
        let protocol = match listener {
            Listener::SaslPlaintext => "sasl_plaintext",
            Listener::SaslSsl => "sasl_ssl",
            _ => panic!("{listener:?} knows no users"),
        };
        for (key, value) in [
            ("bootstrap.servers", &*self.address(listener)),
            ("security.protocol", protocol),
            ("ssl.ca.location", &self.certificates.path("ca.pem")),
            ("sasl.mechanism", mechanism),
            ("sasl.username", USER),
            ("sasl.password", PASSWORD),
        ] {
            options.set(key, Some(value)).expect("these are known");
        }
    }

    /// The address of a listener.
    pub fn address(&self, listener: Listener) -> String {
        match listener {
            Listener::Plaintext => self.cluster.bootstrap_servers(),
            _ => format!("localhost:{}", self.port(listener)),
        }
    }
}
