//! Errors of the library whose way out depends on the options that were given.
//!
//! All others are told the same everywhere (see [`Problem::of`]).

use std::net::SocketAddr;

use colok::Error;
use colok::client::{Datagrams, Source};
use colok::observe::Tap;

use super::Context;
use super::way::Way;
use crate::messages::Id;
use crate::problem::{Problem, connect_text};

impl<T: Tap> Context<'_, T> {
    /// An error of the library as a problem.
    pub(super) fn problem(&self, error: &Error) -> Problem {
        let problem = Problem::of(error, self.messages);
        match error {
            Error::DatagramTooLong { .. } if Way::of(self.arguments) == Way::Datagrams => {
                let lines = self.arguments.datagrams == Datagrams::Line;
                let problem = if lines { problem } else { problem.next("--datagram line") };
                problem.next("--datagram 1400")
            }
            Error::Connect { address, attempts } => match self.arguments.source {
                Some(source) if attempts.iter().all(|(to, _)| other_family(to, source)) => {
                    let next = if source.address.is_ipv4() {
                        Id::SourceFamilyNextIpv6
                    } else {
                        Id::SourceFamilyNextIpv4
                    };
                    Problem::new(problem.exit, connect_text(address, attempts))
                        .why(self.messages.text(Id::SourceFamilyWhy))
                        .next(self.messages.text(next))
                }
                _ => problem,
            },
            _ => problem,
        }
    }
}

/// Whether this target cannot be reached from that source, one being IPv4 and the other IPv6.
fn other_family(target: &str, source: Source) -> bool {
    let target = target.parse::<SocketAddr>();
    target.is_ok_and(|target| target.is_ipv4() != source.address.is_ipv4())
}
