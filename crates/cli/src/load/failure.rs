//! Loads that could not be carried out, as problems for people and as objects for programs.

use colok::load::plan::{Call, Plan};
use colok::load::report::{Refusal, Report};
use colok::proto::ServiceKind;
use rustix::io::Errno;

use crate::messages::{Id, Messages};
use crate::problem::{Exit, Problem, errno_named};
use crate::say;
use crate::units::duration_text;

/// A problem as the object of `--json`, a line.
pub(super) fn object(problem: &Problem) -> String {
    let refusal = Refusal::new(problem.what());
    // Plain data always has a JSON form.
    serde_json::to_string(&refusal).unwrap_or_default() + "\n"
}

/// Why a load failed: most often nobody listens there.
pub(super) fn problem(report: &Report, messages: &Messages) -> Problem {
    let plan = &report.plan;
    let most = report.connections.failed.iter().max_by_key(|it| it.count);
    let known = most.map(|it| it.reason.as_str());
    let mut problem = match (known.and_then(errno_named), known) {
        (Some(errno), _) => of_errno(plan, errno, messages),
        (None, Some("timeout")) => {
            let time = duration_text(plan.connect_timeout_s);
            let url = plan.url.as_str();
            let what = say!(messages, Id::ConnectTimeoutWhat, address = url, time = time);
            Problem::new(Exit::Failed, what)
                .why(messages.text(Id::ConnectTimeoutWhy))
                .next(messages.text(Id::ConnectTimeoutNext))
        }
        _ => {
            let error = report.error.as_deref().unwrap_or("load");
            Problem::new(Exit::Failed, colok::observe::printable(error.as_bytes()))
        }
    };
    problem.exit = Exit::Failed;
    problem
}

fn of_errno(plan: &Plan, errno: Errno, messages: &Messages) -> Problem {
    let wanted = match plan.call {
        Call::Echo => Some(ServiceKind::Echo),
        Call::Count { .. } => Some(ServiceKind::Count),
        Call::Discard => Some(ServiceKind::Discard),
        Call::Chargen => Some(ServiceKind::Chargen),
        Call::Files => Some(ServiceKind::Files),
        Call::Custom { .. } => None,
    };
    Problem::of_no_connection(&plan.url, errno, wanted, messages)
}
