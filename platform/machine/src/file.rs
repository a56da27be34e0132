//! Reading a small file while the program may close any descriptor.
//!
//! std trusts the descriptors that it owns: where the program has closed one, std ends the process in a debug build, and
//! in another one closes whatever has the number by then.

use std::fs::File;
use std::io::{self, Read as _};
use std::mem::ManuallyDrop;
use std::path::Path;

use crate::socket::Identity;

/// The first `most` bytes of a file.
///
/// For files of the system, which are read at once. If the program closes the file meanwhile, what was read so far
/// counts, and nothing of the program's is closed.
///
/// # Errors
///
/// Where the file cannot be opened or read.
pub fn read_beginning(path: impl AsRef<Path>, most: u64) -> io::Result<Vec<u8>> {
    let file = ManuallyDrop::new(File::open(path)?);
    let identity = Identity::of(&*file)?;
    let mut bytes = Vec::new();
    let read = (&*file).take(most).read_to_end(&mut bytes);
    if Identity::of(&*file).is_ok_and(|now| now == identity) {
        drop(ManuallyDrop::into_inner(file));
    }
    read.map(|_| bytes)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_is_read_up_to_the_limit() {
        let path = std::env::current_exe().unwrap();
        let all = std::fs::read(&path).unwrap();
        assert_eq!(read_beginning(&path, 10).unwrap(), all[..10]);
        assert_eq!(read_beginning(&path, u64::MAX).unwrap(), all);
        assert!(read_beginning(path.join("none"), 10).is_err());
    }
}
