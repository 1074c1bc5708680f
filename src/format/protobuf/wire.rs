//! The bytes of a message, from the front to the end: what is read is checked, what is not there is an error.

use crate::format::varint;

/// What is wrong with a message.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Malformed {
    /// It ends in the midst of a field.
    End,
    /// A number goes on beyond 64 bits.
    TooLong,
    /// The number of a field is 0, or beyond what tags may say.
    Tag,
    /// A wire type that there is not.
    WireType,
    /// A wire type that is not the field's.
    OtherWireType,
    /// A length is more than there are bytes.
    Length,
    /// A group ends that has not begun.
    EndGroup,
    /// A group does not end.
    Group,
    /// Text is not UTF-8.
    Utf8,
    /// Groups are inside one another too deeply.
    Depth,
}

impl Malformed {
    /// What was expected, and what was found.
    pub fn told(self) -> &'static str {
        match self {
            Malformed::End => "expected more bytes, found the end",
            Malformed::TooLong => "expected a number, found one with too many bits",
            Malformed::Tag => "expected the number of a field, found 0 or a number with too many bits",
            Malformed::WireType => "expected a wire type, found 6 or 7",
            Malformed::OtherWireType => "expected the wire type of the field, found another",
            Malformed::Length => "expected a length, found more than the bytes that are left",
            Malformed::EndGroup => "expected a field, found the end of a group that has not begun",
            Malformed::Group => "expected the end of a group, found the end of another or of the message",
            Malformed::Utf8 => "expected valid UTF-8, found other bytes",
            Malformed::Depth => "expected fewer groups inside one another, found more than 100",
        }
    }
}

impl From<varint::Unread> for Malformed {
    #[inline(always)]
    fn from(unread: varint::Unread) -> Malformed {
        match unread {
            varint::Unread::End => Malformed::End,
            varint::Unread::TooLong => Malformed::TooLong,
        }
    }
}

/// How many unknown groups may be inside one another.
const MAX_GROUPS: usize = 100;

/// How the bytes of a field are told from those of the next: the low three bits of a tag.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[repr(u8)]
pub enum WireType {
    Varint = 0,
    Bits64 = 1,
    Length = 2,
    Group = 3,
    EndGroup = 4,
    Bits32 = 5,
}

/// What stands in front of a field: its number and its wire type, as the number that they are on the wire.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Key(u32);

impl Key {
    pub const fn new(number: u32, wire_type: WireType) -> Key {
        Key(number << 3 | wire_type as u32)
    }

    #[inline(always)]
    pub fn number(self) -> u32 {
        self.0 >> 3
    }

    #[inline(always)]
    pub fn wire_type(self) -> Read<WireType> {
        Ok(match self.0 & 7 {
            0 => WireType::Varint,
            1 => WireType::Bits64,
            2 => WireType::Length,
            3 => WireType::Group,
            4 => WireType::EndGroup,
            5 => WireType::Bits32,
            _ => return Err(Malformed::WireType),
        })
    }

    /// The same as a serializer writes it.
    pub const fn tag(self) -> Tag {
        // As many bytes as the number has sevens of bits. Longer ones are not worth to be guessed.
        match self.0 {
            ..0x80 => Tag::new(self.0, 1),
            0x80..0x4000 => Tag::new(self.0 & 0x7f | 0x80 | (self.0 >> 7) << 8, 2),
            0x4000..0x20_0000 => {
                let bytes = self.0 & 0x7f | (self.0 >> 7 & 0x7f) << 8 | (self.0 >> 14) << 16 | 0x8080;
                Tag::new(bytes, 3)
            }
            _ => Tag::NEVER,
        }
    }
}

/// The bytes that a field is guessed to begin with.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Tag {
    bytes: u32,
    mask: u32,
    length: u8,
    /// The same in bits.
    bits: u8,
}

impl Tag {
    /// No field begins with it.
    /// cbindgen:ignore
    pub const NEVER: Tag = Tag { mask: 0, ..Tag::new(1, 1) };

    const fn new(bytes: u32, length: u8) -> Tag {
        Tag { bytes, mask: (1 << (8 * length)) - 1, length, bits: 8 * length }
    }
}

/// Which bytes of a payload a message is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Span {
    pub start: usize,
    pub end: usize,
}

/// What is left of a message. It sees what follows the message, too, so that short reads near the end of the message are no
/// slower than others.
#[derive(Debug, Clone, Copy)]
pub struct Wire<'a> {
    /// All that is left of the payload.
    rest: &'a [u8],
    /// How many bytes of it do not belong to the message.
    behind: usize,
    /// By [`varint::last_of`] the payload.
    last: u64,
}

pub type Read<T> = std::result::Result<T, Malformed>;

impl<'a> Wire<'a> {
    /// These bytes of a payload.
    #[inline(always)]
    pub fn new(payload: &'a [u8], span: Span) -> Wire<'a> {
        Wire { rest: &payload[span.start..], behind: payload.len() - span.end, last: varint::last_of(payload) }
    }

    /// The next bytes, the first one lowest. Behind the end of the payload are zeros.
    #[inline(always)]
    fn word(&self) -> u64 {
        varint::word(self.rest, self.last)
    }

    /// Goes on where so many bytes of the payload are left.
    #[inline(always)]
    pub fn go_to(&mut self, left: usize) {
        self.rest = &self.rest[self.rest.len() - left..];
    }

    /// How many bytes of the payload are left.
    #[inline(always)]
    pub fn left(&self) -> usize {
        self.rest.len()
    }

    /// Whether the message goes on.
    #[inline(always)]
    pub fn has_more(&self) -> bool {
        self.rest.len() > self.behind
    }

    /// Steps over this tag, if it is what comes next.
    #[inline(always)]
    pub fn takes(&mut self, tag: Tag) -> bool {
        let is_next = self.word() as u32 & tag.mask == tag.bytes;
        is_next && self.go_on(usize::from(tag.length)).is_ok()
    }

    /// The next eight bytes, if all of them belong to the message, so that nothing that they have may be behind its end.
    #[inline(always)]
    fn word_inside(&self) -> Option<u64> {
        let bytes = self.rest.first_chunk().filter(|_| self.rest.len() - 8 >= self.behind)?;
        Some(u64::from_le_bytes(*bytes))
    }

    /// The number that follows this tag, if both come next and take no more than eight bytes.
    #[inline(always)]
    pub fn number(&mut self, tag: Tag) -> Option<u64> {
        let Some(word) = self.word_inside() else { return self.long_number(tag) };
        if word as u32 & tag.mask != tag.bytes {
            return None;
        }
        if !is_short(word >> tag.bits) {
            return self.long_number_of(word, tag);
        }
        self.rest = &self.rest[short_length(word, tag)..];
        Some(short(word, tag))
    }

    /// The number that follows this tag, if the tag comes next, or 0 if one with a higher number does: without a guess which
    /// of both it is. Nothing if it is another tag, or the number is not a short one.
    #[inline(always)]
    pub fn short_number_or_zero(&mut self, tag: Tag) -> Option<u64> {
        let word = self.word();
        // The highest bits of a tag are in its last byte, and all bytes before have their own highest bit set.
        let (seen, is_shorter) = (word as u32 & tag.mask, tag.bytes & !(word as u32) & 0x8080 != 0);
        if seen < tag.bytes || is_shorter {
            return None;
        }
        let differs = seen ^ tag.bytes;
        // All bits if it comes, none if it does not.
        let comes = ((i64::from(differs) - 1) >> 63).cast_unsigned();
        if !is_short(word >> tag.bits & comes) {
            return None;
        }
        self.go_on(short_length(word, tag) & comes as usize).ok()?;
        Some(short(word, tag) & comes)
    }

    /// The number that follows this tag, if both come next and take no more than eight bytes, which are looked at together.
    #[inline(always)]
    pub fn long_number(&mut self, tag: Tag) -> Option<u64> {
        let word = self.word();
        if word as u32 & tag.mask != tag.bytes {
            return None;
        }
        self.long_number_of(word, tag)
    }

    /// The same, of the word that comes next and begins with the tag.
    #[inline(always)]
    fn long_number_of(&mut self, word: u64, tag: Tag) -> Option<u64> {
        // The bytes that are shifted in are no end of the number.
        let (number, length) = varint::of_word(word >> tag.bits | !(u64::MAX >> tag.bits))?;
        self.go_on(usize::from(tag.length) + length).ok()?;
        Some(number)
    }

    /// The eight bytes that follow this tag, if it comes next and they do.
    #[inline(always)]
    pub fn bits64(&mut self, tag: Tag) -> Option<u64> {
        let mut ahead = *self;
        let bits = ahead.takes(tag).then(|| ahead.array().ok())??;
        *self = ahead;
        Some(u64::from_le_bytes(bits))
    }

    /// The bytes that follow this tag and their length, with all that follows, and that length; if both come next and they
    /// are few.
    #[inline(always)]
    pub fn short_bytes(&mut self, tag: Tag) -> Option<(&'a [u8], usize)> {
        let word = self.word();
        let length = (word >> tag.bits) as usize & 0xff;
        if word as u32 & tag.mask != tag.bytes || length >= 0x80 {
            return None;
        }
        let bytes = self.rest.get(usize::from(tag.length) + 1..)?;
        let rest = bytes.get(length..).filter(|rest| rest.len() >= self.behind)?;
        self.rest = rest;
        Some((bytes, length))
    }

    /// The message that follows this tag and its length, if both come next and it is a short one.
    #[inline(always)]
    pub fn short_message(&mut self, tag: Tag) -> Option<Wire<'a>> {
        let (rest, length) = self.short_bytes(tag)?;
        Some(Wire { rest, behind: rest.len() - length, last: self.last })
    }

    /// The tag that comes next, if it is one of few bytes, which stays there.
    #[inline(always)]
    pub fn peek(&self) -> Option<Key> {
        let word = self.word() as u32;
        if word & 0x80 == 0 {
            return Some(Key(word & 0x7f));
        }
        (word & 0x8000 == 0).then_some(Key(word & 0x7f | word >> 1 & 0x3f80))
    }

    /// The tag of the next field.
    #[inline(always)]
    pub fn key(&mut self) -> Read<Key> {
        match u32::try_from(self.varint()?) {
            Ok(key) if key >= 8 => Ok(Key(key)),
            _ => Err(Malformed::Tag),
        }
    }

    /// Goes on behind as many bytes, if that is not behind the end.
    #[inline(always)]
    fn go_on(&mut self, length: usize) -> Read<()> {
        match self.rest.get(length..) {
            Some(rest) if rest.len() >= self.behind => {
                self.rest = rest;
                Ok(())
            }
            _ => Err(Malformed::End),
        }
    }

    #[inline(always)]
    pub fn array<const N: usize>(&mut self) -> Read<[u8; N]> {
        let bytes = *self.rest.first_chunk().ok_or(Malformed::End)?;
        self.go_on(N)?;
        Ok(bytes)
    }

    /// Bytes or text, behind their length, with all that follows; and that length.
    #[inline(always)]
    pub fn bytes_and_more(&mut self) -> Read<(&'a [u8], usize)> {
        let length = self.varint()?;
        let rest = self.rest;
        let count = usize::try_from(length).map_err(|_| Malformed::Length)?;
        if rest.len() - self.behind < count {
            return Err(Malformed::Length);
        }
        self.rest = &rest[count..];
        Ok((rest, count))
    }

    /// Bytes or text, behind their length.
    #[inline(always)]
    pub fn bytes(&mut self) -> Read<&'a [u8]> {
        let (bytes, length) = self.bytes_and_more()?;
        Ok(&bytes[..length])
    }

    /// The bytes behind their length, as their place in a payload of so many bytes.
    #[inline(always)]
    pub fn span(&mut self, payload: usize) -> Read<Span> {
        let (bytes, length) = self.bytes_and_more()?;
        let start = payload - bytes.len();
        Ok(Span { start, end: start + length })
    }

    /// The bytes of a group of this number, up to where it ends.
    pub fn group(&mut self, number: u32, payload: usize) -> Read<Span> {
        let start = payload - self.left();
        let mut end = start;
        self.skip_group(number, &mut end, payload)?;
        Ok(Span { start, end })
    }

    /// Steps over what follows this tag.
    #[inline(always)]
    pub fn skip(&mut self, key: Key) -> Read<()> {
        match key.wire_type()? {
            WireType::Varint => self.varint().map(drop),
            WireType::Bits64 => self.array::<8>().map(drop),
            WireType::Length => self.bytes_and_more().map(drop),
            WireType::Bits32 => self.array::<4>().map(drop),
            WireType::EndGroup => Err(Malformed::EndGroup),
            WireType::Group => self.skip_group(key.number(), &mut 0, 0),
        }
    }

    /// Steps over a group, and tells where in a payload of so many bytes what is in it ends.
    #[cold]
    fn skip_group(&mut self, number: u32, end: &mut usize, payload: usize) -> Read<()> {
        let mut inside = Vec::new();
        let mut number = number;
        loop {
            if !self.has_more() {
                return Err(Malformed::Group);
            }
            let before = self.left();
            let key = self.key()?;
            match key.wire_type()? {
                WireType::EndGroup if key.number() != number => return Err(Malformed::Group),
                WireType::EndGroup => match inside.pop() {
                    Some(around) => number = around,
                    None => {
                        *end = payload.saturating_sub(before);
                        return Ok(());
                    }
                },
                WireType::Group if inside.len() + 1 == MAX_GROUPS => return Err(Malformed::Depth),
                WireType::Group => {
                    inside.push(number);
                    number = key.number();
                }
                _ => self.skip(key)?,
            }
        }
    }

    #[inline(always)]
    pub fn varint(&mut self) -> Read<u64> {
        let (number, rest) = varint::read(self.rest, self.last)?;
        if rest.len() < self.behind {
            return Err(Malformed::End);
        }
        self.rest = rest;
        Ok(number)
    }
}

/// Whether the number is one of up to two bytes with which these begin.
#[inline(always)]
fn is_short(bytes: u64) -> bool {
    bytes & 0x8080 != 0x8080
}

/// 1 if the number behind the tag with which a word begins has a second byte, which nobody can guess; 0 otherwise.
#[inline(always)]
fn more(word: u64, tag: Tag) -> u64 {
    word >> (tag.bits + 7) & 1
}

/// How many bytes the tag and the number take, if that is a short one: less than eight.
#[inline(always)]
fn short_length(word: u64, tag: Tag) -> usize {
    (usize::from(tag.length) + 1 + more(word, tag) as usize) & 7
}

/// The number, if it is a short one.
#[inline(always)]
fn short(word: u64, tag: Tag) -> u64 {
    let number = word >> tag.bits;
    number & 0x7f | number >> 1 & 0x3f80 & more(word, tag).wrapping_neg()
}
