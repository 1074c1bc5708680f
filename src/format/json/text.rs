//! The text of one document, and the grammar of RFC 8259: where strings, numbers and whole values end.
//!
//! Everything that the decoder steps over is checked here, whether anybody wants it or not.

use super::decode::MAX_DEPTH;

/// How many zero bytes stand behind a document, so that it can be looked at in words without asking whether it ends in the
/// middle of one. NUL appears nowhere in a valid document, so every scan stops there by itself.
const PADDING: usize = 64;

/// A buffer that a document has made larger than this is not kept.
const MAX_KEPT_BYTES: usize = 1 << 20;

/// Memory for one document at a time, with zero bytes behind it.
#[derive(Debug, Clone, Default)]
pub struct Padded(Vec<u8>);

impl Padded {
    /// Takes a copy of a payload. If it is not UTF-8, tells up to where it is.
    #[inline]
    pub fn fill(&mut self, payload: &[u8]) -> Result<Text<'_>, usize> {
        let length = payload.len() + PADDING;
        if self.0.len() < length || self.0.len() > MAX_KEPT_BYTES {
            // Zeroed once: later documents of this size only overwrite.
            self.0 = vec![0; length.next_multiple_of(4096)];
        }
        let padded = &mut self.0[..length];
        let (document, padding) = padded.split_at_mut(payload.len());
        // Of a length that the compiler knows: a few stores, and no call.
        let padding: &mut [u8; PADDING] = padding.try_into().expect("what is left behind the payload is the padding");
        *padding = [0; PADDING];
        document.copy_from_slice(payload);
        if is_ascii(payload) {
            // SAFETY: the document is ASCII, and so is the padding.
            return Ok(Text { padded: unsafe { std::str::from_utf8_unchecked(padded) } });
        }
        match simdutf8::basic::from_utf8(padded) {
            Ok(padded) => Ok(Text { padded }),
            Err(_) => Err(payload.utf8_chunks().next().map_or(0, |chunk| chunk.valid().len())),
        }
    }

    #[cfg(test)]
    pub fn bytes(&self) -> usize {
        self.0.len()
    }
}

/// Whether all bytes are ASCII. The library's own looks at blocks too, but at what is behind the last one byte by byte.
#[inline(always)]
fn is_ascii(bytes: &[u8]) -> bool {
    const BLOCK: usize = 32;
    let Some(last) = bytes.last_chunk::<BLOCK>() else { return bytes.is_ascii() };
    bytes[..bytes.len() / BLOCK * BLOCK].is_ascii() && last.is_ascii()
}

/// Where a document breaks the grammar, and what could have stood there.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Malformed {
    pub at: usize,
    pub expected: &'static str,
}

type Outcome<T> = std::result::Result<T, Malformed>;

/// The kind of a value, as its first byte tells.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    Null,
    Bool,
    Number,
    String,
    Array,
    Object,
}

impl Kind {
    /// As messages show it.
    pub fn name(self) -> &'static str {
        match self {
            Kind::Null => "null",
            Kind::Bool => "bool",
            Kind::Number => "number",
            Kind::String => "string",
            Kind::Array => "array",
            Kind::Object => "object",
        }
    }
}

/// A document with [`PADDING`] zero bytes behind it.
#[derive(Clone, Copy)]
pub struct Text<'a> {
    padded: &'a str,
}

impl<'a> Text<'a> {
    /// The document with its padding.
    #[inline(always)]
    pub fn padded(&self) -> &'a str {
        self.padded
    }

    /// How long the document is.
    pub fn len(&self) -> usize {
        self.padded.len() - PADDING
    }

    /// The byte at a place.
    #[inline(always)]
    pub fn byte(&self, at: usize) -> u8 {
        self.padded.as_bytes()[at]
    }

    /// Eight bytes from a place on, the first one lowest.
    #[inline(always)]
    pub fn word(&self, at: usize) -> u64 {
        u64::from_le_bytes(self.chunk(at))
    }

    /// Sixteen bytes from a place on, the first one lowest.
    #[inline(always)]
    pub fn wide_word(&self, at: usize) -> u128 {
        u128::from_le_bytes(self.chunk(at))
    }

    /// A part of the document.
    #[inline(always)]
    pub fn slice(&self, from: usize, to: usize) -> &'a str {
        // Not by an index, whose panic would show the document.
        self.padded.get(from..to).expect("what the grammar tells apart begins and ends between characters")
    }

    #[inline(always)]
    fn chunk<const N: usize>(&self, at: usize) -> [u8; N] {
        self.padded.as_bytes()[at..at + N].try_into().expect("a slice of N bytes is N bytes long")
    }

    /// The next place that is not blank.
    #[inline(always)]
    pub fn skip_blanks(&self, at: usize) -> usize {
        // Most documents have none.
        if self.byte(at) > b' ' { at } else { self.skip_some_blanks(at) }
    }

    fn skip_some_blanks(&self, mut at: usize) -> usize {
        while matches!(self.byte(at), b' ' | b'\t' | b'\n' | b'\r') {
            at += 1;
        }
        at
    }

    /// Of a string whose text begins at `at`, behind the quote: where the text ends, if that is within a few bytes and
    /// nothing is escaped.
    #[inline(always)]
    pub fn short_string_end(&self, at: usize) -> Option<usize> {
        let special = special_bytes(self.chunk(at));
        if special == 0 {
            return None;
        }
        let end = at + special.trailing_zeros() as usize;
        (self.byte(end) == b'"').then_some(end)
    }

    /// Of a string whose text begins at `at`, behind the quote: where the text ends, and whether anything in it is
    /// escaped.
    pub fn string_end(&self, mut at: usize) -> Outcome<(usize, bool)> {
        let mut escaped = false;
        loop {
            let special = special_bytes(self.chunk(at));
            if special == 0 {
                at += CHUNK;
                continue;
            }
            at += special.trailing_zeros() as usize;
            match self.byte(at) {
                b'"' => return Ok((at, escaped)),
                b'\\' => at = self.escape_end(at)?,
                _ if at >= self.len() => return Err(Malformed { at, expected: "the end of a string" }),
                _ => return Err(Malformed { at, expected: "no control character in a string" }),
            }
            escaped = true;
        }
    }

    fn escape_end(&self, at: usize) -> Outcome<usize> {
        match self.byte(at + 1) {
            b'"' | b'\\' | b'/' | b'b' | b'f' | b'n' | b'r' | b't' => Ok(at + 2),
            b'u' if (2..6).all(|digit| self.byte(at + digit).is_ascii_hexdigit()) => Ok(at + 6),
            _ => Err(Malformed { at, expected: "an escape of RFC 8259" }),
        }
    }

    /// Where the number that begins at `at` ends.
    pub fn number_end(&self, at: usize) -> Outcome<usize> {
        let rest = &self.padded.as_bytes()[at..];
        number_length(rest).map(|length| at + length).ok_or(Malformed { at, expected: "a number of RFC 8259" })
    }

    /// The kind of the value that begins at `at`.
    #[inline]
    pub fn kind(&self, at: usize) -> Outcome<Kind> {
        match self.byte(at) {
            b'"' => Ok(Kind::String),
            b'-' | b'0'..=b'9' => Ok(Kind::Number),
            b'{' => Ok(Kind::Object),
            b'[' => Ok(Kind::Array),
            b't' | b'f' => Ok(Kind::Bool),
            b'n' => Ok(Kind::Null),
            _ => Err(Malformed { at, expected: "a value" }),
        }
    }

    /// Whether these bytes stand at a place.
    #[inline(always)]
    pub fn has<const N: usize>(&self, at: usize, bytes: &[u8; N]) -> bool {
        self.chunk(at) == *bytes
    }

    /// Where the value that begins at `at` ends. `depth` is the number of containers around it.
    pub fn value_end(&self, at: usize, depth: usize) -> Outcome<usize> {
        match self.kind(at)? {
            Kind::String => self.string_end(at + 1).map(|(end, _)| end + 1),
            Kind::Array | Kind::Object => self.container_end(at, depth),
            _ => self.plain_end(at),
        }
    }

    /// The same, for a number, `true`, `false` or `null`.
    fn plain_end(&self, at: usize) -> Outcome<usize> {
        match self.byte(at) {
            b't' if self.has(at, b"true") => Ok(at + 4),
            b'f' if self.has(at, b"false") => Ok(at + 5),
            b'n' if self.has(at, b"null") => Ok(at + 4),
            b't' | b'f' | b'n' => Err(Malformed { at, expected: "true, false or null" }),
            _ => self.number_end(at),
        }
    }

    /// Of a member of an object: where its name begins (behind the quote) and ends, and where its value begins.
    pub fn member(&self, at: usize) -> Outcome<Member> {
        if self.byte(at) != b'"' {
            return Err(Malformed { at, expected: "the name of a member" });
        }
        let name = at + 1;
        let (name_end, escaped) = self.string_end(name)?;
        let colon = self.skip_blanks(name_end + 1);
        if self.byte(colon) != b':' {
            return Err(Malformed { at: colon, expected: "':'" });
        }
        Ok(Member { name, name_end, escaped, value: self.skip_blanks(colon + 1) })
    }

    /// Steps over a whole object or array without recursion, however deep it is.
    fn container_end(&self, at: usize, depth: usize) -> Outcome<usize> {
        let mut open = Open { depth, objects: [0; MAX_DEPTH.div_ceil(64)], outer_depth: depth };
        let mut at = at;
        // Each turn begins where a value begins.
        loop {
            at = match self.kind(at)? {
                kind @ (Kind::Object | Kind::Array) => {
                    open.enter(kind, at)?;
                    let first = self.skip_blanks(at + 1);
                    if self.byte(first) == open.end() {
                        // An empty one: nothing to step into.
                        open.leave();
                        first + 1
                    } else {
                        at = if kind == Kind::Object { self.member(first)?.value } else { first };
                        continue;
                    }
                }
                Kind::String => self.string_end(at + 1)?.0 + 1,
                _ => self.plain_end(at)?,
            };
            // Behind a value: leave what ends here, up to the next value.
            loop {
                if open.depth == open.outer_depth {
                    return Ok(at);
                }
                at = self.skip_blanks(at);
                match self.byte(at) {
                    b',' => break,
                    byte if byte == open.end() => {
                        open.leave();
                        at += 1;
                    }
                    _ => return Err(Malformed { at, expected: open.expected() }),
                }
            }
            at = self.skip_blanks(at + 1);
            if open.in_object() {
                at = self.member(at)?.value;
            }
        }
    }
}

/// A member of an object.
#[derive(Debug, Clone, Copy)]
pub struct Member {
    pub name: usize,
    pub name_end: usize,
    pub escaped: bool,
    pub value: usize,
}

impl Member {
    /// The name as it is written, with its quotes.
    pub fn quoted<'a>(&self, text: Text<'a>) -> &'a str {
        text.slice(self.name - 1, self.name_end + 1)
    }
}

/// The containers around a place: a bit for each, set for objects.
struct Open {
    depth: usize,
    outer_depth: usize,
    objects: [u64; MAX_DEPTH.div_ceil(64)],
}

impl Open {
    fn enter(&mut self, kind: Kind, at: usize) -> Outcome<()> {
        check_depth(self.depth, at)?;
        let bit = 1 << (self.depth % 64);
        let word = &mut self.objects[self.depth / 64];
        *word = if kind == Kind::Object { *word | bit } else { *word & !bit };
        self.depth += 1;
        Ok(())
    }

    fn leave(&mut self) {
        self.depth -= 1;
    }

    fn in_object(&self) -> bool {
        let innermost = self.depth - 1;
        self.objects[innermost / 64] >> (innermost % 64) & 1 == 1
    }

    fn end(&self) -> u8 {
        if self.in_object() { b'}' } else { b']' }
    }

    fn expected(&self) -> &'static str {
        if self.in_object() { MEMBER_END } else { ITEM_END }
    }
}

/// What stands behind a member, and behind an item.
pub const MEMBER_END: &str = "',' or '}'";
pub const ITEM_END: &str = "',' or ']'";

/// Whether one more container may begin inside this many.
#[inline]
pub fn check_depth(depth: usize, at: usize) -> Outcome<()> {
    if depth < MAX_DEPTH { Ok(()) } else { Err(Malformed { at, expected: "at most 1000 levels of nesting" }) }
}

/// How long the number is that a text begins with, by RFC 8259's grammar.
pub fn number_length(bytes: &[u8]) -> Option<usize> {
    let byte = |at: usize| bytes.get(at).copied().unwrap_or(0);
    let digits_end = |mut at: usize| {
        while byte(at).is_ascii_digit() {
            at += 1;
        }
        at
    };
    let integer = usize::from(byte(0) == b'-');
    let mut end = digits_end(integer);
    // A zero in front stands alone.
    if end == integer || (byte(integer) == b'0' && end > integer + 1) {
        return None;
    }
    if byte(end) == b'.' {
        let fraction = end + 1;
        end = digits_end(fraction);
        if end == fraction {
            return None;
        }
    }
    if matches!(byte(end), b'e' | b'E') {
        let exponent = end + 1 + usize::from(matches!(byte(end + 1), b'+' | b'-'));
        end = digits_end(exponent);
        if end == exponent {
            return None;
        }
    }
    Some(end)
}

/// How many bytes of a string are looked at together.
const CHUNK: usize = 16;

/// A bit for each byte that means something in a string: a quote, a backslash, a control character.
#[cfg(target_arch = "x86_64")]
#[inline(always)]
fn special_bytes(chunk: [u8; CHUNK]) -> u32 {
    use std::arch::x86_64::*;
    // SAFETY: the load reads the 16 bytes of `chunk`; every x86-64 processor has SSE2.
    unsafe {
        let bytes = _mm_loadu_si128(chunk.as_ptr().cast());
        let quotes = _mm_cmpeq_epi8(bytes, _mm_set1_epi8(b'"'.cast_signed()));
        let backslashes = _mm_cmpeq_epi8(bytes, _mm_set1_epi8(b'\\'.cast_signed()));
        let controls = _mm_cmpeq_epi8(_mm_min_epu8(bytes, _mm_set1_epi8(0x1f)), bytes);
        _mm_movemask_epi8(_mm_or_si128(_mm_or_si128(quotes, backslashes), controls)).cast_unsigned()
    }
}

#[cfg(not(target_arch = "x86_64"))]
#[inline(always)]
fn special_bytes(chunk: [u8; CHUNK]) -> u32 {
    special_bytes_one_by_one(chunk)
}

/// The same, as every processor can do it.
#[cfg(any(test, not(target_arch = "x86_64")))]
fn special_bytes_one_by_one(chunk: [u8; CHUNK]) -> u32 {
    chunk.iter().rev().fold(0, |bits, byte| bits << 1 | u32::from(matches!(byte, b'"' | b'\\' | 0..=0x1f)))
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn value_end(text: &str) -> Outcome<usize> {
        Padded::default().fill(text.as_bytes()).unwrap().value_end(0, 0)
    }

    #[test]
    fn documents_are_followed_by_zeros_whatever_came_before() {
        let mut padded = Padded::default();
        for length in (0..200).rev().chain(5000..5100).chain(0..100) {
            let document = "x".repeat(length) + if length % 2 == 0 { "" } else { "ü" };
            let text = padded.fill(document.as_bytes()).unwrap();
            assert_eq!((text.len(), text.slice(0, text.len())), (document.len(), document.as_str()));
            assert!(text.padded().as_bytes()[text.len()..].iter().all(|byte| *byte == 0));
        }
        for at in 0..100 {
            let mut broken = vec![b'x'; 100];
            broken[at] = 0xff;
            assert_eq!(padded.fill(&broken).err(), Some(at));
        }
        padded.fill(&vec![b'x'; MAX_KEPT_BYTES]).unwrap();
        padded.fill(b"x").unwrap();
        assert!(padded.bytes() <= MAX_KEPT_BYTES);
    }

    #[test]
    fn values_end_where_the_grammar_says() {
        for text in [
            "0",
            "-0.5e+10",
            "1E-3",
            "true",
            "null",
            "\"\"",
            "\"a\\u00e9\\\"\\\\ and more than sixteen bytes\"",
            "[]",
            "{ }",
            "[1, [], {\"a\": {}, \"b\" : [null]} ]",
            "{\"a\":{\"b\":[{\"c\":\"]}\"}]}}",
        ] {
            assert_eq!(value_end(text), Ok(text.len()), "{text}");
            assert_eq!(value_end(&format!("{text},")), Ok(text.len()), "{text}");
        }
    }

    #[test]
    fn what_breaks_the_grammar_is_told_with_its_place() {
        for (text, at) in [
            ("", 0),
            ("+1", 0),
            ("01", 0),
            ("1.", 0),
            ("1e", 0),
            ("-", 0),
            ("tru", 0),
            ("\"abc", 4),
            ("\"a\nb\"", 2),
            ("\"\\x\"", 1),
            ("\"\\u12g4\"", 1),
            ("[1 2]", 3),
            ("[1,]", 3),
            ("{\"a\":1,}", 7),
            ("{\"a\" 1}", 5),
            ("{a:1}", 1),
            ("[1}", 2),
            ("{\"a\":1]", 6),
            ("[[[]", 4),
        ] {
            assert_eq!(value_end(text).unwrap_err().at, at, "{text}");
        }
    }

    #[test]
    fn a_thousand_levels_are_the_limit() {
        let nested = |levels: usize| "[".repeat(levels) + &"]".repeat(levels);
        assert_eq!(value_end(&nested(1000)), Ok(2000));
        assert_eq!(value_end(&nested(1001)).unwrap_err().at, 1000);
    }

    proptest! {
        #[test]
        fn both_ways_find_the_same_special_bytes(chunk: [u8; CHUNK], quote in 0..CHUNK) {
            let mut chunk = chunk;
            prop_assert_eq!(special_bytes(chunk), special_bytes_one_by_one(chunk));
            chunk[quote] = b'"';
            prop_assert_eq!(special_bytes(chunk), special_bytes_one_by_one(chunk));
        }

        /// serde_json is the judge; what it refuses beyond the grammar (lone surrogates) is not generated.
        #[test]
        fn the_grammar_is_serde_jsons(text in r#"[\[\]{}:,"\\ \n0-9eE.+\-a-fnrtulsu]{0,24}"#) {
            // Blanks in front are the caller's.
            let text = text.trim_start();
            let mut padded = Padded::default();
            let document = padded.fill(text.as_bytes()).unwrap();
            let ours = document.value_end(0, 0).is_ok_and(|end| document.skip_blanks(end) == text.len());
            prop_assert_eq!(ours, serde_json::from_str::<serde::de::IgnoredAny>(text).is_ok(), "{}", text);
        }
    }

    #[test]
    fn a_byte_that_is_no_utf8_is_found_wherever_it_is() {
        let mut padded = Padded::default();
        for length in 1..150 {
            assert!(padded.fill(&vec![b'x'; length]).is_ok());
            for at in 0..length {
                let mut payload = vec![b'x'; length];
                payload[at] = 0xff;
                assert_eq!(padded.fill(&payload).err(), Some(at), "{length} bytes");
            }
        }
    }
}
