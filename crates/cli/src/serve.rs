//! `colok serve`: binds, says what listens where, logs what happens, and stops on a signal.
//!
//! The serving itself is the library's; here are the table, the log thread and the signals. Only
//! the log thread writes to standard output: its reader may stop reading, and the end must not
//! wait.

mod log_line;
pub(crate) mod signals;
mod store;
mod store_line;
mod table;

use std::io::IsTerminal as _;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use colok::net::service_address::ServiceAddress;
use colok::net::url::{Place, Url};
use colok::observe::{Event, NoTap, RecordReceiver, Tap, log_queue};
use colok::server::{Limits, Server, Stop, StopState, raise_descriptor_limit};
use colok::{Error, proto::ServiceKind};

use log_line::LineWriter;

use crate::arguments::ServeArguments;
use crate::log_thread::{LogPlan, LogThread};
use crate::messages::Messages;
use crate::problem::{Exit, Problem};
use crate::style::Style;

/// Serves until a signal stops it.
pub(crate) fn run(arguments: &ServeArguments, messages: &Messages) -> Result<Exit, Problem> {
    let stop = Stop::new().map_err(|error| Problem::of(&error, messages))?;
    let json = arguments.json_log.is_some();
    if arguments.quiet && !json {
        return serve(arguments, messages, &stop, NoTap, None);
    }
    // Detail is compiled in only when something reports messages or calls: it costs time per
    // message. The JSON log always has the messages.
    let (details, calls) = (arguments.verbose || json, arguments.calls);
    if details || calls {
        let (tap, receiver) = log_queue::<true>(details, calls);
        let tap = tap.with_hashes(arguments.log_hashes);
        serve(arguments, messages, &stop, tap, Some(receiver))
    } else {
        let (tap, receiver) = log_queue::<false>(false, false);
        serve(arguments, messages, &stop, tap, Some(receiver))
    }
}

fn serve<T: Tap>(
    arguments: &ServeArguments,
    messages: &Messages,
    stop: &Stop,
    tap: T,
    receiver: Option<RecordReceiver>,
) -> Result<Exit, Problem> {
    let limits = limits(arguments);
    let files = store::options(arguments, messages)?;
    let on_drain = Announcement::new(&tap, limits.drain);
    let announcement = on_drain.clone();
    signals::watch(stop, move || announcement.make())?;
    let kept = files.as_ref().map(|_| store::line(&arguments.store, messages));
    let server = Server::bind(&arguments.addresses, arguments.model, limits, files, &tap);
    let table = server.as_ref().ok().map(|server| {
        let style = Style::of(&std::io::stdout());
        table::text(&server.listening(), server.model(), kept.as_deref(), messages, style)
    });
    let log = receiver
        .map(|receiver| LogThread::start(receiver, log_plan(arguments, table, messages), messages))
        .transpose()?;
    let result = server.and_then(|server| server.run(stop, &tap));
    on_drain.forget();
    drop(tap);
    if let Some(log) = log {
        log.finish(result.as_ref().ok());
    }
    result.map_err(|error| {
        let service = service_of(&error, &arguments.addresses);
        Problem::of_service(&error, service, messages)
    })?;
    Ok(if stop.state() == StopState::AtOnce { Exit::Interrupted } else { Exit::Done })
}

fn log_plan<'a>(
    arguments: &'a ServeArguments,
    first: Option<String>,
    messages: &Messages,
) -> LogPlan<'a, LineWriter> {
    let output = std::io::stdout();
    let (style, terminal) = (Style::of(&output), output.is_terminal());
    let lines = LineWriter::new(messages.clone(), style, arguments.verbose, terminal);
    LogPlan { json: arguments.json_log.as_ref(), quiet: arguments.quiet, first, lines }
}

/// What the signal thread tells the log: that the server stops. It lets go of the tap at the end,
/// because the log thread ends when nobody holds one.
#[derive(Clone)]
struct Announcement<T: Tap> {
    tap: Arc<Mutex<Option<T>>>,
    drain: Duration,
}

impl<T: Tap> Announcement<T> {
    fn new(tap: &T, drain: Duration) -> Self {
        Self { tap: Arc::new(Mutex::new(Some(tap.clone()))), drain }
    }

    fn make(&self) {
        if let Some(tap) = &*self.tap.lock().unwrap_or_else(PoisonError::into_inner) {
            let drain_ms = u64::try_from(self.drain.as_millis()).unwrap_or(u64::MAX);
            tap.event(|| Event::Stopping { drain_ms });
        }
    }

    fn forget(&self) {
        self.tap.lock().unwrap_or_else(PoisonError::into_inner).take();
    }
}

fn limits(arguments: &ServeArguments) -> Limits {
    // First of all, because the default for connections is made from it.
    raise_descriptor_limit();
    let mut limits = Limits::default();
    if let Some(connections) = arguments.connections_max {
        limits.connections_max = connections;
    }
    if let Some(per_ip) = arguments.connections_per_ip_max {
        limits.connections_per_ip_max = (per_ip > 0).then_some(per_ip);
        limits.limit_loopback = true;
    }
    if let Some(workers) = arguments.workers {
        limits.workers = workers;
    }
    if let Some(busy_poll) = arguments.busy_poll {
        limits.busy_poll = busy_poll;
    }
    if let Some(turn) = arguments.turn {
        limits.turn = turn;
    }
    if let Some(drain) = arguments.drain {
        limits.drain = drain;
    }
    limits.bytes_per_second_max = arguments.store.rate_max;
    limits
}

/// Which service was to have the address that could not be bound: the one with its port, or with
/// its socket file.
fn service_of(error: &Error, addresses: &[ServiceAddress]) -> Option<&'static str> {
    let Error::Bind { address, .. } = error else { return None };
    let failed: Url = address.parse().ok()?;
    let same = |url: &Url| match (&url.place, &failed.place) {
        (Place::Inet { port, .. }, Place::Inet { port: failed, .. }) => port == failed,
        (place, failed) => place == failed,
    };
    let found = addresses.iter().find(|address| same(&address.url));
    found.map(|address| address.service.kind()).map(ServiceKind::name)
}
