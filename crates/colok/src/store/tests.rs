//! Tests of the store, by what they are about; what they share is in `support`.

mod basics;
mod crash;
mod limits;
mod links;
mod listing;
mod model;
mod races;
mod resume;
mod support;
mod table;
