//! Asking until there is an answer: all addresses in turn, and again with pauses.
//!
//! An address that cannot answer is asked again after a pause that doubles, or when it has said to. What an address refuses
//! is final if every address refuses. An answer that there is no such thing counts for all of them, but for ids only after
//! the time that replicas are given to learn of one.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};

use super::answer::RawSchema;
use super::http::Asker;
use super::settings::Settings;
use super::trouble::{self, Trouble};
use super::{Kind, Patience, Question, Version};

const FIRST_PAUSE: Duration = Duration::from_millis(100);
const LONGEST_PAUSE: Duration = Duration::from_secs(5);
/// For an id that is not known: who waits for replicas wants to hear of it soon.
const LONGEST_UNKNOWN_PAUSE: Duration = Duration::from_secs(1);
/// A registry may ask for more patience than anybody wants to have.
const LONGEST_RETRY_AFTER: Duration = Duration::from_secs(60);

/// What may stand in a subject as it is.
const PLAIN: &AsciiSet = &NON_ALPHANUMERIC.remove(b'-').remove(b'.').remove(b'_').remove(b'~');

/// What asks on behalf of one look-up.
pub struct Attempts<'a> {
    settings: &'a Settings,
    asker: &'a Asker<'a>,
    preferred: &'a AtomicUsize,
    patience: Patience<'a>,
}

/// What is known of one address while one thing is fetched.
struct Place {
    /// When it may be asked again.
    due: Instant,
    trouble: Option<Trouble>,
}

impl<'a> Attempts<'a> {
    pub fn new(
        settings: &'a Settings,
        asker: &'a Asker<'a>,
        preferred: &'a AtomicUsize,
        patience: Patience<'a>,
    ) -> Attempts<'a> {
        Attempts { settings, asker, preferred, patience }
    }

    /// Fetches one schema. `retries`: what is not known is asked for again for a while.
    pub fn fetch(&self, question: &Question, is_reference: bool, retries: bool) -> Result<RawSchema, (Kind, String)> {
        let path = path(question, is_reference);
        let begun = Instant::now();
        let unknown_until = begun + if retries { self.settings.unknown_id_retry } else { Duration::ZERO };
        let new_place = |_: &_| Place { due: begun, trouble: None };
        let mut places: Vec<Place> = self.settings.urls.iter().map(new_place).collect();
        let mut pause = FIRST_PAUSE;
        loop {
            if self.patience.cancel.is_cancelled() {
                return Err((Kind::Cancelled, String::new()));
            }
            if let Some(found) = self.round(&path, &mut places, pause) {
                return Ok(found);
            }
            // Cutting a connection looks like any other trouble.
            if self.patience.cancel.is_cancelled() {
                return Err((Kind::Cancelled, String::new()));
            }
            let (kind, sentence) = verdict(&places);
            let next = places.iter().map(|place| place.due).min().unwrap_or(begun);
            let end = match kind {
                Kind::Unknown => Some(self.patience.deadline.map_or(unknown_until, |end| end.min(unknown_until))),
                Kind::Unreachable => self.patience.deadline,
                _ => return Err((kind, sentence)),
            };
            if end.is_some_and(|end| next >= end) {
                return Err((kind, sentence));
            }
            if self.patience.cancel.wait_until(next) {
                return Err((Kind::Cancelled, String::new()));
            }
            pause = (pause * 2).min(LONGEST_PAUSE);
        }
    }

    /// Asks every address whose time has come, until one knows.
    fn round(&self, path: &str, places: &mut [Place], pause: Duration) -> Option<RawSchema> {
        let first = self.preferred.load(Ordering::Relaxed);
        let (before, after) = (0..places.len()).partition::<Vec<_>, _>(|index| *index < first);
        for index in after.into_iter().chain(before) {
            let (Some(url), Some(place)) = (self.settings.urls.get(index), places.get_mut(index)) else { continue };
            if Instant::now() < place.due || self.patience.cancel.is_cancelled() {
                continue;
            }
            let answer = self.asker.ask(url, path, self.patience.deadline);
            match answer.and_then(|answer| trouble::answered(&answer, url, self.settings)) {
                Ok(found) => {
                    self.preferred.store(index, Ordering::Relaxed);
                    return Some(found);
                }
                Err(trouble) => {
                    let now = Instant::now();
                    place.due = now + wait(&trouble, pause);
                    // That the time is over is no reason why it was not enough.
                    let is_over = self.patience.deadline.is_some_and(|deadline| deadline <= now);
                    if place.trouble.is_none() || !is_over {
                        place.trouble = Some(trouble);
                    }
                }
            }
        }
        None
    }
}

fn wait(trouble: &Trouble, pause: Duration) -> Duration {
    match trouble {
        Trouble::Temporary(_, Some(named)) => pause.max((*named).min(LONGEST_RETRY_AFTER)),
        Trouble::Unknown(_) => pause.min(LONGEST_UNKNOWN_PAUSE),
        _ => pause,
    }
}

/// What the troubles with all addresses come to.
fn verdict(places: &[Place]) -> (Kind, String) {
    let troubles = || places.iter().filter_map(|place| place.trouble.as_ref());
    let final_one = troubles().find_map(|trouble| match trouble {
        Trouble::Unknown(sentence) => Some((Kind::Unknown, sentence.clone())),
        Trouble::Unusable(sentence) => Some((Kind::Unusable, sentence.clone())),
        _ => None,
    });
    if let Some(found) = final_one {
        return found;
    }
    let may_pass = troubles().any(|trouble| matches!(trouble, Trouble::Temporary(..)));
    let sentences: Vec<&str> = troubles().map(Trouble::sentence).collect();
    (if may_pass { Kind::Unreachable } else { Kind::Refused }, sentences.join("; "))
}

fn path(question: &Question, is_reference: bool) -> String {
    match question {
        Question::Id(id) => format!("/schemas/ids/{id}"),
        Question::Subject(subject, version) => {
            let subject = utf8_percent_encode(subject, PLAIN);
            let version = match version {
                Version::Latest => "latest".to_owned(),
                Version::Number(number) => number.to_string(),
            };
            // A version that is deleted is still what others refer to.
            let deleted = if is_reference { "?deleted=true" } else { "" };
            format!("/subjects/{subject}/versions/{version}{deleted}")
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn place(trouble: Option<Trouble>) -> Place {
        Place { due: Instant::now(), trouble }
    }

    #[test]
    fn subjects_are_one_part_of_the_path() {
        let subject = |name: &str, version| Question::Subject(name.to_owned(), version);
        for (question, is_reference, expected) in [
            (Question::Id(-7), false, "/schemas/ids/-7"),
            (subject("orders-value", Version::Latest), false, "/subjects/orders-value/versions/latest"),
            (subject("a/b c?ä%", Version::Number(3)), false, "/subjects/a%2Fb%20c%3F%C3%A4%25/versions/3"),
            (subject(":.ctx:x", Version::Number(1)), true, "/subjects/%3A.ctx%3Ax/versions/1?deleted=true"),
        ] {
            assert_eq!(path(&question, is_reference), expected);
        }
    }

    #[test]
    fn hope_needs_one_address_that_may_come_back() {
        let refused = || Trouble::Refused("a refuses".to_owned());
        let temporary = || Trouble::Temporary("b is away".to_owned(), None);
        let unknown = || Trouble::Unknown("c has none".to_owned());
        for (troubles, kind, sentence) in [
            (vec![refused()], Kind::Refused, "a refuses"),
            (vec![refused(), temporary()], Kind::Unreachable, "a refuses; b is away"),
            (vec![temporary(), unknown(), refused()], Kind::Unknown, "c has none"),
            (vec![temporary(), Trouble::Unusable("d".to_owned())], Kind::Unusable, "d"),
        ] {
            let places: Vec<Place> = troubles.into_iter().map(Some).map(place).collect();
            assert_eq!(verdict(&places), (kind, sentence.to_owned()));
        }
    }

    #[test]
    fn pauses_are_as_long_as_the_registry_wants_within_bounds() {
        let seconds = Duration::from_secs;
        let limited = |named: u64| Trouble::Temporary(String::new(), Some(seconds(named)));
        assert_eq!(wait(&limited(7), FIRST_PAUSE), seconds(7));
        assert_eq!(wait(&limited(0), FIRST_PAUSE), FIRST_PAUSE);
        assert_eq!(wait(&limited(u64::MAX), FIRST_PAUSE), LONGEST_RETRY_AFTER);
        assert_eq!(wait(&Trouble::Unknown(String::new()), LONGEST_PAUSE), LONGEST_UNKNOWN_PAUSE);
        assert_eq!(wait(&Trouble::Refused(String::new()), seconds(2)), seconds(2));
    }
}
