//! Choices that follow from a seed.

/// SplitMix64: good enough to choose by, and the same everywhere.
pub struct Random(u64);

impl Random {
    pub fn new(seed: u64) -> Random {
        Random(seed)
    }

    pub fn bits(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mixed = (self.0 ^ (self.0 >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        let mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^ (mixed >> 31)
    }

    /// From 0 to one less than `count`.
    pub fn below(&mut self, count: usize) -> usize {
        usize::try_from(self.bits() % u64::try_from(count).unwrap()).unwrap()
    }

    /// Both ends are included.
    pub fn between(&mut self, least: i64, most: i64) -> i64 {
        let count = i128::from(most) - i128::from(least) + 1;
        i64::try_from(i128::from(least) + i128::from(self.bits()) % count).unwrap()
    }

    pub fn one_in(&mut self, count: usize) -> bool {
        self.below(count) == 0
    }

    pub fn pick<'a, T: ?Sized>(&mut self, from: &[&'a T]) -> &'a T {
        from[self.below(from.len())]
    }

    pub fn shuffle<T>(&mut self, items: &mut [T]) {
        for end in (1..items.len()).rev() {
            items.swap(end, self.below(end + 1));
        }
    }

    /// So many decimal digits, the first of them not zero.
    pub fn digits(&mut self, count: usize) -> String {
        let digit = |random: &mut Random, least| char::from(b'0' + u8::try_from(random.between(least, 9)).unwrap());
        (0..count).map(|index| digit(self, i64::from(index == 0))).collect()
    }
}
