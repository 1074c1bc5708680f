//! What librdkafka says about brokers that it cannot use, put together and put plainly.
//!
//! librdkafka tries for ever, whatever the reason. The reason comes in pieces: by the error callback with a code, by the
//! log when a broker hangs up, and by the certificate callback, the only one that knows what is wrong with a certificate.
//! Here the pieces become one sentence with the way out, and a verdict: whether trying again may help.

use std::collections::BTreeMap;
use std::ffi::c_int;
use std::time::{Duration, Instant};

use parking_lot::Mutex;
use rdkafka::bindings::rd_kafka_resp_err_t as Code;

use crate::error::{Error, Status};

/// How long one broker's refusal is held back in the hope that another broker answers.
const PATIENCE: Duration = Duration::from_secs(10);

/// librdkafka's name for the broker that coordinates the group.
const COORDINATOR: &str = "GroupCoordinator";

/// What a handle's callbacks have heard.
pub struct Troubles {
    /// Whether the client has a certificate to show.
    has_certificate: bool,
    heard: Mutex<Heard>,
}

#[derive(Default)]
struct Heard {
    /// A broker has answered before, so that this client speaks as the brokers expect.
    answered: bool,
    /// librdkafka has tried every broker it knows, and can use none.
    all_down: bool,
    /// The newest sentence about a broker.
    last: Option<String>,
    /// What keeps the client from using any broker: the code and the sentence.
    hopeless: Option<(Code, String)>,
    /// By broker, in librdkafka's spelling: what is wrong with it.
    brokers: BTreeMap<String, Trouble>,
    /// By host and port: OpenSSL's number for what is wrong with the certificate.
    certificates: BTreeMap<String, c_int>,
}

/// What the same text may mean different things in.
#[derive(Clone, Copy)]
struct Circumstances {
    has_certificate: bool,
    answered: bool,
}

/// What is wrong with one broker.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Trouble {
    /// Which broker, and what.
    sentence: String,
    /// If it would be the same the next time: the code, and when it was first heard.
    refused: Option<(Code, Instant)>,
}

impl Troubles {
    pub fn new(has_certificate: bool) -> Troubles {
        Troubles { has_certificate, heard: Mutex::default() }
    }

    fn circumstances(&self, heard: &Heard) -> Circumstances {
        Circumstances { has_certificate: self.has_certificate, answered: heard.answered }
    }

    /// What the error callback is told. Returns the sentence that says it.
    pub fn error(&self, code: Code, text: &str) -> Option<String> {
        let mut heard = self.heard.lock();
        if code == Code::RD_KAFKA_RESP_ERR__ALL_BROKERS_DOWN {
            // Follows the reason why each of them is, and would hide it.
            heard.all_down = true;
            return None;
        }
        let report = Report::parse(text);
        let certificate =
            heard.certificates.iter().find(|(host, _)| report.address() == *host).map(|(_, number)| *number);
        let (meaning, refused) = report.explain(code, certificate, self.circumstances(&heard));
        let sentence = report.sentence(&meaning);
        match (report.broker, refused) {
            // A token for OAUTHBEARER that cannot be made.
            ("", Some(code)) => heard.hopeless = Some((code, sentence.clone())),
            ("", None) => {}
            (broker, refused) => {
                let refused = refused.map(|code| (code, Instant::now()));
                heard.note(broker, Trouble { sentence: sentence.clone(), refused });
            }
        }
        Some(sentence)
    }

    /// What the log says about a connection that has ended. Returns the sentence that says it.
    pub fn disconnect(&self, text: &str) -> String {
        let mut heard = self.heard.lock();
        let report = Report::parse(text);
        let sentence = report.sentence(&report.explain_disconnect(self.circumstances(&heard)));
        heard.note(report.broker, Trouble { sentence: sentence.clone(), refused: None });
        sentence
    }

    /// What is wrong with the certificate of a broker, by OpenSSL's number; 0: nothing.
    pub fn certificate(&self, address: &str, number: c_int) {
        let mut heard = self.heard.lock();
        if number == 0 {
            heard.certificates.remove(address);
        } else {
            heard.certificates.insert(address.to_owned(), number);
        }
    }

    /// A broker has answered: whatever was wrong before is no reason for what is wrong later.
    pub fn forget(&self) {
        *self.heard.lock() = Heard { answered: true, ..Heard::default() };
    }

    /// The sentence about a broker that refuses this client, if one does, or about what the client itself lacks.
    pub fn refused(&self) -> Option<String> {
        self.heard.lock().refused().map(str::to_owned)
    }

    /// The error to give up with: every broker there is refuses this client, or one does and no other has answered for a
    /// while. One bad broker beside good ones is none.
    pub fn verdict(&self) -> Option<Error> {
        let heard = self.heard.lock();
        let give_up = |code: Code, sentence: &str| {
            let message = format!("connecting to Kafka failed: {sentence}");
            Some(Error::new(Status::Kafka, message).with_kafka_code(code as i32))
        };
        if let Some((code, sentence)) = &heard.hopeless {
            return give_up(*code, sentence);
        }
        let refused = heard.brokers.values().filter_map(|trouble| trouble.refused.map(|refused| (trouble, refused)));
        let (trouble, (code, since)) = refused.min_by_key(|(_, (_, since))| *since)?;
        let all = heard.all_down && heard.brokers.values().all(|trouble| trouble.refused.is_some());
        if all || since.elapsed() >= PATIENCE { give_up(code, &trouble.sentence) } else { None }
    }

    /// Why no broker can be used, if none can.
    pub fn outage(&self) -> Option<String> {
        let heard = self.heard.lock();
        if !heard.all_down {
            return None;
        }
        Some(heard.refused().or(heard.last.as_deref()).unwrap_or("none answers").to_owned())
    }
}

impl Heard {
    fn refused(&self) -> Option<&str> {
        let hopeless = self.hopeless.as_ref().map(|(_, sentence)| &**sentence);
        let refused = || self.brokers.values().find(|trouble| trouble.refused.is_some());
        hopeless.or_else(|| refused().map(|trouble| &*trouble.sentence))
    }

    fn note(&mut self, broker: &str, new: Trouble) {
        // Whatever the coordinator says, the broker itself says too.
        if broker != COORDINATOR {
            self.last = Some(new.sentence.clone());
        }
        match self.brokers.get_mut(broker) {
            // Of a host with several addresses, one may refuse and another not even be there.
            Some(Trouble { refused: Some(_), .. }) if new.refused.is_none() => {}
            Some(known) => {
                let since = known.refused.map(|(_, since)| since);
                known.refused = new.refused.map(|(code, now)| (code, since.unwrap_or(now)));
                known.sentence = new.sentence;
            }
            None => {
                self.brokers.insert(broker.to_owned(), new);
            }
        }
    }
}

/// One of librdkafka's texts: `ssl://localhost:9093/bootstrap: what (after 3ms in state SSL_HANDSHAKE, …)`.
struct Report<'a> {
    /// Empty if it is not about a broker.
    broker: &'a str,
    what: &'a str,
    /// The state the connection was in, and for how long.
    state: &'a str,
    state_ms: u64,
}

impl Report<'_> {
    fn parse(text: &str) -> Report<'_> {
        let text = text.strip_prefix("[thrd:").and_then(|text| text.split_once("]: ")).map_or(text, |(_, text)| text);
        let (broker, what) = match text.split_once(": ") {
            // Brokers have a slash before their number; a group's coordinator is a broker under another name.
            Some((broker, what)) if broker.contains('/') || broker == COORDINATOR => (broker, what),
            _ => ("", text),
        };
        let (what, after) = what.rsplit_once(" (after ").unwrap_or((what, ""));
        let (ms, state) = after.split_once("ms in state ").unwrap_or(("", ""));
        let state = state.split([',', ')']).next().unwrap_or_default();
        Report { broker, what, state, state_ms: ms.parse().unwrap_or(u64::MAX) }
    }

    fn protocol(&self) -> &str {
        self.broker.split_once("://").map_or("plaintext", |(protocol, _)| protocol)
    }

    /// Host and port.
    fn address(&self) -> &str {
        let address = self.broker.split_once("://").map_or(self.broker, |(_, address)| address);
        address.rsplit_once('/').map_or(address, |(address, _)| address)
    }

    fn sentence(&self, meaning: &str) -> String {
        match self.broker {
            "" => meaning.to_owned(),
            broker => format!("{}: {meaning}", broker.strip_suffix("/bootstrap").unwrap_or(broker)),
        }
    }

    /// What it means, and the code to give up with if trying again would not change it.
    fn explain(&self, code: Code, certificate: Option<c_int>, given: Circumstances) -> (String, Option<Code>) {
        let what = self.what;
        let refused = |hint: &str, code: Code| (format!("{what}{hint}"), Some(code));
        if let (true, Some(number)) = (what.contains("certificate verify failed"), certificate) {
            return (explain_certificate(number), Some(Code::RD_KAFKA_RESP_ERR__SSL));
        }
        if let Some(alert) = alert(what) {
            match alert {
                // All the ways to say that a certificate is missing, or not good enough.
                40 | 42..=46 | 48 | 49 | 116 => {
                    let hint = if given.has_certificate {
                        "; the broker does not accept the client's certificate, which has to be signed by an authority \
                         that the broker trusts"
                    } else {
                        "; the broker wants a certificate of the client: set ssl.certificate.location and \
                         ssl.key.location, or ssl.keystore.location"
                    };
                    return refused(hint, Code::RD_KAFKA_RESP_ERR__SSL);
                }
                70 | 71 => return refused("", Code::RD_KAFKA_RESP_ERR__SSL),
                _ => {}
            }
        }
        match code {
            Code::RD_KAFKA_RESP_ERR__SSL => refused("", code),
            // The broker went away in the middle of it.
            Code::RD_KAFKA_RESP_ERR__AUTHENTICATION
                if what.starts_with("Disconnected") || what.ends_with("supported mechanisms: (n/a)") =>
            {
                (what.to_owned(), None)
            }
            Code::RD_KAFKA_RESP_ERR__AUTHENTICATION => {
                let hint = if what.contains("not valid in current SASL state") {
                    match self.protocol() {
                        "sasl_ssl" => "; this listener wants no SASL: set security.protocol to ssl",
                        _ => "; this listener wants no SASL: set security.protocol to plaintext",
                    }
                } else if what.contains("Unsupported SASL mechanism") {
                    "; set sasl.mechanism to one of these"
                } else if what.contains("OAUTHBEARER") {
                    ""
                } else {
                    "; check sasl.username, sasl.password and sasl.mechanism"
                };
                refused(hint, code)
            }
            _ => (self.explain_disconnect(given), None),
        }
    }

    /// Brokers hang up without a word when they are spoken to in another protocol than they expect.
    fn explain_disconnect(&self, given: Circumstances) -> String {
        let hint = match (self.protocol(), self.state) {
            _ if given.answered => "",
            ("ssl", "SSL_HANDSHAKE") => "; if the broker does not expect TLS, set security.protocol to plaintext",
            ("sasl_ssl", "SSL_HANDSHAKE") => {
                "; if the broker does not expect TLS, set security.protocol to sasl_plaintext"
            }
            ("plaintext", "APIVERSION_QUERY") => {
                "; if the broker expects TLS, set security.protocol to ssl or sasl_ssl"
            }
            ("sasl_plaintext", "APIVERSION_QUERY") => "; if the broker expects TLS, set security.protocol to sasl_ssl",
            ("ssl", "APIVERSION_QUERY") if !given.has_certificate => {
                "; if the broker expects a certificate of the client, set ssl.certificate.location and ssl.key.location"
            }
            ("plaintext", "UP") if self.state_ms < 2000 => {
                "; if the broker expects SASL, set security.protocol to sasl_plaintext"
            }
            ("ssl", "UP") if self.state_ms < 2000 => "; if the broker expects SASL, set security.protocol to sasl_ssl",
            _ => "",
        };
        // librdkafka asks the same, but not each time.
        let what = self.what.strip_suffix(": connecting to a PLAINTEXT broker listener?").unwrap_or(self.what);
        format!("{what}{hint}")
    }
}

/// The number of the alert with which the other side ended a TLS connection.
fn alert(what: &str) -> Option<u32> {
    let (_, number) = what.split_once("SSL alert number ")?;
    number.split(|c: char| !c.is_ascii_digit()).next()?.parse().ok()
}

/// OpenSSL's numbers (`X509_V_ERR_…`) for what is wrong with a certificate. They are part of its interface.
pub fn explain_certificate(number: c_int) -> String {
    const AUTHORITY: &str = "set ssl.ca.location to the certificate of that authority";
    let (what, hint) = match number {
        2 | 20 | 21 => ("it is signed by an authority that is not known here", AUTHORITY),
        18 => ("it is signed by itself", "set ssl.ca.location to it, if that is meant"),
        19 => ("it is signed by an authority that is not known here and signs for itself", AUTHORITY),
        9 => ("it is not valid yet", "check the clocks"),
        10 => ("it has expired", "the broker needs a new one"),
        23 => ("it has been revoked", "the broker needs a new one"),
        26 => ("it is not meant for servers", "the broker needs one with extended key usage serverAuth"),
        62 | 64 => (
            "it is for a host of another name (hostname mismatch)",
            "use a name or an address that stands in it, in bootstrap.servers and in the broker's advertised.listeners, or \
             accept any host with ssl.endpoint.identification.algorithm=none",
        ),
        _ => return format!("the broker's certificate is not accepted: OpenSSL's verification error {number}"),
    };
    format!("the broker's certificate is not accepted, certificate verify failed: {what}; {hint}")
}

#[cfg(test)]
mod tests {
    use super::*;

    const SSL: Code = Code::RD_KAFKA_RESP_ERR__SSL;
    const AUTHENTICATION: Code = Code::RD_KAFKA_RESP_ERR__AUTHENTICATION;
    const TRANSPORT: Code = Code::RD_KAFKA_RESP_ERR__TRANSPORT;
    const ALL_DOWN: Code = Code::RD_KAFKA_RESP_ERR__ALL_BROKERS_DOWN;

    const WRONG_PASSWORD: &str = "sasl_ssl://a:1/bootstrap: SASL authentication error: Authentication failed: Invalid \
                                  username or password (after 301ms in state AUTH_REQ, 1 identical error(s) suppressed)";
    const NOBODY: &str = "sasl_ssl://b:1/bootstrap: Connect to ipv4#127.0.0.1:1 failed: Connection refused (after 0ms in \
                          state CONNECT)";

    fn code(troubles: &Troubles) -> Option<i32> {
        troubles.verdict().map(|error| error.kafka_code())
    }

    #[test]
    fn a_refusal_by_all_is_final_and_one_among_others_is_not() {
        let troubles = Troubles::new(false);
        troubles.error(AUTHENTICATION, WRONG_PASSWORD);
        assert_eq!(code(&troubles), None, "others may still be tried");
        troubles.error(ALL_DOWN, "1/1 brokers are down");
        assert_eq!(code(&troubles), Some(AUTHENTICATION as i32));
        assert_eq!(
            troubles.verdict().unwrap().message(),
            "connecting to Kafka failed: sasl_ssl://a:1: SASL authentication error: Authentication failed: Invalid \
             username or password; check sasl.username, sasl.password and sasl.mechanism"
        );
        assert!(!troubles.verdict().unwrap().is_retriable());
        troubles.error(TRANSPORT, NOBODY);
        assert_eq!(code(&troubles), None, "the other may come up");
        troubles.forget();
        assert_eq!((code(&troubles), troubles.refused(), troubles.outage()), (None, None, None));
    }

    #[test]
    fn a_refusal_is_not_held_back_for_ever() {
        let troubles = Troubles::new(false);
        troubles.error(TRANSPORT, NOBODY);
        troubles.error(AUTHENTICATION, WRONG_PASSWORD);
        troubles.error(ALL_DOWN, "2/2 brokers are down");
        assert_eq!(code(&troubles), None);
        let long_ago = Instant::now().checked_sub(PATIENCE).expect("the machine has been up for a while");
        for trouble in troubles.heard.lock().brokers.values_mut() {
            trouble.refused = trouble.refused.map(|(code, _)| (code, long_ago));
        }
        // Hearing it again does not make it younger.
        troubles.error(AUTHENTICATION, WRONG_PASSWORD);
        assert_eq!(code(&troubles), Some(AUTHENTICATION as i32));
    }

    #[test]
    fn of_a_host_with_two_addresses_the_refusal_is_kept() {
        let troubles = Troubles::new(false);
        troubles.error(AUTHENTICATION, WRONG_PASSWORD);
        troubles.error(TRANSPORT, &NOBODY.replace("b:1", "a:1"));
        troubles.error(ALL_DOWN, "1/1 brokers are down");
        assert_eq!(code(&troubles), Some(AUTHENTICATION as i32));
        assert!(troubles.outage().unwrap().contains("Invalid username or password"));
    }

    fn explain(code: Code, text: &str, has_certificate: bool) -> (String, bool) {
        let troubles = Troubles::new(has_certificate);
        let sentence = troubles.error(code, text).unwrap();
        (sentence, troubles.refused().is_some())
    }

    #[test]
    fn a_broker_that_goes_away_while_it_authenticates_has_refused_nothing() {
        for (code, text) in [
            (
                AUTHENTICATION,
                "a:1/1: SASL PLAIN mechanism handshake failed: Local: Broker transport failure: broker's \
                              supported mechanisms: (n/a) (after 1ms in state AUTH_HANDSHAKE)",
            ),
            (
                TRANSPORT,
                "GroupCoordinator: SASL authentication error: SaslAuthenticateRequest failed: Local: Broker \
                         transport failure (after 0ms in state DOWN)",
            ),
            (
                TRANSPORT,
                "ssl://a:1/1: SSL handshake failed: Disconnected: connection closed by peer: connecting to a \
                         PLAINTEXT broker listener? (after 1ms in state SSL_HANDSHAKE)",
            ),
        ] {
            assert!(!explain(code, text, false).1, "{text}");
        }
    }

    #[test]
    fn alerts_about_certificates_say_whose() {
        let text = "ssl://a:1/bootstrap: Receive failed: error:0A000412:SSL routines::ssl/tls alert bad certificate: SSL \
                    alert number 42 (after 0ms in state APIVERSION_QUERY)";
        let (sentence, refused) = explain(TRANSPORT, text, false);
        assert!(refused && sentence.contains("the broker wants a certificate of the client"), "{sentence}");
        let (sentence, refused) = explain(TRANSPORT, text, true);
        assert!(refused && sentence.contains("does not accept the client's certificate"), "{sentence}");
        let (_, refused) = explain(TRANSPORT, &text.replace("number 42", "number 80"), true);
        assert!(!refused, "an internal error of the broker may pass");
    }

    #[test]
    fn what_is_wrong_with_a_certificate_comes_from_its_own_callback() {
        let text = "ssl://a:1/bootstrap: SSL handshake failed: error:0A000086:SSL routines::certificate verify failed: \
                    broker certificate could not be verified (after 4ms in state SSL_HANDSHAKE)";
        let troubles = Troubles::new(false);
        troubles.certificate("a:1", 62);
        troubles.certificate("a:12", 10);
        let sentence = troubles.error(SSL, text).unwrap();
        assert!(sentence.starts_with("ssl://a:1: the broker's certificate is not accepted, "), "{sentence}");
        assert!(sentence.contains("for a host of another name"), "{sentence}");
        troubles.certificate("a:1", 0);
        assert!(troubles.error(SSL, text).unwrap().contains("broker certificate could not be verified"));
    }

    #[test]
    fn a_broker_that_hangs_up_may_expect_another_protocol() {
        let said = |broker: &str, state: &str| {
            let text = format!(
                "[thrd:{broker}]: {broker}: Disconnected: connection closed by peer (after 1ms in state {state})"
            );
            let troubles = Troubles::new(false);
            let sentence = troubles.disconnect(&text);
            assert_eq!(troubles.refused(), None);
            sentence
        };
        assert_eq!(
            said("a:1/bootstrap", "APIVERSION_QUERY"),
            "a:1: Disconnected: connection closed by peer; if the broker expects TLS, set security.protocol to ssl or sasl_ssl"
        );
        assert!(said("a:1/bootstrap", "UP").ends_with("set security.protocol to sasl_plaintext"));
        assert!(said("ssl://a:1/bootstrap", "UP").ends_with("set security.protocol to sasl_ssl"));
        assert!(said("ssl://a:1/1", "APIVERSION_QUERY").contains("certificate of the client"));
        let broken = "a:1/bootstrap: Send failed: Broken pipe (after 0ms in state UP)";
        assert!(explain(TRANSPORT, broken, false).0.ends_with("set security.protocol to sasl_plaintext"));
        assert!(explain(TRANSPORT, NOBODY, false).0.ends_with("failed: Connection refused"));
        assert!(said("ssl://a:1/1", "SSL_HANDSHAKE").ends_with("set security.protocol to plaintext"));
        assert!(said("sasl_ssl://a:1/1", "UP").ends_with("closed by peer"));
        let troubles = Troubles::new(false);
        troubles.forget();
        let sentence =
            troubles.disconnect("a:1/1: Disconnected: connection reset by peer (after 0ms in state APIVERSION_QUERY)");
        assert_eq!(sentence, "a:1/1: Disconnected: connection reset by peer", "it spoke the same language before");
    }

    #[test]
    fn a_token_that_cannot_be_made_is_final_without_any_broker() {
        let troubles = Troubles::new(false);
        troubles
            .error(AUTHENTICATION, "Failed to acquire SASL OAUTHBEARER token: Unrecognized sasl.oauthbearer.config");
        assert_eq!(code(&troubles), Some(AUTHENTICATION as i32));
    }
}
