//! The checks find the faults that tracers have: each fault here is one line of a tracer that is right
//! otherwise.

#![allow(clippy::unwrap_used)]

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::{Arc, Mutex};
use std::time::{Duration, SystemTime};

use opentracing_rs::backend::{
    ExtractFrom, InjectInto, ScopeBackend, ScopeManagerBackend, SpanBackend, TracerBackend,
};
use opentracing_rs::conformance::{self, BoxFuture, Check, Subject};
use opentracing_rs::mock::{MockContext, MockTracer};
use opentracing_rs::{
    Error, Reference, Span, SpanContext, StartOptions, ThreadLocalScopeManager, Tracer, Value,
};

#[derive(Clone, Copy, Debug, PartialEq)]
enum Fault {
    None,
    /// What is given as the parent is not looked at.
    DeafToParents,
    /// What is active is not looked at.
    BlindToActive,
    /// A parent of another tracer is one, whom nobody knows.
    TakesForeign,
    /// Each scope takes itself for the active one.
    EveryScopeActive,
    /// No scope takes itself for the active one.
    NoScopeActive,
    /// Closing a scope leaves its span active.
    StaysActive,
    /// All threads share what is active.
    SharedByThreads,
    /// Names of formats are not looked at.
    AnyFormat,
    /// Nothing is written into carriers.
    WritesNothing,
    /// What was read becomes active.
    ActivatesExtracted,
    /// Times that are given are not looked at.
    OwnTimes,
    /// Errors are not marked.
    NoErrors,
    /// Baggage stays with its span.
    NoBaggageBelow,
}

#[derive(Debug)]
struct Faulty {
    fault: Fault,
    mock: MockTracer,
    scopes: Arc<Scopes>,
}

#[derive(Debug)]
struct Scopes {
    fault: Fault,
    own: ThreadLocalScopeManager,
    shared: Mutex<Option<Span>>,
}

fn subject(fault: Fault) -> Subject {
    let own = ThreadLocalScopeManager::new();
    let scopes = Arc::new(Scopes { fault, own, shared: Mutex::default() });
    let mock = MockTracer::with_scope_manager(scopes.clone());
    let seen = Subject::from(mock.clone());
    let tracer = Tracer::new(Faulty { fault, mock, scopes });
    Subject::recording(tracer, move || seen.finished_spans())
}

impl TracerBackend for Faulty {
    fn start_span(&self, _: &Tracer, options: StartOptions<'_>) -> Arc<dyn SpanBackend> {
        let mock = self.mock.tracer();
        let mut changed = mock.build_span(options.operation_name());
        for (key, value) in options.tags() {
            changed = changed.tag(key.as_ref(), value.clone());
        }
        for reference in options.references().filter(|_| self.fault != Fault::DeafToParents) {
            changed = changed.reference(reference.clone());
        }
        let is_own = |cause: &Reference| cause.context().downcast_ref::<MockContext>().is_some();
        let is_lost = self.fault == Fault::TakesForeign && !options.references().all(is_own);
        if options.ignores_active_span() || self.fault == Fault::BlindToActive || is_lost {
            changed = changed.ignore_active_span();
        }
        if let Some(start) = options.start_time().filter(|_| self.fault != Fault::OwnTimes) {
            changed = changed.start_time(start);
        }
        Arc::new(FaultySpan { fault: self.fault, span: changed.start() })
    }

    fn scope_manager(&self) -> &dyn ScopeManagerBackend {
        &*self.scopes
    }

    fn inject(&self, context: &SpanContext, carrier: InjectInto<'_>) -> Result<(), Error> {
        match carrier {
            _ if self.fault == Fault::WritesNothing => Ok(()),
            InjectInto::Custom(..) if self.fault == Fault::AnyFormat => Ok(()),
            carrier => self.mock.inject(context, carrier),
        }
    }

    fn extract(&self, carrier: ExtractFrom<'_>) -> Result<Option<SpanContext>, Error> {
        let read = self.mock.extract(carrier)?;
        if self.fault == Fault::ActivatesExtracted && read.is_some() {
            let span = self.mock.tracer().build_span("extracted").child_of(read.clone()).start();
            std::mem::forget(self.scopes.own.activate(&span));
        }
        Ok(read)
    }
}

#[derive(Debug)]
struct FaultySpan {
    fault: Fault,
    span: Span,
}

impl SpanBackend for FaultySpan {
    fn context(&self) -> SpanContext {
        self.span.context()
    }

    fn set_operation_name(&self, name: &str) {
        self.span.set_operation_name(name);
    }

    fn set_tag(&self, key: &str, value: Value<'_>) {
        if !(self.fault == Fault::NoErrors && key == "error") {
            self.span.set_tag(key, value);
        }
    }

    fn log(&self, fields: &[(&str, Value<'_>)], _: Option<SystemTime>) {
        self.span.log(fields);
    }

    fn set_baggage_item(&self, key: &str, value: &str) {
        if self.fault != Fault::NoBaggageBelow {
            self.span.set_baggage_item(key, value);
        }
    }

    fn finish(&self, at: Option<SystemTime>) {
        match at.filter(|_| self.fault != Fault::OwnTimes) {
            Some(at) => self.span.finish_at(at),
            None => self.span.finish(),
        }
    }
}

impl ScopeManagerBackend for Scopes {
    fn activate(&self, span: &Span) -> Box<dyn ScopeBackend> {
        *self.shared.lock().unwrap() = Some(span.clone());
        Box::new(FaultyScope { fault: self.fault, scope: Some(self.own.activate(span)) })
    }

    fn active_span(&self, tracer: &Tracer) -> Option<Span> {
        match self.fault {
            Fault::SharedByThreads => self.shared.lock().unwrap().clone(),
            _ => self.own.active_span(tracer),
        }
    }
}

struct FaultyScope {
    fault: Fault,
    scope: Option<Box<dyn ScopeBackend>>,
}

impl ScopeBackend for FaultyScope {
    fn is_active(&self) -> bool {
        match self.fault {
            Fault::EveryScopeActive => true,
            Fault::NoScopeActive => false,
            _ => self.scope.as_ref().unwrap().is_active(),
        }
    }
}

impl Drop for FaultyScope {
    fn drop(&mut self) {
        if self.fault == Fault::StaysActive {
            std::mem::forget(self.scope.take());
        }
    }
}

/// What a suite says of a tracer with a fault.
fn verdict(checks: &'static [Check], fault: Fault) -> String {
    let panic = catch_unwind(|| conformance::run(checks, || subject(fault)));
    panic.err().map(|panic| *panic.downcast::<String>().unwrap()).unwrap_or_default()
}

#[test]
fn the_tracer_is_right_without_a_fault() {
    for checks in [conformance::API, conformance::SCOPES, conformance::SPANS, conformance::PATTERNS]
    {
        assert_eq!(verdict(checks, Fault::None), "");
    }
}

#[test]
fn each_fault_is_found_by_the_check_that_is_there_for_it() {
    let found: [(Fault, &[Check], &str); 13] = [
        (Fault::DeafToParents, conformance::SPANS, "child_of comes before references"),
        (Fault::BlindToActive, conformance::SPANS, "the active span is the parent"),
        (Fault::TakesForeign, conformance::SPANS, "a context of another tracer is no parent"),
        (Fault::EveryScopeActive, conformance::SCOPES, "closing the outer scope first"),
        (Fault::NoScopeActive, conformance::SCOPES, "closing finishes only if told to"),
        (Fault::StaysActive, conformance::SCOPES, "something stayed active"),
        (Fault::SharedByThreads, conformance::SCOPES, "what is active is the thread's"),
        (Fault::AnyFormat, conformance::API, "an unknown format fails"),
        (Fault::WritesNothing, conformance::SPANS, "a context travels in text"),
        (Fault::ActivatesExtracted, conformance::SPANS, "extracting activates nothing"),
        (Fault::OwnTimes, conformance::SPANS, "times can be given"),
        (Fault::NoErrors, conformance::SPANS, "an error marks the span"),
        (Fault::NoBaggageBelow, conformance::SPANS, "baggage goes down and not up"),
    ];
    for (fault, checks, name) in found {
        let verdict = verdict(checks, fault);
        assert!(verdict.contains(name), "{fault:?}: {verdict}");
    }
}

#[test]
fn faults_are_found_with_tasks_as_well() {
    let found = [
        (Fault::None, ""),
        (Fault::DeafToParents, "a client calls a server"),
        (Fault::BlindToActive, "a subtask finds the span of its task"),
        (Fault::StaysActive, "a future is in its span when it runs: something stayed active"),
        (Fault::NoErrors, "a panic marks the span of its future"),
        (Fault::OwnTimes, "a span is finished when its future is done"),
    ];
    for (fault, name) in found {
        let runtime = tokio::runtime::Builder::new_multi_thread().enable_time().build().unwrap();
        let spawn = |task: BoxFuture| -> BoxFuture {
            let task = tokio::spawn(task);
            Box::pin(async move { drop(task.await) })
        };
        let run = || {
            let make = move || subject(fault);
            let checks = conformance::run_tasks(conformance::TASKS, make, Arc::new(spawn));
            let checks = async { tokio::time::timeout(Duration::from_secs(60), checks).await };
            assert!(runtime.block_on(checks).is_ok(), "a task waits for ever");
        };
        let panic = catch_unwind(AssertUnwindSafe(run)).err();
        let verdict = panic.map(|panic| *panic.downcast::<String>().unwrap()).unwrap_or_default();
        assert!(verdict.contains(name), "{fault:?}: {verdict}");
        assert_eq!(verdict.is_empty(), fault == Fault::None, "{verdict}");
    }
}
