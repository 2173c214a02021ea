//! Buffers that the kernel chooses from as bytes arrive, and the ring through which it gets them.
//!
//! A buffer is either the kernel's or lent out by a [`Lease`], never both; the pool keeps account
//! of which, so that a lease given to the wrong pool is a panic and not a race.
//! Nothing here submits or waits.

use std::io;
use std::ptr::NonNull;
use std::sync::atomic::{AtomicU16, Ordering};

use io_uring::Submitter;
use io_uring::types::BufRingEntry;

/// Bytes that arrived, in a buffer that the kernel does not touch until it is given back.
#[derive(Debug)]
#[must_use = "a lease that is not given back leaves the pool a buffer short"]
pub struct Lease {
    pub(super) buffer: u16,
    pub(super) length: u32,
}

/// The buffers of one ring, all of the same size.
#[derive(Debug)]
pub(super) struct Buffers {
    entries: Mapping,
    memory: Mapping,
    /// How many; a power of two.
    count: u16,
    buffer_bytes: u32,
    /// Where the next buffer goes that is given to the kernel; wraps.
    tail: u16,
    /// Which buffers are lent out.
    lent: Box<[bool]>,
    lent_count: u16,
}

impl Buffers {
    /// Makes the buffers and gives them all to the kernel, as `group`.
    pub(super) fn register(
        submitter: &Submitter<'_>,
        group: u16,
        count: u16,
        buffer_bytes: u32,
    ) -> io::Result<Self> {
        if !count.is_power_of_two() || count > MOST || buffer_bytes == 0 {
            return Err(io::ErrorKind::InvalidInput.into());
        }
        let entries = Mapping::new(usize::from(count) * size_of::<BufRingEntry>())?;
        let memory = Mapping::new(usize::from(count) * buffer_bytes as usize)?;
        let address = entries.pointer.as_ptr().addr() as u64;
        // SAFETY: the mapping holds `count` entries, and the owner of these buffers drops the ring
        // before it drops them.
        unsafe { submitter.register_buf_ring_with_flags(address, count, group, 0) }?;
        let lent = vec![true; usize::from(count)].into_boxed_slice();
        let mut buffers =
            Self { entries, memory, count, buffer_bytes, tail: 0, lent, lent_count: count };
        for buffer in 0..count {
            buffers.give_back(Lease { buffer, length: 0 });
        }
        Ok(buffers)
    }

    /// Notes that the kernel has put bytes into a buffer, which is from now on ours.
    pub(super) fn lend(&mut self, buffer: u16, length: u32) -> Lease {
        let lent = &mut self.lent[usize::from(buffer)];
        assert!(!*lent, "the kernel uses only buffers that it was given");
        assert!(length <= self.buffer_bytes, "a buffer holds what arrived in it");
        *lent = true;
        self.lent_count += 1;
        Lease { buffer, length }
    }

    /// The bytes of a lease.
    pub(super) fn bytes(&self, lease: &Lease) -> &[u8] {
        assert!(self.lent[usize::from(lease.buffer)], "the lease is of this pool");
        assert!(lease.length <= self.buffer_bytes, "the lease is of this pool");
        let start = self.place(lease.buffer);
        // SAFETY: the buffer lies inside the mapping, whose bytes were zero before the kernel wrote
        // them; while it is lent the kernel does not write, and giving it back needs `&mut self`.
        unsafe { std::slice::from_raw_parts(start.as_ptr(), lease.length as usize) }
    }

    /// Gives a buffer to the kernel.
    #[expect(clippy::needless_pass_by_value, reason = "a lease that was given back is no more")]
    pub(super) fn give_back(&mut self, lease: Lease) {
        let buffer = lease.buffer;
        let lent = &mut self.lent[usize::from(buffer)];
        assert!(std::mem::take(lent), "the lease is of this pool");
        self.lent_count -= 1;
        let address = self.place(buffer).as_ptr().addr() as u64;
        let index = usize::from(self.tail & (self.count - 1));
        let entries = self.entries.pointer.cast::<BufRingEntry>();
        // SAFETY: the index is masked by the number of entries that the mapping holds.
        let entry = unsafe { entries.add(index) };
        // SAFETY: the entry is inside the mapping, and page alignment is alignment enough; the
        // kernel does not read it before the tail below says that it is there.
        let entry = unsafe { &mut *entry.as_ptr() };
        entry.set_addr(address);
        entry.set_len(self.buffer_bytes);
        entry.set_bid(buffer);
        self.tail = self.tail.wrapping_add(1);
        // SAFETY: it is the address of the first entry of a mapped ring.
        let tail = unsafe { BufRingEntry::tail(entries.as_ptr()) };
        // SAFETY: the tail is an aligned u16 inside the mapping that the kernel reads and only this
        // thread writes, always as an atomic.
        let tail = unsafe { AtomicU16::from_ptr(tail.cast_mut()) };
        tail.store(self.tail, Ordering::Release);
    }

    /// Whether the kernel has a buffer left to choose.
    pub(super) fn is_dry(&self) -> bool {
        self.lent_count == self.count
    }

    /// Leaves the memory to a kernel that may still write into it.
    pub(super) fn leak(&mut self) {
        self.entries.length = 0;
        self.memory.length = 0;
    }

    fn place(&self, buffer: u16) -> NonNull<u8> {
        assert!(buffer < self.count, "the buffer is of this pool");
        let offset = usize::from(buffer) * self.buffer_bytes as usize;
        // SAFETY: the mapping holds `count` buffers of `buffer_bytes`, and this is one of them.
        unsafe { self.memory.pointer.add(offset) }
    }
}

/// The most buffers in one ring: the kernel's bound (`io_uring_register_buf_ring(3)`).
const MOST: u16 = 1 << 15;

/// Zeroed pages of our own.
#[derive(Debug)]
struct Mapping {
    pointer: NonNull<u8>,
    /// 0: not unmapped when dropped.
    length: usize,
}

impl Mapping {
    fn new(length: usize) -> io::Result<Self> {
        let access = libc::PROT_READ | libc::PROT_WRITE;
        let kind = libc::MAP_PRIVATE | libc::MAP_ANONYMOUS;
        // SAFETY: a new anonymous mapping at a place that the kernel chooses touches no memory
        // that exists.
        let pointer = unsafe { libc::mmap(std::ptr::null_mut(), length, access, kind, -1, 0) };
        if pointer == libc::MAP_FAILED {
            return Err(io::Error::last_os_error());
        }
        let pointer = NonNull::new(pointer.cast()).ok_or(io::ErrorKind::OutOfMemory)?;
        Ok(Self { pointer, length })
    }
}

impl Drop for Mapping {
    fn drop(&mut self) {
        if self.length == 0 {
            return;
        }
        // SAFETY: this mapping is ours whole, and nothing points into it any more: slices of it
        // borrow their pool, and the kernel's use has ended or `leak` was called.
        let _ = unsafe { libc::munmap(self.pointer.as_ptr().cast(), self.length) };
    }
}
