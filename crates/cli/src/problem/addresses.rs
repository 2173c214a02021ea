//! Addresses and services that cannot be read.

use colok::error::{OptionProblem, ServiceAddressError, UrlError};
use colok::net::url::UNIX_NAME_LENGTH_MAX;

use super::{Exit, Problem, meant};
use crate::messages::{Id, Messages};
use crate::say;

/// The forms of an address, shown wherever one is wrong.
const FORMS: &str = "tcp://localhost:5001, udp://127.0.0.1:12345, unix:///tmp/x.sock, unix:@name";

/// A text that is not an address.
pub(super) fn url(error: &UrlError, messages: &Messages) -> Problem {
    let usage = |what: String| Problem::new(Exit::Usage, what);
    let forms = say!(messages, Id::UrlForms, forms = FORMS);
    match error {
        UrlError::Empty => usage(messages.text(Id::UrlEmpty)).next(forms),
        UrlError::TooLong => usage(messages.text(Id::UrlTooLong)).next(forms),
        UrlError::Scheme { scheme, nearest } => {
            usage(say!(messages, Id::UrlScheme, scheme = printable(scheme)))
                .why(messages.text(Id::UrlSchemeWhy))
                .next(meant(*nearest, messages).unwrap_or(forms))
        }
        UrlError::Port { port } => usage(say!(messages, Id::UrlPort, port = printable(port)))
            .why(messages.text(Id::UrlPortWhy))
            .next(forms),
        UrlError::PortMissing { address } => {
            let next = format!("{}:5001", printable(address));
            usage(say!(messages, Id::UrlPortMissing, address = printable(address))).next(next)
        }
        UrlError::Host { host } => {
            usage(say!(messages, Id::UrlHost, host = printable(host))).next(forms)
        }
        UrlError::Brackets { host } => usage(say!(messages, Id::UrlHost, host = printable(host)))
            .why(messages.text(Id::UrlBracketsWhy))
            .next("tcp://[::1]:5001"),
        UrlError::Path { rest } => usage(say!(messages, Id::UrlPath, rest = printable(rest)))
            .why(messages.text(Id::UrlPathWhy))
            .next(forms),
        UrlError::UnixName { name } => {
            let longest = UNIX_NAME_LENGTH_MAX.to_string();
            usage(say!(messages, Id::UrlUnixName, name = printable(name)))
                .why(say!(messages, Id::UrlUnixNameWhy, longest = longest))
                .next("unix:///tmp/x.sock")
        }
    }
}

/// A text that does not say what to serve.
pub(super) fn service_address(error: &ServiceAddressError, messages: &Messages) -> Problem {
    let usage = |what: String| Problem::new(Exit::Usage, what);
    match error {
        ServiceAddressError::Service { name, nearest } => {
            let next = nearest.map(|name| format!("colok serve {name}"));
            usage(say!(messages, Id::ServiceUnknown, name = printable(name)))
                .why(say!(
                    messages,
                    Id::ServicesAre,
                    services = "echo, count, files, discard, chargen"
                ))
                .next(next.unwrap_or_else(|| "colok serve --help".to_owned()))
        }
        ServiceAddressError::Url(error) => url(error, messages),
        ServiceAddressError::Transport { service, transport } => {
            let what = say!(
                messages,
                Id::ServiceTransport,
                service = *service,
                transport = transport.name()
            );
            usage(what)
                .why(messages.text(Id::ServiceTransportWhy))
                .next(format!("colok serve {service}=tcp://localhost"))
        }
        ServiceAddressError::Option { service, name, problem } => {
            option(service, name, problem, messages)
        }
    }
}

fn option(service: &str, name: &str, problem: &OptionProblem, messages: &Messages) -> Problem {
    match problem {
        OptionProblem::Unknown { nearest, known } => {
            let what = say!(
                messages,
                Id::ServiceOptionUnknown,
                service = service,
                option = printable(name)
            );
            let problem = Problem::new(Exit::Usage, what).why(say!(
                messages,
                Id::UsageChoices,
                choices = known.join(", ")
            ));
            match meant(*nearest, messages) {
                Some(meant) => problem.next(meant),
                None => problem,
            }
        }
        OptionProblem::Value { value, .. } => {
            let value = printable(value);
            let what = say!(messages, Id::UsageValue, option = name, value = value);
            let expected = match name {
                "quit" => Id::ExpectedOnOff,
                "lang" => Id::ExpectedLanguage,
                "unit" => Id::ExpectedUnit,
                "mode" => Id::ExpectedMode,
                "join" => Id::ExpectedGroup,
                "congestion" => Id::ExpectedCongestion,
                _ => Id::ValueTimePositive,
            };
            Problem::new(Exit::Usage, what).why(messages.text(expected))
        }
        OptionProblem::TcpOnly { transport } => {
            let option = printable(name);
            let what = say!(messages, Id::ServiceOptionUnknown, service = service, option = option);
            let why = say!(messages, Id::CongestionTcpOnly, transport = transport.name());
            let example = format!("colok serve '{service}=tcp://localhost?{name}=reno'");
            Problem::new(Exit::Usage, what).why(why).next(example)
        }
    }
}

/// What the user typed, harmless for the terminal; shortened when it is very long.
fn printable(text: &str) -> String {
    const LONGEST: usize = 200;
    let mut shown: String = text.chars().take(LONGEST).collect();
    if shown.len() < text.len() {
        shown.push_str("...");
    }
    colok::observe::printable(shown.as_bytes())
}
