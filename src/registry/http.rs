//! One question to one of the registry's addresses, and the answer.
//!
//! ureq speaks HTTP. Redirects are followed here and not by it, because it would give the user's password to every port of a
//! host, and the port is what keeps two services of one host apart.

use std::sync::Arc;
use std::time::{Duration, Instant};

use ureq::http::header::{AUTHORIZATION, HeaderMap, LOCATION, RETRY_AFTER};
use ureq::http::uri::{Scheme, Uri};
use ureq::unversioned::resolver::DefaultResolver;
use ureq::unversioned::transport::{ConnectProxyConnector, Connector as _, TcpConnector};
use ureq::{Agent, Proxy, ProxyProtocol};

use super::settings::{Login, Settings, Url};
use super::tls::{Tls, TlsConnector};
use super::trouble::{self, Trouble};

/// No schema is as long.
const LONGEST_ANSWER: u64 = 16 * 1024 * 1024;
const MOST_REDIRECTS: usize = 5;
const ACCEPT: &str = "application/vnd.schemaregistry.v1+json, application/json; q=0.9";
const USER_AGENT: &str = concat!("karrow/", env!("CARGO_PKG_VERSION"));

/// What came back, whatever it means.
pub struct Answer {
    pub status: u16,
    pub retry_after: Option<Duration>,
    pub body: Vec<u8>,
    /// Host and port that answered, if the registry's address redirects to ones that get no credentials.
    pub elsewhere: Option<String>,
}

/// Asks for one look-up: what belongs together shares a connection, and nothing is kept open between look-ups.
pub struct Asker<'a> {
    settings: &'a Settings,
    tls: &'a Tls,
    agent: Agent,
}

impl<'a> Asker<'a> {
    pub fn new(settings: &'a Settings, tls: &'a Arc<Tls>) -> Asker<'a> {
        let proxy = settings.proxy.as_ref().and_then(|(host, port)| {
            // The options have made one of the same before, to see that they can.
            Proxy::builder(ProxyProtocol::Http).host(host).port(*port).build().ok()
        });
        let [connect, read] = [settings.connect_timeout, settings.read_timeout].map(Some);
        let config = Agent::config_builder()
            .http_status_as_error(false)
            .max_redirects(0)
            .max_redirects_will_error(false)
            // Said in any case: otherwise the environment would be asked.
            .proxy(proxy)
            .timeout_resolve(connect)
            .timeout_connect(connect)
            .timeout_send_request(read)
            .timeout_recv_response(read)
            .timeout_recv_body(read)
            .user_agent(USER_AGENT)
            .accept(ACCEPT)
            .build();
        let connector = ().chain(ConnectProxyConnector::default()).chain(TcpConnector::default());
        let agent = Agent::with_parts(config, connector.chain(TlsConnector(tls.clone())), DefaultResolver::default());
        Asker { settings, tls, agent }
    }

    pub fn agent(&self) -> &Agent {
        &self.agent
    }

    /// Asks for a path below an address, until a time at most.
    pub fn ask(&self, url: &Url, path: &str, deadline: Option<Instant>) -> Result<Answer, Trouble> {
        let failed = |error: ureq::Error| trouble::failed(error, url, self.settings, self.tls.has_identity());
        let begin: Uri = format!("{}{path}", url.base).parse().map_err(|error: ureq::http::uri::InvalidUri| {
            Trouble::Refused(format!("{} cannot be asked: {error}", url.base))
        })?;
        let mut target = begin.clone();
        for _ in 0..=MOST_REDIRECTS {
            let is_home = keeps_credentials(&begin, &target);
            let login = url.login.as_ref().filter(|_| is_home);
            let mut response = self.get(&target, login, deadline).map_err(failed)?;
            let status = response.status().as_u16();
            if matches!(status, 301 | 302 | 303 | 307 | 308) {
                let location = response.headers().get(LOCATION).and_then(|location| location.to_str().ok());
                target = location.and_then(|location| follow(&target, location)).ok_or_else(|| {
                    let what = format!("redirects (HTTP {status}) to where it cannot be followed");
                    Trouble::Refused(format!("{} {what}", url.base))
                })?;
                continue;
            }
            let retry_after = retry_after(response.headers());
            let body = response.body_mut().with_config().limit(LONGEST_ANSWER).read_to_vec();
            // What an answer without a schema says is only a hint.
            let body = if (200..300).contains(&status) { body.map_err(failed)? } else { body.unwrap_or_default() };
            let elsewhere = (!is_home).then(|| authority(&target));
            return Ok(Answer { status, retry_after, body, elsewhere });
        }
        Err(Trouble::Refused(format!("{} redirects too often; check schema.registry.url", url.base)))
    }

    fn get(
        &self,
        target: &Uri,
        login: Option<&Login>,
        deadline: Option<Instant>,
    ) -> Result<ureq::http::Response<ureq::Body>, ureq::Error> {
        let mut request = self.agent.get(target);
        for (name, value) in &self.settings.headers {
            request = request.header(*name, value);
        }
        if let Some(login) = login {
            request = request.header(AUTHORIZATION, &login.authorization);
        }
        let time_left = deadline.map(|deadline| deadline.saturating_duration_since(Instant::now()));
        request.config().timeout_global(time_left).build().call()
    }
}

fn retry_after(headers: &HeaderMap) -> Option<Duration> {
    // It may also be a date, which no registry is known to send.
    let seconds = headers.get(RETRY_AFTER)?.to_str().ok()?.trim().parse().ok()?;
    Some(Duration::from_secs(seconds))
}

/// Where a redirect leads; `None` if it makes no sense, would leave TLS, or brings a user of its own.
fn follow(from: &Uri, location: &str) -> Option<Uri> {
    let scheme = from.scheme_str()?;
    let absolute = if location.contains("://") {
        location.to_owned()
    } else if location.starts_with("//") {
        format!("{scheme}:{location}")
    } else if location.starts_with('/') {
        format!("{scheme}://{}{location}", from.authority()?)
    } else {
        let folder = from.path().rsplit_once('/').map_or("", |(folder, _)| folder);
        format!("{scheme}://{}{folder}/{location}", from.authority()?)
    };
    let target: Uri = absolute.split('#').next()?.parse().ok()?;
    let keeps_tls = from.scheme() != Some(&Scheme::HTTPS) || target.scheme() == Some(&Scheme::HTTPS);
    let is_http = port(&target).is_some() && target.host().is_some_and(|host| !host.is_empty());
    let has_user = target.authority().is_some_and(|authority| authority.as_str().contains('@'));
    (keeps_tls && is_http && !has_user).then_some(target)
}

/// Whether what is asked at `home` may also be told `target` who asks: the same server, or the same with TLS.
fn keeps_credentials(home: &Uri, target: &Uri) -> bool {
    let same_host = match (home.host(), target.host()) {
        (Some(a), Some(b)) => a.eq_ignore_ascii_case(b),
        _ => false,
    };
    let same_service = home.scheme() == target.scheme() && port(home) == port(target);
    let now_with_tls = (port(home), port(target)) == (Some(80), Some(443)) && target.scheme() == Some(&Scheme::HTTPS);
    same_host && (same_service || now_with_tls)
}

fn port(uri: &Uri) -> Option<u16> {
    let usual = match uri.scheme_str()? {
        "http" => 80,
        "https" => 443,
        _ => return None,
    };
    Some(uri.port_u16().unwrap_or(usual))
}

fn authority(uri: &Uri) -> String {
    format!("{}:{}", uri.host().unwrap_or_default(), port(uri).unwrap_or_default())
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn uri(text: &str) -> Uri {
        text.parse().unwrap()
    }

    #[test]
    fn redirects_lead_where_browsers_go() {
        let from = uri("https://a:1/x/y?deleted=true");
        for (location, target) in [
            ("https://b/z", Some("https://b/z")),
            ("//b:2/z", Some("https://b:2/z")),
            ("/z?q=1#part", Some("https://a:1/z?q=1")),
            ("z", Some("https://a:1/x/z")),
            ("http://a:1/x/y", None),
            ("https://bob:secret@b/z", None),
            ("ftp://b/z", None),
            ("https://", None),
            ("https:///z", None),
            ("https://a:1/ä ö", None),
            ("", Some("https://a:1/x/")),
        ] {
            assert_eq!(follow(&from, location), target.map(uri), "{location}");
        }
        assert_eq!(follow(&uri("http://a/x"), "https://a/x"), Some(uri("https://a/x")));
    }

    #[test]
    fn credentials_stay_with_their_server() {
        for (home, target, kept) in [
            ("http://a:1/x", "http://a:1/y", true),
            ("http://a:1/x", "http://A:1/y", true),
            ("http://a/x", "http://a:80/x", true),
            ("http://a/x", "https://a/x", true),
            ("http://a:1/x", "http://a:2/x", false),
            ("http://a:1/x", "https://a:1/x", false),
            ("http://a/x", "http://b/x", false),
            ("http://a/x", "https://b/x", false),
            ("https://a/x", "http://a/x", false),
            ("http://a/x", "http://a.example/x", false),
        ] {
            assert_eq!(keeps_credentials(&uri(home), &uri(target)), kept, "{home} to {target}");
        }
    }

    #[test]
    fn retry_after_is_seconds() {
        for (value, expected) in
            [("7", Some(7)), (" 0 ", Some(0)), ("-1", None), ("Wed, 21 Oct 2026 07:28:00 GMT", None)]
        {
            let mut headers = HeaderMap::new();
            headers.insert(RETRY_AFTER, value.parse().unwrap());
            assert_eq!(retry_after(&headers), expected.map(Duration::from_secs), "{value}");
        }
        assert_eq!(retry_after(&HeaderMap::new()), None);
    }
    proptest! {
        #[test]
        fn a_redirect_leads_to_http_or_nowhere(location in any::<String>(), known in "(https?:)?/{0,2}[a-z@:?#/.]{0,12}") {
            for location in [location, known] {
                for from in ["https://a:1/x/y", "http://a"] {
                    if let Some(target) = follow(&uri(from), &location) {
                        prop_assert!(port(&target).is_some() && !target.authority().unwrap().as_str().contains('@'));
                        prop_assert!(from.starts_with("http:") || target.scheme() == Some(&Scheme::HTTPS));
                    }
                }
            }
        }
    }
}
