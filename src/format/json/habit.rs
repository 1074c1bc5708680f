//! What the members of an object looked like in records before.
//!
//! Records of a topic resemble each other. For every object the decoder remembers what stood between two values, separator,
//! name, colon and blanks together, and compares that as a whole, which tells in a few instructions both that the grammar
//! holds and which field comes. A record that looks different finds its way by names, and changes nothing: only when several
//! in a row do is what was remembered forgotten, and the next one learnt.

use super::fields::FieldId;
use super::text::Text;

/// Members beyond this many are looked up by name every time: what is remembered must not grow with what is sent.
const MAX_STEPS: usize = 1024;

/// The longest text between two values that can be recognised as a whole.
const MAX_GLUE: usize = 32;

/// After so many records in a row that looked different, the next one is learnt.
const MAX_STRANGE: u8 = 4;

/// The likely text in front of an object's first value, of its second, and so on.
#[derive(Debug, Clone, Default)]
pub struct Habit {
    steps: Vec<Step>,
    /// Whether this object has members that nobody has seen, or not in this order.
    is_strange: bool,
    /// How many objects in a row were.
    strange: u8,
}

/// One likely member.
#[derive(Debug, Clone, Copy)]
pub struct Step {
    /// The bytes from behind the value before up to the value, in two halves, and which bits of them count.
    glue: [u128; 2],
    mask: [u128; 2],
    pub length: usize,
    pub target: Target,
}

/// What a member is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Target {
    /// Nobody wants it.
    Skip,
    /// One column takes it as it is.
    Column(u32),
    /// Several columns take it, or something inside it.
    Field(FieldId),
}

impl Step {
    pub fn new(glue: &str, target: Target) -> Step {
        let length = glue.len();
        let mut bytes = [0; MAX_GLUE];
        let mut mask = [0; MAX_GLUE];
        if length <= MAX_GLUE {
            bytes[..length].copy_from_slice(glue.as_bytes());
            mask[..length].fill(0xff);
        } else {
            // No text matches this.
            bytes.fill(0xff);
            mask.fill(0xff);
        }
        Step { glue: halves(bytes), mask: halves(mask), length, target }
    }

    #[inline(always)]
    fn matches(&self, text: Text<'_>, at: usize) -> bool {
        (text.wide_word(at) ^ self.glue[0]) & self.mask[0] == 0
            && (self.length <= 16 || (text.wide_word(at + 16) ^ self.glue[1]) & self.mask[1] == 0)
    }
}

fn halves(bytes: [u8; MAX_GLUE]) -> [u128; 2] {
    let half = |from: usize| u128::from_le_bytes(bytes[from..from + 16].try_into().expect("16 of 32 bytes"));
    [half(0), half(16)]
}

impl Habit {
    /// Which of the likely members comes next, if one does, and its number. The index is 0 only for the first member of the
    /// object, in front of which there is no comma.
    #[inline(always)]
    pub fn recognise(&self, index: usize, text: Text<'_>, at: usize) -> Option<(&Step, usize)> {
        let step = self.steps.get(index)?;
        if step.matches(text, at) {
            return Some((step, index));
        }
        // Perhaps the record lacks this one. The first has no comma in front, so nothing stands for another one there.
        let next = self.steps.get(index + 1)?;
        (index > 0 && next.matches(text, at)).then_some((next, index + 1))
    }

    /// The object begins with a member that is not looked for here, and is known by this step.
    pub fn begin_with(&mut self, step: impl FnOnce() -> Step) {
        if self.steps.is_empty() {
            self.steps.push(step());
        }
    }

    /// A member has come that was not foreseen at this index. `place` is the number of the step that its field was last
    /// seen at. Returns the number of its step; `None` if it has none, and comes between those that have.
    pub fn meet(&mut self, index: usize, place: &mut u32, step: Step) -> Option<usize> {
        let known = *place as usize;
        if step.target != Target::Skip && self.steps.get(known).is_some_and(|known| known.target == step.target) {
            // What lies between is missing, which is nothing new; but what comes too late is.
            self.is_strange |= known < index;
            return Some(known);
        }
        match self.steps.get(index) {
            // Its text cannot be remembered, or differs in what does not matter.
            Some(other)
                if other.target == Target::Skip && step.target == Target::Skip && other.length == step.length =>
            {
                Some(index)
            }
            Some(_) => {
                self.is_strange = true;
                None
            }
            None if index < MAX_STEPS => {
                *place = u32::try_from(index).expect("fewer steps than MAX_STEPS");
                self.steps.push(step);
                Some(index)
            }
            None => None,
        }
    }

    /// The object has ended.
    #[inline]
    pub fn end(&mut self) {
        if self.is_strange {
            self.end_strange();
        } else {
            self.strange = 0;
        }
    }

    #[cold]
    fn end_strange(&mut self) {
        self.is_strange = false;
        self.strange += 1;
        if self.strange == MAX_STRANGE {
            self.strange = 0;
            self.steps.clear();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::format::json::text::Padded;

    /// A habit, and where the fields were seen whose columns have these numbers.
    struct Learner {
        habit: Habit,
        places: Vec<u32>,
    }

    impl Learner {
        /// Reads an object of these texts in front of values, the column of each (`None`: nobody wants it). Returns how many
        /// were recognised.
        fn read(&mut self, members: &[(&str, Option<u32>)]) -> usize {
            let (mut index, mut recognised) = (0, 0);
            for (glue, column) in members {
                let mut padded = Padded::default();
                let text = padded.fill(glue.as_bytes()).unwrap();
                let target = column.map_or(Target::Skip, Target::Column);
                if let Some((step, known)) = self.habit.recognise(index, text, 0) {
                    assert_eq!((step.target, step.length), (target, glue.len()));
                    recognised += 1;
                    index = known + 1;
                } else {
                    let place = &mut self.places[column.unwrap_or(9) as usize];
                    let met = self.habit.meet(index, place, Step::new(glue, target));
                    index = met.map_or(index.max(1), |step| step + 1);
                }
            }
            self.habit.end();
            recognised
        }
    }

    const USUAL: [(&str, Option<u32>); 4] =
        [("\"a\":", Some(0)), (",\"b\":", Some(1)), (",\"x\":", None), (",\"c\":", Some(2))];

    fn learner() -> Learner {
        let mut learner = Learner { habit: Habit::default(), places: vec![0; 10] };
        assert_eq!((learner.read(&USUAL), learner.read(&USUAL)), (0, 4));
        learner
    }

    #[test]
    fn a_record_with_something_new_in_it_changes_nothing() {
        let mut learner = learner();
        let new = [USUAL[0], (",\"new\":", None), USUAL[1], USUAL[2], USUAL[3]];
        assert_eq!((learner.read(&new), learner.read(&USUAL)), (4, 4));
        let first = [("\"new\":", None), (",\"a\":", Some(0)), USUAL[1], USUAL[2], USUAL[3]];
        assert_eq!((learner.read(&first), learner.read(&USUAL)), (3, 4));
    }

    #[test]
    fn what_is_missing_is_passed_over() {
        let mut learner = learner();
        for _ in 0..10 {
            assert_eq!(learner.read(&[USUAL[0], USUAL[2], USUAL[3]]), 3);
            assert_eq!(learner.read(&[USUAL[0], USUAL[3]]), 1);
            assert_eq!(learner.read(&USUAL), 4);
        }
    }

    #[test]
    fn records_that_stay_different_are_learnt() {
        let mut learner = learner();
        let other = [("\"c\":", Some(2)), (",\"y\":", None), (",\"b\":", Some(1))];
        let strange: Vec<usize> = (0..5).map(|_| learner.read(&other)).collect();
        assert!(strange.iter().all(|recognised| *recognised < 3), "{strange:?}");
        assert_eq!((learner.read(&other), learner.read(&other)), (3, 3));
    }

    #[test]
    fn what_is_remembered_is_bounded() {
        let mut learner = Learner { habit: Habit::default(), places: vec![0; 10] };
        let names: Vec<String> = (0..3000).map(|n| format!(",\"{n}\":")).collect();
        let members: Vec<(&str, Option<u32>)> = names.iter().map(|name| (name.as_str(), None)).collect();
        learner.read(&members);
        assert_eq!(learner.habit.steps.len(), MAX_STEPS);
        assert_eq!(learner.read(&members), MAX_STEPS);
    }
}
