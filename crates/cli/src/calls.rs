//! Socket calls as lines: `connect(127.0.0.1:5001) = 0 (0.08 ms)`; operations of an `io_uring`,
//! which take no time of ours: `recv(9) = 6 (io_uring)`.

use std::fmt::Write as _;

use colok::observe::Call;

use crate::problem::errno_name;

/// One call. The descriptor is the first argument, except for connect, whose address says it all.
pub(crate) fn call_line(call: &Call) -> String {
    let mut line = format!("{}(", call.call);
    let arguments = if call.is_of_ring() { "" } else { call.arguments.as_str() };
    if let Some(descriptor) = call.descriptor
        && call.call != "connect"
    {
        let separator = if arguments.is_empty() { "" } else { ", " };
        let _ = write!(line, "{descriptor}{separator}");
    }
    let _ = write!(line, "{arguments}) = {}", call.result);
    if call.errno != 0 {
        let _ = write!(line, " {}", errno_name(call.errno));
    }
    if call.is_of_ring() {
        let _ = write!(line, " ({})", Call::RING);
        return line;
    }
    // Durations of calls spread over six orders; hundredths of a millisecond show the least of
    // them as 0.00 and still compare.
    #[expect(clippy::cast_precision_loss, reason = "a duration of 2^52 ns is 52 days")]
    let millis = call.duration_ns as f64 / 1e6;
    let _ = write!(line, " ({millis:.2} ms)");
    line
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn calls_look_like_strace() {
        let call = |call: &str, descriptor, arguments: &str, result, errno| Call {
            call: call.into(),
            descriptor,
            arguments: arguments.into(),
            result,
            errno,
            duration_ns: 84_000,
        };
        for (call, expected) in [
            (
                call("socket", None, "AF_INET, SOCK_STREAM", 3, 0),
                "socket(AF_INET, SOCK_STREAM) = 3 (0.08 ms)",
            ),
            (
                call("connect", Some(3), "127.0.0.1:5001", -1, 111),
                "connect(127.0.0.1:5001) = -1 ECONNREFUSED (0.08 ms)",
            ),
            (call("read", Some(3), "65536", 6, 0), "read(3, 65536) = 6 (0.08 ms)"),
            (call("close", Some(3), "", 0, 0), "close(3) = 0 (0.08 ms)"),
            (call("send", Some(3), Call::RING, -1, 104), "send(3) = -1 ECONNRESET (io_uring)"),
        ] {
            assert_eq!(call_line(&call), expected);
        }
    }
}
