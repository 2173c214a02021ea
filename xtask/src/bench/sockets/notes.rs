//! How to read the report, and what is not in it.
//!
//! Whoever changes what is measured changes the sentence about it here.

use super::{super::Extent, generators::Times};

/// Why a target was missed, by the name of the target: what a profile shows. A note is printed in
/// runs that miss the target, and in no other.
pub(super) const PROFILES: &[(&str, &str)] = &[
    ("echo-512x1k-d16", DEEP),
    ("echo-512x1k-d16-rate", DEEP),
    (
        "trip-awake",
        "Of a round trip of 9.1 us the server works for 3.6 us (perf: 39 % of its time \
         are calls, half of that in `tcp_sendmsg`, a third in the receive that the ring \
         carries out); for the rest it looks for work while the client is in its own \
         `send` and `recv`. One call brings the message, one sends the reply. On a \
         processor whose clock is lower all of it takes longer.",
    ),
];

const DEEP: &str = "Sixteen messages come and go with one call, so there are few calls to \
     save. perf: 24 % of the server's time is the copying of 16 KiB each way, most of the \
     rest TCP and the loopback device; 5 % is colok's own, most of it looking for newlines. \
     Where the processor's clock is high the copies weigh more, and a server that goes \
     through its connections one by one has them in its nearest cache. The generator is busy \
     all the time, so it sets the rate.";

/// One sentence or two about each thing that a reader of figures must know.
const NOTES: [&str; 21] = [
    "Each figure is the median of the rounds (smallest to largest); a ratio is the row's \
     median divided by that of the row it names. In each round each row has one run, in \
     an order that moves on by one from round to round; each run has a fresh server.",
    "Server CPU is user and system time of the server and its children in the measured \
     time, read by `colok load --server-pid`, divided by the messages answered in it \
     (discard: sent). It is the steadiest figure here and the one to compare. It holds \
     what the kernel does in the server's name, and on loopback that is part of what the \
     other end receives.",
    "Messages per second are a lower bound of what the server can do wherever the \
     generator was busy all the time (97 % and more): then the generator was the limit.",
    "p50 and p99 are round trips in a closed loop: with more connections they grow \
     because messages wait for each other, on whichever end is busier.",
    "Every message of the closed loop is checked byte for byte. A run with a wrong or a \
     lost reply counts as failed.",
    "The same socket options: TCP_NODELAY and SO_REUSEADDR, no buffer sizes, the \
     congestion control of the machine. Go and colok set both by themselves; ncat has no \
     option for them and runs with its defaults in every table. In the tables of \
     everyone's own defaults the C server, tokio, compio and socat run without \
     TCP_NODELAY.",
    "Buffers: C 64 KiB for all connections; tokio, compio and Go 16 KiB for each connection, \
     one message of the largest size; colok's belong to its workers; socat and cat have their own.",
    "colok has its own limits, its idle timer and its accounting in place (10 min instead \
     of echo's 5 s, because idle connections are measured); no peer has any of these.",
    "Targets: figures are compared as they are printed, with two digits. Beside tokio the \
     processor time is the steadier figure; where both servers keep the generator busy, \
     messages per second differ by chance.",
    "Round trips (trip): one connection, from before `send` until the reply is read whole. \
     c-blocking and the sleeping client sleep in `read`; the time to wake up is in the \
     figure, on both sides.",
    "Own memory (held): what `Anonymous` in `smaps_rollup` of the server grew by, after one \
     connection has exchanged 1024 messages of 64 KiB (so that buffers which all connections \
     share are in use), then all the others have had one message answered and nobody spoke \
     for 2 s. They come from 127.0.0.2 and up. Kernel memory as for idle memory.",
    "Bytes in one direction (receive): one plain C sender for all, 128 KiB in a call, until \
     the server has ended the connection too; iperf3's server takes no other sender than its \
     own client, which gives as much in a call. c-epoll copies what it throws away. Lines \
     that are counted have 64 KiB: an answer to each short line would make it a measurement \
     of answers (count has those).",
    "Datagrams: one plain C sender keeps its number of datagrams on the way; what is not \
     answered within 20 ms is taken for lost. Each is one that sockperf's server answers. \
     Dropped is what the kernel counts for a socket without room; the sum of both explains \
     what was lost. Without UDP_GRO, which sockperf does not ask for, the kernel cuts a \
     gathered send into datagrams at the receiver's socket.",
    "Scale: the same cost with 256 and with 16000 connections, all of them active.",
    "Hold: 100000 connections, opened over 15 s, server (8 workers) and generator (8 \
     processes) on both processors; one run, whatever the rounds. Lost is every connection \
     that was not there at the end and every reply that was wrong or missing; at the end \
     every idle connection has a message answered too. The server's memory is its growth, the \
     generator's the sum of the peaks of its processes, the kernel's that of the whole \
     machine, both ends of each connection.",
    "Idle memory: the growth of the proportional set size of all processes of a server \
     over 800 connections (ncat: 63, socat: 511) that have had one message answered, a \
     first connection not counted. Kernel memory is what slabs, kernel stacks and page \
     tables of the whole machine grew by: both ends of each connection are in it, and \
     whatever else went on.",
    "Start: from the start of the process (taskset and prlimit included, the same for all) to \
     the answer to a message on a connection that was tried every 50 us.",
    "UDP of socat: a process for each datagram. UDP has one loop in colok whatever the \
     model.",
    "sockperf's client ignores plain echo; the C server clears one bit of its datagrams \
     for it. Its processor time is read from outside, start and warm-up included. Where \
     more than one message is on the way it sends as fast as it can and loses what finds no \
     room, while `colok load` keeps to its depth and loses nothing; what is compared there is \
     replies per second and what each cost.",
    "Count: no other program speaks it; the C server does for the comparison, and it \
     trusts its client to send UTF-8.",
    "Not measured: a network between two machines, more than one processor for a server (but in \
     hold), open loops (a rate that does not wait), connections made anew for each \
     message, TLS, other compilers and kernels, generators with replies over many \
     connections other than these (wrk, h2load and others speak HTTP only), monoio and \
     liburing's own example, ncat over UDP and as a sink (it serves one client).",
];

/// The notes of a run, one line each.
pub(super) fn notes(times: Times, extent: Extent) -> Vec<String> {
    let Times { warm_up_ms, measured_ms } = times;
    let mut notes = vec![format!(
        "A run: {warm_up_ms} ms of warm-up, {measured_ms} ms measured; sockperf and iperf3 count \
         in whole seconds."
    )];
    notes.extend(NOTES.map(str::to_owned));
    if extent == Extent::Usual {
        notes.push(
            "Of 1, 64, 512 and 4096 connections with 64 B, 1 KiB and 16 KiB at depth 1 and 16 the \
             loads above were chosen; `--full` measures all 24."
                .to_owned(),
        );
    }
    notes
}
