//! The one place that runs code of the program: the `Display` and `Debug` of its errors, and `source`.

use std::fmt::{self, Write as _};
use std::mem::forget;
use std::panic::{AssertUnwindSafe, catch_unwind};

/// The text of something of the program. Where its `Display` fails or panics, it is as much as was written until then.
///
/// `to_string` panics there. To be told of an error must not be what ends the program.
pub(super) fn text_of(shown: fmt::Arguments<'_>) -> String {
    let mut text = String::new();
    let is_whole = call(|| text.write_fmt(shown).is_ok()).unwrap_or(false);
    if !is_whole && text.is_empty() {
        text.push_str("an error whose text cannot be written");
    }
    text
}

/// What `work` returns; `None` where it panics.
pub(super) fn call<T>(work: impl FnOnce() -> T) -> Option<T> {
    let payload = match catch_unwind(AssertUnwindSafe(work)) {
        Ok(done) => return Some(done),
        Err(payload) => payload,
    };
    // The payload is the program's as well: its `Drop` may panic.
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
        assert_eq!(text_of(format_args!("{}", 7)), "7");
        for panics in [false, true] {
            assert_eq!(text_of(format_args!("{}", Fails("half", panics))), "half");
            let none = text_of(format_args!("{}", Fails("", panics)));
            assert_eq!(none, "an error whose text cannot be written");
        }
    }
}
