//! A file as memory, for as long as the process lives.
//!
//! std can only read a file into memory of the process. `unsafe`: `mmap` is a foreign function, and its result becomes a
//! slice. It holds because the mapping is ours, read-only and never ended; a file that shrinks under it is the one risk
//! that stays, and why this is for files that the process runs from.

use std::fs::File;
use std::io;
use std::os::fd::AsRawFd;

/// The contents of a file for as long as the process lives: read where they are looked at, and never given back.
///
/// For the files that the process runs from, of which it has such mappings already: a file that shrinks takes the
/// process with it where one of them is read, whoever made it.
///
/// # Errors
///
/// The system's, and those of a file that is empty or larger than the memory.
pub fn map_for_ever(file: &File) -> io::Result<&'static [u8]> {
    let size = usize::try_from(file.metadata()?.len())
        .ok()
        .filter(|size| *size > 0 && isize::try_from(*size).is_ok())
        .ok_or(io::ErrorKind::InvalidInput)?;
    #[expect(unsafe_code, reason = "no other way to map a file")]
    // SAFETY: a new mapping, at a place that the system chooses, changes no other memory.
    let start = unsafe {
        libc::mmap(
            std::ptr::null_mut(),
            size,
            libc::PROT_READ,
            libc::MAP_PRIVATE,
            file.as_raw_fd(),
            0,
        )
    };
    if start == libc::MAP_FAILED {
        return Err(io::Error::last_os_error());
    }
    #[expect(unsafe_code, reason = "the lifetime of a mapping that nobody ends")]
    // SAFETY: `size` bytes from there on can be read, are fewer than `isize::MAX`, and are never unmapped. Nobody
    // writes there by this process. A file that another process writes to while it runs here is refused by the system
    // (`ETXTBSY`) or replaced as a whole; a library that is written over in place breaks the program that runs it.
    Ok(unsafe { std::slice::from_raw_parts(start.cast(), size) })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    #[cfg_attr(miri, ignore = "no files")]
    fn a_file_is_there_as_memory_after_it_was_closed() {
        let path = std::env::current_exe().unwrap();
        let mapped = map_for_ever(&File::open(&path).unwrap()).unwrap();
        assert_eq!(mapped.get(..4), Some(&b"\x7fELF"[..]));
        assert_eq!(mapped.len() as u64, path.metadata().unwrap().len());
    }

    #[test]
    #[cfg_attr(miri, ignore = "no files")]
    fn what_cannot_be_mapped_is_an_error() {
        assert!(map_for_ever(&File::open("/dev/null").unwrap()).is_err());
        assert!(map_for_ever(&File::open("/").unwrap()).is_err());
    }
}
