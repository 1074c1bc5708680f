//! A client of schema registries that speak Confluent's protocol: which schema belongs to an id or to a subject.
//!
//! It knows neither Kafka nor formats: a schema is a text of some kind, with the schemas that it refers to by name, and what
//! the text means is for others. What it has learned of an id or of a version holds for ever; that it has learned nothing
//! holds for half a minute. Whoever looks something up waits for it, until a time, or until a [`Cancel`] ends it; that
//! must never happen in a callback of librdkafka.
//!
//! ```text
//! mod.rs       what is known, who asks already; resolves references
//!   attempts.rs  each address in turn, again and again with pauses, until there is an answer or no hope
//!     http.rs      one question, its redirects, the credentials that go with it
//!       tls.rs       OpenSSL below ureq
//!     answer.rs    the body of an answer
//!     trouble.rs   what it means if there is none
//! ```

mod answer;
mod attempts;
mod cancel;
mod http;
pub mod settings;
mod tls;
mod trouble;

use std::collections::{HashMap, HashSet};
use std::fmt;
use std::sync::Arc;
use std::sync::atomic::AtomicUsize;
use std::time::{Duration, Instant};

use parking_lot::{Condvar, Mutex};

pub use answer::SchemaKind;
use answer::{RawReference, RawSchema};
use attempts::Attempts;
pub use cancel::Cancel;
use http::Asker;
pub use settings::Settings;
use tls::Tls;

use crate::error::{self, Error, Status};

/// How long an id that the registry does not know, or whose schema cannot be used, is not asked for again.
const FAILURE_KEPT: Duration = Duration::from_secs(30);
/// Records with ids at random must not fill the memory.
const MOST_FAILURES: usize = 1000;
/// Far more than anybody nests, and little enough for any stack.
const DEEPEST: usize = 32;
/// Of one schema, all levels together.
const MOST_REFERENCES: usize = 1000;
/// How often somebody who waits for another's look-up sees whether to stop.
const GLANCE: Duration = Duration::from_millis(50);

/// A schema with everything that it refers to.
#[derive(Debug, PartialEq, Eq)]
pub struct Schema {
    /// Its id, as records name it; a registry need not tell it.
    pub id: Option<i32>,
    /// Its version, if it was looked up by its subject.
    pub version: Option<i32>,
    /// What the text is.
    pub kind: SchemaKind,
    /// The schema itself. Of Protobuf it may be a file's text or its descriptor in base64.
    pub text: String,
    /// What the text refers to, in the registry's order.
    pub references: Vec<Reference>,
}

impl Schema {
    /// An error that says so if this is a schema of another kind.
    pub fn check_kind(&self, wanted: SchemaKind) -> Result<(), String> {
        if self.kind == wanted {
            return Ok(());
        }
        Err(format!("what the registry has for it is {}, and no schema of {wanted}", self.kind))
    }
}

/// A schema under the name that another one has for it: a type's of Avro, an import's of Protobuf, a URI of JSON Schema.
#[derive(Debug, PartialEq, Eq)]
pub struct Reference {
    /// The name.
    pub name: String,
    /// The subject that it was found under.
    pub subject: String,
    /// The version of the subject.
    pub version: i32,
    /// The schema.
    pub schema: Arc<Schema>,
}

/// Which version of a subject.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Version {
    /// The newest when it is asked for.
    Latest,
    /// The one of this number.
    Number(i32),
}

/// How long to try.
#[derive(Clone, Copy)]
pub struct Patience<'a> {
    /// Until when; `None`: for ever.
    pub deadline: Option<Instant>,
    /// Ends it before.
    pub cancel: &'a Cancel,
}

/// What there is instead of a schema.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// The registry has no such id, subject or version, or not yet what the schema refers to.
    Unknown,
    /// Something has to be changed first: credentials, certificates, addresses. No record is bad because of it.
    Refused,
    /// Nobody has answered while there was time. Asking again may help.
    Unreachable,
    /// The schema is there and cannot be used: of an unknown type, or with references that lead in a circle or too far.
    Unusable,
    /// [`Cancel`] has ended the look-up.
    Cancelled,
}

/// Why there is no schema.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Failure {
    kind: Kind,
    message: String,
}

impl Failure {
    /// What kind of reason.
    pub fn kind(&self) -> Kind {
        self.kind
    }

    /// The sentence: names what was looked up, and the way out.
    pub fn message(&self) -> &str {
        &self.message
    }
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.message)
    }
}

impl std::error::Error for Failure {}

impl From<Failure> for Error {
    fn from(failure: Failure) -> Error {
        match failure.kind {
            Kind::Cancelled => Error::new(Status::Interrupted, failure.message),
            Kind::Unreachable => Error::new(Status::Registry, failure.message).retriable(),
            Kind::Unknown | Kind::Refused | Kind::Unusable => Error::new(Status::Registry, failure.message),
        }
    }
}

/// What is looked up.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
enum Question {
    Id(i32),
    Subject(String, Version),
}

impl fmt::Display for Question {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Question::Id(id) => write!(f, "schema {id}"),
            Question::Subject(subject, Version::Latest) => write!(f, "the latest version of subject '{subject}'"),
            Question::Subject(subject, Version::Number(number)) => write!(f, "version {number} of subject '{subject}'"),
        }
    }
}

/// Looks schemas up. One serves all threads; clones would only know less.
pub struct Client {
    settings: Arc<Settings>,
    tls: Arc<Tls>,
    /// The address that has answered last, to begin with it.
    preferred: AtomicUsize,
    known: Mutex<Known>,
    /// What is being looked up, so that nobody asks for the same at the same time.
    asked: Mutex<HashSet<Question>>,
    answered: Condvar,
}

#[derive(Default)]
struct Known {
    schemas: HashMap<Question, Arc<Schema>>,
    /// Ids without a schema that could be used, until when that is believed, and why.
    failures: HashMap<i32, (Instant, Failure)>,
}

impl Client {
    /// A client with nothing known yet. Nobody is asked, but the files of certificates are read: an error names the
    /// property that names the file.
    pub fn new(settings: Arc<Settings>) -> error::Result<Client> {
        let hosts = settings.urls.iter().filter_map(|url| url.base.parse::<ureq::http::Uri>().ok());
        let hosts = hosts.filter_map(|uri| uri.host().map(|host| host.trim_matches(['[', ']']).to_owned())).collect();
        Ok(Client {
            tls: Arc::new(Tls::new(&settings.tls, hosts)?),
            settings,
            preferred: AtomicUsize::new(0),
            known: Mutex::default(),
            asked: Mutex::default(),
            answered: Condvar::new(),
        })
    }

    /// The schema of an id that a record names. An id that the registry does not know is asked for again for as long as the
    /// settings say, because registries have replicas that lag behind.
    pub fn by_id(&self, id: i32, patience: Patience) -> Result<Arc<Schema>, Failure> {
        self.look_up(Question::Id(id), patience)
    }

    /// A version of a subject.
    pub fn by_subject(&self, subject: &str, version: Version, patience: Patience) -> Result<Arc<Schema>, Failure> {
        if subject.is_empty() {
            // The path would be another one.
            let message = "subject: the name is empty; give that of a subject of the schema registry".to_owned();
            return Err(Failure { kind: Kind::Unknown, message });
        }
        self.look_up(Question::Subject(subject.to_owned(), version), patience)
    }

    /// How long an id that the registry does not know is asked for again.
    pub fn unknown_id_retry(&self) -> Duration {
        self.settings.unknown_id_retry
    }

    /// The schema of an id if it is known already: asks nobody and does not wait.
    pub fn known_id(&self, id: i32) -> Option<Arc<Schema>> {
        self.known.lock().schemas.get(&Question::Id(id)).cloned()
    }

    fn look_up(&self, question: Question, patience: Patience) -> Result<Arc<Schema>, Failure> {
        if let Some(known) = self.recall(&question) {
            return known;
        }
        let _turn = self.take_turn(&question, patience)?;
        // Whoever had the turn before may have found it.
        if let Some(known) = self.recall(&question) {
            return known;
        }
        let asker = Asker::new(&self.settings, &self.tls);
        let _watched = patience.cancel.watch(asker.agent());
        let attempts = Attempts::new(&self.settings, &asker, &self.preferred, patience);
        let mut resolver = Resolver { client: self, attempts, question: &question, trail: Vec::new(), fetched: 0 };
        // Without the time that replicas need, what is not known may be the next moment.
        let retry = self.settings.unknown_id_retry;
        let has_time = patience.deadline.is_none_or(|deadline| Instant::now() + retry <= deadline);
        let found = resolver.resolve(&question);
        let mut known = self.known.lock();
        match (&found, &question) {
            (Ok(schema), _) => known.keep(&question, schema),
            (Err(failure), Question::Id(id)) if has_time => known.keep_failure(*id, failure),
            _ => {}
        }
        found
    }

    fn recall(&self, question: &Question) -> Option<Result<Arc<Schema>, Failure>> {
        let known = self.known.lock();
        if let Some(schema) = known.schemas.get(question) {
            return Some(Ok(schema.clone()));
        }
        let Question::Id(id) = question else { return None };
        let (until, failure) = known.failures.get(id)?;
        (Instant::now() < *until).then(|| Err(failure.clone()))
    }

    /// Waits while somebody else looks the same up.
    fn take_turn(&self, question: &Question, patience: Patience) -> Result<Turn<'_>, Failure> {
        let mut asked = self.asked.lock();
        while asked.contains(question) {
            let now = Instant::now();
            if patience.cancel.is_cancelled() {
                return Err(cancelled(question));
            }
            if patience.deadline.is_some_and(|deadline| deadline <= now) {
                let message = format!("{question}: the time was over while another look-up of it had no answer yet");
                return Err(Failure { kind: Kind::Unreachable, message });
            }
            let glance = now + GLANCE;
            let until = patience.deadline.map_or(glance, |deadline| deadline.min(glance));
            self.answered.wait_until(&mut asked, until);
        }
        asked.insert(question.clone());
        Ok(Turn { client: self, question: question.clone() })
    }
}

impl Known {
    fn keep(&mut self, question: &Question, schema: &Arc<Schema>) {
        if let Question::Id(id) = question {
            self.failures.remove(id);
        }
        // The latest version is another one tomorrow, but its id and number are not.
        if !matches!(question, Question::Subject(_, Version::Latest)) {
            self.schemas.insert(question.clone(), schema.clone());
        }
        if let Some(id) = schema.id {
            self.schemas.entry(Question::Id(id)).or_insert_with(|| schema.clone());
        }
        if let (Question::Subject(subject, Version::Latest), Some(version)) = (question, schema.version) {
            let number = Question::Subject(subject.clone(), Version::Number(version));
            self.schemas.entry(number).or_insert_with(|| schema.clone());
        }
    }

    /// What has another reason may be gone the next moment.
    fn keep_failure(&mut self, id: i32, failure: &Failure) {
        if !matches!(failure.kind, Kind::Unknown | Kind::Unusable) {
            return;
        }
        let now = Instant::now();
        self.failures.retain(|_, (until, _)| now < *until);
        if self.failures.len() >= MOST_FAILURES {
            self.failures.clear();
        }
        self.failures.insert(id, (now + FAILURE_KEPT, failure.clone()));
    }
}

struct Turn<'a> {
    client: &'a Client,
    question: Question,
}

impl Drop for Turn<'_> {
    fn drop(&mut self) {
        self.client.asked.lock().remove(&self.question);
        self.client.answered.notify_all();
    }
}

fn cancelled(question: &Question) -> Failure {
    Failure { kind: Kind::Cancelled, message: format!("{question}: the look-up was ended before there was an answer") }
}

/// Fetches one schema, and all that it refers to.
struct Resolver<'a> {
    client: &'a Client,
    attempts: Attempts<'a>,
    /// What was looked up to begin with.
    question: &'a Question,
    /// Subjects and versions on the way to what is being fetched.
    trail: Vec<(String, i32)>,
    fetched: usize,
}

impl Resolver<'_> {
    fn resolve(&mut self, question: &Question) -> Result<Arc<Schema>, Failure> {
        let RawSchema { id, version, kind, text, references } = self.fetch(question)?;
        let references = references.into_iter().map(|reference| self.reference(reference));
        let references = references.collect::<Result<_, _>>()?;
        let id = match question {
            // An answer about an id does not repeat it.
            Question::Id(id) => Some(*id),
            Question::Subject(..) => id,
        };
        Ok(Arc::new(Schema { id, version, kind, text, references }))
    }

    fn reference(&mut self, raw: RawReference) -> Result<Reference, Failure> {
        let RawReference { name, subject, version } = raw;
        let place = (subject.clone(), version);
        let question = Question::Subject(subject.clone(), Version::Number(version));
        if self.trail.contains(&place) || question == *self.question {
            return Err(self.unusable(&format!("what it refers to leads in a circle, at {question}")));
        }
        if self.trail.len() >= DEEPEST {
            return Err(self.unusable(&format!("what it refers to is nested more than {DEEPEST} levels deep")));
        }
        if let Some(Ok(schema)) = self.client.recall(&question) {
            return Ok(Reference { name, subject, version, schema });
        }
        self.trail.push(place);
        let schema = self.resolve(&question)?;
        self.trail.pop();
        self.client.known.lock().keep(&question, &schema);
        Ok(Reference { name, subject, version, schema })
    }

    fn fetch(&mut self, question: &Question) -> Result<RawSchema, Failure> {
        self.fetched += 1;
        if self.fetched > MOST_REFERENCES {
            return Err(self.unusable(&format!("it refers to more than {MOST_REFERENCES} other schemas")));
        }
        let is_reference = !self.trail.is_empty();
        // What a record of some id, or what such a schema refers to, may not have reached every replica yet.
        let retries = matches!(self.question, Question::Id(_));
        self.attempts.fetch(question, is_reference, retries).map_err(|(kind, sentence)| {
            if kind == Kind::Cancelled {
                return cancelled(self.question);
            }
            if !is_reference {
                return Failure { kind, message: format!("{question}: {sentence}") };
            }
            // Also one that refers to what is unknown is worth asking for again.
            Failure { kind, message: format!("{}: it refers to {question}: {sentence}", self.question) }
        })
    }

    fn unusable(&self, what: &str) -> Failure {
        Failure { kind: Kind::Unusable, message: format!("{}: {what}", self.question) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn failure(kind: Kind) -> Failure {
        Failure { kind, message: "schema 7: x".to_owned() }
    }

    #[test]
    fn failures_become_errors_that_say_whether_to_try_again() {
        for (kind, status, retriable) in [
            (Kind::Unknown, Status::Registry, false),
            (Kind::Refused, Status::Registry, false),
            (Kind::Unreachable, Status::Registry, true),
            (Kind::Unusable, Status::Registry, false),
            (Kind::Cancelled, Status::Interrupted, false),
        ] {
            let error = Error::from(failure(kind));
            assert_eq!((error.status(), error.is_retriable()), (status, retriable));
            assert_eq!(error.message(), "schema 7: x");
        }
    }

    #[test]
    fn ids_at_random_do_not_fill_the_memory() {
        let mut known = Known::default();
        for id in 0..5000 {
            known.keep_failure(id, &failure(Kind::Unknown));
        }
        assert!(known.failures.len() <= MOST_FAILURES && known.failures.contains_key(&4999));
    }

    #[test]
    fn only_what_lies_with_the_schema_is_remembered() {
        let mut known = Known::default();
        let kinds = [Kind::Unknown, Kind::Refused, Kind::Unreachable, Kind::Unusable, Kind::Cancelled];
        for (id, kind) in (0..).zip(kinds) {
            known.keep_failure(id, &failure(kind));
        }
        let mut kept: Vec<i32> = known.failures.into_keys().collect();
        kept.sort_unstable();
        assert_eq!(kept, [0, 3]);
    }

    #[test]
    fn the_latest_version_is_kept_under_what_does_not_change() {
        let mut known = Known::default();
        let schema = Arc::new(Schema {
            id: Some(7),
            version: Some(2),
            kind: SchemaKind::Avro,
            text: "x".to_owned(),
            references: Vec::new(),
        });
        let question = |version| Question::Subject("s".to_owned(), version);
        known.keep(&question(Version::Latest), &schema);
        assert!(!known.schemas.contains_key(&question(Version::Latest)));
        assert!(known.schemas.contains_key(&question(Version::Number(2))));
        assert!(known.schemas.contains_key(&Question::Id(7)));
    }
}
