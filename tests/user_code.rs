//! Code of the program that runs inside the library: it may trace, fail, and come at the worst moment.

#![allow(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing)]

mod common;

use std::cell::RefCell;
use std::error::Error;
use std::fmt;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::{Arc, Mutex, OnceLock};
use std::time::SystemTime;

use tracehound::config::Environment;
use tracehound::{
    ActiveScope, ActiveSpan, EventValue, LogLevel, SpanEvent, SpanId, SpanLink, SpanRef, TagValue,
    Text, TraceId, Tracer, testing,
};
use tracehound_test_support::within;

use common::LIMIT;

// ===== conversions =====

/// A value that uses the tracer, and the very span that it is set on, whenever it is asked for itself.
#[derive(Clone)]
struct Chatty {
    tracer: Tracer,
    span: SpanRef,
}

impl Chatty {
    fn talk(&self) -> &'static str {
        self.tracer.in_span("chat", |chat| {
            chat.set_tag("k", "v");
            chat.link_to(&self.span);
        });
        self.span.set_tag("talked", true);
        let _ =
            (self.span.name(), self.span.propagation_context(), self.tracer.propagation_context());
        self.tracer.current_span().unwrap().set_metric("chats", 1.0);
        "chatty"
    }
}

impl From<Chatty> for Text {
    fn from(chatty: Chatty) -> Self {
        chatty.talk().into()
    }
}

impl From<Chatty> for TagValue<'_> {
    fn from(chatty: Chatty) -> Self {
        chatty.talk().into()
    }
}

impl From<Chatty> for EventValue {
    fn from(chatty: Chatty) -> Self {
        chatty.talk().into()
    }
}

impl fmt::Display for Chatty {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.talk())
    }
}

impl fmt::Debug for Chatty {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.talk())
    }
}

impl Error for Chatty {}

impl Drop for Chatty {
    fn drop(&mut self) {
        if self.span.is_open() {
            self.talk();
        }
    }
}

#[test]
fn values_that_trace_while_they_are_taken_wait_for_nothing() {
    within(LIMIT, || {
        let (tracer, captured) = testing::tracer();
        let span = tracer.trace("span");
        let chatty = || Chatty { tracer: tracer.clone(), span: span.handle() };
        span.set_tag("tag", chatty());
        span.set_tag(Text::from(chatty()), vec![chatty(), chatty()]);
        span.set_tags([(chatty(), chatty())]);
        span.set_name(chatty());
        span.set_service(chatty());
        span.set_resource(chatty());
        span.set_type(chatty());
        span.set_metric(chatty(), 1.0);
        span.set_metrics([(chatty(), 1.0)]);
        span.set_struct_bytes(chatty(), vec![0xc0]);
        span.set_baggage_item(chatty(), chatty());
        span.set_error_message(chatty());
        span.set_error(&chatty());
        let boxed: Box<dyn Error> = Box::new(chatty());
        span.set_error(&*boxed);
        span.set_panic(&chatty());
        span.add_event(SpanEvent::new(chatty()).attribute(chatty(), chatty()));
        let link = SpanLink::new(TraceId::new(1).unwrap(), SpanId::new(2).unwrap());
        span.add_link(link.attribute(chatty(), chatty()).tracestate(chatty()));
        tracer.set_tags([(chatty(), chatty())]);
        let built = tracer
            .span(chatty())
            .service(chatty())
            .resource(chatty())
            .span_type(chatty())
            .tag(chatty(), chatty())
            .tags([(chatty(), chatty())])
            .start();
        drop((built, boxed));
        drop(span);
        let spans = captured.spans();
        assert_eq!(spans.iter().filter(|span| span.name == "chatty").count(), 2);
        let chats = spans.iter().filter(|span| span.name == "chat");
        assert!(chats.count() > 60 && spans.iter().all(|span| span.trace_id == spans[0].trace_id));
    });
}

#[cfg(feature = "struct-tags")]
#[test]
fn a_value_that_traces_while_it_serializes_waits_for_nothing() {
    struct Loud(Chatty);

    impl serde::Serialize for Loud {
        fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
            serializer.serialize_str(self.0.talk())
        }
    }

    within(LIMIT, || {
        let (tracer, _) = testing::tracer();
        let span = tracer.trace("span");
        let loud = Loud(Chatty { tracer: tracer.clone(), span: span.handle() });
        span.set_struct_tag("loud", &loud).unwrap();
        assert_eq!(span.struct_tag::<String>("loud").as_deref(), Some("chatty"));
    });
}

#[test]
fn an_error_that_panics_while_it_is_shown_breaks_nothing_else() {
    #[derive(Debug)]
    struct Bomb;

    impl fmt::Display for Bomb {
        fn fmt(&self, _: &mut fmt::Formatter<'_>) -> fmt::Result {
            panic!("on purpose")
        }
    }

    impl Error for Bomb {}

    within(LIMIT, || {
        let (tracer, captured) = testing::tracer();
        let span = tracer.trace("span");
        span.set_error(&Bomb);
        span.set_tag("after", true);
        tracer.in_span("child", |_| ());
        drop(span);
        let span = captured.span("span");
        assert!(span.is_error && span.tags["error.type"].ends_with("Bomb"));
        assert_eq!(captured.span("child").parent_id, span.span_id);
    });
}

#[test]
fn an_iterator_that_panics_leaves_what_it_gave_before() {
    let (tracer, captured) = testing::tracer();
    let span = tracer.trace("span");
    let tags = (0..3).map(|n| if n == 2 { panic!("on purpose") } else { (format!("k{n}"), n) });
    assert!(catch_unwind(AssertUnwindSafe(|| span.set_tags(tags))).is_err());
    drop(span);
    assert_eq!(captured.tree(), "span k0=0 k1=1\n");
}

// ===== destructors =====

/// Traces when it is dropped.
struct Parting {
    tracer: Tracer,
    said: Arc<Mutex<Vec<bool>>>,
}

impl Drop for Parting {
    fn drop(&mut self) {
        let active = self.tracer.current_span();
        let _ = (self.tracer.current_root_span(), self.tracer.propagation_context());
        self.tracer.in_span("parting", |span| {
            span.set_tag("k", vec!["a", "b"]);
            span.add_event(SpanEvent::new("gone"));
            let _suppressed = tracehound::suppress();
            assert!(self.tracer.trace("suppressed").is_none() || active.is_none());
        });
        let _detached = self.tracer.span("detached").root().start();
        self.said.lock().unwrap().push(active.is_some());
    }
}

thread_local! {
    static PARTING: RefCell<Option<Parting>> = const { RefCell::new(None) };
    static HELD: RefCell<Option<(ActiveSpan, ActiveScope)>> = const { RefCell::new(None) };
}

#[test]
fn spans_can_be_made_while_their_thread_is_torn_down() {
    within(LIMIT, || {
        let (tracer, captured) = testing::tracer();
        let said = Arc::new(Mutex::new(Vec::new()));
        // Destructors of thread-locals run in the order of their first use, or the other way round.
        for tracer_is_first in [true, false] {
            let parting = Parting { tracer: tracer.clone(), said: Arc::clone(&said) };
            let work = move || {
                let tracer = parting.tracer.clone();
                let hide = |parting| PARTING.with(|slot| *slot.borrow_mut() = Some(parting));
                if tracer_is_first {
                    tracer.in_span("work", |_| ());
                    hide(parting);
                } else {
                    hide(parting);
                    tracer.in_span("work", |_| ());
                }
                // Active to the very end.
                std::mem::forget(tracer.trace("forgotten"));
            };
            std::thread::spawn(work).join().unwrap();
        }
        assert_eq!(said.lock().unwrap().len(), 2, "both came to their end");
        let names = captured.spans().into_iter().map(|span| span.name);
        let count = names.filter(|name| name == "work" || name == "detached").count();
        assert_eq!(count, 4);
    });
}

#[test]
fn a_span_in_a_thread_local_ends_with_its_thread() {
    within(LIMIT, || {
        let (tracer, captured) = testing::tracer();
        for use_first in [true, false] {
            let tracer = tracer.clone();
            let work = move || {
                if use_first {
                    HELD.with(|held| assert!(held.borrow().is_none()));
                }
                let span = tracer.trace("held");
                let scope = span.activate();
                HELD.with(|held| *held.borrow_mut() = Some((span, scope)));
                tracer.in_span("child", |_| ());
            };
            std::thread::spawn(work).join().unwrap();
        }
        assert_eq!(captured.tree(), "held\n  child\n".repeat(2));
    });
}

#[test]
fn destructors_trace_while_a_panic_unwinds() {
    within(LIMIT, || {
        let (tracer, captured) = testing::tracer();
        let said = Arc::new(Mutex::new(Vec::new()));
        let unwound = catch_unwind(AssertUnwindSafe(|| {
            let _parting = Parting { tracer: tracer.clone(), said: Arc::clone(&said) };
            let _span = tracer.trace("span");
            panic!("on purpose");
        }));
        assert!(unwound.is_err());
        assert_eq!(captured.spans().len(), 3, "{}", captured.tree());
        assert!(captured.span("span").is_error);
    });
}

// ===== log functions =====

/// A finished span, so that every change to it is said where debugging is on.
fn finished(tracer: &Tracer) -> SpanRef {
    let span = tracer.span("finished").start();
    span.finish();
    span.handle()
}

#[test]
fn a_log_function_that_panics_harms_nobody() {
    within(LIMIT, || {
        let captured = testing::Captured::default();
        let tracer = Tracer::builder()
            .environment(Environment::from_pairs([("DD_TRACE_SAMPLE_RATE", "many")]))
            .debug(true)
            .log(|_, _| panic!("on purpose"))
            .capture(&captured)
            .build();
        finished(&tracer).set_tag("late", true);
        tracer.in_span("span", |_| ());
        assert_eq!(captured.tree(), "finished @unnamed-rust-service\nspan @unnamed-rust-service\n");
    });
}

#[test]
fn a_log_function_that_traces_itself_comes_to_an_end() {
    within(LIMIT, || {
        let captured = testing::Captured::default();
        let tracer: Arc<OnceLock<Tracer>> = Arc::default();
        let of_the_log = Arc::clone(&tracer);
        let lines = Arc::new(Mutex::new(Vec::new()));
        let said = Arc::clone(&lines);
        let log = move |_: LogLevel, line: &str| {
            // As a logger does that holds its lock while it writes.
            let mut said = said.lock().unwrap();
            if let Some(tracer) = of_the_log.get() {
                tracer.in_span("log", |span| span.set_tag("line", line));
                finished(tracer).set_tag("late", true);
                drop(tracer.span("log").start_time(SystemTime::now()).start());
            }
            said.push(line.to_owned());
        };
        let built = Tracer::builder()
            .service("shop")
            .environment(Environment::empty())
            .debug(true)
            .log(log)
            .capture(&captured);
        let tracer = tracer.get_or_init(|| built.build());
        finished(tracer).set_tag("late", true);
        testing::wait_for_lines();
        assert_eq!(lines.lock().unwrap().len(), 1, "what it causes itself is not said");
        finished(tracer).set_tag("late", true);
        testing::wait_for_lines();
        assert_eq!(lines.lock().unwrap().len(), 2);
    });
}
