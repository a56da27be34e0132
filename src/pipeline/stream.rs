//! A stream of bytes of the program that payloads are written to.

use std::fmt;
use std::io::{self, Write};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use tracehound_fork::epoch;

use crate::catch::catch;
use crate::sync::lock;

/// The pause before another try to write to a stream that would block.
const PAUSE: Duration = Duration::from_millis(5);

/// A stream that payloads are written to. Clones write to the same one.
#[derive(Clone)]
pub(crate) enum Stream {
    /// The standard output of the process.
    Stdout,
    /// One that the program has given.
    Own(Arc<Own>),
}

pub(crate) struct Own {
    writer: Mutex<Box<dyn Write + Send>>,
    /// The process that gave it. In a forked child a thread that exists only in the parent may be in the middle of it.
    epoch: u32,
}

impl Stream {
    pub(crate) fn own(writer: Box<dyn Write + Send>) -> Self {
        Stream::Own(Arc::new(Own { writer: Mutex::new(writer), epoch: epoch() }))
    }

    /// Writes all of it. A stream that would block is tried again, as long as it takes something within `patience`.
    ///
    /// # Errors
    ///
    /// How many bytes were written, and why not the others.
    pub(super) fn write(&self, bytes: &[u8], patience: Duration) -> Result<(), (usize, io::Error)> {
        match self {
            Stream::Stdout => {
                let mut stdout = stdout().map_err(|error| (0, error))?;
                write_all(&mut *stdout, bytes, patience)
            }
            Stream::Own(own) if own.epoch != epoch() => {
                let why = "it belongs to the process that this one was forked from";
                Err((0, io::Error::other(why)))
            }
            Stream::Own(own) => {
                let mut writer = lock(&own.writer);
                // It is code of the program.
                let written = catch(|| write_all(&mut **writer, bytes, patience));
                written.unwrap_or_else(|| Err((0, io::Error::other("it panicked"))))
            }
        }
    }
}

fn write_all(
    stream: &mut dyn Write,
    mut rest: &[u8],
    patience: Duration,
) -> Result<(), (usize, io::Error)> {
    let all = rest.len();
    let mut since = Instant::now();
    while !rest.is_empty() {
        let error = match stream.write(rest) {
            Ok(0) => io::ErrorKind::WriteZero.into(),
            Ok(bytes) => {
                rest = rest.get(bytes..).unwrap_or_default();
                since = Instant::now();
                continue;
            }
            Err(error) => error,
        };
        match error.kind() {
            io::ErrorKind::Interrupted => {}
            io::ErrorKind::WouldBlock if since.elapsed() < patience => std::thread::sleep(PAUSE),
            _ => return Err((all - rest.len(), error)),
        }
    }
    stream.flush().map_err(|error| (all, error))
}

/// Without the lock of `std::io::stdout`: in a forked child, a thread that exists only in the parent may hold it.
#[cfg(unix)]
fn stdout() -> io::Result<Box<dyn Write>> {
    use std::os::fd::AsFd as _;
    let stream = io::stdout().as_fd().try_clone_to_owned()?;
    Ok(Box::new(std::fs::File::from(stream)))
}

#[cfg(not(unix))]
fn stdout() -> io::Result<Box<dyn Write>> {
    Ok(Box::new(io::stdout()))
}

impl fmt::Debug for Stream {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Stream::Stdout => f.write_str("the standard output"),
            Stream::Own(_) => f.write_str("a stream"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Takes a byte at a time, and would block before each.
    #[derive(Default)]
    struct Slow {
        taken: Vec<u8>,
        is_ready: bool,
        fails_after: Option<usize>,
    }

    impl Write for Slow {
        fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
            if self.fails_after == Some(self.taken.len()) {
                return Err(io::ErrorKind::BrokenPipe.into());
            }
            if !std::mem::replace(&mut self.is_ready, true) {
                return Err(io::ErrorKind::WouldBlock.into());
            }
            self.is_ready = false;
            self.taken.extend(bytes.first());
            Ok(1)
        }

        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }

    #[test]
    fn a_stream_that_would_block_is_waited_for() {
        let mut slow = Slow::default();
        let minute = Duration::from_secs(60);
        write_all(&mut slow, b"abc", minute).unwrap();
        assert_eq!(slow.taken, b"abc");
        slow.is_ready = false;
        let (written, error) = write_all(&mut slow, b"d", Duration::ZERO).unwrap_err();
        assert_eq!((written, error.kind()), (0, io::ErrorKind::WouldBlock));
        slow.fails_after = Some(4);
        let (written, error) = write_all(&mut slow, b"de", minute).unwrap_err();
        assert_eq!((written, error.kind()), (1, io::ErrorKind::BrokenPipe));
    }

    #[test]
    fn a_stream_that_panics_is_one_that_fails() {
        struct Panics;
        impl Write for Panics {
            fn write(&mut self, _: &[u8]) -> io::Result<usize> {
                panic!("on purpose")
            }
            fn flush(&mut self) -> io::Result<()> {
                Ok(())
            }
        }
        let stream = Stream::own(Box::new(Panics));
        for _ in 0..2 {
            let (_, error) = stream.write(b"x", Duration::ZERO).unwrap_err();
            assert_eq!(error.to_string(), "it panicked");
        }
    }

    #[test]
    fn a_forked_child_leaves_the_stream_of_its_parent_alone() {
        struct Nobody;
        impl Write for Nobody {
            fn write(&mut self, _: &[u8]) -> io::Result<usize> {
                panic!("it is the parent's")
            }
            fn flush(&mut self) -> io::Result<()> {
                Ok(())
            }
        }
        let own = Own { writer: Mutex::new(Box::new(Nobody)), epoch: epoch() + 1 };
        let (written, error) = Stream::Own(Arc::new(own)).write(b"x", Duration::ZERO).unwrap_err();
        assert_eq!(written, 0);
        assert!(error.to_string().contains("forked"), "{error}");
    }
}
