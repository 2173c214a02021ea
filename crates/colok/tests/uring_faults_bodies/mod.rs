//! The faults, by what breaks.

mod churn;
mod differential;
mod script;
