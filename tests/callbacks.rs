//! Functions of the program that the tracer calls by itself: they may ask for anything, and fail in any way.

#![cfg(feature = "agent")]
#![allow(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing)]

mod common;

use std::collections::HashMap;
use std::error::Error;
use std::fmt;
use std::panic::{AssertUnwindSafe, catch_unwind, panic_any, resume_unwind};
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Arc, Mutex, OnceLock, mpsc};
use std::thread;

use tracehound::bridge::SpanBuilderExt as _;
use tracehound::bridge::SpanExt as _;
use tracehound::bridge::{DeferredTags, DerivedNames, NamingFn};
use tracehound::{
    ActiveContext, ContextProvider, Extractor, Injector, Propagator, Sampler, SamplingDecision,
    SamplingMechanism, SamplingPriority, SamplingRule, ScopeToken, SpanContext, SpanRef, SpanView,
    TagValue, Text, Tracer, TracerBuilder, testing,
};
use tracehound_test_support::fault_agent::scripts;
use tracehound_test_support::{FaultAgent, within};

use common::{LIMIT, Said};

type Headers = HashMap<String, String>;

/// A tracer that delivers, as `build` makes it; what was delivered is given to `look`.
fn delivering(
    build: impl FnOnce(TracerBuilder) -> TracerBuilder,
    use_it: impl FnOnce(&Tracer, &Said),
) -> Vec<String> {
    let (agent, said) = (FaultAgent::start(scripts::healthy), Said::default());
    let tracer = build(common::builder(&agent.url(), &said)).build();
    use_it(&tracer, &said);
    tracer.flush(LIMIT).unwrap();
    agent.spans().into_iter().map(|span| span.name).collect()
}

fn headers(tracer: &Tracer) -> Headers {
    let mut headers = Headers::new();
    tracer.inject(&mut headers);
    headers
}

// ===== what they ask for =====

/// The decision in a context, and whether headers said one.
type Seen = (Option<SamplingPriority>, bool);

/// Asks for all that takes a decision, while it takes one.
struct Curious {
    tracer: Arc<OnceLock<Tracer>>,
    asked: Arc<AtomicU32>,
    seen: Arc<Mutex<Vec<Seen>>>,
}

impl Sampler for Curious {
    fn sample(&self, root: &SpanView<'_>) -> SamplingDecision {
        self.asked.fetch_add(1, Ordering::Relaxed);
        if let Some(tracer) = self.tracer.get() {
            let context = tracer.propagation_context();
            let written = headers(tracer);
            if let Some(context) = context {
                let said = written.contains_key("x-datadog-sampling-priority");
                assert_eq!(written["x-datadog-trace-id"], root.trace_id().low().to_string());
                self.seen.lock().unwrap().push((context.priority(), said));
            }
            // Of the same trace, and of one of its own.
            tracer
                .in_span("inside", |span| span.link_to(&tracer.current_span().unwrap_or_default()));
            let other = tracer.start_span("other");
            assert_eq!(other.propagation_context().unwrap().priority(), None);
            other.finish();
        }
        SamplingDecision::new(SamplingPriority::USER_KEEP, SamplingMechanism::RULE)
    }
}

#[test]
fn a_sampler_that_asks_for_contexts_is_told_that_nothing_is_decided() {
    within(LIMIT, || {
        let (of_the_sampler, asked) = (Arc::<OnceLock<Tracer>>::default(), Arc::default());
        let seen = Arc::default();
        let sampler = Curious {
            tracer: Arc::clone(&of_the_sampler),
            asked: Arc::clone(&asked),
            seen: Arc::clone(&seen),
        };
        let names = delivering(
            |builder| builder.sampler(sampler),
            |tracer, _| {
                of_the_sampler.set(tracer.clone()).unwrap();
                let root = tracer.trace("root");
                let written = headers(tracer);
                assert_eq!(written["x-datadog-sampling-priority"], "2");
                assert_eq!(headers(tracer), written, "the decision is one");
                assert_eq!(asked.load(Ordering::Relaxed), 1);
                drop(root);
            },
        );
        assert!(names.contains(&"root".to_owned()), "{names:?}");
        assert!(names.contains(&"other".to_owned()), "{names:?}");
        let seen = seen.lock().unwrap();
        assert!(!seen.is_empty() && seen.iter().all(|seen| *seen == (None, false)), "{seen:?}");
    });
}

/// The span that a decision is taken for, and how often it was free and not.
static DECIDED: Mutex<Option<SpanRef>> = Mutex::new(None);
static FREE: AtomicU32 = AtomicU32::new(0);
static LOCKED: AtomicU32 = AtomicU32::new(0);

/// Waits for another thread that changes the span, which is undecided still.
fn change_elsewhere() {
    let Some(span) = DECIDED.lock().unwrap().clone() else { return };
    assert_eq!(span.propagation_context().unwrap().priority(), None);
    let (done, is_done) = mpsc::channel();
    thread::spawn(move || {
        span.set_tag("changed", true);
        let _ = done.send(());
    });
    let count = if is_done.recv_timeout(LIMIT / 4).is_ok() { &FREE } else { &LOCKED };
    count.fetch_add(1, Ordering::Relaxed);
}

struct Changes;

impl Sampler for Changes {
    fn sample(&self, _: &SpanView<'_>) -> SamplingDecision {
        change_elsewhere();
        SamplingDecision::new(SamplingPriority::USER_KEEP, SamplingMechanism::RULE)
    }
}

#[test]
fn no_function_of_the_program_that_decides_runs_under_the_lock_of_the_trace() {
    fn naming(_: &SpanView<'_>) -> DerivedNames {
        change_elsewhere();
        DerivedNames { name: "named".into(), span_type: None }
    }
    fn plain(_: &SpanView<'_>) -> DerivedNames {
        DerivedNames { name: "named".into(), span_type: None }
    }
    let rule = || SamplingRule::new(1.0).unwrap();
    type Build = Box<dyn FnOnce(TracerBuilder) -> TracerBuilder + Send>;
    let cases: [(NamingFn, Build); 5] = [
        (plain, Box::new(|builder| builder.sampler(Changes))),
        (plain, Box::new(|builder| builder.sampler(Arc::new(Changes)))),
        (
            plain,
            Box::new(move |builder| {
                builder.sampling_rule(rule().when(|_| {
                    change_elsewhere();
                    true
                }))
            }),
        ),
        (naming, Box::new(move |builder| builder.sampling_rule(rule().name("na*")))),
        (naming, Box::new(move |builder| builder.sampling_rule(rule().resource("na*")))),
    ];
    within(LIMIT, || {
        for (naming, build) in cases {
            FREE.store(0, Ordering::Relaxed);
            delivering(build, |tracer, _| {
                let root = tracer.span("").naming(naming).enter();
                *DECIDED.lock().unwrap() = Some(root.handle());
                assert_eq!(headers(tracer)["x-datadog-sampling-priority"], "2");
                *DECIDED.lock().unwrap() = None;
                assert_eq!(root.tag("changed").as_deref(), Some("true"));
            });
            assert_eq!((FREE.load(Ordering::Relaxed), LOCKED.load(Ordering::Relaxed)), (1, 0));
        }
    });
}

#[test]
fn a_function_of_a_rule_may_ask_for_contexts() {
    within(LIMIT, || {
        let of_the_rule = Arc::<OnceLock<Tracer>>::default();
        let tracer = Arc::clone(&of_the_rule);
        let rule = SamplingRule::new(0.0).unwrap().when(move |_| {
            let headers = tracer.get().map(headers).unwrap_or_default();
            !headers.contains_key("x-datadog-sampling-priority")
        });
        delivering(
            |builder| builder.sampling_rule(rule),
            |tracer, _| {
                of_the_rule.set(tracer.clone()).unwrap();
                let _root = tracer.trace("root");
                assert_eq!(headers(tracer)["x-datadog-sampling-priority"], "-1");
            },
        );
    });
}

/// Injects and extracts with the tracer that has it.
struct Recursive(Arc<OnceLock<Tracer>>);

impl Propagator for Recursive {
    fn inject(&self, _: &SpanContext, carrier: &mut dyn Injector) {
        self.0.get().unwrap().inject(carrier);
        carrier.set("own", "1".into());
    }

    fn extract(&self, carrier: &dyn Extractor) -> Option<SpanContext> {
        self.0.get().unwrap().extract(carrier)
    }
}

#[test]
fn a_propagator_that_uses_its_tracer_comes_to_an_end() {
    within(LIMIT, || {
        let of_the_propagator = Arc::<OnceLock<Tracer>>::default();
        delivering(
            |builder| builder.propagator(Recursive(Arc::clone(&of_the_propagator))),
            |tracer, _| {
                of_the_propagator.set(tracer.clone()).unwrap();
                let span = tracer.trace("root");
                let written = headers(tracer);
                assert_eq!(written["own"], "1");
                assert_eq!(
                    written["x-datadog-parent-id"],
                    span.span_id().unwrap().get().to_string()
                );
                let read = tracer.extract(&written).unwrap();
                assert_eq!(read.span_id(), span.span_id());
            },
        );
    });
}

#[test]
fn a_naming_function_may_ask_the_span_for_its_name() {
    fn naming(span: &SpanView<'_>) -> DerivedNames {
        let (name, resource) = (span.name().into_owned(), span.resource().into_owned());
        DerivedNames { name: format!("[{name}{resource}]").into(), span_type: None }
    }
    within(LIMIT, || {
        let names = delivering(
            |builder| builder,
            |tracer, _| {
                let span = tracer.span("").naming(naming).start();
                assert_eq!(span.name().as_deref(), Some("[]"));
            },
        );
        assert_eq!(names, ["[]"]);
    });
}

/// Deferred tags that do what they are told when they are handed over, and when they are dropped.
struct Deferred {
    handed_over: fn(&SpanRef),
    dropped: fn(&SpanRef),
    span: SpanRef,
}

impl fmt::Debug for Deferred {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Deferred")
    }
}

impl DeferredTags for Deferred {
    fn hand_over(&mut self, put: &mut impl FnMut(Text, TagValue<'_>)) {
        put("before".into(), true.into());
        (self.handed_over)(&self.span);
        put("after".into(), true.into());
    }
}

impl Drop for Deferred {
    fn drop(&mut self) {
        (self.dropped)(&self.span);
    }
}

/// What must not be done there.
fn touch(span: &SpanRef) {
    span.set_tag("touched", true);
    let _ = (span.name(), span.is_open(), span.propagation_context(), span.parent());
    span.link_to(span);
    drop(span.activate());
}

#[test]
fn deferred_tags_that_use_their_span_waits_for_nothing() {
    within(LIMIT, || {
        let (tracer, captured) = testing::tracer();
        let span = tracer.trace("span");
        for _ in 0..2 {
            let deferred = Deferred { handed_over: touch, dropped: touch, span: span.handle() };
            span.set_deferred_tags(deferred, 0);
            assert_eq!(span.tag("after").as_deref(), Some("true"));
        }
        drop(span);
        let tags = captured.span("span").tags;
        assert_eq!(tags.keys().collect::<Vec<_>>(), ["after", "before"]);
    });
}

// ===== how they fail =====

fn fail(_: &SpanRef) {
    panic_any(Bomb);
}

fn nothing(_: &SpanRef) {}

/// A payload that panics when it is dropped.
struct Bomb;

impl Drop for Bomb {
    fn drop(&mut self) {
        resume_unwind(Box::new("the payload"));
    }
}

#[test]
fn deferred_tags_and_naming_functions_that_panic_do_not_stop_the_worker() {
    fn naming(_: &SpanView<'_>) -> DerivedNames {
        panic_any(Bomb)
    }
    within(LIMIT, || {
        let names = delivering(
            |builder| builder,
            |tracer, said| {
                for _ in 0..10 {
                    let span = tracer.span("").naming(naming).start();
                    span.set_deferred_tags(
                        Deferred { handed_over: fail, dropped: nothing, span: SpanRef::none() },
                        0,
                    );
                    span.set_deferred_tags(
                        Deferred { handed_over: nothing, dropped: fail, span: SpanRef::none() },
                        0,
                    );
                    drop(span);
                }
                tracer.flush(LIMIT).unwrap();
                assert_eq!(tracer.caught_panics(), 30);
                let said = said.warnings();
                assert_eq!(said.len(), 2, "{said:?}");
                tracer.in_span("later", |_| ());
            },
        );
        assert_eq!(names.len(), 11, "{names:?}");
        assert!(names.contains(&"later".to_owned()));
    });
}

/// Panics whatever is asked of it.
struct Broken;

impl Sampler for Broken {
    fn sample(&self, _: &SpanView<'_>) -> SamplingDecision {
        panic_any(Bomb)
    }
}

impl Propagator for Broken {
    fn inject(&self, _: &SpanContext, _: &mut dyn Injector) {
        panic_any(Bomb)
    }

    fn extract(&self, _: &dyn Extractor) -> Option<SpanContext> {
        panic_any(Bomb)
    }
}

impl ContextProvider for Broken {
    fn active(&self) -> ActiveContext {
        panic_any(Bomb)
    }

    fn attach(&self, _: ActiveContext) -> ScopeToken {
        panic_any(Bomb)
    }

    fn detach(&self, _: ScopeToken) {
        panic_any(Bomb)
    }

    fn is_suppressed(&self) -> bool {
        panic_any(Bomb)
    }

    fn is_in_effect(&self, _: ScopeToken) -> bool {
        panic_any(Bomb)
    }
}

#[test]
fn each_panic_is_caught_counted_and_said_once() {
    within(LIMIT, || {
        let names = delivering(
            |builder| {
                let rule = SamplingRule::new(1.0).unwrap().when(|_| panic_any(Bomb));
                builder.propagator(Broken).context_provider(Broken).sampling_rule(rule)
            },
            |tracer, said| {
                for _ in 0..2 {
                    let span = tracer.trace("span");
                    let mut headers = Headers::new();
                    tracer.inject_span(&span, &mut headers);
                    assert_eq!(headers["x-datadog-sampling-priority"], "1");
                    assert!(tracer.extract(&headers).is_some());
                }
                let counted = tracer.caught_panics();
                // Both ways of the propagator, the rule, and at least three of the store.
                assert!(counted >= 2 * 6, "{counted}");
                tracer.flush(LIMIT).unwrap();
                let said = said.warnings();
                for name in ["a propagator", "the context provider", "a sampling rule's function"] {
                    let lines = said.iter().filter(|line| line.contains(name));
                    assert_eq!(lines.count(), 1, "{said:?}");
                }
            },
        );
        assert_eq!(names, ["span", "span"]);
    });
}

#[test]
fn a_sampler_that_panics_keeps_the_trace() {
    within(LIMIT, || {
        let names = delivering(
            |builder| builder.sampler(Broken),
            |tracer, said| {
                let _span = tracer.trace("span");
                assert_eq!(headers(tracer)["x-datadog-sampling-priority"], "1");
                assert_eq!(tracer.caught_panics(), 1);
                assert!(said.warnings()[0].contains("the sampler panicked"));
            },
        );
        assert_eq!(names, ["span"]);
    });
}

/// An error that fails in one way where it is described.
#[derive(Clone, Copy, PartialEq)]
enum Fails {
    Display,
    DisplayHalf,
    DisplayPanics,
    DebugPanics,
    SourcePanics,
    SetsItself,
}

struct BadError(Fails, SpanRef);

impl fmt::Display for BadError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.0 {
            Fails::Display => Err(fmt::Error),
            Fails::DisplayHalf => f.write_str("half").and(Err(fmt::Error)),
            Fails::DisplayPanics => panic_any(Bomb),
            Fails::SetsItself => {
                self.1.set_error(self);
                f.write_str("itself")
            }
            Fails::DebugPanics | Fails::SourcePanics => f.write_str("text"),
        }
    }
}

impl fmt::Debug for BadError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.0 == Fails::DebugPanics { panic_any(Bomb) } else { f.write_str("BadError") }
    }
}

impl Error for BadError {
    fn source(&self) -> Option<&(dyn Error + 'static)> {
        if self.0 == Fails::SourcePanics { panic_any(Bomb) } else { None }
    }
}

#[test]
fn an_error_that_cannot_be_shown_is_an_error_all_the_same() {
    const NO_TEXT: &str = "an error whose text cannot be written";
    within(LIMIT, || {
        for (fails, message, kind, panics) in [
            (Fails::Display, NO_TEXT, "BadError", 0),
            (Fails::DisplayHalf, "half", "BadError", 0),
            (Fails::DisplayPanics, NO_TEXT, "BadError", 1),
            (Fails::DebugPanics, "text", "dyn core::error::Error", 1),
            (Fails::SourcePanics, "text", "BadError", 1),
            (Fails::SetsItself, "itself", "BadError", 0),
        ] {
            let (tracer, captured) = testing::tracer();
            let span = tracer.trace("span");
            let error: Box<dyn Error> = Box::new(BadError(fails, span.handle()));
            let before = tracer.caught_panics();
            span.set_error(&*error);
            // Other tests count, too, where no tracer is known.
            assert!(tracer.caught_panics() - before >= panics);
            drop(span);
            let span = captured.span("span");
            assert!(span.is_error);
            assert_eq!((&*span.tags["error.message"], &*span.tags["error.type"]), (message, kind));
        }
    });
}

#[cfg(feature = "struct-tags")]
#[test]
fn a_value_that_panics_while_it_serializes_is_refused() {
    struct Explosive;

    impl serde::Serialize for Explosive {
        fn serialize<S: serde::Serializer>(&self, _: S) -> Result<S::Ok, S::Error> {
            panic_any(Bomb)
        }
    }

    let (tracer, captured) = testing::tracer();
    let span = tracer.trace("span");
    let refused = span.set_struct_tag("tag", &Explosive).unwrap_err();
    assert!(refused.source().unwrap().to_string().contains("panicked"));
    drop(span);
    assert_eq!(captured.tree(), "span\n");
}

/// A carrier is the caller's own: what it does to the caller is not the tracer's affair.
#[test]
fn a_panic_of_a_carrier_is_the_callers() {
    struct Full(u32);

    impl Injector for Full {
        fn set(&mut self, _: &str, _: String) {
            self.0 = self.0.checked_sub(1).expect("no room for another header");
        }
    }

    within(LIMIT, || {
        let (tracer, captured) = testing::tracer();
        let span = tracer.trace("span");
        for room in 0..3 {
            let inject = AssertUnwindSafe(|| tracer.inject(&mut Full(room)));
            assert!(catch_unwind(inject).is_err());
        }
        assert!(headers(&tracer).len() > 3, "the next one is as ever");
        assert!(!span.is_error());
        drop(span);
        assert_eq!(captured.tree(), "span\n");
    });
}
