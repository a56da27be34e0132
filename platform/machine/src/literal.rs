//! Which texts are literals of the program, and so need not be copied.
//!
//! To a function that takes both, `&'static str` and `&str` are one type; std cannot tell them apart. `unsafe`: the
//! lifetime of a text is made `'static`. It holds because the text is in memory that was mapped with the program, that
//! nobody can write to, and that is not unmapped while this code can run.

use std::sync::atomic::{AtomicUsize, Ordering};

/// Where the literals of the program begin, and how many bytes there are: none until they were looked for.
///
/// The size is written last and read first: who sees it sees the start that belongs to it.
struct Literals {
    start: AtomicUsize,
    size: AtomicUsize,
}

static LITERALS: Literals = Literals { start: AtomicUsize::new(0), size: AtomicUsize::new(0) };

/// The same text for as long as the process lives, where it is known to be a literal of the program.
///
/// `None` says nothing: before [`find_literals`], on another
/// platform than Linux, and for the literals of a library that was loaded later.
#[must_use]
#[inline(always)]
pub fn literal(text: &str) -> Option<&'static str> {
    if !is_literal(text.as_bytes()) {
        return None;
    }
    #[expect(unsafe_code, reason = "the lifetime of a literal")]
    // SAFETY: the text begins in memory that was mapped with the program, with its literals, and that nobody can
    // write to. It is one object, so all of it is there. Such memory is never given back, nor changed, while the
    // code that it belongs to can run, which this function is a part of.
    Some(unsafe { &*std::ptr::from_ref(text) })
}

/// Whether a text is known to be a literal of the program, as for [`literal`]: its address then stands for it, for as
/// long as the process lives.
#[must_use]
#[inline(always)]
pub fn is_literal(text: &[u8]) -> bool {
    let size = LITERALS.size.load(Ordering::Acquire);
    text.as_ptr().addr().wrapping_sub(LITERALS.start.load(Ordering::Relaxed)) < size
}

/// Finds out where the literals are that the linker has put beside the ones of this library. Takes no lock, and some
/// 50 µs.
pub fn find_literals() {
    #[cfg(target_os = "linux")]
    if let Some((start, size)) = mapped::literals() {
        LITERALS.start.store(start, Ordering::Relaxed);
        LITERALS.size.store(size, Ordering::Release);
    }
}

#[cfg(target_os = "linux")]
mod mapped {
    use std::fs::File;
    use std::io::{BufRead, BufReader};

    /// Start and size of the memory that a literal of this library is in, if nobody can write to it.
    pub(super) fn literals() -> Option<(usize, usize)> {
        let maps = BufReader::new(File::open("/proc/self/maps").ok()?);
        // The program comes first, as a rule: the lines of what it has loaded since are not read.
        maps.lines().map_while(Result::ok).find_map(|line| around(&line, module_path!()))
    }

    /// The memory that a line of `/proc/self/maps` is about, if `text` is in it and nobody can write to it.
    pub(super) fn around(line: &str, text: &str) -> Option<(usize, usize)> {
        let mut fields = line.split(' ');
        let (start, end) = fields.next()?.split_once('-')?;
        let address = |hex| usize::from_str_radix(hex, 16).ok();
        let (start, end) = (address(start)?, address(end)?);
        let is_constant = matches!(fields.next()?, "r--p" | "r-xp");
        let has_text = (start..end).contains(&text.as_ptr().addr());
        (is_constant && has_text).then(|| (start, end.saturating_sub(start)))
    }
}

#[cfg(all(test, target_os = "linux"))]
mod tests {
    use super::*;

    static LONG: &str = "a literal that is longer than what fits beside a length";

    #[test]
    #[cfg_attr(miri, ignore = "no program, no memory that was mapped with it")]
    fn a_literal_is_told_from_a_copy_of_it() {
        find_literals();
        let copy = LONG.to_owned();
        let on_the_stack = *b"bytes";
        assert!(literal(LONG).is_some_and(|text| std::ptr::eq(text, LONG)));
        assert_eq!(literal(&copy), None);
        assert_eq!(literal(std::str::from_utf8(&on_the_stack).unwrap()), None);
        assert_eq!(literal(String::new().as_str()), None);
        assert_eq!(literal(Box::leak(copy.into_boxed_str())), None, "as static, but not a literal");
    }

    #[test]
    fn only_memory_that_nobody_writes_to_counts() {
        let text = "text";
        let line =
            |start: usize, mode: &str| format!("{start:x}-{:x} {mode} 0 08:02 7 /p", start + 64);
        let here = text.as_ptr().addr();
        for constant in ["r--p", "r-xp"] {
            assert_eq!(mapped::around(&line(here - 8, constant), text), Some((here - 8, 64)));
        }
        for other in ["rw-p", "rwxp", "r--s", "---p", ""] {
            assert_eq!(mapped::around(&line(here - 8, other), text), None, "{other}");
        }
        assert_eq!(mapped::around(&line(here + 1, "r--p"), text), None);
        assert_eq!(mapped::around(&line(here - 64, "r--p"), text), None);
        for junk in ["", "-", "x-y r--p", "1-2", "10 r--p"] {
            assert_eq!(mapped::around(junk, text), None, "{junk}");
        }
    }
}
