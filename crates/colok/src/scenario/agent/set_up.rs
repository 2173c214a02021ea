//! What an agent must know before its first order.

use serde::{Deserialize, Serialize};

/// What an agent is told on its command line, as JSON. Paths are absolute.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct SetUp {
    /// The folder of the host. Paths of orders are below it.
    pub folder: String,
    /// The directory in which the folder is; absolute paths of orders are below it.
    pub beside: String,
    /// Whether the agent makes `beside` (which must not exist) and `folder`, and removes them at
    /// its end with all that is in them. Otherwise both exist.
    pub own: bool,
    /// Whether it has network namespaces to itself, so that faults of the kernel's network cannot
    /// hurt anyone else.
    pub namespaces: bool,
}
