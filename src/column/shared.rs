//! A growable run of plain values whose published front can be read while more is written behind it.
//!
//! This is what lets an append table be polled a thousand times a second and still stay in few large batches:
//! each cycle publishes the same memory a little further, instead of copying small batches into larger ones.
//!
//! The rule that makes it sound: bytes before `published` are never written again, bytes behind it are never read by
//! anybody else. Memory that a reader may still hold is never grown in place, it is left behind.

use std::alloc::{Layout, alloc, dealloc, handle_alloc_error, realloc};
use std::ptr::NonNull;
use std::slice;
use std::sync::Arc;

use arrow_buffer::{ArrowNativeType, Buffer};

use super::published::Values;

/// Arrow recommends 64 bytes, which is also a cache line and the widest vector register.
const ALIGNMENT: usize = 64;
/// The first allocation, in bytes, of a column about whose size nothing is known.
const FIRST_BYTES: usize = 512;

/// Memory held by one writer and any number of readers; freed by the last of them.
struct Memory {
    start: NonNull<u8>,
    bytes: usize,
}

// SAFETY: `Memory` is only an address and a size. Who may touch which bytes is decided by `SharedVec`'s `published`.
unsafe impl Send for Memory {}
// SAFETY: as above; no method of `Memory` reads or writes the bytes through `&self`.
unsafe impl Sync for Memory {}

impl Memory {
    fn layout(bytes: usize) -> Layout {
        Layout::from_size_align(bytes, ALIGNMENT).expect("a column buffer is smaller than isize::MAX")
    }

    fn new(bytes: usize) -> Memory {
        let layout = Memory::layout(bytes);
        // SAFETY: the layout's size is not zero: `SharedVec` never asks for less than one value.
        let start = NonNull::new(unsafe { alloc(layout) });
        Memory { start: start.unwrap_or_else(|| handle_alloc_error(layout)), bytes }
    }

    /// Grows memory that nobody else holds.
    fn grow(&mut self, bytes: usize) {
        let layout = Memory::layout(bytes);
        // SAFETY: `start` was allocated with `Memory::layout(self.bytes)`, and `bytes` is larger, so not zero.
        let start = unsafe { realloc(self.start.as_ptr(), Memory::layout(self.bytes), bytes) };
        self.start = NonNull::new(start).unwrap_or_else(|| handle_alloc_error(layout));
        self.bytes = bytes;
    }
}

impl Drop for Memory {
    fn drop(&mut self) {
        // SAFETY: allocated with exactly this layout, and the last holder is letting go.
        unsafe { dealloc(self.start.as_ptr(), Memory::layout(self.bytes)) }
    }
}

/// The published front of a vector's memory.
pub(super) struct Front {
    memory: Arc<Memory>,
    bytes: usize,
}

impl Front {
    /// What comes from this byte on, in memory of its own.
    pub fn copy_from(&self, first: usize) -> Front {
        // SAFETY: the first `bytes` have been written and, being published, are never written again.
        let published = unsafe { slice::from_raw_parts(self.memory.start.as_ptr(), self.bytes) };
        let mut copy = SharedVec::with_capacity(self.bytes - first);
        copy.extend_from_slice(&published[first..]);
        copy.publish()
    }

    /// The same bytes as Arrow has them.
    pub fn to_buffer(&self) -> Buffer {
        let owner = Arc::clone(&self.memory) as Arc<dyn arrow_buffer::alloc::Allocation>;
        // SAFETY: the first `bytes` have been written and, being published, are never written again; the memory lives as
        // long as the `Arc` that the buffer keeps.
        unsafe { Buffer::from_custom_allocation(self.memory.start, self.bytes, owner) }
    }
}

/// A vector of plain values whose front can be published without copying.
pub(super) struct SharedVec<T> {
    memory: Arc<Memory>,
    /// Where `memory` starts, at hand.
    start: NonNull<T>,
    length: usize,
    capacity: usize,
    published: usize,
}

// SAFETY: `start` is an address inside `memory`, which may be sent; the values are plain.
unsafe impl<T: ArrowNativeType> Send for SharedVec<T> {}
// SAFETY: as above; through `&self` values are only read.
unsafe impl<T: ArrowNativeType> Sync for SharedVec<T> {}

impl<T: ArrowNativeType> SharedVec<T> {
    /// An empty vector with room for at least `capacity` values.
    pub fn with_capacity(capacity: usize) -> SharedVec<T> {
        let bytes = capacity.saturating_mul(size_of::<T>()).max(FIRST_BYTES);
        let memory = Arc::new(Memory::new(bytes));
        let start = memory.start.cast();
        SharedVec { memory, start, length: 0, capacity: bytes / size_of::<T>(), published: 0 }
    }

    /// How many values there are.
    pub fn len(&self) -> usize {
        self.length
    }

    /// How many bytes the values behind the published front take.
    pub fn unpublished_bytes(&self) -> usize {
        (self.length - self.published) * size_of::<T>()
    }

    /// Adds one value.
    #[inline]
    pub fn push(&mut self, value: T) {
        if self.length == self.capacity {
            self.reserve(1);
        }
        // SAFETY: `length < capacity`, and bytes at `length` lie behind `published`: nobody else reads them.
        unsafe { self.start.add(self.length).write(value) };
        self.length += 1;
    }

    /// Adds all values of a slice.
    #[inline]
    pub fn extend_from_slice(&mut self, values: &[T]) {
        if self.capacity - self.length < values.len() {
            self.reserve(values.len());
        }
        // SAFETY: there is room for `values.len()` more, behind `published`; the source is borrowed from elsewhere,
        // because `self` is borrowed exclusively.
        unsafe {
            std::ptr::copy_nonoverlapping(values.as_ptr(), self.start.add(self.length).as_ptr(), values.len());
        }
        self.length += values.len();
    }

    /// Drops values from the end. Published values cannot be taken back.
    pub fn truncate(&mut self, length: usize) {
        assert!(length >= self.published, "rows that readers can see are never taken back");
        self.length = self.length.min(length);
    }

    /// The value at `index`.
    pub fn get(&self, index: usize) -> T {
        assert!(index < self.length);
        // SAFETY: `index < length`, and every value before `length` has been written.
        unsafe { self.start.add(index).read() }
    }

    /// Empties the vector, to be filled again in the same memory; `false` if somebody still holds what it has published.
    pub fn recycle(&mut self) -> bool {
        if Arc::get_mut(&mut self.memory).is_none() {
            return false;
        }
        (self.length, self.published) = (0, 0);
        true
    }

    /// Publishes everything written so far and returns it, from the first value on, without copying.
    pub fn publish(&mut self) -> Front {
        self.published = self.length;
        Front { memory: Arc::clone(&self.memory), bytes: self.length * size_of::<T>() }
    }

    /// The same, with the width of the values.
    pub fn publish_fixed(&mut self) -> Values {
        Values::Fixed { front: self.publish(), width: size_of::<T>() }
    }

    #[cold]
    fn reserve(&mut self, additional: usize) {
        let wanted = (self.length + additional).max(self.capacity * 2);
        let bytes = wanted.checked_mul(size_of::<T>()).expect("a column buffer is smaller than isize::MAX");
        match Arc::get_mut(&mut self.memory) {
            Some(memory) => memory.grow(bytes),
            None => {
                let memory = Memory::new(bytes);
                // SAFETY: both allocations hold at least `length` values, all of them written, and are distinct.
                unsafe {
                    std::ptr::copy_nonoverlapping(self.start.as_ptr(), memory.start.as_ptr().cast(), self.length);
                }
                self.memory = Arc::new(memory);
            }
        }
        self.start = self.memory.start.cast();
        self.capacity = bytes / size_of::<T>();
    }
}

/// How many bytes are copied together.
pub(super) const CHUNK: usize = 16;

/// Whether the first `length` bytes are ASCII, as far as that can be told by looking at [`CHUNK`] of them at once.
#[inline(always)]
pub(super) fn is_short_ascii(bytes: &[u8], length: usize) -> bool {
    const HIGH: u128 = u128::from_ne_bytes([0x80; CHUNK]);
    match bytes.first_chunk::<CHUNK>() {
        Some(chunk) if length <= CHUNK => {
            let behind = u128::MAX.unbounded_shl(8 * length as u32);
            u128::from_le_bytes(*chunk) & HIGH & !behind == 0
        }
        _ => false,
    }
}

impl SharedVec<u8> {
    /// Adds bytes that are all 0.
    pub fn extend_zeroed(&mut self, count: usize) {
        if self.capacity - self.length < count {
            self.reserve(count);
        }
        // SAFETY: there is room for `count` more, behind `published`.
        unsafe { self.start.add(self.length).write_bytes(0, count) };
        self.length += count;
    }

    /// Adds `values[from..to]`. If that is short, and more follows it, the same few instructions copy it whatever its
    /// length is, and some of what follows with it, into room that later values overwrite.
    #[inline(always)]
    pub fn extend_from_part(&mut self, values: &[u8], from: usize, to: usize) {
        let length = to - from;
        if length > CHUNK || values.len() - from < CHUNK {
            return self.extend_from_slice(&values[from..to]);
        }
        if self.capacity - self.length < CHUNK {
            self.reserve(CHUNK);
        }
        let chunk: &[u8; CHUNK] = values[from..from + CHUNK].try_into().expect("a slice of CHUNK bytes");
        // SAFETY: there is room for a chunk, behind `published`; the source is borrowed from elsewhere.
        unsafe { std::ptr::copy_nonoverlapping(chunk.as_ptr(), self.start.add(self.length).as_ptr(), CHUNK) };
        self.length += length;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_published_stays_as_it_was_while_more_is_written() {
        let mut values = SharedVec::<i64>::with_capacity(0);
        let mut published = Vec::new();
        for round in 0..200_i64 {
            values.extend_from_slice(&[round, -round]);
            values.push(7);
            published.push(values.publish().to_buffer());
            values.push(99);
            values.truncate(values.len() - 1);
        }
        for (round, buffer) in published.iter().enumerate() {
            let seen = buffer.typed_data::<i64>();
            assert_eq!(seen.len(), (round + 1) * 3);
            for (row, three) in seen.chunks(3).enumerate() {
                let row = i64::try_from(row).unwrap();
                assert_eq!(three, [row, -row, 7]);
            }
        }
    }

    #[test]
    fn publishing_further_does_not_copy() {
        let mut values = SharedVec::<i32>::with_capacity(1000);
        values.push(1);
        let first = values.publish().to_buffer();
        values.push(2);
        let second = values.publish().to_buffer();
        assert_eq!(first.as_ptr(), second.as_ptr());
        assert_eq!((first.len(), second.len()), (4, 8));
    }

    #[test]
    fn parts_are_copied_whatever_their_length() {
        let source: Vec<u8> = (0..100).collect();
        let mut values = SharedVec::<u8>::with_capacity(0);
        let (mut expected, mut published) = (Vec::new(), Vec::new());
        for from in 0..100 {
            for to in from..100 {
                values.extend_from_part(&source, from, to);
                expected.extend_from_slice(&source[from..to]);
            }
            published.push((values.publish().to_buffer(), expected.len()));
        }
        assert!(published.iter().all(|(buffer, length)| buffer.as_slice() == &expected[..*length]));
    }

    #[test]
    fn ascii_is_told_from_other_bytes_up_to_where_it_ends() {
        let mut bytes = vec![b'a'; 40];
        assert!((0..=CHUNK).all(|length| is_short_ascii(&bytes, length)));
        assert!(!is_short_ascii(&bytes, CHUNK + 1) && !is_short_ascii(&bytes[..CHUNK - 1], 3));
        for other in 0..20 {
            bytes[other] = 0xc3;
            for length in 0..=CHUNK {
                assert_eq!(is_short_ascii(&bytes, length), length <= other);
            }
            bytes[other] = b'a';
        }
    }

    #[test]
    fn readers_keep_memory_that_the_writer_left_behind() {
        let mut values = SharedVec::<u8>::with_capacity(0);
        values.extend_from_slice(b"kept");
        let kept = values.publish().to_buffer();
        values.extend_from_slice(&[0; 100_000]);
        drop(values);
        assert_eq!(kept.as_slice(), b"kept");
    }

    #[test]
    #[should_panic(expected = "never taken back")]
    fn published_values_cannot_be_truncated() {
        let mut values = SharedVec::<i32>::with_capacity(4);
        values.push(1);
        values.publish().to_buffer();
        values.truncate(0);
    }
}
