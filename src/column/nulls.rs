//! Which rows of a column are null.

use arrow_buffer::{BooleanBuffer, Buffer, NullBuffer};

const BITS: usize = u64::BITS as usize;

/// A bit for each row, set for nulls, in words that reach as far as the last null: a column without nulls has none, and a
/// row that is not null costs nothing.
#[derive(Default)]
pub struct Nulls(Vec<u64>);

impl Nulls {
    /// This row is null.
    #[inline]
    pub fn add(&mut self, row: usize) {
        let word = row / BITS;
        if word >= self.0.len() {
            self.0.resize(word + 1, 0);
        }
        self.0[word] |= 1 << (row % BITS);
    }

    /// Takes back the nulls behind the first `rows` rows.
    pub fn truncate(&mut self, rows: usize) {
        self.0.truncate(rows.div_ceil(BITS));
        if let Some(last) = self.0.get_mut(rows / BITS) {
            *last &= (1 << (rows % BITS)) - 1;
        }
    }

    /// The nulls of the first `rows` rows as Arrow has them: a bit that is set for each row that is not null. `None`: there
    /// are none.
    pub fn to_buffer(&self, rows: usize) -> Option<NullBuffer> {
        if self.0.iter().all(|word| *word == 0) {
            return None;
        }
        let word = |index: usize| !self.0.get(index).copied().unwrap_or(0);
        let valid: Vec<u64> = (0..rows.div_ceil(BITS)).map(|index| word(index).to_le()).collect();
        Some(NullBuffer::new(BooleanBuffer::new(Buffer::from_vec(valid), 0, rows)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::collection::vec;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn they_are_where_they_were_added(steps in vec((any::<bool>(), 0..300_usize, any::<bool>()), 0..400)) {
            let (mut nulls, mut model) = (Nulls::default(), Vec::new());
            for (truncates, rows, is_null) in steps {
                if truncates && model.len() > 200 {
                    model.truncate(rows);
                    nulls.truncate(rows);
                } else {
                    if is_null {
                        nulls.add(model.len());
                    }
                    model.push(is_null);
                }
            }
            let buffer = nulls.to_buffer(model.len());
            prop_assert_eq!(buffer.is_some(), model.contains(&true));
            let found = buffer.map_or(vec![false; model.len()], |nulls| nulls.iter().map(|valid| !valid).collect());
            prop_assert_eq!(found, model);
        }
    }
}
