//! A captured stack, and how much of it to write.

use crate::frames::Frames;
use crate::panics::Panicked;

/// A captured stack and how much of it to write.
#[derive(Clone, Debug)]
pub(crate) struct Stack {
    /// Lines before the frames: the error's chain of sources.
    pub(crate) head: String,
    pub(crate) frames: Option<Frames>,
    pub(crate) limit: usize,
    /// It was taken in the panic hook: the frames between the panic and the hook are left out, too.
    pub(crate) is_of_panic: bool,
}

impl Stack {
    /// A stack that is written out already.
    pub(crate) fn written(text: &str) -> Self {
        Stack { head: text.to_owned(), frames: None, limit: 0, is_of_panic: false }
    }

    /// The stack of a panic.
    pub(crate) fn of_panic(panicked: Panicked, limit: usize) -> Self {
        Stack { head: panicked.place, frames: panicked.frames, limit, is_of_panic: true }
    }

    /// The head, then at most `limit` frames, the innermost first, without this library's own.
    pub(crate) fn render(&self) -> String {
        let Some(frames) = &self.frames else { return self.head.clone() };
        let all = frames.to_string();
        let frames = callers(&all, self.is_of_panic).take(self.limit);
        let lines = frames.flat_map(|frame| std::iter::once(frame.title).chain(frame.place));
        let head = Some(&*self.head).filter(|head| !head.is_empty());
        head.into_iter().chain(lines).collect::<Vec<_>>().join("\n")
    }
}

/// A frame as std writes it: `  12: function` and, where known, `             at file:line` below.
#[derive(Clone, Copy, Debug, PartialEq)]
struct Frame<'a> {
    title: &'a str,
    place: Option<&'a str>,
}

/// The frames of a written stack from the caller of this library on.
fn callers(stack: &str, is_of_panic: bool) -> impl Iterator<Item = Frame<'_>> {
    let mut frames: Vec<Frame<'_>> = Vec::new();
    for line in stack.lines().map(str::trim_end) {
        if line.trim_start().starts_with(|c: char| c.is_ascii_digit()) {
            frames.push(Frame { title: line, place: None });
        } else if let Some(last) = frames.last_mut() {
            last.place = Some(line);
        }
    }
    let is_left_out = move |frame: &Frame<'_>| {
        frame.is_own() || (is_of_panic && frame.starts_with(&PANIC_MACHINERY))
    };
    frames.into_iter().skip_while(is_left_out)
}

/// The directory of `trace`, as it stands in the debug information.
fn own_sources() -> &'static str {
    file!().strip_suffix("values/stack.rs").unwrap_or(file!())
}

/// Whether a place is in the files of this library that take a stack.
fn is_where_stacks_are_taken(place: &str) -> bool {
    let of_crate = own_sources().strip_suffix("trace/").unwrap_or_default();
    place.contains(own_sources()) || place.contains(&format!("{of_crate}frames/"))
}

/// How the functions of the standard library begin that lie between a panic and the panic hook.
const PANIC_MACHINERY: [&str; 7] =
    ["std::", "core::", "alloc::", "__rustc", "rust_begin_unwind", "rust_panic", "core["];

impl Frame<'_> {
    fn starts_with(&self, all: &[&str]) -> bool {
        let path = self.name().trim_start_matches('<');
        all.iter().any(|beginning| path.starts_with(beginning))
    }

    fn name(&self) -> &str {
        self.title.split_once(": ").map_or(self.title, |(_, name)| name)
    }

    /// Whether this is a frame of the capture itself, above the caller's.
    fn is_own(&self) -> bool {
        if self.starts_with(&["std::backtrace", "std[", "tracehound::"]) {
            return true;
        }
        // Where the debug information has line tables only, an inlined function has no path. Then its file tells.
        let Some(place) = self.place.filter(|_| !self.name().contains("::")) else { return false };
        is_where_stacks_are_taken(place) || place.contains("library/std/src/backtrace")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn titles(stack: &str, is_of_panic: bool) -> Vec<&str> {
        callers(stack, is_of_panic).map(|frame| frame.title.trim_start()).collect()
    }

    #[test]
    fn frames_above_the_caller_are_left_out() {
        let full = "   0: std::backtrace::Backtrace::create\n             at /rustc/x.rs:1:2\n   1: \
                    tracehound::trace::span::SpanRef::set_traceback\n   2: app::main\n             \
                    at ./main.rs:3:4\n   3: tracehound::in_span\n   4: <unknown>\n";
        assert_eq!(titles(full, false), ["2: app::main", "3: tracehound::in_span", "4: <unknown>"]);
        let mangled = "   0: <std[1f]::backtrace::Backtrace>::create\n   1: \
                       <tracehound::trace::span::SpanRef>::set_traceback\n   2: \
                       app::f<tracehound::Span>\n";
        assert_eq!(titles(mangled, false), ["2: app::f<tracehound::Span>"]);
    }

    #[test]
    fn the_stack_of_a_panic_begins_with_what_panicked() {
        let full = "   1: tracehound::panics::note\n   2: <alloc::boxed::Box<dyn Fn()> as \
                    core::ops::Fn>::call\n   3: std::panicking::panic_with_hook\n   6: \
                    __rustc::rust_begin_unwind\n   7: core::panicking::panic_fmt\n   8: \
                    core::option::unwrap_failed\n   9: app::work\n  10: core::ops::call_once\n";
        assert_eq!(titles(full, true), ["9: app::work", "10: core::ops::call_once"]);
    }

    #[test]
    fn a_frame_without_a_path_is_known_by_its_file() {
        let place = format!("             at ./{}span.rs:495:21", own_sources());
        let taking = place.replace("trace/span.rs", "frames/own/addresses.rs");
        let stack = format!(
            "   0: force_capture\n             at /rustc/1/library/std/src/backtrace.rs:3:4\n   0: \
             take\n{taking}\n   1: set_traceback\n{place}\n   2: main\n             at ./src/main.rs:1:2\n"
        );
        let frames: Vec<Frame<'_>> = callers(&stack, false).collect();
        let main = Frame { title: "   2: main", place: Some("             at ./src/main.rs:1:2") };
        assert_eq!(frames, [main]);
    }

    #[test]
    fn a_stack_is_cut_at_its_limit_below_its_head() {
        let frames = Some(Frames::take(2));
        let stack =
            Stack { head: "Caused by:\n    0: x".into(), frames, limit: 2, is_of_panic: false };
        let text = stack.render();
        let count = callers(&text, false).count();
        assert!(text.starts_with("Caused by:\n    0: x\n"), "{text}");
        assert_eq!(count, 3, "the line of the head looks like a frame, too: {text}");
        let none = Stack { limit: 0, ..stack };
        assert_eq!(none.render(), "Caused by:\n    0: x");
    }
}
