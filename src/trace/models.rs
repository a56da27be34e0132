//! Every interleaving of threads that change and finish spans of one trace while parts of it are sent: each span is sent
//! once, with what was set on it.

use loom::thread;

use crate::primitives::every_interleaving;
use crate::trace::Span;
use crate::trace::testkit::Bench;

/// A trace that is sent in parts as soon as no more spans are open than have finished.
struct Trace {
    bench: Bench,
    root: Span,
}

impl Trace {
    fn new() -> Self {
        let bench = Bench::with(|shared| shared.set_partial_flush(Some(1)));
        let root = bench.span("root").root().start();
        Trace { bench, root }
    }

    fn child(&self, name: &'static str) -> Span {
        self.bench.span(name).child_of(&self.root).start()
    }

    /// Finishes the root, and finds that it and these spans were sent once, each with its tag.
    fn was_sent_once(self, names: &[&str]) {
        let Trace { bench, root } = self;
        set_and_finish(&root);
        let chunks = bench.take_chunks();
        let spans = chunks.iter().flat_map(|chunk| {
            assert_eq!(chunk.len(), chunk.spans().count(), "only what has finished is sent");
            chunk.spans().map(|span| {
                assert!(span.tag("key").is_some(), "{} has lost its tag", span.name());
                span.name().into_owned()
            })
        });
        let mut sent: Vec<_> = spans.collect();
        sent.sort();
        assert_eq!(sent, names);
    }
}

fn set_and_finish(span: &Span) {
    span.set_tag("key", "value");
    span.finish();
}

#[test]
fn a_span_that_finishes_while_others_are_sent() {
    every_interleaving(3, || {
        let trace = Trace::new();
        let [a, b, c] = ["a", "b", "c"].map(|name| trace.child(name));
        let other = thread::spawn(move || set_and_finish(&c));
        // With the second, or with that of the other thread, a part is due.
        set_and_finish(&a);
        set_and_finish(&b);
        other.join().unwrap();
        trace.was_sent_once(&["a", "b", "c", "root"]);
    });
}

#[test]
fn two_threads_to_both_of_which_a_part_is_due() {
    every_interleaving(3, || {
        let trace = Trace::new();
        let threads = ["a", "b"].map(|name| {
            let span = trace.child(name);
            thread::spawn(move || set_and_finish(&span))
        });
        threads.into_iter().for_each(|thread| thread.join().unwrap());
        trace.was_sent_once(&["a", "b", "root"]);
    });
}

#[test]
fn a_span_that_starts_while_others_are_sent() {
    every_interleaving(3, || {
        let trace = Trace::new();
        let a = trace.child("a");
        let other = thread::spawn(move || set_and_finish(&a));
        let b = trace.child("b");
        set_and_finish(&b);
        other.join().unwrap();
        trace.was_sent_once(&["a", "b", "root"]);
    });
}
