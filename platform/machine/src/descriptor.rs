//! A descriptor that the program may close.
//!
//! std trusts the descriptors that it owns: where the program has closed one, std ends the process in a debug build, and
//! in another one closes whatever has the number by then. `unsafe`: `fstat` writes to a place of ours, which has the right
//! size and lives through the call, and `close` is given the number of a descriptor that nobody else owns.

use std::io;

#[cfg(unix)]
use std::mem::ManuallyDrop as Kept;
#[cfg(unix)]
pub use std::os::fd::AsFd as AsDescriptor;

/// Everything that can be owned: where handles are not small numbers nobody closes what is not his.
#[cfg(not(unix))]
pub trait AsDescriptor {}
#[cfg(not(unix))]
impl<T> AsDescriptor for T {}
#[cfg(not(unix))]
type Kept<T> = Box<T>;

/// A file or socket whose descriptor is compared with what it was at first, before each use and before it is closed.
///
/// A program that closes all descriptors, as process managers and daemons do, closes those of its libraries too, and the
/// next file or socket that it opens has their numbers. With this, nothing is read from, written into or closed of what
/// the program has opened, but for the instants between two system calls: those that make the descriptor and look at it
/// first, and those that compare and use it.
///
/// On Apple's systems TCP sockets have no numbers of their own: there they are told from files only.
#[derive(Debug)]
pub struct Descriptor<T: AsDescriptor> {
    owned: Kept<T>,
    identity: Identity,
}

impl<T: AsDescriptor> Descriptor<T> {
    /// Takes over a descriptor that was just made.
    ///
    /// # Errors
    ///
    /// Where it is closed already.
    pub fn new(owned: T) -> io::Result<Self> {
        let owned = Kept::new(owned);
        let identity = Identity::of(&*owned)?;
        Ok(Descriptor { owned, identity })
    }

    /// The file or socket, if the descriptor still stands for it.
    ///
    /// # Errors
    ///
    /// Where it does not.
    pub fn get(&self) -> io::Result<&T> {
        match Identity::of(&*self.owned) {
            Ok(identity) if identity == self.identity => Ok(&self.owned),
            _ => Err(io::Error::other("the program has closed the descriptor")),
        }
    }

    /// The file or socket as it is, for what changes nothing, whatever the number stands for.
    #[must_use]
    pub fn unchecked(&self) -> &T {
        &self.owned
    }
}

#[cfg(unix)]
impl<T: AsDescriptor> Drop for Descriptor<T> {
    #[expect(
        unsafe_code,
        reason = "std looks at a descriptor before it closes it, and ends the process"
    )]
    fn drop(&mut self) {
        use std::os::fd::AsRawFd as _;

        if let Ok(own) = self.get() {
            // SAFETY: the number is that of a descriptor that is owned here, and whose owner is never dropped.
            unsafe { libc::close(own.as_fd().as_raw_fd()) };
        }
    }
}

/// Which file or socket a descriptor stands for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Identity {
    #[cfg(unix)]
    file: (libc::dev_t, libc::ino_t, libc::mode_t),
}

impl Identity {
    #[cfg(unix)]
    #[expect(unsafe_code, reason = "`fstat` is a foreign function")]
    fn of(descriptor: &impl AsDescriptor) -> io::Result<Self> {
        use std::os::fd::AsRawFd as _;

        let mut stat = std::mem::MaybeUninit::<libc::stat>::uninit();
        // SAFETY: the pointer is to a place of the right size that lives through the call. Any number may stand for
        // the descriptor: one that is none is an error.
        let answer = unsafe { libc::fstat(descriptor.as_fd().as_raw_fd(), stat.as_mut_ptr()) };
        if answer != 0 {
            return Err(io::Error::last_os_error());
        }
        // SAFETY: `fstat` has answered 0, and so has written all of it.
        let stat = unsafe { stat.assume_init() };
        Ok(Identity { file: (stat.st_dev, stat.st_ino, stat.st_mode) })
    }

    #[cfg(not(unix))]
    #[expect(clippy::unnecessary_wraps, reason = "as the other one")]
    fn of(_: &impl AsDescriptor) -> io::Result<Self> {
        Ok(Identity {})
    }
}

#[cfg(all(test, unix))]
mod tests {
    use std::fs::File;
    use std::io::Read as _;
    use std::os::fd::AsRawFd as _;
    use std::os::unix::net::UnixStream;

    use super::*;

    #[test]
    fn each_descriptor_is_told_from_all_others() {
        let (here, there) = UnixStream::pair().unwrap();
        let file = File::open("/dev/null").unwrap();
        let identity = Identity::of(&here).unwrap();
        assert_eq!(Identity::of(&here).unwrap(), identity);
        assert_eq!(Identity::of(&here.try_clone().unwrap()).unwrap(), identity);
        assert_ne!(Identity::of(&there).unwrap(), identity);
        assert_ne!(Identity::of(&file).unwrap(), identity);
    }

    #[test]
    fn it_is_closed_when_it_is_dropped() {
        let (here, mut there) = UnixStream::pair().unwrap();
        drop(Descriptor::new(here).unwrap());
        assert_eq!(there.read(&mut [0]).unwrap(), 0);
    }

    #[test]
    #[expect(unsafe_code, reason = "`dup2` is a foreign function")]
    fn what_the_program_has_put_in_its_place_is_neither_used_nor_closed() {
        let (here, mut there) = UnixStream::pair().unwrap();
        let (of_program, other) = UnixStream::pair().unwrap();
        let number = here.as_raw_fd();
        let descriptor = Descriptor::new(here).unwrap();
        // SAFETY: both are numbers of open sockets; the one that becomes another is used by `descriptor` alone.
        assert_eq!(unsafe { libc::dup2(of_program.as_raw_fd(), number) }, number);
        assert_eq!(there.read(&mut [0]).unwrap(), 0, "the first one is closed");
        assert!(descriptor.get().is_err());
        drop((of_program, descriptor));
        other.set_nonblocking(true).unwrap();
        let nothing_yet = (&other).read(&mut [0]).unwrap_err();
        assert_eq!(nothing_yet.kind(), io::ErrorKind::WouldBlock, "still open under that number");
    }
}
