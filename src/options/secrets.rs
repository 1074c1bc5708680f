//! What may not be shown: in errors, in log entries, in debug prints.
//!
//! One list says which properties hold secrets, librdkafka's, the Java client's and the registry client's alike.
//! Debug prints show a value only if the key is known and not on it: behind a key that nobody knows may stand a password
//! under a misspelt name.

use std::borrow::Cow;
use std::collections::BTreeMap;
use std::fmt;

use percent_encoding::percent_decode_str;

/// Parts of the names of properties that hold a secret.
const PARTS: [&str; 12] = [
    "password",
    "passphrase",
    "secret",
    "token",
    "credential",
    "jaas",
    ".pem",
    "ssl.keystore.key",
    "ssl.keystore.certificate.chain",
    "ssl.truststore.certificates",
    "oauthbearer.config",
    "user.info",
];

/// What stands where a secret was.
const HIDDEN: &str = "[redacted]";
/// Fewer letters tell nothing, and would be found everywhere.
const SHORTEST_SECRET: usize = 4;
/// How many ends of a secret are looked for: more than any password or token has, less than a certificate.
const LONGEST_SEARCH: usize = 512;

/// Whether a property's value must not be shown.
pub fn is_secret(key: &str) -> bool {
    PARTS.iter().any(|part| key.contains(part))
}

/// The users and passwords that addresses hold: `http://user:password@host`, any number of them in one value, and also if
/// the scheme has been forgotten.
fn user_infos(value: &str) -> impl Iterator<Item = &str> {
    value.split("://").enumerate().filter_map(|(index, address)| {
        let authority = address.split(['/', '?', '#']).next()?;
        // A password may hold what it should not; then too much is hidden rather than too little.
        let end = authority.rfind('@').or_else(|| address.rfind('@'))?;
        address.get(..end).filter(|user_info| !user_info.is_empty() && (index > 0 || user_info.contains(':')))
    })
}

/// The values that nobody may see, which librdkafka shows in some of its complaints about them.
pub struct Secrets(Vec<String>);

impl Secrets {
    /// The secrets among these properties.
    pub fn new(properties: &BTreeMap<String, String>) -> Secrets {
        let mut secrets = Secrets(Vec::new());
        for (key, value) in properties {
            if is_secret(key) {
                secrets.add(value);
                continue;
            }
            for user_info in user_infos(value) {
                secrets.add(user_info);
                // As whoever is logged in with it knows it.
                secrets.add(&percent_decode_str(user_info).decode_utf8_lossy());
            }
        }
        secrets
    }

    /// One more that nobody may see.
    pub fn add(&mut self, secret: &str) {
        if secret.len() >= SHORTEST_SECRET && !self.0.iter().any(|known| known == secret) {
            self.0.push(secret.to_owned());
        }
    }

    /// The text without secrets, and without ends of secrets: some complaints quote a value from where it went wrong on.
    pub fn redact(&self, text: String) -> String {
        self.0.iter().fold(text, |text, secret| {
            let ends = secret.char_indices().map(|(start, _)| &secret[start..]).take(LONGEST_SEARCH);
            let mut ends = ends.take_while(|end| end.len() >= SHORTEST_SECRET);
            match ends.find(|end| text.contains(end)) {
                Some(end) => text.replace(end, HIDDEN),
                None => text,
            }
        })
    }
}

/// Properties, printed without secrets.
pub struct Shown<'a>(pub &'a BTreeMap<String, String>);

impl fmt::Debug for Shown<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_map().entries(self.0.iter().map(|(key, value)| (key, shown(key, value)))).finish()
    }
}

fn shown<'a>(key: &str, value: &'a str) -> Cow<'a, str> {
    if is_secret(key) || !super::is_known(key) {
        return HIDDEN.into();
    }
    user_infos(value).fold(value.into(), |shown: Cow<str>, user_info| {
        shown.replace(&format!("{user_info}@"), &format!("{HIDDEN}@")).into()
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn properties(pairs: &[(&str, &str)]) -> BTreeMap<String, String> {
        pairs.iter().map(|(key, value)| ((*key).to_owned(), (*value).to_owned())).collect()
    }

    #[test]
    fn secrets_and_their_ends_are_redacted() {
        let secrets = Secrets::new(&properties(&[
            ("sasl.password", "hunter2 is mine"),
            ("sasl.username", "alice"),
            ("ssl.key.password", "x"),
            ("schema.registry.url", "https://bob:builder@registry:8081/x, http://eve:%40pple@other"),
        ]));
        for (text, redacted) in [
            ("wrong: hunter2 is mine!", "wrong: [redacted]!"),
            ("beginning at: is mine", "beginning at:[redacted]"),
            ("alice may not x", "alice may not x"),
            ("no route to bob:builder@registry", "no route to [redacted]@registry"),
            ("eve:%40pple or eve:@pple", "[redacted] or [redacted]"),
        ] {
            assert_eq!(secrets.redact(text.to_owned()), redacted);
        }
    }

    #[test]
    fn only_what_is_known_to_be_no_secret_is_shown() {
        let properties = properties(&[
            ("client.id", "loader"),
            ("fetch.max.wait.ms", "7"),
            ("karrow.offset.column.name", "Offset"),
            ("sasl.jaas.config", "X required password=\"hunter2\";"),
            ("sasl.pasword", "hunter2"),
            ("schema.registry.url", "https://bob:hunter2@registry:8081/@x"),
        ]);
        assert_eq!(
            format!("{:?}", Shown(&properties)),
            "{\"client.id\": \"loader\", \"fetch.max.wait.ms\": \"7\", \"karrow.offset.column.name\": \"Offset\", \
             \"sasl.jaas.config\": \"[redacted]\", \"sasl.pasword\": \"[redacted]\", \
             \"schema.registry.url\": \"https://[redacted]@registry:8081/@x\"}"
        );
    }
}
