//! What `colok relay` was asked for.

use colok::net::url::{Transport, Url};
use colok::relay::{Fault, FaultError, RelayOptions};

use super::serve::{JsonLog, json_log};
use super::values::Values;
use crate::messages::Id;
use crate::problem::{Exit, Problem};
use crate::say;

/// `colok relay`, read.
#[derive(Debug)]
pub(crate) struct RelayArguments {
    pub(crate) options: RelayOptions,
    pub(crate) quiet: bool,
    pub(crate) verbose: bool,
    pub(crate) json_log: Option<JsonLog>,
}

impl RelayArguments {
    pub(super) fn read(values: &Values<'_>) -> Result<Self, Problem> {
        let (listen, target) = (address(values, "LISTEN")?, address(values, "TARGET")?);
        let transports = (listen.transport, target.transport);
        if transports.0 != transports.1 {
            let (from, to) = (transports.0.name(), transports.1.name());
            let what = say!(values.messages, Id::RelayTransports, from = from, to = to);
            return Err(Problem::new(Exit::Usage, what).next("colok relay --help"));
        }
        if is_same(&listen, &target) {
            let what = values.messages.text(Id::RelayToItself);
            return Err(Problem::new(Exit::Usage, what).next("colok relay --help"));
        }
        let json_log = json_log(values)?;
        let options = RelayOptions {
            faults: faults(values, listen.transport)?,
            listen,
            target,
            seed: values.read("seed", Id::ValueNumber, |text| text.parse().ok())?.unwrap_or(0),
            control: control(values)?,
            hashes: json_log.is_some(),
        };
        Ok(Self {
            options,
            quiet: values.switch("quiet"),
            verbose: values.switch("verbose"),
            json_log,
        })
    }
}

/// An address with a port, if it can have one.
fn address(values: &Values<'_>, name: &str) -> Result<Url, Problem> {
    let text = values.text(name).unwrap_or_default();
    let read = text.parse::<Url>().and_then(|url| url.host_and_port().map(drop).map(|()| url));
    read.map_err(|error| Problem::of(&error.into(), values.messages))
}

/// Whether what is passed on would come back for ever. Only what can be seen without asking anyone.
fn is_same(listen: &Url, target: &Url) -> bool {
    match (of_us(listen), of_us(target)) {
        (None, None) => listen.place == target.place,
        // Port 0 is any that is free.
        (Some((_, 0)), _) => false,
        (listen, target) => listen == target,
    }
}

/// Host and port, with one name for all by which this computer reaches itself.
fn of_us(url: &Url) -> Option<(&str, u16)> {
    let (host, port) = url.host_and_port().ok().flatten()?;
    let is_ours = matches!(host, "localhost" | "127.0.0.1" | "::1" | "0.0.0.0" | "::");
    Some((if is_ours { "localhost" } else { host }, port))
}

fn control(values: &Values<'_>) -> Result<Option<Url>, Problem> {
    let unix = |text: &str| text.parse::<Url>().ok().filter(|it| it.transport == Transport::Unix);
    values.read("control", Id::ValueUnix, unix)
}

fn faults(values: &Values<'_>, transport: Transport) -> Result<Vec<Fault>, Problem> {
    let read = |text: &str| {
        let fault: Fault = text.parse()?;
        let fits = fault.check_for(transport);
        fits.map(|()| fault).map_err(|what| FaultError::Value { what })
    };
    let read = |text: &str| {
        read(text).map_err(|error| {
            let problem = values.wrong("fault", text, Id::ValueFault).why(error.to_string());
            match error {
                FaultError::Key { nearest: Some(nearest), .. } => {
                    problem.next(say!(values.messages, Id::MeantPerhaps, name = nearest))
                }
                _ => problem.next(values.messages.text(Id::ValueFault)),
            }
        })
    };
    values.texts("fault").map(read).collect()
}
