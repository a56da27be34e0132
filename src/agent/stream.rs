//! What a connection runs over.

use std::io::{self, IoSlice};
use std::time::Duration;

use tracehound_machine::Readiness;

/// A stream of bytes that never blocks: where it would, it returns [`io::ErrorKind::WouldBlock`]. A trait, because a
/// test has a stream of its own.
pub(super) trait Stream {
    /// Returns how many bytes were read; 0 at the end.
    fn read(&self, into: &mut [u8]) -> io::Result<usize>;
    /// Returns how many bytes were written, of all parts together.
    fn write(&self, parts: &[IoSlice<'_>]) -> io::Result<usize>;
    /// Tells the other end that nothing more will be written.
    fn close_writing(&self) -> io::Result<()>;
    /// Waits until the stream is ready for some of what is wanted, or the time is over. Returns for what it is ready.
    fn wait(&self, wanted: Readiness, time: Duration) -> io::Result<Readiness>;
}
