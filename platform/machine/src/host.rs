//! The name of the host.
//!
//! std cannot tell it, and the files that have it differ between systems. `unsafe`: `gethostname` writes into memory of
//! the caller. It holds because it is told how many bytes there are.

/// The name of the host; `None` where the system has none, or none that is text, and on another platform than Unix.
#[must_use]
pub fn host_name() -> Option<String> {
    #[cfg(unix)]
    {
        // No system allows more than 255 bytes, and one to end them.
        let mut name = [0_u8; 256];
        #[expect(unsafe_code, reason = "a function of the system")]
        // SAFETY: the pointer is to so many bytes, which nobody else has.
        let failed = unsafe { libc::gethostname(name.as_mut_ptr().cast(), name.len()) } != 0;
        let bytes = name.split(|byte| *byte == 0).next().filter(|_| !failed)?;
        let text = std::str::from_utf8(bytes).ok()?.trim();
        (!text.is_empty()).then(|| text.to_owned())
    }
    #[cfg(not(unix))]
    None
}

#[cfg(all(test, unix))]
mod tests {
    use super::*;

    #[test]
    fn it_is_what_the_system_says() {
        let output = std::process::Command::new("uname").arg("-n").output().unwrap();
        let said = String::from_utf8(output.stdout).unwrap();
        assert_eq!(host_name().as_deref(), Some(said.trim()));
    }
}
