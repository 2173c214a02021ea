//! The tables of a page, from the figures of a report.

use std::time::Duration;

use colok::load::plan::{Address, Arrivals, Call, Io, Length, Pace, Plan, Sizes};
use colok::load::report::{Latency, Report};
use colok_chart::Unit;

use super::{started, time};
use crate::html::Html;
use crate::load::figures::{
    bytes_between, bytes_per_second, count, many, many_between, percent, percentile,
};
use crate::load::verdict::reasons_text;
use crate::messages::{Id, Messages};
use crate::units::{duration_text, size_text};

/// Fewer samples beyond a percentile say little about it.
const BEYOND_MIN: u64 = 10;

/// Finds a figure of a distribution.
type Figure = fn(&Latency) -> f64;

/// A name and its value; an empty value is left out.
type Row = (String, String);

/// Everything that is a name and a value.
pub(super) fn write(page: &mut Html, report: &Report, messages: &Messages) {
    accounted(page, report, messages);
    let tables = Tables { report, messages };
    page.markup("<div class=\"pair\">");
    page.facts(&messages.text(Id::PageThroughput), &tables.throughput());
    page.facts(&messages.text(Id::PageConnections), &tables.connections());
    page.markup("</div>");
    runs(page, report, messages);
    page.markup("<div class=\"pair\">");
    page.facts(&messages.text(Id::PageGenerator), &tables.generator());
    page.facts(&messages.text(Id::PageServer), &tables.server());
    page.markup("</div>\n<div class=\"pair\">");
    page.facts(&messages.text(Id::PageSettings), &tables.settings());
    page.facts(&messages.text(Id::PageMachine), &tables.machine());
    page.markup("</div>");
}

/// Percentiles with what they rest on.
pub(super) fn percentiles(page: &mut Html, report: &Report, messages: &Messages) {
    let Some(first) = report.response_time.as_ref().or(report.service_time.as_ref()) else {
        return;
    };
    let columns: Vec<(Id, &Latency)> = [
        (Id::PageService, report.service_time.as_ref()),
        (Id::PageResponse, report.response_time.as_ref()),
        (Id::PageSlip, report.schedule_slip.as_ref()),
    ]
    .into_iter()
    .filter_map(|(id, latency)| Some((id, latency?)))
    .collect();
    page.markup("<section>");
    page.text("h2", &messages.text(Id::PagePercentiles));
    page.markup("<div class=\"scroll\"><table>\n<thead><tr>");
    page.text("th scope=\"col\"", &messages.text(Id::PagePercentile));
    for (id, _) in &columns {
        page.text("th scope=\"col\" class=\"number\"", &messages.text(*id));
    }
    page.text("th scope=\"col\" class=\"number\"", &messages.text(Id::PageBeyond));
    page.markup("</tr></thead>\n<tbody>");
    for at in &first.percentiles {
        let weak = at.samples_beyond < BEYOND_MIN;
        page.markup(if weak { "<tr class=\"weak\">" } else { "<tr>" });
        page.text("th scope=\"row\"", &percentile(at.percentile));
        for (_, latency) in &columns {
            let same = |other: &&colok::load::report::Percentile| {
                (other.percentile - at.percentile).abs() < 1e-9
            };
            let value = latency.percentiles.iter().find(same).map(|found| time(found.us));
            page.text("td class=\"number\"", value.as_deref().unwrap_or("–"));
        }
        let few = if weak { format!(" ({})", messages.text(Id::ReportFew)) } else { String::new() };
        page.text("td class=\"number\"", &format!("{}{few}", count(at.samples_beyond)));
        page.markup("</tr>");
    }
    let figures: [(Id, Figure); 4] = [
        (Id::PageMax, |it| it.max_us),
        (Id::PageMin, |it| it.min_us),
        (Id::PageMean, |it| it.mean_us),
        (Id::PageDeviation, |it| it.deviation_us),
    ];
    for (id, figure) in figures {
        page.markup("<tr>");
        page.text("th scope=\"row\"", &messages.text(id));
        for (_, latency) in &columns {
            page.text("td class=\"number\"", &time(figure(latency)));
        }
        page.markup("<td></td></tr>");
    }
    page.markup("</tbody></table></div>");
    meanings(page, report, messages);
    page.markup("</section>");
}

/// What the columns mean.
fn meanings(page: &mut Html, report: &Report, messages: &Messages) {
    page.text("p class=\"about\"", &messages.text(Id::PageServiceIs));
    if report.response_time.is_some() {
        page.text("p class=\"about\"", &messages.text(Id::PageResponseIs));
    }
    if report.schedule_slip.is_some() {
        page.text("p class=\"about\"", &messages.text(Id::PageSlipIs));
    }
}

/// Every message: what was sent is the sum of what became of it.
fn accounted(page: &mut Html, report: &Report, messages: &Messages) {
    if report.plan.call == Call::Chargen {
        return;
    }
    let sums = &report.reconciliation;
    // Nobody answers there.
    let taken = report.plan.call == Call::Discard;
    let columns = [
        (Id::PageSent, sums.sent),
        (if taken { Id::PageTaken } else { Id::PageAnswered }, sums.answered),
        (Id::PageInFlight, sums.in_flight),
        (Id::PageLost, sums.lost),
        (Id::PageWrong, sums.wrong),
    ];
    page.markup("<section>");
    page.text("h2", &messages.text(Id::PageAccount));
    page.markup("<div class=\"scroll\"><table class=\"sum\">\n<thead><tr>");
    for (at, (id, _)) in columns.iter().enumerate() {
        let sign = ["", "= ", "+ "][at.min(2)];
        let name = format!("{sign}{}", messages.text(*id));
        page.text("th scope=\"col\" class=\"number\"", &name);
    }
    page.markup("</tr></thead>\n<tbody><tr>");
    for (_, value) in columns {
        page.text("td class=\"number\"", &count(value));
    }
    page.markup("</tr></tbody></table></div>");
    let balanced = if sums.balanced { Id::PageBalanced } else { Id::PageUnbalanced };
    page.text("p class=\"about\"", &messages.text(balanced));
    let besides = [
        (Id::PageDuplicates, sums.duplicates),
        (Id::PageOutOfOrder, sums.out_of_order),
        (Id::PageLate, sums.late),
        (Id::PageUnexpected, sums.unexpected_bytes),
    ];
    let besides = besides.iter().filter(|(_, value)| *value > 0);
    let besides: Vec<String> =
        besides.map(|(id, value)| format!("{}: {}", messages.text(*id), count(*value))).collect();
    if !besides.is_empty() {
        page.text("p", &besides.join(" · "));
    }
    page.markup("</section>");
}

/// The runs, when there were several.
fn runs(page: &mut Html, report: &Report, messages: &Messages) {
    if report.runs.len() < 2 {
        return;
    }
    page.markup("<section>");
    page.text("h2", &messages.text(Id::PageRuns));
    page.markup("<div class=\"scroll\"><table>\n<thead><tr>");
    page.text("th scope=\"col\"", &messages.text(Id::PageRun));
    for id in [Id::PageRunLength, Id::PageRate, Id::PageMedian, Id::PageNinetyNine] {
        page.text("th scope=\"col\" class=\"number\"", &messages.text(id));
    }
    page.markup("</tr></thead>\n<tbody>");
    for (index, run) in report.runs.iter().enumerate() {
        let percentile = |value: Option<f64>| value.map_or("–".to_owned(), time);
        page.markup("<tr>");
        page.text("th scope=\"row\"", &(index + 1).to_string());
        page.text("td class=\"number\"", &format!("{:.1} s", run.seconds));
        page.text("td class=\"number\"", &many(run.messages_per_s));
        page.text("td class=\"number\"", &percentile(run.p50_us));
        page.text("td class=\"number\"", &percentile(run.p99_us));
        page.markup("</tr>");
    }
    page.markup("</tbody></table></div>\n</section>");
}

/// The rows of the tables of names and values.
struct Tables<'a> {
    report: &'a Report,
    messages: &'a Messages,
}

impl Tables<'_> {
    fn row(&self, id: Id, value: impl Into<String>) -> Row {
        (self.messages.text(id), value.into())
    }

    /// Left out when there is no value.
    fn some<T>(&self, id: Id, value: Option<T>, text: impl Fn(T) -> String) -> Row {
        self.row(id, value.map_or_else(String::new, text))
    }

    fn throughput(&self) -> Vec<Row> {
        let figures = &self.report.throughput;
        if figures.seconds <= 0.0 {
            return Vec::new();
        }
        let interval = figures.interval.as_ref();
        let some_bytes = |rate: f64| (rate > 0.0).then_some(rate);
        vec![
            self.some(Id::PageRequested, figures.requested_per_s, many),
            self.some(Id::PageRate, figures.messages_per_s, many),
            self.some(Id::PageInterval, interval, |it| {
                let (low, high) = (it.mean - it.half_width, it.mean + it.half_width);
                // Without messages the throughput is that of bytes.
                let of_messages = figures.messages_per_s.is_some();
                let ends = if of_messages { many_between } else { bytes_between };
                let (low, high) = ends(low.max(0.0), high);
                format!("{low} – {high} (±\u{a0}{})", percent(it.percent))
            }),
            self.some(Id::PageBacklog, figures.backlog, count),
            self.some(Id::PageBytesSent, some_bytes(figures.sent_bytes_per_s), bytes_per_second),
            self.some(
                Id::PageBytesReceived,
                some_bytes(figures.received_bytes_per_s),
                bytes_per_second,
            ),
            self.row(Id::PageMeasured, format!("{:.1} s", figures.seconds)),
        ]
    }

    fn connections(&self) -> Vec<Row> {
        let there = &self.report.connections;
        let connect = self.report.connect_time.as_ref();
        let sources = (there.source_addresses > 1).then_some(there.source_addresses);
        let taken = self.report.plan.call == Call::Discard;
        // Where each message has a new connection they are all alike, and these are places.
        let lasting = self.report.plan.messages_per_connection.is_none();
        let each = there.answered_min.zip(there.answered_max);
        let each = each.filter(|(_, most)| lasting && *most > 0);
        vec![
            self.row(Id::PageOpened, count(there.opened)),
            self.row(Id::PageOpenAtEnd, count(there.open_at_end)),
            self.row(Id::PageNotMade, reasons_text(&there.failed, self.messages)),
            self.row(Id::PageEnded, reasons_text(&there.ended_early, self.messages)),
            self.some(Id::PageConnectTime, connect, |it| {
                format!("{} – {}", time(it.mean_us), time(it.max_us))
            }),
            self.some(Id::PageSources, sources, |number| number.to_string()),
            self.some(
                if taken { Id::PageEachTaken } else { Id::PageEach },
                each,
                |(least, most)| format!("{} – {}", count(least), count(most)),
            ),
            self.some(Id::PageFairness, there.fairness.filter(|_| lasting), |index| {
                format!("{index:.3}")
            }),
        ]
    }

    fn generator(&self) -> Vec<Row> {
        let used = &self.report.generator;
        let shares = |shares: &[f64]| {
            let shares: Vec<String> = shares.iter().map(|share| percent(share * 100.0)).collect();
            shares.join(", ")
        };
        let of = |(used, all)| format!("{} / {}", count(used), count(all));
        vec![
            self.row(Id::PageThreads, used.threads.to_string()),
            self.row(Id::PageProcesses, used.processes.to_string()),
            self.row(Id::PageBusy, shares(&used.thread_busy)),
            self.row(Id::PageDelayed, shares(&used.thread_delayed)),
            self.some(Id::PageCost, used.processor_us_per_message, time),
            self.some(Id::PageOwnSlip, used.own_slip_p99_us, time),
            self.row(Id::PageDescriptors, of((used.descriptors, used.descriptors_max))),
            self.some(Id::PagePorts, used.ports.zip(used.ports_max), of),
            self.some(Id::PageDrops, used.receive_drops, count),
            self.row(Id::PageIo, self.report.io.as_str()),
        ]
    }

    fn server(&self) -> Vec<Row> {
        let Some(used) = &self.report.server else { return Vec::new() };
        let bytes = |bytes: f64| Unit::Bytes.text(bytes);
        vec![
            self.row(Id::PageProcess, format!("{} ({})", used.name, used.pid)),
            self.row(Id::PageProcesses, used.processes.to_string()),
            self.row(Id::PageServerBusy, percent(used.busy * 100.0)),
            self.some(Id::PageUser, used.user_us_per_message, time),
            self.some(Id::PageSystem, used.system_us_per_message, time),
            self.row(Id::PageMemory, size_text(used.memory_kib.saturating_mul(1024))),
            self.some(Id::PageMemoryConnection, used.memory_bytes_per_connection, bytes),
            // Memory that was given back meanwhile is no cost of a message.
            self.some(
                Id::PageMemoryMessage,
                used.memory_bytes_per_message.filter(|grown| *grown > 0.0),
                bytes,
            ),
        ]
    }

    fn settings(&self) -> Vec<Row> {
        let plan = &self.report.plan;
        let pin: Vec<String> = plan.pin.iter().map(u32::to_string).collect();
        let idle = plan.active != plan.connections;
        // Who only reads sends no messages.
        let sends = (plan.call != Call::Chargen).then_some(plan);
        let asks = sends.filter(|plan| plan.call != Call::Discard);
        vec![
            self.row(Id::PageServiceName, service(&plan.call)),
            self.row(Id::PageAddress, address(&plan.address)),
            self.row(Id::PageConnectionsAll, count(u64::from(plan.connections))),
            self.some(Id::PageActive, idle.then_some(u64::from(plan.active)), count),
            self.some(Id::PageDepth, asks, |plan| plan.depth.to_string()),
            self.some(Id::PagePace, sends, |plan| self.pace(plan)),
            self.some(Id::PageSizes, sends, |plan| sizes(&plan.sizes)),
            self.some(Id::PagePerConnection, plan.messages_per_connection, count),
            self.row(Id::PageRampUp, unless_zero(plan.ramp_up_s)),
            self.row(Id::PageWarmUp, unless_zero(plan.warm_up_s)),
            self.row(Id::PageLength, self.length(plan)),
            self.some(Id::PageUntil, plan.until, |until| {
                format!("± {} (≤ {})", percent(until.percent), until.runs_max)
            }),
            self.some(Id::PageReplyTimeout, asks, |plan| duration_text(plan.reply_timeout_s)),
            self.row(Id::PageConnectTimeout, duration_text(plan.connect_timeout_s)),
            self.row(Id::PagePin, pin.join(", ")),
            self.row(Id::PageIoAsked, io(plan.io)),
            self.row(Id::PageSeed, plan.seed.to_string()),
        ]
    }

    fn pace(&self, plan: &Plan) -> String {
        match plan.pace {
            Pace::Closed if plan.call == Call::Discard => self.messages.text(Id::DoneTaken),
            Pace::Closed => self.messages.text(Id::PageClosed),
            Pace::Open { rate_per_s, arrivals } => {
                let spread = match arrivals {
                    Arrivals::Poisson => "Poisson".to_owned(),
                    Arrivals::Even => self.messages.text(Id::PageEven),
                };
                format!("{}/s, {spread}", many(rate_per_s))
            }
        }
    }

    fn length(&self, plan: &Plan) -> String {
        match plan.length {
            Length::For(time) => duration_text(time),
            Length::Messages(most) => {
                format!("{}: {}", self.messages.text(Id::PageMessages), count(most))
            }
        }
    }

    fn machine(&self) -> Vec<Row> {
        let machine = &self.report.machine;
        let memory = size_text(machine.memory_mib.saturating_mul(1024 * 1024));
        vec![
            self.row(Id::PageProcessor, machine.processor.as_str()),
            self.row(Id::PageProcessors, machine.processors.to_string()),
            self.row(Id::PageMemoryAll, memory),
            self.row(Id::PageSystemName, machine.system.as_str()),
            self.row(Id::PageKernel, machine.kernel.as_str()),
            self.row(Id::PageLoad, format!("{:.2}", machine.load_average)),
            self.row(Id::PagePath, machine.path.as_str()),
            self.row(Id::PageStarted, started(self.report)),
            self.row(Id::PageTool, self.report.tool.as_str()),
        ]
    }
}

fn unless_zero(time: Duration) -> String {
    if time.is_zero() { String::new() } else { duration_text(time) }
}

/// The service as the command line names it.
fn service(call: &Call) -> String {
    match call {
        Call::Echo => "echo".to_owned(),
        Call::Count { language, unit } => format!("count (lang={language}, unit={unit})"),
        Call::Discard => "discard".to_owned(),
        Call::Chargen => "chargen".to_owned(),
        Call::Files => "files".to_owned(),
        Call::Custom { send, expect } => format!("--send {send} --expect {expect}"),
    }
}

fn address(address: &Address) -> String {
    match address {
        Address::Tcp(at) => format!("tcp {at}"),
        Address::Udp(at) => format!("udp {at}"),
        Address::Unix(path) => format!("unix {path}"),
    }
}

fn sizes(sizes: &Sizes) -> String {
    let size = |bytes: u32| size_text(u64::from(bytes));
    match sizes {
        Sizes::Fixed(bytes) => size(*bytes),
        Sizes::Uniform(first, last) => format!("{} – {}", size(*first), size(*last)),
        Sizes::Weighted(all) => {
            let all = all.iter().map(|(bytes, weight)| format!("{} × {weight}", size(*bytes)));
            all.collect::<Vec<_>>().join(", ")
        }
    }
}

fn io(io: Io) -> &'static str {
    match io {
        Io::Auto => "auto",
        Io::Epoll => "epoll",
        Io::Uring => "uring",
    }
}
