//! The schemas that data were written with, by the ids that data say: shared by the decoders of all partitions.
//!
//! A format says what it needs to know to read data of a schema, its [`Reader::Plan`]; that is made once for each id, on a
//! thread that decodes nothing, and decoders have the last ones at hand in [`Recent`].

use std::collections::HashMap;
use std::fmt::Debug;
use std::sync::Arc;
use std::time::Instant;

use parking_lot::RwLock;

use super::{Refused, bad};
use crate::error::{Error, Result};
use crate::registry;

/// Records with ids at random must not fill the memory.
const MOST_GIVEN_UP: usize = 1000;

/// What data are read as, whatever they were written with.
pub trait Reader: Debug + Send + Sync {
    /// What there is to know about a schema before data of it can be read.
    type Plan: Debug + Send + Sync;

    /// How data of a schema that a registry has are read, or why they cannot be.
    fn plan(&self, schema: &registry::Schema) -> std::result::Result<Arc<Self::Plan>, String>;
}

/// What is known of a writer's schema.
#[derive(Debug)]
enum Writer<P> {
    /// How its data are read.
    Known(Arc<P>),
    /// Its data cannot be read,
    Unusable {
        /// and why;
        reason: Arc<str>,
        /// it is worth while to ask again from then on; `None`: never.
        until: Option<Instant>,
    },
}

/// The schema that data are read as, and those they were written with.
#[derive(Debug)]
pub struct Writers<R: Reader> {
    reader: R,
    by_id: RwLock<HashMap<i32, Writer<R::Plan>>>,
}

impl<R: Reader> Writers<R> {
    /// No writers yet.
    pub fn new(reader: R) -> Writers<R> {
        Writers { reader, by_id: RwLock::default() }
    }

    /// What data are read as.
    pub fn reader(&self) -> &R {
        &self.reader
    }

    /// Makes a schema known whose plan there is.
    pub fn add(&self, id: i32, plan: Arc<R::Plan>) {
        self.by_id.write().insert(id, Writer::Known(plan));
    }

    /// How data with this id are read, or why not.
    pub fn get(&self, id: i32) -> std::result::Result<Arc<R::Plan>, Refused> {
        match self.by_id.read().get(&id) {
            Some(Writer::Known(plan)) => Ok(Arc::clone(plan)),
            Some(Writer::Unusable { reason, until }) if until.is_none_or(|until| Instant::now() < until) => {
                Err(bad(reason.to_string()))
            }
            Some(Writer::Unusable { .. }) | None => Err(Refused::UnknownSchema(id)),
        }
    }
}

/// Takes in what a registry has for the ids that data say.
pub trait Learn: Send + Sync {
    /// Makes the schema with this id known. Its plan is made on the calling thread, which should not be one that decodes.
    fn learn(&self, id: i32, schema: &registry::Schema);

    /// Data with this id cannot be read, for this reason; if there is a time, until then, when somebody may ask again.
    fn give_up(&self, id: i32, reason: &str, until: Option<Instant>);
}

impl<R: Reader> Learn for Writers<R> {
    fn learn(&self, id: i32, schema: &registry::Schema) {
        match self.reader.plan(schema) {
            Ok(plan) => self.add(id, plan),
            Err(reason) => self.give_up(id, &unreadable(&format!("schema {id}"), &reason), None),
        }
    }

    fn give_up(&self, id: i32, reason: &str, until: Option<Instant>) {
        let mut by_id = self.by_id.write();
        let is_given_up = |writer: &Writer<R::Plan>| matches!(writer, Writer::Unusable { until: Some(_), .. });
        if until.is_some() && by_id.values().filter(|writer| is_given_up(writer)).count() >= MOST_GIVEN_UP {
            // Who comes across one of them asks again.
            by_id.retain(|_, writer| !is_given_up(writer));
        }
        by_id.insert(id, Writer::Unusable { reason: reason.into(), until });
    }
}

/// Says that data of a schema cannot be read.
pub fn unreadable(what: &str, reason: &str) -> String {
    format!("{what} cannot be read as the reader's schema: {reason}")
}

/// The plans of the last payloads, the last one first, by what payloads say of their schema.
#[derive(Debug)]
pub struct Recent<P>(Vec<(u64, Arc<P>)>);

/// How many plans a decoder has at hand, so that it asks for none that others may be changing.
const RECENT: usize = 8;

impl<P> Default for Recent<P> {
    fn default() -> Recent<P> {
        Recent(Vec::new())
    }
}

impl<P> Clone for Recent<P> {
    fn clone(&self) -> Recent<P> {
        Recent(self.0.clone())
    }
}

impl<P> Recent<P> {
    /// The plan of this key. That it is the one of the payload before is all that is looked at, if it is.
    #[inline(always)]
    pub fn get(
        &mut self,
        key: u64,
        find: impl FnOnce() -> std::result::Result<Arc<P>, Refused>,
    ) -> std::result::Result<&P, Refused> {
        if self.0.first().is_none_or(|(last, _)| *last != key) {
            self.bring_to_front(key, find)?;
        }
        Ok(&self.0[0].1)
    }

    #[cold]
    fn bring_to_front(
        &mut self,
        key: u64,
        find: impl FnOnce() -> std::result::Result<Arc<P>, Refused>,
    ) -> std::result::Result<(), Refused> {
        match self.0.iter().position(|(known, _)| *known == key) {
            Some(place) => self.0.swap(0, place),
            None => {
                let plan = find()?;
                self.0.truncate(RECENT - 1);
                self.0.insert(0, (key, plan));
            }
        }
        Ok(())
    }
}

/// Adds a schema to those that a spec has been given by their ids.
pub fn add_given<S: PartialEq>(given: &mut Vec<(i32, S)>, id: i32, schema: S) -> Result<()> {
    if given.iter().any(|(known, earlier)| *known == id && *earlier != schema) {
        return Err(Error::argument("id", format!("there is a schema {id} already; an id stands for one schema")));
    }
    given.retain(|(known, _)| *known != id);
    given.push((id, schema));
    Ok(())
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    #[derive(Debug)]
    struct Text;

    impl Reader for Text {
        type Plan = String;

        fn plan(&self, schema: &registry::Schema) -> std::result::Result<Arc<String>, String> {
            Ok(Arc::new(schema.text.clone()))
        }
    }

    #[test]
    fn ids_that_nobody_knows_do_not_fill_the_memory() {
        let writers = Writers::new(Text);
        let most = i32::try_from(MOST_GIVEN_UP).unwrap();
        writers.add(-1, Arc::new("known".to_owned()));
        writers.give_up(-2, "unusable for ever", None);
        let later = Some(Instant::now() + Duration::from_secs(3600));
        for id in 0..3 * most {
            writers.give_up(id, "unknown", later);
            assert!(writers.get(id).is_err_and(|refused| refused == bad("unknown".to_owned())));
            assert!(writers.by_id.read().len() <= 2 + MOST_GIVEN_UP);
        }
        assert_eq!(writers.get(0), Err(Refused::UnknownSchema(0)));
        assert_eq!(*writers.get(-1).unwrap(), "known");
        assert_eq!(writers.get(-2), Err(bad("unusable for ever".to_owned())));
    }
}
