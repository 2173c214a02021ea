//! Loads that could not be carried out, as problems for people and as objects for programs.

use std::time::Duration;

use colok::load::plan::{Call, Plan, PlanError};
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

/// A plan that cannot be carried out, told with the option that asked for it. What the arguments
/// have found already does not come here.
pub(super) fn of_plan(error: &PlanError, messages: &Messages) -> Problem {
    let PlanError::Range { what, value, min, max } = error else {
        return Problem::new(Exit::Usage, error.to_string());
    };
    let (option, is_time) = match *what {
        "length" => ("for", true),
        "ramp-up" => ("ramp-up", true),
        "warm-up" => ("warm-up", true),
        "reply timeout" => ("reply-timeout", true),
        "connect timeout" => ("connect-timeout", true),
        "confidence interval" => ("until-ci", false),
        "runs" => ("runs-max", false),
        other => (other, false),
    };
    let option = format!("--{}", option.replace(' ', "-"));
    let shown = |number: f64| match Duration::try_from_secs_f64(number) {
        Ok(time) if is_time => duration_text(time),
        _ => number.to_string(),
    };
    let what = say!(messages, Id::UsageValue, option = option, value = shown(*value));
    let why = say!(messages, Id::LoadRange, least = shown(*min), most = shown(*max));
    Problem::new(Exit::Usage, what).why(why)
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::messages::Language;
    use crate::style::Style;

    #[test]
    fn a_plan_out_of_bounds_is_told_with_its_option_in_both_languages() {
        let error = PlanError::Range { what: "length", value: 1e-5, min: 1e-3, max: 3600.0 };
        let told = |language| {
            let messages = Messages::new(language);
            of_plan(&error, &messages).render(&messages, Style::PLAIN)
        };
        let english = told(Language::English);
        assert!(english.contains("--for: 0.01 ms is not a value for it"), "{english}");
        assert!(english.contains("it is 1 ms to 1 h"), "{english}");
        let indonesian = told(Language::Indonesian);
        assert!(indonesian.contains("1 ms sampai 1 h"), "{indonesian}");
    }
}
