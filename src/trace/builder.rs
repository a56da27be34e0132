//! Starting spans.

use std::cell::Cell;
use std::sync::Arc;
use std::time::SystemTime;

use super::context::Context;
use super::owned::{ActiveSpan, Span};
use super::provider::is_suppressed;
use super::record::{NamingFn, Record, SpanKind};
use super::sampling::Decision;
use super::segment::{Draft, Lineage, Segment, Started};
use super::shared::Shared;
use super::span::SpanRef;
use super::tagging::{Change, Special, changes};
use super::tags::Tags;
use super::value::{TagValue, Value};
use crate::text::Text;

thread_local! {
    /// The vector in which a builder collects tags, kept from one span to the next.
    static SCRATCH: Cell<Vec<(Text, Value)>> = const { Cell::new(Vec::new()) };
}

/// What a span is to start with.
///
/// Made by [`Tracer::span`](crate::Tracer::span). The parent is what is active, unless
/// [`SpanBuilder::child_of`] or [`SpanBuilder::root`] says otherwise.
///
/// ```
/// use tracehound::SpanKind;
///
/// # let tracer = tracehound::Tracer::builder().build();
/// let span = tracer
///     .span("postgres.query")
///     .service("users-db")
///     .resource("SELECT * FROM users WHERE id = $1")
///     .span_type("sql")
///     .kind(SpanKind::Client)
///     .tag("db.name", "users")
///     .start();
/// ```
#[must_use = "nothing starts before `start` or `enter`"]
#[derive(Debug)]
pub struct SpanBuilder<'t> {
    /// `None` where no tracer is installed.
    shared: Option<&'t Arc<Shared>>,
    parent: Parent,
    record: Record,
    start: Option<SystemTime>,
    tags: Vec<(Text, Value)>,
    decision: Option<Decision>,
}

#[derive(Debug)]
enum Parent {
    Active,
    Named(Context),
}

impl<'t> SpanBuilder<'t> {
    #[inline]
    pub(crate) fn new(shared: Option<&'t Arc<Shared>>, name: Text) -> Self {
        SpanBuilder {
            shared,
            parent: Parent::Active,
            record: Record { name, ..Record::VACANT },
            start: None,
            tags: Vec::new(),
            decision: None,
        }
    }

    /// The service; by default the parent's, or the tracer's for a root.
    #[inline]
    pub fn service(mut self, service: impl Into<Text>) -> Self {
        self.change(Change::Service(service.into()));
        self
    }

    /// The resource; by default the name.
    #[inline]
    pub fn resource(mut self, resource: impl Into<Text>) -> Self {
        self.change(Change::Resource(resource.into()));
        self
    }

    /// The type: `web`, `http`, `sql`, `redis`, `queue`, ...
    #[inline]
    pub fn span_type(mut self, span_type: impl Into<Text>) -> Self {
        self.change(Change::Type(span_type.into()));
        self
    }

    /// The kind: the tag `span.kind`.
    #[inline]
    pub fn kind(mut self, kind: SpanKind) -> Self {
        self.change(Change::Kind(kind));
        self
    }

    /// A tag; see [`SpanRef::set_tag`] for what becomes of which value.
    pub fn tag(mut self, key: impl Into<Text>, value: impl Into<TagValue>) -> Self {
        if self.shared.is_none() {
            return self;
        }
        let (key, value) = (key.into(), value.into());
        if let Some(decision) = Special::of(&key).and_then(|special| special.decision(&value)) {
            self.decision = Some(decision);
            return self;
        }
        changes(key, value, &mut |change| self.change(change));
        self
    }

    /// Several tags.
    pub fn tags<K: Into<Text>, V: Into<TagValue>>(
        mut self,
        tags: impl IntoIterator<Item = (K, V)>,
    ) -> Self {
        for (key, value) in tags {
            self = self.tag(key, value);
        }
        self
    }

    /// When the span started; by default now.
    #[inline]
    pub fn start_time(mut self, start: SystemTime) -> Self {
        self.start = Some(start);
        self
    }

    /// The parent: a span, a [`SpanContext`](crate::SpanContext) from elsewhere, a [`Context`], or an
    /// `Option` of one of them, where `None` begins a new trace.
    ///
    /// A span that has finished can be the parent, too.
    #[inline]
    pub fn child_of(mut self, parent: impl Into<Context>) -> Self {
        self.parent = Parent::Named(parent.into());
        self
    }

    /// No parent: a new trace, whatever is active.
    #[inline]
    pub fn root(self) -> Self {
        self.child_of(Context::empty())
    }

    /// Lets the name, as long as it is empty, and the type, as long as none is set, follow from the other
    /// fields and tags when they are needed.
    ///
    /// For bridges whose users name spans in other terms.
    #[inline]
    pub fn naming(mut self, naming: NamingFn) -> Self {
        self.record.naming = Some(naming);
        self
    }

    /// Starts the span. It is not made active.
    pub fn start(self) -> Span {
        let Some(shared) = self.shared else { return Span::none() };
        if is_suppressed() {
            return Span::none();
        }
        let SpanBuilder { parent, mut record, start, mut tags, decision, .. } = self;
        let (context, lineage) = match parent {
            Parent::Active => (shared.provider.active(), Lineage::Active),
            Parent::Named(context) => (context, Lineage::Explicit),
        };
        let Context { span, mut remote, baggage } = context;
        record.baggage = baggage;
        let mut draft = Draft { record, start, tags: &mut tags };
        let at = 'started: {
            if let Some(parent) = span.as_ref().filter(|span| span.is_inherited()) {
                remote = parent.handed_over(lineage).map(Arc::new);
            } else if let Some(parent) = span.and_then(|span| span.at) {
                match parent.start_child(draft, lineage) {
                    Ok(Started::Child(at)) => break 'started Some(at),
                    Ok(Started::Full) => break 'started None,
                    Err(returned) => draft = returned,
                }
            }
            Some(Segment::start(shared, remote, draft))
        };
        if tags.capacity() > 0 {
            tags.clear();
            let _ = SCRATCH.try_with(|scratch| scratch.set(tags));
        }
        if let (Some(at), Some(decision)) = (&at, decision) {
            at.segment.overrule(decision);
        }
        Span::of(at)
    }

    /// Starts the span and makes it active on this thread, until the result is dropped.
    #[inline]
    pub fn enter(self) -> ActiveSpan {
        self.start().enter()
    }

    /// Runs `work` with the span active, and finishes the span afterwards.
    pub fn in_scope<T>(self, work: impl FnOnce(&SpanRef) -> T) -> T {
        let span = self.enter();
        work(&span)
    }

    fn change(&mut self, change: Change) {
        let Some(shared) = self.shared else { return };
        match change {
            // Only the segment has an arena; until then tags wait in a vector.
            Change::Tag(key, value) => {
                if self.tags.capacity() == 0 {
                    self.tags = SCRATCH.try_with(Cell::take).unwrap_or_default();
                }
                self.tags.push((key, value));
            }
            Change::Kind(kind) => self.record.kind = Some(kind),
            other => other.apply(&mut self.record, &mut Tags::default(), shared),
        }
    }
}
