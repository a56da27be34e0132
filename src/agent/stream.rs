//! What a connection runs over.

use std::io::{self, IoSlice};
use std::time::Duration;

use tracehound_machine::Readiness;

/// A stream of bytes that never blocks: what cannot be done now is [`io::ErrorKind::WouldBlock`].
pub(super) trait Stream {
    /// How many bytes were read; none at the end.
    fn read(&self, into: &mut [u8]) -> io::Result<usize>;
    /// How many bytes were written, of all parts together.
    fn write(&self, parts: &[IoSlice<'_>]) -> io::Result<usize>;
    /// Nothing more is written.
    fn close_writing(&self) -> io::Result<()>;
    /// Waits until some of what is wanted can be done, or the time is over; says what.
    fn wait(&self, wanted: Readiness, time: Duration) -> io::Result<Readiness>;
}
