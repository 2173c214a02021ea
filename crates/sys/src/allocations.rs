//! A global allocator that counts, for tests that prove that a path allocates nothing.
//!
//! It adds one relaxed increment to each allocation and changes nothing else. Only tests use it.

use std::alloc::{GlobalAlloc, Layout, System};
use std::sync::atomic::{AtomicU64, Ordering};

/// Set it as `#[global_allocator]` of a test program.
#[derive(Debug, Default)]
pub struct Counting {
    allocations: AtomicU64,
}

impl Counting {
    /// An allocator that has counted nothing.
    pub const fn new() -> Self {
        Self { allocations: AtomicU64::new(0) }
    }

    /// Allocations and reallocations since the start, on all threads.
    pub fn count(&self) -> u64 {
        self.allocations.load(Ordering::Relaxed)
    }

    fn add_one(&self) {
        self.allocations.fetch_add(1, Ordering::Relaxed);
    }
}

// SAFETY: every call goes to the system's allocator unchanged.
unsafe impl GlobalAlloc for Counting {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        self.add_one();
        // SAFETY: the caller keeps the contract of this very function.
        unsafe { System.alloc(layout) }
    }

    unsafe fn dealloc(&self, pointer: *mut u8, layout: Layout) {
        // SAFETY: as above.
        unsafe { System.dealloc(pointer, layout) }
    }

    unsafe fn alloc_zeroed(&self, layout: Layout) -> *mut u8 {
        self.add_one();
        // SAFETY: as above.
        unsafe { System.alloc_zeroed(layout) }
    }

    unsafe fn realloc(&self, pointer: *mut u8, layout: Layout, size: usize) -> *mut u8 {
        self.add_one();
        // SAFETY: as above.
        unsafe { System.realloc(pointer, layout, size) }
    }
}
