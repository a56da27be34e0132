//! Reading a small file while the program may close any descriptor, which std does not expect.

use std::fs::File;
use std::io::{self, Read as _};
use std::path::Path;

use crate::descriptor::Descriptor;

/// The first `most` bytes of a file.
///
/// For files of the system, which are read at once. If the program closes the file meanwhile, nothing of the program's
/// is closed.
///
/// # Errors
///
/// Where the file cannot be opened or read, or the program has closed it meanwhile: then what was read may be of
/// another file, which the program has opened under the same number.
pub fn read_beginning(path: impl AsRef<Path>, most: u64) -> io::Result<Vec<u8>> {
    let file = Descriptor::new(File::open(path)?)?;
    let mut bytes = Vec::new();
    let read = file.unchecked().take(most).read_to_end(&mut bytes);
    file.get()?;
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

    #[cfg(all(target_os = "linux", not(miri)))]
    #[test]
    #[expect(unsafe_code, reason = "`mkfifo` and `dup2` are foreign functions")]
    fn bytes_of_another_file_with_its_number_do_not_count() {
        use crate::socket::{Readiness, wait_until_ready};
        use std::fs;
        use std::io::Write as _;
        use std::os::fd::AsRawFd as _;
        use std::os::unix::ffi::OsStrExt as _;
        use std::time::{Duration, Instant};

        let path = std::env::temp_dir().join(format!("tracehound-{}.fifo", std::process::id()));
        let name = std::ffi::CString::new(path.as_os_str().as_bytes()).unwrap();
        // SAFETY: the name ends with a zero, and lives through the call.
        assert_eq!(unsafe { libc::mkfifo(name.as_ptr(), 0o600) }, 0);
        // To read as well, so that to open it does not wait for the reader.
        let mut writer = File::options().read(true).write(true).open(&path).unwrap();
        writer.write_all(b"own").unwrap();
        let deadline = Instant::now() + Duration::from_secs(60);
        let wait_for = |reached: &mut dyn FnMut() -> bool| {
            while !reached() {
                assert!(Instant::now() < deadline);
                std::thread::yield_now();
            }
        };
        let reader = std::thread::spawn({
            let path = path.clone();
            move || read_beginning(path, u64::MAX)
        });
        // Once something is read, the reader knows which file it has.
        let read = Readiness { read: true, write: false };
        let moment = Duration::from_micros(1);
        wait_for(&mut || !wait_until_ready(&writer, read, moment).unwrap().is_any());
        let is_reader = |number: &i32| {
            *number != writer.as_raw_fd()
                && fs::read_link(format!("/proc/self/fd/{number}")).is_ok_and(|file| file == path)
        };
        let number = (0..10_000).find(is_reader).unwrap();
        let of_program = File::open(std::env::current_exe().unwrap()).unwrap();
        // SAFETY: both are numbers of open files; nobody but the reader uses the one that becomes another file.
        assert_eq!(unsafe { libc::dup2(of_program.as_raw_fd(), number) }, number);
        drop(writer);
        assert!(reader.join().unwrap().is_err());
        let linked = fs::read_link(format!("/proc/self/fd/{number}")).unwrap();
        assert_eq!(linked, std::env::current_exe().unwrap(), "the program's file stays open");
        fs::remove_file(path).unwrap();
    }
}
