//! Every call works, on every tracer.

use std::collections::{BTreeMap, HashMap};
use std::error::Error as StdError;
use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};
use std::thread;
use std::time::{Duration, SystemTime};

use super::subject::{Subject, later};
use super::suite::Check;
use crate::{
    Error, ErrorKind, ExtractCarrier, Format, InjectCarrier, Reference, SpanContext, Value, fields,
    tags,
};

/// What every tracer can do, also one that does nothing.
pub const CHECKS: &[Check] = &[
    ("a span takes everything", a_span_takes_everything),
    ("a span takes everything after its end", a_span_takes_everything_after_its_end),
    ("every option of the start is taken", every_option_of_the_start_is_taken),
    ("a fresh span has no baggage", a_fresh_span_has_no_baggage),
    ("a scope gives its span", a_scope_gives_its_span),
    ("the result of work comes through", the_result_of_work_comes_through),
    ("errors and panics come through", errors_and_panics_come_through),
    ("a span goes to another thread", a_span_goes_to_another_thread),
    ("text formats take every text carrier", text_formats_take_every_text_carrier),
    ("an empty carrier holds nothing", an_empty_carrier_holds_nothing),
    ("the binary format works or is unsupported", the_binary_format_works_or_is_unsupported),
    ("an unknown format fails", an_unknown_format_fails),
    ("a wrong carrier fails", a_wrong_carrier_fails),
    ("the empty context writes nothing", the_empty_context_writes_nothing),
    ("garbage does no harm", garbage_does_no_harm),
];

/// Values and keys that are unusual but allowed.
fn set_everything(span: &crate::Span) {
    let error = "x".parse::<u8>().err();
    span.set_operation_name("renamed")
        .set_tag("text", "value")
        .set_tag("owned", String::from("value"))
        .set_tag("integer", -3)
        .set_tag("large", u64::MAX)
        .set_tag("fraction", 0.5)
        .set_tag("nan", f64::NAN)
        .set_tag("truth", true)
        .set_tag("ключ", "значение ☃")
        .set_tag("", "")
        .set_tag(tags::PEER_PORT, 80)
        .set_tag("text", 1)
        .log(&[])
        .log(&[(fields::EVENT, "soft".into()), (fields::MESSAGE, "text".into()), ("n", 3.into())])
        .log_at(&[("ключ", "значение".into())], SystemTime::UNIX_EPOCH)
        .log_at(&[(fields::EVENT, "in the future".into())], later())
        .log_event("event")
        .set_baggage_item("item", "value")
        .set_baggage_item("item", "other");
    if let Some(error) = &error {
        span.log_error(error);
        span.log_error(error as &(dyn StdError + 'static));
        span.set_tag("error.as.tag", Value::Error(error));
    }
}

fn a_span_takes_everything(subject: &Subject) {
    let span = subject.tracer().start_span("first");
    set_everything(&span);
    span.finish();
}

fn a_span_takes_everything_after_its_end(subject: &Subject) {
    let span = subject.tracer().start_span("first");
    let before = span.context();
    span.finish();
    set_everything(&span);
    span.finish();
    span.finish_at(SystemTime::now());
    let after = span.context();
    assert_eq!(after.span_id(), before.span_id(), "the context stays valid");
    subject.tracer().build_span("child").child_of(&span).start().finish();
}

fn every_option_of_the_start_is_taken(subject: &Subject) {
    let tracer = subject.tracer();
    let now = SystemTime::now();
    let earlier = now.checked_sub(Duration::from_secs(5)).unwrap_or(now);
    let parent = tracer.start_span(String::from("parent"));
    let context = parent.context();
    tracer.build_span("a").child_of(&parent).start().finish();
    tracer.build_span("b").child_of(&context).start().finish();
    tracer.build_span("c").child_of(None::<SpanContext>).start().finish();
    tracer.build_span("d").child_of(SpanContext::empty()).start().finish();
    tracer
        .build_span("e")
        .reference(Reference::follows_from(&context))
        .reference(Reference::child_of(&parent))
        .reference(Reference::child_of(SpanContext::empty()))
        .tag("key", "value")
        .tag(String::from("ключ"), 3)
        .start_time(earlier)
        .ignore_active_span()
        .start()
        .finish_at(now);
    tracer.build_span("").start_time(later()).start().finish_at(earlier);
    parent.finish();
}

fn a_fresh_span_has_no_baggage(subject: &Subject) {
    let span = subject.tracer().start_span("fresh").finish_on_drop();
    assert!(span.context().baggage().is_empty());
    assert_eq!(span.baggage_item("item"), None);
}

fn a_scope_gives_its_span(subject: &Subject) {
    let tracer = subject.tracer();
    let scope = tracer.start_active_span("one");
    scope.span().set_tag("key", "value");
    drop(scope);
    let span = tracer.start_span("two");
    for finish_on_close in [false, true] {
        let scope = tracer.scope_manager().activate(&span, finish_on_close);
        assert_eq!(scope.span().context().span_id(), span.context().span_id());
        scope.close();
    }
    span.activate().close();
}

fn the_result_of_work_comes_through(subject: &Subject) {
    let tracer = subject.tracer();
    assert_eq!(tracer.in_span("work", |_| 7), 7);
    let parsed = tracer.build_span("parse").try_in_span(|_| "7".parse::<u8>());
    assert_eq!(parsed, Ok(7));
}

fn errors_and_panics_come_through(subject: &Subject) {
    let tracer = subject.tracer();
    assert!(tracer.build_span("parse").try_in_span(|_| "x".parse::<u8>()).is_err());
    let work = || tracer.in_span("panic", |_| resume_unwind(Box::new("meant")));
    let panic = catch_unwind(AssertUnwindSafe(work)).err();
    let said = panic.as_ref().and_then(|panic| panic.downcast_ref::<&str>());
    assert_eq!(said, Some(&"meant"));
}

fn a_span_goes_to_another_thread(subject: &Subject) {
    let guard = subject.tracer().start_span("guarded").finish_on_drop();
    let span = subject.tracer().start_span("shared");
    thread::scope(|threads| {
        for _ in 0..4 {
            threads.spawn(|| {
                set_everything(&span);
                span.activate().close();
                subject.tracer().start_active_span("own").close();
            });
        }
        threads.spawn(move || drop(guard));
    });
    span.finish();
}

// ===== carriers =====

const TEXT_FORMATS: [Format; 2] = [Format::TextMap, Format::HttpHeaders];

fn text_formats_take_every_text_carrier(subject: &Subject) {
    let tracer = subject.tracer();
    let span = tracer.start_span("call").finish_on_drop();
    for format in TEXT_FORMATS {
        let mut map = HashMap::new();
        let mut tree = BTreeMap::new();
        let mut pairs: Vec<(String, String)> = Vec::new();
        for carrier in [&mut map as &mut dyn InjectCarrier, &mut tree, &mut pairs] {
            let written = tracer.inject(&span.context(), format, carrier);
            assert!(written.is_ok(), "{format}: {written:?}");
        }
        for carrier in [&map as &dyn ExtractCarrier, &tree, &pairs] {
            let read = tracer.extract(format, carrier);
            let read = read.map(|context| context.and_then(|context| context.trace_id()));
            assert!(
                matches!(&read, Ok(id) if *id == span.context().trace_id()),
                "{format}: {read:?}"
            );
        }
    }
}

fn an_empty_carrier_holds_nothing(subject: &Subject) {
    let none: [(&str, &str); 0] = [];
    let others = [("accept", "*/*"), ("host", "localhost")];
    for format in TEXT_FORMATS {
        for carrier in [&none as &dyn ExtractCarrier, &others] {
            let read = subject.tracer().extract(format, carrier);
            assert!(matches!(read, Ok(None)), "{format}: {read:?}");
        }
    }
}

fn the_binary_format_works_or_is_unsupported(subject: &Subject) {
    let tracer = subject.tracer();
    let span = tracer.start_span("call").finish_on_drop();
    let mut bytes: Vec<u8> = Vec::new();
    let written = tracer.inject(&span.context(), Format::Binary, &mut bytes);
    let read = tracer.extract(Format::Binary, &bytes);
    match (written, read) {
        (Ok(()), Ok(read)) => {
            assert_eq!(read.and_then(|read| read.trace_id()), span.context().trace_id());
        }
        (written, read) => {
            let unsupported = Some(ErrorKind::UnsupportedFormat);
            assert_eq!([kind(written), kind(read)], [unsupported; 2]);
        }
    }
}

fn an_unknown_format_fails(subject: &Subject) {
    let tracer = subject.tracer();
    let context = tracer.start_span("call").finish_on_drop().context();
    let mut carrier: Vec<(String, String)> = Vec::new();
    let unknown = Format::Custom("smoke signals");
    let written = kind(tracer.inject(&context, unknown, &mut carrier));
    let read = kind(tracer.extract(unknown, &carrier));
    assert_eq!([written, read], [Some(ErrorKind::UnsupportedFormat); 2]);
    assert!(carrier.is_empty());
}

fn a_wrong_carrier_fails(subject: &Subject) {
    let tracer = subject.tracer();
    let context = tracer.start_span("call").finish_on_drop().context();
    let mut bytes: Vec<u8> = Vec::new();
    let mut pairs: Vec<(String, String)> = Vec::new();
    for format in [Format::TextMap, Format::HttpHeaders, Format::Binary] {
        let is_binary = format == Format::Binary;
        let to: &mut dyn InjectCarrier = if is_binary { &mut pairs } else { &mut bytes };
        let written = kind(tracer.inject(&context, format, to));
        let from: &dyn ExtractCarrier = if is_binary { &pairs } else { &bytes };
        let read = kind(tracer.extract(format, from));
        assert_eq!([written, read], [Some(ErrorKind::InvalidCarrier); 2], "{format}");
    }
    assert!(bytes.is_empty() && pairs.is_empty());
}

/// In which way something failed, if it did.
fn kind<T>(outcome: Result<T, Error>) -> Option<ErrorKind> {
    outcome.err().map(|error| error.kind())
}

fn the_empty_context_writes_nothing(subject: &Subject) {
    let mut carrier: Vec<(String, String)> = Vec::new();
    for format in TEXT_FORMATS {
        let written = subject.tracer().inject(&SpanContext::empty(), format, &mut carrier);
        assert!(written.is_ok() && carrier.is_empty(), "{format}: {written:?}, {carrier:?}");
    }
}

fn garbage_does_no_harm(subject: &Subject) {
    let tracer = subject.tracer();
    let span = tracer.start_span("call").finish_on_drop();
    for format in TEXT_FORMATS {
        let mut carrier: BTreeMap<String, String> = BTreeMap::new();
        let written = tracer.inject(&span.context(), format, &mut carrier);
        assert!(written.is_ok());
        // Each field in turn becomes nonsense: the tracer may refuse it or go on with the rest.
        for key in carrier.keys() {
            for garbage in ["", "-", "\u{0}ÿ", "99999999999999999999999999", "00-zz-zz-00"] {
                let mut broken = carrier.clone();
                broken.insert(key.clone(), garbage.to_owned());
                match tracer.extract(format, &broken) {
                    Ok(context) => tracer.build_span("next").child_of(context).start().finish(),
                    Err(error) => assert_eq!(error.kind(), ErrorKind::SpanContextCorrupted),
                }
            }
        }
    }
    for bytes in [&[0_u8][..], &[0xff; 7], &[0xff; 64]] {
        let kind = kind(tracer.extract(Format::Binary, &bytes));
        let refused = [ErrorKind::SpanContextCorrupted, ErrorKind::UnsupportedFormat];
        assert!(kind.is_none_or(|kind| refused.contains(&kind)), "{kind:?}");
    }
}
