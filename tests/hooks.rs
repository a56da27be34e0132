//! Functions of the program that are called when spans start and finish.

#![allow(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing)]

use std::sync::atomic::{AtomicU32, Ordering::Relaxed};
use std::sync::{Arc, Mutex, mpsc};
use std::thread;
use std::time::{Duration, SystemTime};

use tracehound::bridge::TracerExt as _;
use tracehound::{SpanContext, SpanId, SpanKind, SpanRef, TraceId, Tracer, testing};

/// What hooks have seen, in order.
#[derive(Clone, Default)]
struct Seen(Arc<Mutex<Vec<String>>>);

impl Seen {
    fn add(&self, line: impl Into<String>) {
        self.0.lock().unwrap().push(line.into());
    }

    fn take(&self) -> Vec<String> {
        std::mem::take(&mut self.0.lock().unwrap())
    }

    /// A hook that notes the moment and the name.
    fn noting(&self, moment: &'static str) -> impl Fn(&SpanRef) + Send + Sync + use<> {
        let seen = self.clone();
        move |span| seen.add(format!("{moment} {}", span.name().unwrap()))
    }
}

#[test]
fn every_span_of_a_tracer_has_its_hooks_called_once_and_in_order() {
    let (tracer, _) = testing::tracer();
    let seen = Seen::default();
    tracer.on_start_span(seen.noting("start"));
    tracer.on_start_span(seen.noting("start again"));
    tracer.on_finish_span(seen.noting("finish"));
    {
        let root = tracer.trace("root");
        let child = tracer.span("child").start();
        child.finish();
        child.finish();
        drop(child);
        root.finish_at(SystemTime::now());
    }
    assert_eq!(
        seen.take(),
        [
            "start root",
            "start again root",
            "start child",
            "start again child",
            "finish child",
            "finish root"
        ]
    );
    tracer.start_span("other").finish();
    assert_eq!(seen.take(), ["start other", "start again other", "finish other"]);
    let (another, _) = testing::tracer();
    another.trace("foreign").finish();
    assert_eq!(seen.take(), [""; 0], "hooks belong to their tracer");
}

#[test]
fn a_start_hook_sees_what_the_span_begins_with_and_can_use_all_of_it() {
    let (tracer, captured) = testing::tracer();
    let own = tracer.clone();
    tracer.on_start_span(move |span| {
        // Reads and changes, which take the lock of the trace; and what is active.
        assert_eq!(span.tag("cart").as_deref(), Some("7"));
        assert_eq!((span.service().as_deref(), span.kind()), (Some("db"), Some(SpanKind::Client)));
        assert_eq!(own.current_span().map(|active| active.name().unwrap()), None);
        span.set_resource("by the hook");
        span.set_tag("priority", format!("{:?}", span.propagation_context().unwrap().priority()));
    });
    let span = tracer.span("root").service("db").kind(SpanKind::Client).tag("cart", "7");
    drop(span.enter());
    let span = captured.span("root");
    assert_eq!(span.resource, "by the hook");
    assert!(span.tags["priority"].contains('1'), "{:?}", span.tags);
}

#[test]
fn a_finish_hook_can_still_change_the_span_and_knows_its_duration() {
    let (tracer, captured) = testing::tracer();
    let seen = Arc::new(Mutex::new(None));
    let noted = Arc::clone(&seen);
    tracer.on_finish_span(move |span| {
        assert!(span.is_open());
        span.set_tag("checked", true);
        *noted.lock().unwrap() = span.duration();
        thread::sleep(Duration::from_millis(2));
    });
    let start = SystemTime::now();
    let span = tracer.span("root").start_time(start).start();
    span.finish_at(start + Duration::from_millis(1));
    let sent = captured.span("root");
    assert_eq!(sent.tags["checked"], "true");
    assert_eq!(Some(sent.duration), *seen.lock().unwrap());
    assert_eq!(sent.duration, Duration::from_millis(1), "without the time of the hook");
}

#[test]
fn spans_that_hooks_make_and_finish_have_no_hooks() {
    let (tracer, captured) = testing::tracer();
    let calls = Arc::new(AtomicU32::new(0));
    for at_start in [true, false] {
        let (own, calls) = (tracer.clone(), Arc::clone(&calls));
        let hook = move |span: &SpanRef| {
            calls.fetch_add(1, Relaxed);
            own.span("of a hook").child_of(span).start().finish();
            if !at_start {
                span.finish();
            }
        };
        let _ = if at_start { tracer.on_start_span(hook) } else { tracer.on_finish_span(hook) };
    }
    tracer.trace("root").finish();
    assert_eq!(calls.load(Relaxed), 2);
    assert_eq!(captured.tree(), "root\n  of a hook\n  of a hook\n");
}

#[test]
fn a_panic_of_a_hook_is_counted_and_said_once_and_harms_nothing() {
    let (sender, lines) = mpsc::channel();
    let captured = testing::Captured::default();
    let builder = Tracer::builder().environment(tracehound::config::Environment::empty());
    let log = move |_, line: &str| drop(sender.send(line.to_owned()));
    let tracer = builder.capture(&captured).log(log).build();
    let seen = Seen::default();
    tracer.on_start_span(|_| panic!("out of eggs"));
    tracer.on_start_span(seen.noting("start"));
    tracer.on_finish_span(|_| panic!("out of milk"));
    for _ in 0..3 {
        tracer.trace("root").finish();
    }
    assert_eq!(seen.take(), ["start root"; 3], "the other hooks go on");
    assert_eq!((tracer.caught_panics(), captured.spans().len()), (6, 3));
    testing::wait_for_lines();
    let said: Vec<_> = lines.try_iter().filter(|line| line.contains("a hook panicked")).collect();
    assert_eq!(said.len(), 1);
    assert!(said[0].contains("out of eggs"), "{said:?}");
}

#[test]
fn a_hook_is_called_until_it_is_deregistered_and_then_freed() {
    let (tracer, _) = testing::tracer();
    let seen = Seen::default();
    let first = tracer.on_start_span(seen.noting("first"));
    let second = tracer.on_finish_span(seen.noting("second")).until_dropped();
    drop(tracer.on_start_span(seen.noting("third")));
    tracer.trace("a").finish();
    assert_eq!(seen.take(), ["first a", "third a", "second a"], "a dropped handle changes nothing");
    first.deregister();
    drop(second);
    tracer.trace("b").finish();
    assert_eq!(seen.take(), ["third b"]);
    let last = tracer.on_start_span(|_| ());
    tracer.trace("c").finish();
    drop(last);
    assert_eq!(
        Arc::strong_count(&seen.0),
        3,
        "ours, the third one's, and the one before the last change"
    );
}

#[test]
fn other_threads_follow_a_change_at_their_next_span() {
    let (tracer, _) = testing::tracer();
    let seen = Seen::default();
    let (to_thread, asked) = mpsc::channel::<()>();
    let (done, wait) = mpsc::channel();
    let own = tracer.clone();
    let thread = thread::spawn(move || {
        for () in asked {
            own.trace("there").finish();
            done.send(()).unwrap();
        }
    });
    let trace_there = || {
        to_thread.send(()).unwrap();
        wait.recv_timeout(Duration::from_secs(60)).unwrap();
    };
    let hook = tracer.on_start_span(seen.noting("start"));
    trace_there();
    hook.deregister();
    tracer.on_start_span(|_| ()).deregister();
    trace_there();
    assert_eq!(seen.take(), ["start there"]);
    assert_eq!(Arc::strong_count(&seen.0), 1, "freed with that span");
    drop(to_thread);
    thread.join().unwrap();
}

#[test]
fn hooks_come_and_go_while_threads_trace() {
    let (tracer, captured) = testing::tracer();
    let calls = Arc::new(AtomicU32::new(0));
    let counting = |calls: &Arc<AtomicU32>| {
        let calls = Arc::clone(calls);
        move |_: &SpanRef| _ = calls.fetch_add(1, Relaxed)
    };
    let always = Arc::new(AtomicU32::new(0));
    tracer.on_finish_span(counting(&always));
    thread::scope(|scope| {
        for _ in 0..3 {
            scope.spawn(|| (0..500).for_each(|_| tracer.trace("work").finish()));
        }
        for _ in 0..200 {
            tracer.on_start_span(counting(&calls)).deregister();
            drop(tracer.on_finish_span(counting(&calls)).until_dropped());
        }
    });
    assert_eq!(always.load(Relaxed), 1500, "one that stays misses none");
    assert_eq!(captured.spans().len(), 1500);
}

#[test]
fn an_abrupt_end_calls_the_hooks_of_every_span_that_it_ends() {
    let (tracer, _) = testing::tracer();
    let seen = Seen::default();
    tracer.on_finish_span(seen.noting("finish"));
    let root = tracer.start_span("root");
    let middle = tracer.span("middle").child_of(&*root).start();
    let leaf = tracer.span("leaf").child_of(&*middle).start();
    middle.finish();
    leaf.finish_with_ancestors();
    assert_eq!(seen.take(), ["finish middle", "finish leaf", "finish root"]);
}

#[test]
fn what_has_no_span_has_no_hooks() {
    let (tracer, _) = testing::tracer();
    let seen = Seen::default();
    tracer.on_start_span(seen.noting("start"));
    tracer.on_finish_span(seen.noting("finish"));
    drop({
        let _off = tracehound::suppress();
        tracer.trace("suppressed")
    });
    // Recorded by another library: it has started and finished already.
    let context = SpanContext::new(TraceId::new(7).unwrap(), None);
    let mut chunk = tracer.chunk(context).unwrap();
    let now = SystemTime::now();
    chunk.span(SpanId::new(1).unwrap(), now, now).set_name("recorded");
    chunk.submit();
    assert_eq!(seen.take(), [""; 0]);
    Tracer::none().on_start_span(|_| panic!("there is no tracer")).deregister();
}
