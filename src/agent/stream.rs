//! What a connection runs over.

use std::io::{self, IoSlice};
use std::time::Duration;

use tracehound_machine::Readiness;

/// A stream of bytes that never blocks: where it would, it returns [`io::ErrorKind::WouldBlock`]. A trait, because a
/// test has a stream of its own.
pub(super) trait Stream {
    /// Returns how many bytes were read; 0 at the end.
    fn read(&self, into: &mut [u8]) -> io::Result<usize>;
    /// Returns how many bytes were written, of all parts together: so many are in the hands of the system, in whatever
    /// form. 0 where something has moved, but would block before any of the bytes is written. After that, and after
    /// [`io::ErrorKind::WouldBlock`], the next call has to begin with the same bytes.
    fn write(&self, parts: &[IoSlice<'_>]) -> io::Result<usize>;
    /// Reads what belongs to no answer, only to see how the stream ends: returns how many bytes were skipped.
    fn drain(&self, into: &mut [u8]) -> io::Result<usize>;
    /// Tells the other end that nothing more will be written.
    fn close_writing(&self) -> io::Result<()>;
    /// Waits until the stream is ready for some of what is wanted, or the time is over. Returns for what it is ready.
    fn wait(&self, wanted: Readiness, time: Duration) -> io::Result<Readiness>;
}
