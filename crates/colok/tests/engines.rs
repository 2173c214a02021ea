//! One test body, every machine, every engine, every transport it supports.
//!
//! The names of the tests are `machine::what::model::transport`. The program is its own harness,
//! because the `processes` model re-executes it as its workers.

mod conversations;
mod engine_bodies;
mod support;

use colok::engine::Model;
use libtest_mimic::{Arguments, Failed, Trial};

use engine_bodies::{BLIND_BODIES, DATAGRAM_BODIES, FILE_BODIES, STREAM_BODIES};
use support::{MODELS, fresh_name};

fn main() {
    colok::engine::processes::worker_if_asked();
    let arguments = Arguments::from_args();
    let mut trials = Vec::new();
    for model in MODELS {
        for transport in ["tcp4", "tcp6", "unix"] {
            let bodies = STREAM_BODIES.iter().chain(BLIND_BODIES).chain(FILE_BODIES);
            for (name, body) in bodies {
                trials.push(trial(name, model, transport, *body));
            }
        }
        for transport in ["udp4", "udp6"] {
            for (name, body) in DATAGRAM_BODIES {
                trials.push(trial(name, model, transport, *body));
            }
        }
    }
    libtest_mimic::run(&arguments, trials).exit();
}

/// A body takes the model and the place to serve on: a URL with port 0 or a fresh name.
type Body = fn(Model, &str);

fn trial(name: &str, model: Model, transport: &'static str, body: Body) -> Trial {
    let place = move || match transport {
        "tcp4" => "tcp://127.0.0.1:0".to_owned(),
        "tcp6" => "tcp://[::1]:0".to_owned(),
        "udp4" => "udp://127.0.0.1:0".to_owned(),
        "udp6" => "udp://[::1]:0".to_owned(),
        // A name that as text is longer than a name can be, since each quote is escaped.
        _ => format!("unix:@{}{}", fresh_name(), "'".repeat(60)),
    };
    let skip = transport.ends_with('6') && !has_ipv6();
    let named = format!("{name}::{}::{transport}", model.name());
    let named = if skip { format!("{named} (skipped: no IPv6 loopback)") } else { named };
    Trial::test(named, move || {
        body(model, &place());
        Ok::<(), Failed>(())
    })
    .with_ignored_flag(skip)
}

fn has_ipv6() -> bool {
    std::net::TcpListener::bind("[::1]:0").is_ok()
}
