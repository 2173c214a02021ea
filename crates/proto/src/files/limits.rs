//! The limits of the protocol: what both sides may rely on. Those of a store are its own.

/// The version of the protocol.
pub const VERSION: u64 = 1;

/// The most bytes of a `DATA` block: what a sender must hold before it can say the length.
pub const BLOCK_BYTES_MAX: u64 = 1 << 20;

/// The most pushes without an answer that a server reads before it waits for its store: enough to
/// share a sync among many, and their answers fit into 64 KiB.
pub const PUSHES_MAX: usize = 256;

/// The most names of one listing page: with the longest names a page is 4 MiB for its reader.
pub const PAGE_ENTRIES_MAX: u64 = 4096;
