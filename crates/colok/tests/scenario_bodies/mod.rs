//! The tests of running scenarios, by what they are about.

pub(crate) mod programs;

mod breaking;
mod running;
mod support;
mod waiting;

/// Every test by its name.
pub(crate) const BODIES: &[(&str, super::Body)] = &[
    ("what_holds_passes", running::what_holds_passes),
    ("what_does_not_hold_fails_with_its_line", running::what_does_not_hold_fails_with_its_line),
    ("an_expectation_that_cannot_fail_is_invalid", running::cannot_fail_is_invalid),
    ("a_missing_program_skips", running::a_missing_program_skips),
    ("a_matrix_makes_cases_in_order", running::a_matrix_makes_cases_in_order),
    ("a_seed_repeats_every_choice", running::a_seed_repeats_every_choice),
    ("files_are_made_and_looked_at", running::files_are_made_and_looked_at),
    ("copies_are_started_together_and_told_as_one", running::copies_are_told_as_one),
    ("many_copies_leave_a_small_record", running::many_copies_leave_a_small_record),
    ("neighbours_begin_together", running::neighbours_begin_together),
    ("events_that_nobody_tells_are_unknown", running::events_that_nobody_tells_are_unknown),
    ("scenarios_of_one_name_are_both_run", running::scenarios_of_one_name_are_both_run),
    ("what_happens_is_told_in_order", running::what_happens_is_told_in_order),
    ("evidence_of_every_program_is_kept", running::evidence_of_every_program_is_kept),
    ("bad_files_are_told_before_anything_runs", running::bad_files_run_nothing),
    ("a_panic_is_the_end_of_its_case_only", running::a_panic_is_the_end_of_its_case_only),
    ("hosts_in_namespaces_reach_each_other", running::hosts_in_namespaces_reach_each_other),
    ("a_wait_ends_when_it_holds", waiting::a_wait_ends_when_it_holds),
    ("a_wait_that_runs_out_is_unknown", waiting::a_wait_that_runs_out_is_unknown),
    ("a_wait_with_a_time_fails", waiting::a_wait_with_a_time_fails),
    ("a_program_that_takes_too_long_is_unknown", waiting::too_long_is_unknown),
    ("a_program_that_takes_too_long_fails_on_time", waiting::too_long_fails_on_time),
    ("a_case_that_takes_too_long_is_unknown", waiting::a_case_too_long_is_unknown),
    ("a_server_that_ends_before_it_is_ready_fails", waiting::ends_before_ready_fails),
    ("a_server_is_ready_when_it_listens", waiting::ready_when_it_listens),
    ("a_program_that_ignores_the_end_is_killed", waiting::ignoring_the_end_is_killed),
    ("a_stopped_run_breaks_off", waiting::a_stopped_run_breaks_off),
    ("a_killed_agent_is_no_verdict", waiting::a_killed_agent_is_no_verdict),
    ("signals_are_proved", breaking::signals_are_proved),
    ("faults_that_are_off_make_it_invalid", breaking::off_is_invalid),
    ("a_fault_that_never_began_is_invalid", breaking::never_began_is_invalid),
    ("descriptors_and_rights_are_proved", breaking::descriptors_and_rights_are_proved),
    ("an_address_is_held", breaking::an_address_is_held),
    ("faults_of_a_relay_are_counted_and_switched", breaking::relay_faults_are_counted),
    ("a_fault_of_a_relay_that_did_nothing_is_invalid", breaking::idle_relay_fault_is_invalid),
];
