//! The end of a ring: nothing that the kernel may still touch is freed.

use std::time::Duration;

use io_uring::{IoUring, cqueue, types};

use super::operation::Operation;
use super::{Uring, Wait, excuse, setup};

impl Drop for Uring {
    fn drop(&mut self) {
        self.cancel_all();
        if self.in_flight > 0 {
            self.buffers.leak();
            self.sends.leak();
            self.slots.leak();
        }
    }
}

/// How long a ring that is dropped waits for its operations to end. Cancelling takes microseconds
/// each; what is not over by then is leaked, which is safe.
const DROP_PATIENCE: Duration = Duration::from_secs(1);

impl Uring {
    fn cancel_all(&mut self) {
        // What is queued must have been submitted to be cancelled.
        let queued = |ring: &mut IoUring| !ring.submission().is_empty();
        for _ in 0..2 {
            if queued(&mut self.ring) {
                let _ = self.ring.submit();
            }
        }
        if self.in_flight > 0 && !queued(&mut self.ring) {
            let patience = types::Timespec::from(DROP_PATIENCE);
            let all = types::CancelBuilder::any();
            let _ = self.ring.submitter().register_sync_cancel(Some(patience), all);
        }
        let began = std::time::Instant::now();
        while self.in_flight > 0 && began.elapsed() < DROP_PATIENCE {
            if self.ring.completion().is_empty() {
                let step = Wait::for_one(Some(DROP_PATIENCE / 20));
                let time = types::Timespec::from(step.at_most.unwrap_or_default());
                let arguments = types::SubmitArgs::new().timespec(&time);
                if excuse(self.ring.submitter().submit_with_args(1, &arguments)).is_err() {
                    return;
                }
            }
            loop {
                let entry = self.ring.completion().next();
                let Some(entry) = entry else { break };
                self.forget(&entry);
            }
        }
    }

    /// A completion that nobody will be told of.
    fn forget(&mut self, entry: &cqueue::Entry) {
        let (operation, index, _) = Operation::of(entry.user_data());
        if !cqueue::more(entry.flags()) {
            self.in_flight -= 1;
        }
        if operation == Operation::Receive
            && self.slots.get_mut(index).listening()
            && let Ok(descriptor) = u32::try_from(entry.result())
        {
            drop(setup::accepted(descriptor));
        }
    }
}
