//! The socket workbench as a library.
//!
//! [`Server`](server::Server) binds services and runs them on one of the [`engine`]s;
//! [`client`] talks to any service; [`explain`] tells what an address means; [`observe`] carries
//! what happens to whoever wants to see it.
//!
//! The library returns values and emits events. It never prints, never reads the command line or
//! the environment, and never ends the process.

pub mod client;
pub mod clock;
pub mod engine;
pub mod error;
pub mod explain;
pub mod fuzz;
pub mod load;
pub mod net;
pub mod observe;
pub mod relay;
pub mod scenario;
pub mod server;
pub mod session;
pub mod store;

pub use colok_proto as proto;
pub use error::Error;
