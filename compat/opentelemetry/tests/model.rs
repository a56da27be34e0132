//! Whatever is activated and ended, in whatever order and by whichever API, both see what a simple model says.

#![allow(clippy::unwrap_used, clippy::indexing_slicing, clippy::panic)]

mod common;

use opentelemetry::trace::{SpanContext, TraceContextExt, TraceFlags, Tracer as _};
use opentelemetry::{Context, ContextGuard};
use proptest::prelude::*;
use proptest::sample::Index;
use tracehound::{ActiveScope, SpanId, SpanRef, TraceId};

use common::tracers;

#[derive(Clone, Debug)]
enum Step {
    /// Starts a span below what is active and makes it active.
    Native,
    Otel,
    /// Makes a span that is there active once more.
    Again(Index, Through),
    Remote(u64, Through),
    Nothing(Through),
    /// Ends the activity of the last that is active, or of any.
    Leave(Option<Index>),
    Finish(Index, Through),
}

#[derive(Clone, Copy, Debug, PartialEq)]
enum Through {
    Native,
    Otel,
}

fn step() -> impl Strategy<Value = Step> {
    let through = || prop_oneof![Just(Through::Native), Just(Through::Otel)];
    prop_oneof![
        4 => Just(Step::Native),
        4 => Just(Step::Otel),
        1 => (any::<Index>(), through()).prop_map(|(which, through)| Step::Again(which, through)),
        1 => (1..9u64, through()).prop_map(|(id, through)| Step::Remote(id, through)),
        1 => through().prop_map(Step::Nothing),
        5 => any::<Option<Index>>().prop_map(Step::Leave),
        2 => (any::<Index>(), through()).prop_map(|(which, through)| Step::Finish(which, through)),
    ]
}

/// What the model knows of a span.
struct Known {
    id: u64,
    parent: Option<usize>,
    is_open: bool,
    handle: SpanRef,
    owner: Owner,
}

/// Keeps the span from ending by itself.
enum Owner {
    Native(tracehound::Span),
    Otel(Context),
}

#[derive(Clone, Copy, Debug, PartialEq)]
enum Active {
    Span(usize),
    Remote(u64),
    Nothing,
}

enum Guard {
    Native { _scope: ActiveScope },
    Otel { _guard: ContextGuard },
}

#[derive(Default)]
struct Model {
    spans: Vec<Known>,
    active: Vec<Option<(Active, Guard)>>,
}

impl Model {
    fn active(&self) -> Active {
        self.active.iter().rev().flatten().next().map_or(Active::Nothing, |(active, _)| *active)
    }

    fn nearest_open(&self, from: usize) -> Option<usize> {
        let mut at = Some(from);
        while let Some(span) = at {
            if self.spans[span].is_open {
                return Some(span);
            }
            at = self.spans[span].parent;
        }
        None
    }

    /// The parent that the core gives a native span, and the id of it.
    fn native_parent(&self) -> (Option<usize>, Option<u64>) {
        match self.active() {
            Active::Span(span) => {
                let parent = self.nearest_open(span);
                (parent, parent.map(|parent| self.spans[parent].id))
            }
            Active::Remote(id) => (None, Some(id)),
            Active::Nothing => (None, None),
        }
    }

    /// In OpenTelemetry, the span of the context is the parent, ended or not.
    fn otel_parent(&self) -> (Option<usize>, Option<u64>) {
        match self.active() {
            Active::Span(span) => (Some(span), Some(self.spans[span].id)),
            _ => self.native_parent(),
        }
    }

    fn add(
        &mut self,
        owner: Owner,
        handle: SpanRef,
        parent: (Option<usize>, Option<u64>),
    ) -> usize {
        assert_eq!(handle.parent_id().map(SpanId::get), parent.1);
        let id = handle.span_id().unwrap().get();
        self.spans.push(Known { id, parent: parent.0, is_open: true, handle, owner });
        self.spans.len() - 1
    }

    fn push(&mut self, active: Active, guard: Guard) {
        self.active.push(Some((active, guard)));
    }
}

fn remote_otel(id: u64) -> SpanContext {
    SpanContext::new(77.into(), id.into(), TraceFlags::SAMPLED, true, Default::default())
}

fn remote_native(id: u64) -> tracehound::SpanContext {
    tracehound::SpanContext::new(TraceId::new(77).unwrap(), SpanId::new(id))
}

proptest! {
    #[test]
    fn both_apis_agree_with_the_model(steps in prop::collection::vec(step(), 0..60)) {
        let (native, otel, captured) = tracers();
        let mut model = Model::default();
        for step in steps {
            match step {
                Step::Native => {
                    let parent = model.native_parent();
                    let span = native.span("native").start();
                    let scope = span.activate();
                    let handle = span.handle();
                    let at = model.add(Owner::Native(span), handle, parent);
                    model.push(Active::Span(at), Guard::Native { _scope: scope });
                }
                Step::Otel => {
                    let parent = model.otel_parent();
                    let span = otel.start("otel");
                    let handle = span.handle().clone();
                    let cx = Context::current_with_span(span);
                    let guard = cx.clone().attach();
                    let at = model.add(Owner::Otel(cx), handle, parent);
                    model.push(Active::Span(at), Guard::Otel { _guard: guard });
                }
                Step::Again(which, through) if !model.spans.is_empty() => {
                    let at = which.index(model.spans.len());
                    let span = &model.spans[at];
                    let guard = match (&span.owner, through) {
                        (Owner::Otel(cx), Through::Otel) => {
                            Guard::Otel { _guard: cx.clone().attach() }
                        }
                        _ => Guard::Native { _scope: span.handle.activate() },
                    };
                    model.push(Active::Span(at), guard);
                }
                Step::Remote(id, Through::Native) => {
                    let scope = native.activate(remote_native(id));
                    model.push(Active::Remote(id), Guard::Native { _scope: scope });
                }
                Step::Remote(id, Through::Otel) => {
                    let cx = Context::current().with_remote_span_context(remote_otel(id));
                    model.push(Active::Remote(id), Guard::Otel { _guard: cx.attach() });
                }
                Step::Nothing(Through::Native) => {
                    let scope = native.activate(tracehound::ActiveContext::empty());
                    model.push(Active::Nothing, Guard::Native { _scope: scope });
                }
                Step::Nothing(Through::Otel) => {
                    model.push(Active::Nothing, Guard::Otel { _guard: Context::new().attach() });
                }
                Step::Leave(which) => {
                    let left: Vec<_> =
                        (0..model.active.len()).filter(|at| model.active[*at].is_some()).collect();
                    let any = which.map(|which| left.get(which.index(left.len().max(1))));
                    if let Some(at) = any.unwrap_or(left.last()) {
                        model.active[*at] = None;
                    }
                }
                Step::Finish(which, through) if !model.spans.is_empty() => {
                    let at = which.index(model.spans.len());
                    let span = &mut model.spans[at];
                    match (&span.owner, through) {
                        (Owner::Otel(cx), Through::Otel) => cx.span().end(),
                        _ => span.handle.finish(),
                    }
                    span.is_open = false;
                }
                Step::Again(..) | Step::Finish(..) => {}
            }

            let cx = Context::current();
            let seen = cx.span().span_context().clone();
            let seen = seen.is_valid().then(|| u64::from_be_bytes(seen.span_id().to_bytes()));
            let (otel_sees, native_sees, root) = match model.active() {
                Active::Span(at) => {
                    let open = model.nearest_open(at);
                    prop_assert_eq!(cx.span().is_recording(), model.spans[at].is_open);
                    let mut root = open;
                    while let Some(parent) = root.and_then(|root| model.spans[root].parent) {
                        root = Some(parent);
                    }
                    (Some(model.spans[at].id), open, root)
                }
                Active::Remote(id) => {
                    prop_assert_eq!(native.context().remote().unwrap().span_id(), SpanId::new(id));
                    (Some(id), None, None)
                }
                Active::Nothing => (None, None, None),
            };
            prop_assert_eq!(seen, otel_sees);
            let id = |at: usize| model.spans[at].id;
            let current = native.current_span().map(|span| span.span_id().unwrap().get());
            prop_assert_eq!(current, native_sees.map(id));
            let current_root = native.current_root_span().map(|span| span.span_id().unwrap().get());
            prop_assert_eq!(current_root, root.map(id));
        }

        let made: Vec<u64> = model.spans.iter().map(|span| span.id).collect();
        let active = std::mem::take(&mut model.active);
        drop(active);
        prop_assert!(!Context::current().span().span_context().is_valid());
        for span in model.spans {
            match span.owner {
                Owner::Native(span) => drop(span),
                Owner::Otel(cx) => drop(cx),
            }
        }
        let mut sent: Vec<u64> =
            captured.spans().iter().map(|span| span.span_id.unwrap().get()).collect();
        let mut made = made;
        made.sort_unstable();
        sent.sort_unstable();
        prop_assert_eq!(made, sent, "every span arrives once");
    }
}
