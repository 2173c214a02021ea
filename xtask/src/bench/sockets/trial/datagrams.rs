//! Small datagrams: what they cost, how many are answered, and where those are that are not.
//!
//! A datagram that finds no room in the buffer of a socket is dropped by the kernel, which counts
//! it for that socket. What was lost and dropped nowhere would be a fault of a server.

use std::{fs, net::SocketAddr};

use super::{
    super::{
        super::{program, scratch, usage},
        plan::{Service, Sockets, Work},
        servers::Server,
    },
    Bench, Sample, number,
};

impl Bench<'_> {
    pub(super) fn datagrams(&self, server: Server, work: &Work) -> Result<Sample, String> {
        // sockperf's own server answers its client; the C server has a service for that client.
        let at = scratch::free_address()?;
        let line = server.line(self.programs, Service::UdpEcho, Sockets::Same, at)?;
        let started = self.started(&line, at, Service::UdpEcho)?;
        let before = usage::processor_ns(started.group());
        let report = self.client(work, at)?;
        let used = usage::settled_processor_ns(started.group()).saturating_sub(before);
        let dropped = drops(at);
        let known = |name: &str| report.number(name);
        let (sent, answered) = known("sent").zip(known("answered")).ok_or("no report")?;
        let share = |count: f64| count / sent * 100.0;
        let busy = known("processor_us").zip(known("seconds"));
        Ok(vec![
            Some(number(used) / 1e3 / answered),
            known("per_s"),
            Some(share(sent - answered)),
            dropped.map(share),
            known("dropped").map(share),
            busy.map(|(used, seconds)| used / seconds / 1e4),
        ])
    }
}

/// How many datagrams the socket at this address had no room for, as the kernel counts.
fn drops(at: SocketAddr) -> Option<f64> {
    let table = fs::read_to_string("/proc/net/udp").ok()?;
    program::line_of(&table, "07", at)?.split_whitespace().next_back()?.parse().ok()
}
