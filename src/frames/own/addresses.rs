//! The addresses of a stack, and how they are written as text.

use std::env::current_dir;
use std::fmt;
use std::sync::Arc;

use tracehound_machine::return_addresses;

use super::symbols::{Symbol, look_up};

/// The frames of a stack.
#[derive(Clone, Debug)]
pub(crate) struct Frames(Arc<[usize]>);

/// How many frames are taken in addition to those that are wanted. The frames of this library, and those between a
/// panic and its hook, are left out later.
const LEFT_OUT: usize = 32;
/// The most frames that are taken, which are 8 KiB.
const MAX_FRAMES: usize = 1024;

impl Frames {
    /// The frames of this call, with at least `limit` of the program's own.
    pub(crate) fn take(limit: usize) -> Self {
        let addresses = return_addresses(limit.saturating_add(LEFT_OUT).min(MAX_FRAMES));
        // Without the frame of this function.
        Frames(addresses.get(1..).unwrap_or_default().into())
    }
}

/// As std writes a stack: `  12: function`, and `             at file:line:column` below, where that is known.
impl fmt::Display for Frames {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let folder = current_dir().ok();
        let mut number = 0_usize;
        look_up(&self.0, &mut |symbol: Symbol<'_>| {
            writeln!(f, "{number:4}: {}", symbol.function.unwrap_or("<unknown>"))?;
            number += 1;
            let location = symbol.location.and_then(|location| Some((location, location.file?)));
            let Some((location, file)) = location else { return Ok(()) };
            f.write_str("             at ")?;
            match folder.as_ref().and_then(|folder| file.strip_prefix(folder.to_str()?)) {
                Some(below) if below.starts_with('/') => write!(f, ".{below}")?,
                _ => f.write_str(file)?,
            }
            if let Some(line) = location.line {
                write!(f, ":{line}")?;
                if let Some(column) = location.column {
                    write!(f, ":{column}")?;
                }
            }
            f.write_str("\n")
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::backtrace::Backtrace;

    #[inline(never)]
    fn both() -> (Frames, Backtrace) {
        std::hint::black_box((Frames::take(500), Backtrace::force_capture()))
    }

    /// What is written of the frames from the caller of `both` to the system's, without their numbers.
    fn from_the_caller(text: &str) -> Vec<String> {
        let lines = text.lines().skip_while(|line| !line.contains("from_the_caller_of_both"));
        let bare = |line: &str| {
            line.trim_start().trim_start_matches(|c: char| c.is_ascii_digit()).to_owned()
        };
        lines.map(bare).take_while(|line| line != ": start_thread").collect()
    }

    #[test]
    #[cfg_attr(miri, ignore = "no unwinder")]
    fn the_text_is_the_one_that_std_writes() {
        fn from_the_caller_of_both() -> (Frames, Backtrace) {
            both()
        }
        let (ours, stds) = from_the_caller_of_both();
        let (ours, stds) = (ours.to_string(), stds.to_string());
        assert!(from_the_caller(&ours).len() > 10, "{ours}");
        assert_eq!(from_the_caller(&ours), from_the_caller(&stds), "{ours}\n\n{stds}");
    }

    #[test]
    fn an_address_of_nothing_is_an_unknown_frame() {
        assert_eq!(Frames(vec![3, 0].into()).to_string(), "   0: <unknown>\n");
    }
}
