//! What stands in the place of TLS where the feature `tls` is off.

use std::io;
use std::path::PathBuf;

use super::connection::Version;
use super::deadline::Deadline;
use super::meanwhile::Meanwhile;
use super::socket::Socket;
use super::stream::Stream;
use crate::config::Host;

/// Makes no stream. The configuration has refused `https://` before.
#[derive(Debug)]
pub(super) struct Tls;

impl Tls {
    pub(super) fn new(_: Option<PathBuf>) -> Self {
        Tls
    }

    pub(super) fn speak(&mut self, _: Version) {}

    pub(super) fn secure(
        &mut self,
        _: Socket,
        _: &Host,
        _: Deadline,
        _: Meanwhile<'_>,
    ) -> io::Result<Box<dyn Stream>> {
        Err(io::Error::other("TLS to the agent needs the feature `tls`"))
    }
}
