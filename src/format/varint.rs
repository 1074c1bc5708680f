//! Numbers of several lengths, as Avro and Protobuf have them: seven bits a byte, the lowest first; the highest bit of a byte
//! says that more follow.

/// Why there is no number.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Unread {
    /// The bytes end in the midst of it.
    End,
    /// It goes on beyond 64 bits.
    TooLong,
}

type Read<T> = std::result::Result<T, Unread>;

/// The number that comes first, and what follows it.
#[inline(always)]
pub fn read(rest: &[u8]) -> Read<(u64, &[u8])> {
    // One byte to three is what most numbers take; all are looked at together, where there are so many.
    let Some(bytes) = rest.first_chunk::<8>() else { return read_last(rest) };
    let word = u64::from_le_bytes(*bytes);
    if word & 0x80 == 0 {
        return Ok((word & 0x7f, &rest[1..]));
    }
    if word & 0x8000 == 0 {
        return Ok((word & 0x7f | word >> 1 & 0x3f80, &rest[2..]));
    }
    if word & 0x0080_0000 == 0 {
        return Ok((word & 0x7f | word >> 1 & 0x3f80 | word >> 2 & 0x1f_c000, &rest[3..]));
    }
    read_long(rest)
}

/// A number of any length. What is left is handed in and out, so that it need not be in memory for this.
#[inline(never)]
fn read_long(rest: &[u8]) -> Read<(u64, &[u8])> {
    let Some(bytes) = rest.first_chunk::<10>() else { return read_last(rest) };
    let [a, b, c, d, e, f, g, h, ninth, tenth] = *bytes;
    let word = u64::from_le_bytes([a, b, c, d, e, f, g, h]);
    let ends = !word & HIGH;
    if ends != 0 {
        // The bits up to the end of the first byte that has its highest bit clear.
        let bits = ends ^ (ends - 1);
        return Ok((together(word & bits), &rest[length_of(ends)..]));
    }
    let low = together(word);
    if ninth < 0x80 {
        return Ok((low | u64::from(ninth) << 56, &rest[9..]));
    }
    if tenth > 1 {
        return Err(Unread::TooLong);
    }
    Ok((low | u64::from(ninth & 0x7f) << 56 | u64::from(tenth) << 63, &rest[10..]))
}

/// A number near the end of all bytes.
#[inline(never)]
fn read_last(rest: &[u8]) -> Read<(u64, &[u8])> {
    let mut number = 0;
    // Nine bytes are 63 bits: no number that ends here has more.
    for (place, byte) in rest.iter().enumerate().take(9) {
        number |= u64::from(byte & 0x7f) << (7 * place);
        if *byte < 0x80 {
            return Ok((number, &rest[place + 1..]));
        }
    }
    Err(Unread::End)
}

/// How many bytes there are up to the first of eight that is an end.
#[inline(always)]
pub fn length_of(ends: u64) -> usize {
    (ends.trailing_zeros() / 8 + 1) as usize
}

/// The highest bit of each of eight bytes.
/// cbindgen:ignore
pub const HIGH: u64 = 0x8080_8080_8080_8080;
/// How many bytes a number of 64 bits takes at most.
/// cbindgen:ignore
pub const LONGEST: usize = 10;

/// The low seven bits of eight bytes, next to each other.
#[inline(always)]
fn together(word: u64) -> u64 {
    let pairs = (word & 0x007f_007f_007f_007f) | (word & 0x7f00_7f00_7f00_7f00) >> 1;
    let fours = (pairs & 0x0000_3fff_0000_3fff) | (pairs & 0x3fff_0000_3fff_0000) >> 2;
    (fours & 0x0fff_ffff) | (fours & 0x0fff_ffff_0000_0000) >> 4
}
