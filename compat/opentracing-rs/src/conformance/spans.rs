//! Parents, ids, times, baggage and errors.

use std::collections::{BTreeMap, HashMap};
use std::error::Error as StdError;
use std::time::{Duration, SystemTime};

use super::subject::{Identity, Subject, is_near};
use super::suite::Check;
use crate::backend::SpanContextBackend;
use crate::{Baggage, Format, Reference, SpanContext, tags};

/// What a tracer that records does with spans.
pub const CHECKS: &[Check] = &[
    ("the active span is the parent", the_active_span_is_the_parent),
    ("the active span can be ignored", the_active_span_can_be_ignored),
    ("child_of comes before references and the active span", child_of_comes_first),
    ("the first reference comes before the active span", the_first_reference_comes_next),
    ("an empty context is no parent", an_empty_context_is_no_parent),
    ("a context of another tracer is no parent", a_context_of_another_tracer_is_no_parent),
    ("a finished span can be a parent", a_finished_span_can_be_a_parent),
    ("the ids of the context are the span's", the_ids_of_the_context_are_the_spans),
    ("tags and names are kept", tags_and_names_are_kept),
    ("times can be given", times_can_be_given),
    ("the first end counts", the_first_end_counts),
    ("a guard finishes its span", a_guard_finishes_its_span),
    ("an error marks the span", an_error_marks_the_span),
    ("baggage goes down and not up", baggage_goes_down_and_not_up),
    ("a context does not change", a_context_does_not_change),
    ("a context travels in text", a_context_travels_in_text),
    ("extracting activates nothing", extracting_activates_nothing),
];

fn the_active_span_is_the_parent(subject: &Subject) {
    let tracer = subject.tracer();
    tracer.in_span("parent", |_| {
        tracer.start_span("child").finish();
        tracer.in_span("active child", |_| tracer.start_span("grandchild").finish());
    });
    tracer.start_span("alone").finish();
    let (parent, active) = (subject.one("parent"), subject.one("active child"));
    assert_eq!(parent.parent_id, None);
    assert!(subject.one("child").is_child_of(&parent));
    assert!(active.is_child_of(&parent));
    assert!(subject.one("grandchild").is_child_of(&active));
    let alone = subject.one("alone");
    assert_eq!(alone.parent_id, None);
    assert_ne!(alone.trace_id, parent.trace_id);
}

fn the_active_span_can_be_ignored(subject: &Subject) {
    let tracer = subject.tracer();
    tracer.in_span("active", |_| {
        tracer.build_span("root").ignore_active_span().start().finish();
        let scope = tracer.build_span("active root").ignore_active_span().start_active();
        subject.expect_active(Some(scope.span()));
    });
    for name in ["root", "active root"] {
        let root = subject.one(name);
        assert_eq!(root.parent_id, None, "{name}");
        assert_ne!(root.trace_id, subject.one("active").trace_id, "{name}");
    }
}

fn child_of_comes_first(subject: &Subject) {
    let tracer = subject.tracer();
    let (parent, other) = (tracer.start_span("parent"), tracer.start_span("other"));
    tracer.in_span("active", |_| {
        let child = tracer.build_span("child").reference(Reference::child_of(&other));
        child.child_of(&parent).start().finish();
        let child = tracer.build_span("of context").child_of(parent.context());
        child.ignore_active_span().start().finish();
    });
    parent.finish();
    other.finish();
    assert!(subject.one("child").is_child_of(&subject.one("parent")));
    assert!(subject.one("of context").is_child_of(&subject.one("parent")));
}

fn the_first_reference_comes_next(subject: &Subject) {
    let tracer = subject.tracer();
    let (first, second) = (tracer.start_span("first"), tracer.start_span("second"));
    tracer.in_span("active", |_| {
        let child = tracer.build_span("child").reference(Reference::child_of(&first));
        child.reference(Reference::child_of(&second)).start().finish();
        let next = tracer.build_span("follower").reference(Reference::follows_from(&second));
        next.reference(Reference::child_of(&first)).start().finish();
    });
    first.finish();
    second.finish();
    assert!(subject.one("child").is_child_of(&subject.one("first")));
    assert!(subject.one("follower").is_child_of(&subject.one("second")));
}

fn an_empty_context_is_no_parent(subject: &Subject) {
    let tracer = subject.tracer();
    let first = tracer.start_span("first");
    tracer.in_span("active", |_| {
        tracer.build_span("child").child_of(SpanContext::empty()).start().finish();
        let child = tracer.build_span("referring").child_of(None::<SpanContext>);
        let child = child.reference(Reference::child_of(SpanContext::empty()));
        child.reference(Reference::child_of(&first)).start().finish();
    });
    first.finish();
    assert!(subject.one("child").is_child_of(&subject.one("active")));
    assert!(subject.one("referring").is_child_of(&subject.one("first")));
}

/// The context of a tracer that nobody has.
#[derive(Debug)]
struct Foreign(Baggage);

impl SpanContextBackend for Foreign {
    fn baggage(&self) -> &Baggage {
        &self.0
    }

    fn trace_id(&self) -> Option<String> {
        Some("1".to_owned())
    }

    fn span_id(&self) -> Option<String> {
        Some("1".to_owned())
    }
}

fn a_context_of_another_tracer_is_no_parent(subject: &Subject) {
    let tracer = subject.tracer();
    let foreign = SpanContext::new(Foreign(Baggage::new().with("item", "foreign")));
    let first = tracer.start_span("first");
    tracer.in_span("active", |_| {
        let child = tracer.build_span("child").child_of(&foreign).start();
        assert_eq!(child.baggage_item("item"), None);
        child.finish();
        let child = tracer.build_span("referring").child_of(&foreign);
        child.reference(Reference::child_of(&first)).start().finish();
        tracer.build_span("root").child_of(&foreign).ignore_active_span().start().finish();
    });
    first.finish();
    assert!(subject.one("child").is_child_of(&subject.one("active")));
    assert!(subject.one("referring").is_child_of(&subject.one("first")));
    assert_eq!(subject.one("root").parent_id, None);
}

fn a_finished_span_can_be_a_parent(subject: &Subject) {
    let tracer = subject.tracer();
    let root = tracer.start_span("root");
    let parent = tracer.build_span("parent").child_of(&root).start();
    parent.finish();
    tracer.build_span("late").child_of(&parent).start().finish();
    root.finish();
    assert!(subject.one("late").is_child_of(&subject.one("parent")));
}

fn the_ids_of_the_context_are_the_spans(subject: &Subject) {
    let span = subject.tracer().start_span("one");
    let during = Identity::of(&span);
    span.finish();
    let kept = subject.one("one");
    let context = span.context();
    assert_eq!(during, Identity::of(&span), "the context stays valid");
    assert_eq!(context.trace_id(), Some(kept.trace_id));
    assert_eq!(context.span_id(), Some(kept.span_id));
}

fn tags_and_names_are_kept(subject: &Subject) {
    let span = subject.tracer().build_span("before").tag("early", "1").tag("late", "1").start();
    span.set_tag("late", "2").set_tag("count", 3).set_tag("truth", true).set_tag("слово", "é");
    span.set_operation_name("after");
    span.finish();
    let kept = subject.one("after");
    let expected =
        [("early", "1"), ("late", "2"), ("count", "3"), ("truth", "true"), ("слово", "é")];
    for (key, value) in expected {
        assert_eq!(kept.tags.get(key).map(String::as_str), Some(value), "{key}");
    }
    assert!(subject.named("before").is_empty());
}

fn times_can_be_given(subject: &Subject) {
    let second = Duration::from_secs(1);
    let now = SystemTime::now();
    let start = now.checked_sub(second.saturating_mul(5)).unwrap_or(now);
    let end = start.checked_add(second).unwrap_or(now);
    let span = subject.tracer().build_span("past").start_time(start).start();
    span.log_at(&[("event", "then".into())], start);
    span.finish_at(end);
    let kept = subject.one("past");
    assert!(is_near(kept.start_time, start), "{:?} is not {start:?}", kept.start_time);
    assert!(is_near(kept.finish_time, end), "{:?} is not {end:?}", kept.finish_time);
}

fn the_first_end_counts(subject: &Subject) {
    let span = subject.tracer().start_span("twice");
    subject.expect_open(&span, "twice");
    let first = subject.one("twice");
    span.finish();
    span.finish_at(SystemTime::now());
    span.set_tag("after", "1").set_operation_name("after");
    assert_eq!(subject.one("twice"), first);
}

fn a_guard_finishes_its_span(subject: &Subject) {
    let tracer = subject.tracer();
    let guard = tracer.start_span("guarded").finish_on_drop();
    subject.expect_active(None);
    drop(guard);
    subject.one("guarded");
    // Its handle does not.
    let handle = tracer.start_span("handle");
    drop(handle.clone());
    subject.expect_open(&handle, "handle");
}

fn an_error_marks_the_span(subject: &Subject) {
    let tracer = subject.tracer();
    let failed = tracer.build_span("typed").try_in_span(|_| "x".parse::<u8>());
    assert!(failed.is_err());
    tracer.in_span("erased", |span| {
        let error: Box<dyn StdError + Send + Sync> = "no such file".into();
        span.log_error(&*error);
    });
    tracer.build_span("tagged").tag(tags::ERROR, true).start().finish();
    let worked = tracer.build_span("worked").try_in_span(|_| "7".parse::<u8>());
    assert!(worked.is_ok());
    for name in ["typed", "erased", "tagged"] {
        assert!(subject.one(name).is_error, "{name}");
    }
    assert!(!subject.one("worked").is_error);
}

// ===== baggage and carriers =====

fn baggage_goes_down_and_not_up(subject: &Subject) {
    let tracer = subject.tracer();
    let parent = tracer.start_span("parent").finish_on_drop();
    parent.set_baggage_item("tenant", "acme");
    let child = tracer.build_span("child").child_of(&*parent).start().finish_on_drop();
    parent.set_baggage_item("late", "1");
    child.set_baggage_item("own", "2").set_baggage_item("tenant", "other");
    assert_eq!(child.baggage_item("tenant").as_deref(), Some("other"));
    assert_eq!(child.baggage_item("late"), None);
    assert_eq!(parent.baggage_item("own"), None);
    assert_eq!(parent.baggage_item("tenant").as_deref(), Some("acme"));
    let context = child.context();
    assert_eq!(context.baggage().get("own"), Some("2"));
    assert!(context.baggage().iter().any(|item| item == ("tenant", "other")));
}

fn a_context_does_not_change(subject: &Subject) {
    let span = subject.tracer().start_span("one").finish_on_drop();
    let before = span.context();
    span.set_baggage_item("item", "value");
    assert!(before.baggage().is_empty());
    assert_eq!(span.context().baggage().get("item"), Some("value"));
}

fn a_context_travels_in_text(subject: &Subject) {
    let tracer = subject.tracer();
    for format in [Format::TextMap, Format::HttpHeaders] {
        let client = tracer.start_span(format!("client {format}"));
        client.set_baggage_item("tenant", "acme");
        let mut carrier: HashMap<String, String> = HashMap::new();
        let written = tracer.inject(&client.context(), format, &mut carrier);
        assert!(written.is_ok(), "{written:?}");
        // Proxies and servers write the names of headers as they like.
        let upper = |(key, value): (String, String)| (key.to_ascii_uppercase(), value);
        let carrier: BTreeMap<String, String> = match format {
            Format::HttpHeaders => carrier.into_iter().map(upper).collect(),
            _ => carrier.into_iter().collect(),
        };
        let read = tracer.extract(format, &carrier);
        let read = read.map(Option::unwrap_or_default).unwrap_or_default();
        assert!(!read.is_empty(), "{format}: nothing was read from {carrier:?}");
        let tenant = read.baggage().iter().find(|(key, _)| key.eq_ignore_ascii_case("tenant"));
        assert_eq!(tenant.map(|(_, value)| value), Some("acme"), "{format}");
        tracer.build_span(format!("server {format}")).child_of(read).start().finish();
        client.finish();
        let client = subject.one(&format!("client {format}"));
        assert!(subject.one(&format!("server {format}")).is_child_of(&client), "{format}");
    }
}

fn extracting_activates_nothing(subject: &Subject) {
    let tracer = subject.tracer();
    let client = tracer.start_span("client").finish_on_drop();
    let mut carrier: HashMap<String, String> = HashMap::new();
    let written = tracer.inject(&client.context(), Format::TextMap, &mut carrier);
    assert!(written.is_ok());
    assert!(tracer.extract(Format::TextMap, &carrier).is_ok_and(|context| context.is_some()));
    subject.expect_active(None);
    tracer.start_span("unrelated").finish();
    drop(client);
    assert_eq!(subject.one("unrelated").parent_id, None);
}
