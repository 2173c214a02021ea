//! How the threads of cases tell what happens: through one channel, to whoever runs the run.

use std::sync::mpsc::SyncSender;

use super::{Event, Happening};
use crate::observe::now_unix_micros;

/// Tells what happens in one case.
#[derive(Clone, Debug)]
pub(super) struct Teller {
    sender: SyncSender<Happening>,
    case: String,
}

impl Teller {
    /// For the case with this id. The channel is bounded: a case waits while its telling is not
    /// taken.
    pub(super) fn new(sender: SyncSender<Happening>, case: &str) -> Self {
        Self { sender, case: case.to_owned() }
    }

    /// Tells. Nobody listening is no error: the run is over then.
    pub(super) fn tell(&self, event: Event) {
        let (time_unix_us, case) = (now_unix_micros(), Some(self.case.clone()));
        let _ = self.sender.send(Happening { time_unix_us, case, event });
    }
}
