//! What code of the program writes of its errors.

use std::fmt::{self, Write as _};
use std::mem::forget;
use std::panic::{AssertUnwindSafe, catch_unwind};

/// As `to_string`, which panics where a `Display` of the program fails: here there is as much of it as was written,
/// also where the `Display` panics. To be told of an error must not be what ends the program.
pub(crate) fn written(shown: fmt::Arguments<'_>) -> String {
    let mut text = String::new();
    let is_whole = caught(|| text.write_fmt(shown).is_ok()).unwrap_or(false);
    if !is_whole && text.is_empty() {
        text.push_str("an error whose text cannot be written");
    }
    text
}

/// What `work` gives, unless it panics.
pub(crate) fn caught<T>(work: impl FnOnce() -> T) -> Option<T> {
    let payload = match catch_unwind(AssertUnwindSafe(work)) {
        Ok(done) => return Some(done),
        Err(payload) => payload,
    };
    // The payload is the program's, too.
    if let Err(second) = catch_unwind(AssertUnwindSafe(|| drop(payload))) {
        forget(second);
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::panic::resume_unwind;

    struct Fails(&'static str, bool);

    impl fmt::Display for Fails {
        fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
            f.write_str(self.0)?;
            if self.1 { resume_unwind(Box::new("meant")) } else { Err(fmt::Error) }
        }
    }

    #[test]
    fn as_much_as_was_written_is_kept() {
        assert_eq!(written(format_args!("{}", 7)), "7");
        for panics in [false, true] {
            assert_eq!(written(format_args!("{}", Fails("half", panics))), "half");
            let none = written(format_args!("{}", Fails("", panics)));
            assert_eq!(none, "an error whose text cannot be written");
        }
    }
}
