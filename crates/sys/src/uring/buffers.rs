//! Buffers that the kernel chooses from as bytes arrive, and the ring through which it gets them.
//!
//! Where the kernel can (Linux 6.12), arrivals lie one behind the other in a buffer until it is
//! full, so that many small ones need few buffers and little of the cache; elsewhere each arrival
//! has a buffer of its own. A buffer goes back to the kernel when the kernel is done with it and
//! every [`Lease`] of it was given back. The kernel has only as many buffers as were needed so far:
//! it goes through them in turn, and a few that are used again and again stay in the cache.
//!
//! Nothing here submits or waits.

use std::io;
use std::ops::Range;
use std::ptr::NonNull;
use std::sync::atomic::{AtomicU16, AtomicU32, Ordering};

use io_uring::Submitter;
use io_uring::types::BufRingEntry;

/// Bytes that arrived, in memory that the kernel does not touch until they are given back.
#[derive(Debug)]
#[must_use = "a lease that is not given back leaves the pool a buffer short"]
pub struct Lease {
    pool: u32,
    start: u32,
    length: u32,
    buffer: u16,
}

impl Lease {
    /// The lease of a part of these bytes; the rest of them is given back with it. Panics when the
    /// part is not within them.
    pub fn part(self, range: Range<usize>) -> Self {
        assert!(range.start <= range.end && range.end <= self.length as usize, "a part of them");
        let within = |place: usize| u32::try_from(place).expect("within a u32");
        let (start, end) = (within(range.start), within(range.end));
        Self { start: self.start + start, length: end - start, ..self }
    }

    /// How many bytes arrived.
    pub fn length(&self) -> usize {
        self.length as usize
    }
}

/// What is known of one buffer.
#[derive(Clone, Copy, Debug, Default)]
struct Buffer {
    /// Where the kernel puts what arrives next.
    filled: u32,
    /// Leases of it that were not given back.
    leases: u32,
    /// Whether the kernel may still put something into it.
    offered: bool,
}

/// The buffers of one ring, all of the same size.
#[derive(Debug)]
pub(super) struct Buffers {
    entries: Mapping,
    memory: Mapping,
    /// Tells leases of this pool from those of others.
    pool: u32,
    /// How many; a power of two.
    count: u16,
    buffer_bytes: u32,
    /// Where the next buffer goes that is given to the kernel; wraps.
    tail: u16,
    states: Box<[Buffer]>,
    /// Buffers that nobody has; the last one that came back is in the cache, and goes first.
    idle: Vec<u16>,
    /// How many the kernel has, and how many it is to have.
    offered: u16,
    wanted: u16,
}

/// How buffers are filled.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Filling {
    /// One arrival behind the other, where the kernel can.
    Behind,
    /// Each arrival has a buffer of its own, as before Linux 6.12.
    #[cfg_attr(not(test), expect(dead_code, reason = "a test plays the older kernel"))]
    Alone,
}

/// Buffers that the kernel has at first.
const WANTED_AT_FIRST: u16 = 4;

/// Arrivals lie one behind the other in a buffer: `IOU_PBUF_RING_INC` of `<linux/io_uring.h>`.
const INCREMENTAL: u16 = 2;

/// Numbers for pools.
static POOLS: AtomicU32 = AtomicU32::new(0);

impl Buffers {
    /// Makes the buffers and gives the first of them to the kernel, as `group`.
    pub(super) fn register(
        submitter: &Submitter<'_>,
        group: u16,
        count: u16,
        buffer_bytes: u32,
        filling: Filling,
    ) -> io::Result<Self> {
        if !count.is_power_of_two() || count > MOST || buffer_bytes == 0 {
            return Err(io::ErrorKind::InvalidInput.into());
        }
        let entries = Mapping::new(usize::from(count) * size_of::<BufRingEntry>())?;
        let memory = Mapping::new(usize::from(count) * buffer_bytes as usize)?;
        let address = entries.pointer.as_ptr().addr() as u64;
        let register = |flags| {
            // SAFETY: the mapping holds `count` entries, and the owner of these buffers drops the
            // ring before it drops them.
            unsafe { submitter.register_buf_ring_with_flags(address, count, group, flags) }
        };
        let registered = match filling {
            Filling::Behind => register(INCREMENTAL),
            Filling::Alone => register(0),
        };
        registered.or_else(|error| match error.raw_os_error() {
            Some(libc::EINVAL) => register(0),
            _ => Err(error),
        })?;
        let mut buffers = Self {
            entries,
            memory,
            pool: POOLS.fetch_add(1, Ordering::Relaxed),
            count,
            buffer_bytes,
            tail: 0,
            states: vec![Buffer::default(); usize::from(count)].into_boxed_slice(),
            idle: (0..count).rev().collect(),
            offered: 0,
            wanted: count.min(WANTED_AT_FIRST),
        };
        buffers.offer_wanted();
        Ok(buffers)
    }

    /// Notes that the kernel has put bytes into a buffer; `goes_on` says whether it will put more
    /// behind them.
    #[inline]
    pub(super) fn lend(&mut self, index: u16, length: u32, goes_on: bool) -> Lease {
        let buffer = &mut self.states[usize::from(index)];
        assert!(buffer.offered, "the kernel uses only buffers that it was given");
        let start = buffer.filled;
        assert!(length <= self.buffer_bytes - start, "a buffer holds what arrived in it");
        buffer.filled += length;
        buffer.leases += 1;
        if !goes_on {
            buffer.offered = false;
            self.offered -= 1;
        }
        Lease { pool: self.pool, start, length, buffer: index }
    }

    /// The bytes of a lease.
    #[inline]
    pub(super) fn bytes(&self, lease: &Lease) -> &[u8] {
        assert!(lease.pool == self.pool, "the lease is of this pool");
        let start = usize::from(lease.buffer) * self.buffer_bytes as usize + lease.start as usize;
        // SAFETY: a lease of this pool lies within one of its buffers, so within the mapping.
        let start = unsafe { self.memory.pointer.add(start) };
        // SAFETY: the bytes were zero before the kernel wrote them; it writes only behind what it
        // has told of, and into the whole buffer again only after every lease of it was given back,
        // which needs `&mut self`.
        unsafe { std::slice::from_raw_parts(start.as_ptr(), lease.length as usize) }
    }

    /// Gives the bytes of a lease back.
    #[inline]
    #[expect(clippy::needless_pass_by_value, reason = "a lease that was given back is no more")]
    pub(super) fn give_back(&mut self, lease: Lease) {
        assert!(lease.pool == self.pool, "the lease is of this pool");
        let buffer = &mut self.states[usize::from(lease.buffer)];
        buffer.leases -= 1;
        if buffer.leases > 0 || buffer.offered {
            return;
        }
        if self.offered < self.wanted {
            self.offer(lease.buffer);
        } else {
            self.idle.push(lease.buffer);
        }
    }

    /// The kernel has found no buffer: it is to have one more from now on. Few buffers that are
    /// used again and again stay in the cache; with twice as many each time, messages cost a tenth
    /// more where much is on its way.
    pub(super) fn want_more(&mut self) {
        if self.offered == 0 && self.wanted < self.count {
            self.wanted += 1;
        }
        self.offer_wanted();
    }

    /// How many buffers the kernel has left to choose from.
    pub(super) fn offered(&self) -> u16 {
        self.offered
    }

    /// Whether the kernel has no buffer left to choose.
    pub(super) fn is_dry(&self) -> bool {
        self.offered == 0
    }

    fn offer_wanted(&mut self) {
        while self.offered < self.wanted
            && let Some(buffer) = self.idle.pop()
        {
            self.offer(buffer);
        }
    }

    /// Gives a buffer to the kernel.
    fn offer(&mut self, buffer: u16) {
        assert!(buffer < self.count, "the buffer is of this pool");
        self.states[usize::from(buffer)] = Buffer { filled: 0, leases: 0, offered: true };
        self.offered += 1;
        let offset = usize::from(buffer) * self.buffer_bytes as usize;
        // SAFETY: the mapping holds `count` buffers of `buffer_bytes`, and this is one of them.
        let place = unsafe { self.memory.pointer.add(offset) };
        let address = place.as_ptr().addr() as u64;
        let index = usize::from(self.tail & (self.count - 1));
        let entries = self.entries.pointer.cast::<BufRingEntry>();
        // SAFETY: the index is masked by the number of entries that the mapping holds.
        let entry = unsafe { entries.add(index) };
        // SAFETY: the entry is inside the mapping, and page alignment is alignment enough; the
        // kernel does not look at it before the tail below says that it is there, and there are as
        // many entries as buffers, so it is done with what was there before.
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

    /// Leaves the memory to a kernel that may still write into it.
    pub(super) fn leak(&mut self) {
        self.entries.length = 0;
        self.memory.length = 0;
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
