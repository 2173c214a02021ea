//! What the command line leaves open, chosen: the address behind a name, threads, processes, the
//! seed.

use std::collections::hash_map::RandomState;
use std::hash::BuildHasher as _;
use std::net::{SocketAddr, TcpStream};
use std::path::Path;
use std::thread::available_parallelism;
use std::time::Duration;

use colok::load::plan::Address;
use colok::net::resolve::resolve;
use colok::net::url::{Place, Transport, Url};
use colok::observe::{Calls, NoTap};

use crate::arguments::{Chosen, LoadPlan};
use crate::messages::{Id, Messages};
use crate::problem::{Exit, Problem};
use crate::say;

/// How long each of several addresses is given to show that somebody listens on it.
const LOOK_MAX: Duration = Duration::from_secs(1);

/// Seeds are short enough to be typed.
const SEED_MAX: u64 = 1_000_000_000;

/// Looks the name up and chooses the rest. May ask the system's resolver, and tries to connect
/// when a name has several addresses.
pub(super) fn choose(asked: &LoadPlan, messages: &Messages) -> Result<Chosen, Problem> {
    look_here(asked, messages)?;
    let threads = asked.threads.unwrap_or_else(|| usual_threads(asked));
    Ok(Chosen {
        address: address(&asked.url, messages)?,
        threads,
        // The library takes more where one cannot hold the connections.
        processes: asked.processes.unwrap_or(1),
        seed: asked.seed.unwrap_or_else(|| RandomState::new().hash_one(0) % SEED_MAX),
    })
}

/// What is asked for of this computer, and is not there.
fn look_here(asked: &LoadPlan, messages: &Messages) -> Result<(), Problem> {
    if let Some(pid) = asked.server_pid
        && Path::new("/proc/self").exists()
        && !Path::new("/proc").join(pid.to_string()).exists()
    {
        let what = say!(messages, Id::LoadNoProcess, pid = pid.to_string());
        return Err(Problem::new(Exit::Failed, what).why(messages.text(Id::LoadNoProcessWhy)));
    }
    let folder = Path::new("/sys/devices/system/cpu");
    let is_missing = |number: &&u32| !folder.join(format!("cpu{number}")).exists();
    if folder.join("cpu0").exists()
        && let Some(number) = asked.pin.iter().find(is_missing)
    {
        let value = number.to_string();
        let what = say!(messages, Id::UsageValue, option = "--pin", value = value.as_str());
        let why = say!(messages, Id::LoadNoProcessor, number = value);
        return Err(Problem::new(Exit::Usage, what).why(why));
    }
    Ok(())
}

/// One for each processor that they may use, and no more than connections that send.
fn usual_threads(asked: &LoadPlan) -> u32 {
    let cores = match asked.pin.len() {
        0 => available_parallelism().map_or(1, usize::from),
        pinned => pinned,
    };
    u32::try_from(cores).unwrap_or(1).min(asked.active)
}

fn address(url: &Url, messages: &Messages) -> Result<Address, Problem> {
    let (host, port) = match &url.place {
        Place::Path(path) => return Ok(Address::Unix(path.clone())),
        Place::Abstract(name) => return Ok(Address::Unix(format!("@{name}"))),
        // An address without a port has been told when the options were read.
        Place::Inet { host, port } => (host, port.unwrap_or_default()),
    };
    let found =
        resolve(host, port, Calls::new(&NoTap)).map_err(|error| Problem::of(&error, messages))?;
    let address = match url.transport {
        Transport::Tcp => listening(&found),
        // Nobody can be asked whether datagrams would be taken.
        Transport::Udp | Transport::Unix => found.first().copied(),
    };
    match (address, url.transport) {
        (Some(address), Transport::Udp) => Ok(Address::Udp(address)),
        (Some(address), _) => Ok(Address::Tcp(address)),
        (None, _) => {
            let detail = "no address".to_owned();
            let error = colok::Error::Resolve { host: host.clone(), detail };
            Err(Problem::of(&error, messages))
        }
    }
}

/// The first address on which somebody listens; the first of all when nobody does: then the load
/// itself tells why. One address is not tried: the server would see one client more than planned.
fn listening(addresses: &[SocketAddr]) -> Option<SocketAddr> {
    if let [only] = addresses {
        return Some(*only);
    }
    let open = |address: &&SocketAddr| TcpStream::connect_timeout(address, LOOK_MAX).is_ok();
    addresses.iter().find(open).or(addresses.first()).copied()
}
