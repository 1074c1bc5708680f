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
    pub fn tag(self) -> Tag {
        // As many bytes as the number has sevens of bits. Longer ones are not worth to be guessed.
        match self.0 {
            ..0x80 => Tag { bytes: self.0, mask: 0xff, length: 1 },
            0x80..0x4000 => Tag { bytes: self.0 & 0x7f | 0x80 | (self.0 >> 7) << 8, mask: 0xffff, length: 2 },
            0x4000..0x20_0000 => {
                let bytes = self.0 & 0x7f | (self.0 >> 7 & 0x7f) << 8 | (self.0 >> 14) << 16 | 0x8080;
                Tag { bytes, mask: 0xff_ffff, length: 3 }
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
    length: u32,
}

impl Tag {
    /// No field begins with it.
    /// cbindgen:ignore
    pub const NEVER: Tag = Tag { bytes: 1, mask: 0, length: 1 };
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

    /// Steps over this tag, if it is what comes next. It does not look for it in the last bytes of the payload.
    #[inline(always)]
    pub fn takes(&mut self, tag: Tag) -> bool {
        match self.rest.first_chunk::<4>() {
            _ if !self.has_more() => false,
            Some(bytes) if u32::from_le_bytes(*bytes) & tag.mask == tag.bytes => {
                // No tag is longer than what has been looked at.
                self.rest = &self.rest[(tag.length & 3) as usize..];
                true
            }
            _ => false,
        }
    }

    /// The tag of the next field.
    #[inline(always)]
    pub fn key(&mut self) -> Read<Key> {
        match u32::try_from(self.varint()?) {
            Ok(key) if key >= 8 => Ok(Key(key)),
            _ => Err(Malformed::Tag),
        }
    }

    /// Goes on with what follows, if that is not behind the end.
    #[inline(always)]
    fn go_on(&mut self, rest: &'a [u8]) -> Read<()> {
        if rest.len() < self.behind {
            return Err(Malformed::End);
        }
        self.rest = rest;
        Ok(())
    }

    #[inline(always)]
    pub fn array<const N: usize>(&mut self) -> Read<[u8; N]> {
        let (bytes, rest) = self.rest.split_first_chunk().ok_or(Malformed::End)?;
        self.go_on(rest)?;
        Ok(*bytes)
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
        self.go_on(rest)?;
        Ok(number)
    }
}
