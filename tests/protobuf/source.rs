//! Choices from bytes, and what may be done to bytes.

/// Bytes that choices are made by. Where they end, zeros follow.
pub struct Source<'b> {
    bytes: &'b [u8],
    at: usize,
}

impl<'b> Source<'b> {
    pub fn new(bytes: &'b [u8]) -> Source<'b> {
        Source { bytes, at: 0 }
    }

    pub fn byte(&mut self) -> u8 {
        let byte = self.bytes.get(self.at).copied().unwrap_or(0);
        self.at += 1;
        byte
    }

    pub fn below(&mut self, limit: usize) -> usize {
        usize::from(self.byte()) % limit
    }

    pub fn flip(&mut self) -> bool {
        self.below(2) == 1
    }

    /// True once in so many times.
    pub fn once_in(&mut self, times: usize) -> bool {
        self.below(times) == times - 1
    }

    pub fn array<const N: usize>(&mut self) -> [u8; N] {
        std::array::from_fn(|_| self.byte())
    }

    pub fn bytes(&mut self) -> Vec<u8> {
        (0..self.below(6)).map(|_| self.byte()).collect()
    }

    pub fn text(&mut self) -> String {
        (0..self.below(6)).map(|_| ['a', 'B', '7', 'é', '\u{0}', '𝄞', '"'][self.below(7)]).collect()
    }

    /// The same things in another order.
    pub fn shuffle<T>(&mut self, things: &mut [T]) {
        for last in (1..things.len()).rev() {
            things.swap(last, self.below(last + 1));
        }
    }

    pub fn mutation(&mut self) -> Mutation {
        let at = usize::from(u16::from_le_bytes(self.array()));
        match self.below(6) {
            0 => Mutation::Cut(at),
            1 => Mutation::Set(at, self.byte()),
            2 => Mutation::Remove(at),
            3 => Mutation::Insert(at, self.bytes()),
            4 => Mutation::Add(at, self.byte()),
            // A large number.
            _ => Mutation::Insert(at, vec![0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, self.byte()]),
        }
    }
}

#[derive(Debug, Clone)]
pub enum Mutation {
    Cut(usize),
    Set(usize, u8),
    Add(usize, u8),
    Insert(usize, Vec<u8>),
    Remove(usize),
}

impl Mutation {
    /// The message, spoiled, or not after all.
    pub fn apply(&self, message: &[u8]) -> Vec<u8> {
        let mut message = message.to_vec();
        let length = message.len();
        match self {
            Mutation::Cut(at) => message.truncate(at % (length + 1)),
            Mutation::Set(at, byte) if length > 0 => message[at % length] = *byte,
            Mutation::Add(at, byte) if length > 0 => message[at % length] = message[at % length].wrapping_add(*byte),
            Mutation::Remove(at) if length > 0 => drop(message.remove(at % length)),
            Mutation::Set(..) | Mutation::Add(..) | Mutation::Remove(_) => {}
            Mutation::Insert(at, bytes) => {
                let at = at % (length + 1);
                message.splice(at..at, bytes.iter().copied());
            }
        }
        message
    }
}
