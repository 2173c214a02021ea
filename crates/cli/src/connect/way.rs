//! The four ways of talking, and which options mean something in each.
//!
//! An option that would change nothing is a usage error: who gives it expects something of it.

use std::io::IsTerminal as _;

use colok::client::Step;
use colok::net::url::Transport;

use crate::arguments::ConnectArguments;
use crate::messages::{Id, Messages};
use crate::problem::{Exit, Problem};
use crate::say;

/// How to talk.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Way {
    /// `--send` and `--expect`.
    Script,
    /// A person at a terminal.
    Terminal,
    /// A pipe over UDP.
    Datagrams,
    /// A pipe over TCP or a Unix socket.
    Stream,
}

impl Way {
    /// The way that these options and the standard streams choose.
    pub(super) fn of(arguments: &ConnectArguments) -> Self {
        if !arguments.steps.is_empty() {
            Self::Script
        } else if std::io::stdin().is_terminal() && std::io::stdout().is_terminal() {
            Self::Terminal
        } else if arguments.url.transport == Transport::Udp {
            Self::Datagrams
        } else {
            Self::Stream
        }
    }
}

/// An option that is not for every way.
struct Rule {
    option: &'static str,
    applies: fn(Way, &ConnectArguments) -> bool,
    /// What it is for.
    why: Id,
}

const RULES: [Rule; 9] = [
    Rule { option: "within", applies: |_, given| expects(given), why: Id::OnlyExpect },
    Rule { option: "idle-timeout", applies: |way, _| way != Way::Script, why: Id::NotScript },
    Rule { option: "on-eof", applies: |way, _| way == Way::Stream, why: Id::OnlyStream },
    Rule { option: "datagram", applies: |way, _| way == Way::Datagrams, why: Id::OnlyDatagrams },
    Rule { option: "wait", applies: |way, _| way == Way::Datagrams, why: Id::OnlyDatagrams },
    Rule { option: "source", applies: |_, given| is_inet(given), why: Id::OnlyInet },
    Rule { option: "hex", applies: |way, _| is_shown(way), why: Id::OnlyShown },
    Rule { option: "crlf", applies: |way, _| way == Way::Terminal, why: Id::OnlyTerminal },
    Rule { option: "reconnect", applies: |way, _| way == Way::Terminal, why: Id::OnlyTerminal },
];

fn expects(arguments: &ConnectArguments) -> bool {
    arguments.steps.iter().any(|step| matches!(step, Step::Expect { .. }))
}

fn is_inet(arguments: &ConnectArguments) -> bool {
    arguments.url.transport != Transport::Unix
}

/// Whether what comes is shown to somebody, rather than passed on byte for byte.
fn is_shown(way: Way) -> bool {
    matches!(way, Way::Script | Way::Terminal)
}

/// The first option that was given and changes nothing, as a problem.
pub(super) fn check(arguments: &ConnectArguments, messages: &Messages) -> Result<(), Problem> {
    let way = Way::of(arguments);
    let idle =
        |rule: &&Rule| arguments.given.contains(&rule.option) && !(rule.applies)(way, arguments);
    let Some(rule) = RULES.iter().find(idle) else { return Ok(()) };
    let what = say!(messages, Id::UsageNoEffect, option = format!("--{}", rule.option));
    let problem = Problem::new(Exit::Usage, what).why(messages.text(rule.why));
    Err(problem.next("colok connect --help"))
}
