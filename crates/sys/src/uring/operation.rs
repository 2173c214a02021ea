//! What an operation is: told to the kernel with its stream, and told back with its completion.

/// The kinds of operations.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Operation {
    /// Receiving, or accepting.
    Receive,
    Send,
    Poll,
    Cancel,
}

impl Operation {
    const ALL: [Self; 4] = [Self::Receive, Self::Send, Self::Poll, Self::Cancel];

    /// The word for an operation of a stream; `send` is the place of what is sent, below
    /// [`SENDS_MAX`](super::sends::SENDS_MAX).
    #[inline]
    pub(super) fn user_data(self, stream: u32, send: u32) -> u64 {
        (self as u64) << 56 | u64::from(send) << 32 | u64::from(stream)
    }

    /// The operation, its stream and the place of what it sends.
    #[inline]
    pub(super) fn of(user_data: u64) -> (Self, u32, u32) {
        let low = |word: u64| u32::try_from(word & u64::from(u32::MAX)).unwrap_or(u32::MAX);
        let send = low(user_data >> 32) & 0x00ff_ffff;
        (Self::ALL[(user_data >> 56) as usize & 3], low(user_data), send)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_told_is_told_back() {
        for operation in Operation::ALL {
            for (stream, send) in [(0, 0), (1, 2), (u32::MAX, 0x00ff_ffff)] {
                let word = operation.user_data(stream, send);
                assert_eq!(Operation::of(word), (operation, stream, send));
            }
        }
    }
}
