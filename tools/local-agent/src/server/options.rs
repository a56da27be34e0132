//! Where to listen and how much to keep.

use std::net::{Ipv4Addr, SocketAddr};
use std::path::PathBuf;

use crate::store::Limits;

/// The port of the Datadog agent's trace interface.
pub(crate) const AGENT_PORT: u16 = 8126;

/// How to start a [`LocalAgent`](super::LocalAgent).
///
/// The default listens on a free port of the loopback interface.
#[derive(Clone, Debug)]
pub struct Options {
    /// The TCP address; port 0 takes a free port. Default: `127.0.0.1:0`.
    ///
    /// Anyone who reaches it can send: leave it on the loopback interface unless in a closed network.
    pub tcp: Option<SocketAddr>,
    /// The path of a Unix socket. A socket nobody listens on any more is replaced. Default: none.
    pub unix: Option<PathBuf>,
    /// How much to keep.
    pub limits: Limits,
}

impl Options {
    /// Where tracers look for an agent if nobody told them: `127.0.0.1:8126`.
    pub fn agent_address() -> SocketAddr {
        (Ipv4Addr::LOCALHOST, AGENT_PORT).into()
    }
}

impl Default for Options {
    fn default() -> Self {
        Self { tcp: Some((Ipv4Addr::LOCALHOST, 0).into()), unix: None, limits: Limits::default() }
    }
}
