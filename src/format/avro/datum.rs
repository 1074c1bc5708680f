//! The bytes of a datum, from the front to the end: what is read is checked, what is not there is an error.

use crate::format::varint::{self, HIGH, LONGEST, length_of};

/// What is wrong with a datum.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Malformed {
    /// It ends in the midst of a value.
    End,
    /// A number goes on beyond 64 bits, or beyond the 32 of an int.
    TooLong,
    /// A length or a count is less than 0.
    Negative,
    /// A length is more than there are bytes.
    Length,
    /// A count is of more items than the bytes that are left can hold.
    Count,
    /// The items of a block take other than the bytes that the block says.
    BlockSize,
    /// A boolean is neither 0 nor 1.
    Boolean,
    /// A union has no such branch.
    Branch,
    /// An enum has no such symbol.
    Symbol,
    /// Text is not UTF-8.
    Utf8,
    /// Too many items that take no bytes.
    Nothings,
    /// Values are inside one another too deeply.
    Depth,
}

impl Malformed {
    /// What was expected, and what was found.
    pub fn told(self) -> &'static str {
        match self {
            Malformed::End => "expected more bytes, found the end",
            Malformed::TooLong => "expected a number, found one with too many bits",
            Malformed::Negative => "expected a length or a count, found a negative number",
            Malformed::Length => "expected a length, found more than the bytes that are left",
            Malformed::Count => "expected a count, found more than the bytes that are left can hold",
            Malformed::BlockSize => "expected items of as many bytes as their block says, found others",
            Malformed::Boolean => "expected a boolean, found a byte that is neither 0 nor 1",
            Malformed::Branch => "expected a branch of the union, found another number",
            Malformed::Symbol => "expected a symbol of the enum, found another number",
            Malformed::Utf8 => "expected valid UTF-8, found other bytes",
            Malformed::Nothings => "expected fewer items that take no bytes, found more than 65536",
            Malformed::Depth => "expected fewer values inside one another, found more than 1000",
        }
    }
}

/// What is left of a datum.
#[derive(Debug, Clone, Copy)]
pub struct Datum<'a> {
    rest: &'a [u8],
    /// By [`varint::last_of`] the whole datum.
    last: u64,
}

type Read<T> = std::result::Result<T, Malformed>;

impl From<varint::Unread> for Malformed {
    #[inline(always)]
    fn from(unread: varint::Unread) -> Malformed {
        match unread {
            varint::Unread::End => Malformed::End,
            varint::Unread::TooLong => Malformed::TooLong,
        }
    }
}

impl<'a> Datum<'a> {
    #[inline(always)]
    pub fn new(bytes: &'a [u8]) -> Datum<'a> {
        Datum { rest: bytes, last: varint::last_of(bytes) }
    }

    /// How many bytes are left.
    #[inline(always)]
    pub fn left(&self) -> usize {
        self.rest.len()
    }

    #[inline(always)]
    pub fn byte(&mut self) -> Read<u8> {
        let [byte, rest @ ..] = self.rest else { return Err(Malformed::End) };
        self.rest = rest;
        Ok(*byte)
    }

    /// The next byte, which stays there.
    #[inline(always)]
    pub fn peek(&self) -> Option<u8> {
        self.rest.first().copied()
    }

    /// Steps over a number, whatever it is.
    #[inline(always)]
    pub fn skip_number(&mut self) -> Read<()> {
        self.varint().map(drop)
    }

    /// Steps over as many numbers, by counting where they end.
    #[inline(always)]
    pub fn skip_numbers(&mut self, mut count: u32) -> Read<()> {
        // How many bytes of the next number have been passed.
        let mut begun = 0;
        while let Some(bytes) = self.rest.first_chunk::<8>() {
            let mut ends = !u64::from_le_bytes(*bytes) & HIGH;
            // Only a number that began before can be too long.
            if begun > LONGEST - 8 && begun + length_of(ends).min(8) > LONGEST {
                return Err(Malformed::TooLong);
            }
            let found = ends.count_ones();
            if found >= count {
                for _ in 1..count {
                    ends &= ends - 1;
                }
                self.rest = if count == 0 { self.rest } else { &self.rest[length_of(ends)..] };
                return Ok(());
            }
            count -= found;
            begun = if found == 0 { begun + 8 } else { ends.leading_zeros() as usize / 8 };
            self.rest = &self.rest[8..];
        }
        for _ in 0..count {
            let left = self.left();
            self.varint()?;
            if begun + left - self.left() > LONGEST {
                return Err(Malformed::TooLong);
            }
            begun = 0;
        }
        Ok(())
    }

    /// Steps over as many booleans.
    #[inline(always)]
    pub fn skip_booleans(&mut self, count: u32) -> Read<()> {
        let (booleans, rest) = self.rest.split_at_checked(count as usize).ok_or(Malformed::End)?;
        if let Some(place) = booleans.iter().position(|byte| *byte > 1) {
            self.rest = &self.rest[place + 1..];
            return Err(Malformed::Boolean);
        }
        self.rest = rest;
        Ok(())
    }

    #[inline(always)]
    pub fn array<const N: usize>(&mut self) -> Read<[u8; N]> {
        let (bytes, rest) = self.rest.split_first_chunk().ok_or(Malformed::End)?;
        self.rest = rest;
        Ok(*bytes)
    }

    /// As many bytes.
    #[inline(always)]
    pub fn take(&mut self, count: usize) -> Read<&'a [u8]> {
        let (bytes, rest) = self.rest.split_at_checked(count).ok_or(Malformed::End)?;
        self.rest = rest;
        Ok(bytes)
    }

    /// Bytes or text, behind their length.
    #[inline(always)]
    pub fn bytes(&mut self) -> Read<&'a [u8]> {
        let length = self.long()?;
        let Ok(count) = usize::try_from(length) else { return Err(Malformed::Negative) };
        let (bytes, rest) = self.rest.split_at_checked(count).ok_or(Malformed::Length)?;
        self.rest = rest;
        Ok(bytes)
    }

    /// Bytes or text, behind their length, with all that follows; and that length.
    #[inline(always)]
    pub fn bytes_and_more(&mut self) -> Read<(&'a [u8], usize)> {
        let length = self.long()?;
        let rest = self.rest;
        let Ok(count) = usize::try_from(length) else { return Err(Malformed::Negative) };
        self.rest = rest.get(count..).ok_or(Malformed::Length)?;
        Ok((rest, count))
    }

    #[inline(always)]
    pub fn long(&mut self) -> Read<i64> {
        self.varint().map(varint::signed)
    }

    #[inline(always)]
    pub fn int(&mut self) -> Read<i32> {
        i32::try_from(self.long()?).map_err(|_| Malformed::TooLong)
    }

    #[inline(always)]
    pub fn boolean(&mut self) -> Read<bool> {
        match self.byte()? {
            0 => Ok(false),
            1 => Ok(true),
            _ => Err(Malformed::Boolean),
        }
    }

    #[inline(always)]
    pub fn varint(&mut self) -> Read<u64> {
        let (number, rest) = varint::read(self.rest, self.last)?;
        self.rest = rest;
        Ok(number)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn written(value: i64) -> Vec<u8> {
        let mut rest = ((value << 1) ^ (value >> 63)).cast_unsigned();
        let mut bytes = Vec::new();
        while rest >= 0x80 {
            bytes.push((rest & 0x7f) as u8 | 0x80);
            rest >>= 7;
        }
        bytes.push(rest as u8);
        bytes
    }

    #[test]
    fn numbers_of_every_length_are_read_with_and_without_something_behind_them() {
        for shift in 0..64 {
            for value in [1, -1, 0, i64::MAX, i64::MIN].map(|value: i64| value >> shift) {
                let mut bytes = written(value);
                for behind in 0..12 {
                    let mut datum = Datum::new(&bytes);
                    assert_eq!(datum.long(), Ok(value));
                    assert_eq!(datum.left(), behind);
                    bytes.push(0xff);
                }
            }
        }
    }

    #[test]
    fn numbers_that_end_too_early_or_too_late_are_malformed() {
        for length in 0..10 {
            assert_eq!(Datum::new(&vec![0xff; length]).long(), Err(Malformed::End));
        }
        let too_long = [0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x02, 0, 0];
        assert_eq!(Datum::new(&too_long).long(), Err(Malformed::TooLong));
        assert_eq!(Datum::new(&[0xff; 20]).long(), Err(Malformed::TooLong));
        assert_eq!(Datum::new(&written(i64::from(i32::MAX) + 1)).int(), Err(Malformed::TooLong));
        // A number may take more bytes than it needs.
        assert_eq!(Datum::new(&[0x82, 0x80, 0x80, 0x80, 0x00]).long(), Ok(1));
    }

    #[test]
    fn numbers_are_stepped_over_one_by_one_and_many_at_once() {
        let values: Vec<i64> = (0..64).map(|n| (1_i64 << n).wrapping_mul(if n % 3 == 0 { -1 } else { 1 })).collect();
        let bytes: Vec<u8> = values.iter().chain(&[1, 2, 3]).flat_map(|value| written(*value)).collect();
        for count in 0..=64_u32 {
            let (mut one, mut many) = (Datum::new(&bytes), Datum::new(&bytes));
            (0..count).for_each(|_| one.skip_number().unwrap());
            many.skip_numbers(count).unwrap();
            assert_eq!(one.left(), many.left());
            assert_eq!(many.long(), Ok(values.get(count as usize).copied().unwrap_or(1)));
        }
        assert_eq!(Datum::new(&bytes).skip_numbers(68), Err(Malformed::End));
        assert_eq!(Datum::new(&[0x80; 8]).skip_numbers(1), Err(Malformed::End));
    }

    proptest! {
        #[test]
        fn stepping_over_many_stops_where_stepping_over_one_after_the_other_does(
            lengths in proptest::collection::vec(prop_oneof![4 => 1..4_usize, 1 => 1..14_usize], 0..12),
            cut in 0..4_usize,
        ) {
            let number = |length: &usize| [&vec![0x80; length - 1][..], &[0]].concat();
            let mut bytes = lengths.iter().flat_map(number).collect::<Vec<u8>>();
            bytes.truncate(bytes.len().saturating_sub(cut));
            let (mut one, mut many) = (Datum::new(&bytes), Datum::new(&bytes));
            let expected = lengths.iter().try_for_each(|_| one.skip_number());
            let found = many.skip_numbers(lengths.len() as u32);
            // Of what ends too early and is too long, either may be told.
            prop_assert_eq!(found.is_ok(), expected.is_ok());
            prop_assert!(found.is_err() || one.left() == many.left());
        }

        #[test]
        fn any_bytes_are_a_number_or_malformed(bytes in proptest::collection::vec(any::<u8>(), 0..14)) {
            let mut datum = Datum::new(&bytes);
            let slowly = bytes.iter().take(10).position(|byte| *byte < 0x80);
            match datum.varint() {
                Ok(number) => {
                    let end = slowly.unwrap();
                    let bits = bytes[..=end].iter().enumerate();
                    let expected = bits.fold(0, |all, (index, byte)| all | u64::from(byte & 0x7f) << (7 * index));
                    prop_assert_eq!((number, datum.left()), (expected, bytes.len() - end - 1));
                }
                Err(_) => prop_assert!(slowly.is_none() || (slowly == Some(9) && bytes[9] > 1)),
            }
        }
    }
}
