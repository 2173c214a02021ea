//! Making a ring: its options, its buffers, and the operations that it is restricted to.

use std::io;
use std::os::fd::{FromRawFd as _, OwnedFd, RawFd};

use io_uring::register::Restriction;
use io_uring::{IoUring, opcode, squeue};

use super::buffers::{Buffers, Filling};
use super::{GROUP, Size};

/// `IORING_REGISTER_SYNC_CANCEL` of `<linux/io_uring.h>`: what a ring that ends needs.
const REGISTER_SYNC_CANCEL: u8 = 24;

/// Makes a ring and its buffers. It starts disabled, so that nothing can be done with it that the
/// restrictions forbid.
pub(super) fn ring(size: Size, filling: Filling) -> io::Result<(IoUring, Buffers)> {
    let mut builder = IoUring::builder();
    builder.setup_single_issuer().setup_defer_taskrun().setup_taskrun_flag().setup_r_disabled();
    builder.setup_submit_all().setup_clamp().setup_cqsize(size.completions);
    let ring = builder.build(size.entries)?;
    let submitter = ring.submitter();
    let (count, bytes) = (size.buffers, size.buffer_bytes);
    let buffers = Buffers::register(&submitter, GROUP, count, bytes, filling)?;
    submitter.register_restrictions(&mut allowed())?;
    submitter.register_enable_rings()?;
    Ok((ring, buffers))
}

/// All that this ring can ever be asked to do: neither files nor memory of others are within its
/// reach, whoever gets hold of it.
fn allowed() -> [Restriction; 8] {
    [
        Restriction::sqe_op(opcode::AcceptMulti::CODE),
        Restriction::sqe_op(opcode::RecvMulti::CODE),
        Restriction::sqe_op(opcode::Send::CODE),
        Restriction::sqe_op(opcode::PollAdd::CODE),
        Restriction::sqe_op(opcode::AsyncCancel::CODE),
        // Receiving into a buffer of the ring.
        Restriction::sqe_flags_allowed(squeue::Flags::BUFFER_SELECT.bits()),
        Restriction::register_op(REGISTER_SYNC_CANCEL),
        Restriction::register_op(REGISTER_ENABLE_RINGS),
    ]
}

/// `IORING_REGISTER_ENABLE_RINGS` of `<linux/io_uring.h>`.
const REGISTER_ENABLE_RINGS: u8 = 12;

/// The connection that an accept has brought.
pub(super) fn accepted(descriptor: u32) -> OwnedFd {
    let descriptor = RawFd::try_from(descriptor).expect("descriptors are not negative");
    // SAFETY: the kernel has made this descriptor for this completion, which is read once, so
    // nobody else owns it.
    unsafe { OwnedFd::from_raw_fd(descriptor) }
}
