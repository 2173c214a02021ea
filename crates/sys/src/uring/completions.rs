//! What the kernel tells: each completion becomes at most one event, and says what its stream goes
//! on with.
//!
//! Nothing here waits or submits; what is armed again is queued by the next wait.

use std::io;

use io_uring::cqueue;
use rustix::io::Errno;

use super::operation::Operation;
use super::slots::Receiving;
use super::{Event, Stream, Uring, setup};

impl Uring {
    #[inline]
    pub(super) fn complete(&mut self, entry: &cqueue::Entry) -> Option<Event> {
        let (operation, index, send) = Operation::of(entry.user_data());
        if !cqueue::more(entry.flags()) {
            self.in_flight -= 1;
        }
        let stream = Stream(index);
        let slot = self.slots.get_mut(index);
        let outcome = outcome(entry.result());
        let event = match operation {
            Operation::Receive if slot.listening() => self.accepted(entry, index, outcome),
            Operation::Receive => self.received(entry, index, outcome),
            Operation::Send => {
                slot.sending = false;
                let payload = self.sends.take(send);
                Some(Event::Sent(stream, payload, outcome.map(|count| count as usize)))
            }
            Operation::Poll => {
                slot.set_polling(false);
                let told = !slot.stopping_poll();
                told.then(|| Event::Ready(stream, outcome.map(drop)))
            }
            Operation::Cancel => {
                slot.cancels -= 1;
                None
            }
        };
        let event = event.or_else(|| self.poll_has_stopped(index));
        self.finish_if_closing(index);
        event
    }

    /// The end of a poll that was stopped is told when its cancellation has ended too.
    #[inline]
    fn poll_has_stopped(&mut self, index: u32) -> Option<Event> {
        let slot = self.slots.get_mut(index);
        if !slot.stopping_poll() || slot.polling() || slot.cancels > 0 {
            return None;
        }
        slot.set_stopping_poll(false);
        Some(Event::Ready(Stream(index), Err(Errno::CANCELED)))
    }

    /// A receive has brought something, has ended, or both.
    #[inline]
    fn received(
        &mut self,
        entry: &cqueue::Entry,
        index: u32,
        outcome: Result<u32, Errno>,
    ) -> Option<Event> {
        let stream = Stream(index);
        let (chosen, filling) = (cqueue::buffer_select(entry.flags()), buffer_goes_on(entry));
        let length = outcome.unwrap_or(0);
        let lease = chosen.map(|buffer| self.buffers.lend(buffer, length, filling));
        let goes_on = cqueue::more(entry.flags());
        match (outcome, lease) {
            (Ok(1..), Some(lease)) => {
                self.slots.get_mut(index).set_fed(true);
                if !goes_on {
                    self.arm_again(index);
                }
                Some(Event::Received(stream, lease))
            }
            (outcome, lease) => {
                if let Some(lease) = lease {
                    self.buffers.give_back(lease);
                }
                self.stopped(index, outcome.err())
            }
        }
    }

    /// A receive has ended though the connection goes on: it is armed again, unless it was stopped.
    fn arm_again(&mut self, index: u32) {
        let slot = self.slots.get_mut(index);
        let stopping = slot.receiving == Receiving::Stopping;
        slot.receiving = if stopping || slot.closing() { Receiving::Off } else { Receiving::Dry };
        if slot.receiving == Receiving::Dry && !slot.queued() {
            slot.set_queued(true);
            self.dry.push(index, slot.fed());
        }
    }

    /// A receive has ended without bytes.
    fn stopped(&mut self, index: u32, failure: Option<Errno>) -> Option<Event> {
        let slot = self.slots.get_mut(index);
        let (closing, listening) = (slot.closing(), slot.listening());
        match failure {
            // Of a listener it says that the system has no memory, which takes longer.
            Some(Errno::NOBUFS) if !listening => {
                self.ran_dry += 1;
                self.buffers.want_more();
                self.arm_again(index);
                None
            }
            Some(Errno::CANCELED) if !closing => {
                self.arm_again(index);
                None
            }
            failure => {
                slot.receiving = Receiving::Off;
                let told = match failure {
                    None => Event::Ended(Stream(index)),
                    Some(errno) => Event::Failed(Stream(index), errno),
                };
                (!closing).then_some(told)
            }
        }
    }

    /// A listener has a connection, has failed, or was stopped.
    fn accepted(
        &mut self,
        entry: &cqueue::Entry,
        index: u32,
        outcome: Result<u32, Errno>,
    ) -> Option<Event> {
        let goes_on = cqueue::more(entry.flags());
        let Ok(descriptor) = outcome else {
            return self.stopped(index, outcome.err());
        };
        if !goes_on {
            self.arm_again(index);
        }
        Some(Event::Accepted(Stream(index), setup::accepted(descriptor)))
    }

    /// Arms the receives that the kernel has ended, as soon as there is something to receive into:
    /// no more at a time than there are buffers, since the others would find none.
    pub(super) fn arm_dry(&mut self) -> io::Result<()> {
        if self.dry.is_empty() {
            return Ok(());
        }
        let mut room = self.buffers.offered();
        for index in self.dry.take() {
            // A stream that was closed meanwhile, and perhaps its place taken by another.
            if !self.slots.is_dry(index) {
                self.slots.left_queue(index);
                continue;
            }
            let listening = self.slots.open(index).listening();
            if room == 0 && !listening {
                self.dry.keep(index);
                continue;
            }
            room -= u16::from(!listening);
            self.slots.left_queue(index);
            self.arm(index)?;
        }
        Ok(())
    }
}

fn buffer_goes_on(entry: &cqueue::Entry) -> bool {
    cqueue::buffer_more(entry.flags())
}

fn outcome(result: i32) -> Result<u32, Errno> {
    u32::try_from(result).map_err(|_| Errno::from_raw_os_error(result.wrapping_neg()))
}
