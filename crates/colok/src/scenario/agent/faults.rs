//! Faults of a host: begun, proved and ended by their numbers.

use std::collections::BTreeMap;

use super::fill::Filled;
use super::hold::Held;
use super::places::Places;
use super::words::{Answer, KernelFault};
use crate::scenario::world::network::{self, Broken, NetworkError, Proof};

/// The faults that are in place.
#[derive(Debug, Default)]
pub(super) struct Faults {
    begun: BTreeMap<u64, Fault>,
}

#[derive(Debug)]
enum Fault {
    Network(Broken),
    Filled(Filled),
    Held(Held),
}

impl Faults {
    /// Begins a fault. Those of the network only in namespaces: `alone` says that nobody else has
    /// this network.
    pub(super) fn begin(
        &mut self,
        number: u64,
        what: &KernelFault,
        places: &Places,
        alone: bool,
    ) -> Result<Answer, String> {
        if self.begun.contains_key(&number) {
            return Err(format!("fault {number} is in place already"));
        }
        let fault = match what {
            KernelFault::FillDisk => Fault::Filled(Filled::begin(places)?),
            KernelFault::HoldAddress(held) => Fault::Held(Held::begin(&held.address, places)?),
            KernelFault::Drop { .. } | KernelFault::LinkDown | KernelFault::Rate { .. } => {
                if !alone {
                    return Err(format!(
                        "{} is for network namespaces only: this host is the computer itself",
                        name_of(what)
                    ));
                }
                Fault::Network(network::begin(number, what).map_err(in_words)?)
            }
        };
        let proof = fault.prove();
        self.begun.insert(number, fault);
        proof.map(answer)
    }

    /// Tells what proves a fault, and ends it if asked.
    pub(super) fn prove(&mut self, number: u64, end: bool) -> Result<Answer, String> {
        let none = || format!("there is no fault {number}");
        if end {
            return self.begun.remove(&number).ok_or_else(none)?.end().map(answer);
        }
        self.begun.get(&number).ok_or_else(none)?.prove().map(answer)
    }

    /// Ends all.
    pub(super) fn end(&mut self) {
        for (_, fault) in std::mem::take(&mut self.begun) {
            // Whoever asks for the end of a host asks for no proof any more.
            let _ = fault.end();
        }
    }
}

impl Fault {
    fn prove(&self) -> Result<Proof, String> {
        match self {
            Self::Network(broken) => broken.prove().map_err(in_words),
            Self::Filled(filled) => filled.prove(),
            Self::Held(held) => held.prove(),
        }
    }

    fn end(self) -> Result<Proof, String> {
        match self {
            Self::Network(broken) => broken.end().map_err(in_words),
            Self::Filled(filled) => filled.end(),
            Self::Held(held) => held.end(),
        }
    }
}

fn name_of(what: &KernelFault) -> &'static str {
    match what {
        KernelFault::Drop { .. } => "drop",
        KernelFault::LinkDown => "link_down",
        KernelFault::Rate { .. } => "rate",
        KernelFault::FillDisk => "fill_disk",
        KernelFault::HoldAddress(_) => "hold_address",
    }
}

fn answer(proof: Proof) -> Answer {
    Answer::Proof { proved: proof.proved, seen: proof.seen }
}

#[expect(clippy::needless_pass_by_value, reason = "it is what `map_err` gives")]
fn in_words(error: NetworkError) -> String {
    error.to_string()
}
