//! Works with one connection: how long a round trip takes, and how fast bytes are taken.
//!
//! The client is the same for every server, and only one connection is made.

use super::{
    super::{
        super::{scratch, usage},
        generators::Generator,
        json::Json,
        plan::{Reader, Service, Sockets, Work},
        servers::Server,
    },
    Bench, GENERATOR_CORE, Sample, number,
};

const MIB: f64 = 1024.0 * 1024.0;

impl Bench<'_> {
    pub(super) fn trip(&self, server: Server, work: &Work) -> Result<Sample, String> {
        let at = scratch::free_address()?;
        let line = server.line(self.programs, Service::Echo, Sockets::Same, at)?;
        let started = self.started(&line, at, Service::Echo)?;
        let before = usage::processor_ns(started.group());
        let report = self.client(work, at)?;
        let used = usage::processor_ns(started.group()).saturating_sub(before);
        let messages = report.number("messages").filter(|&messages| messages > 0.0);
        let seconds = report.number("seconds");
        // The warm-up costs the server the same as the rest, message by message.
        let all = seconds.zip(messages).map(|(seconds, messages)| {
            let warm_up = std::time::Duration::from_millis(self.times.warm_up_ms).as_secs_f64();
            messages * (1.0 + warm_up / seconds)
        });
        Ok(vec![
            report.number("p50_us"),
            report.number("p99_us"),
            report.number("messages_per_s"),
            all.map(|all| number(used) / 1e3 / all),
        ])
    }

    pub(super) fn receive(&self, server: Server, reader: Reader) -> Result<Sample, String> {
        let (at, work) = (scratch::free_address()?, Work::Receive(reader));
        let service = if reader == Reader::Count { Service::Count } else { Service::Discard };
        let line = server.line(self.programs, service, Sockets::Same, at)?;
        let started = self.started(&line, at, service)?;
        let before = usage::processor_ns(started.group());
        let [bytes, rate, busy] = if server == Server::Iperf3 {
            self.iperf3(at)?
        } else {
            let report = self.client(&work, at)?;
            let busy = report.number("processor_us").zip(report.number("seconds"));
            let busy = busy.map(|(used, seconds)| used / seconds / 1e4);
            [report.number("bytes_all"), report.number("bytes_per_s"), busy]
        };
        let used = usage::settled_processor_ns(started.group()).saturating_sub(before);
        let cost = bytes.filter(|&bytes| bytes > 0.0).map(|bytes| number(used) / 1e3 * MIB / bytes);
        Ok(vec![cost, rate.map(|rate| rate / MIB), busy])
    }

    /// Bytes in all, bytes per second, how busy the sender was in percent.
    fn iperf3(&self, at: std::net::SocketAddr) -> Result<[Option<f64>; 3], String> {
        let generator = Generator::Iperf3;
        let program = generator.program(self.programs).as_ref().map_err(Clone::clone)?;
        let mut line = vec![program.display().to_string()];
        line.extend(generator.words(&Work::Receive(Reader::Discard), at, self.times, None));
        let (text, ended) = self.said(&mut self.pinned(GENERATOR_CORE, &line)?)?;
        ended?;
        let json = Json::parse(&text).ok_or("iperf3: its report is no JSON")?;
        let rate = json.number("end.sum_received.bits_per_second").map(|bits| bits / 8.0);
        let busy = json.number("end.cpu_utilization_percent.host_total");
        Ok([json.number("end.sum_received.bytes"), rate, busy])
    }
}
