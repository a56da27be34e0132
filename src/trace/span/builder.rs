//! Starting spans.

use std::cell::Cell;
use std::sync::Arc;
use std::time::SystemTime;

use super::owned::{ActiveSpan, Span};
use crate::text::Text;
use crate::trace::active::ActiveContext;
use crate::trace::store::{
    Draft, Lineage, Location, NamingFn, NoChild, Record, Segment, Shared, SharedShards, SpanRef,
    set_service, started,
};
use crate::trace::tags::{Change, Key, Special, StoredValue, Tags, changes};
use crate::trace::values::{SamplingDecision, ServiceSource, SpanKind, TagValue};

thread_local! {
    /// What the last builder of this thread has used, for the next one.
    static SPARE: Cell<Option<Box<Plan>>> = const { Cell::new(None) };
}

/// What a builder was told of its span. Boxed, because a builder moves with each of its methods.
#[derive(Debug)]
pub(super) struct Plan {
    /// `None` for what is active.
    parent: Option<ActiveContext>,
    pub(super) record: Record,
    start: Option<SystemTime>,
    tags: Vec<(Text, StoredValue)>,
    decision: Option<SamplingDecision>,
}

impl Plan {
    /// An empty plan, as a rule one that was used before.
    fn fetch() -> Box<Self> {
        SPARE.try_with(Cell::take).ok().flatten().unwrap_or_else(|| {
            Box::new(Plan {
                parent: None,
                record: Record::VACANT,
                start: None,
                tags: Vec::new(),
                decision: None,
            })
        })
    }

    /// Keeps a plan whose record has moved into a segment.
    fn keep(self: Box<Self>) {
        let _ = SPARE.try_with(|spare| spare.set(Some(self)));
    }

    pub(super) fn set_tag(&mut self, key: Text, value: TagValue<'_>, shared: &Shared) {
        match Special::of(&key).and_then(|special| special.decision(&value)) {
            Some(decision) => self.decision = Some(decision),
            None => changes(key, value, &mut |change| self.change(change, shared)),
        }
    }

    fn change(&mut self, change: Change, shared: &Shared) {
        match change {
            // Only the segment has an arena; until then tags wait in a vector.
            Change::Tag(key, value) => self.tags.push((key, value)),
            Change::Kind(kind) => self.record.kind = Some(kind),
            other => other.apply(&mut self.record, &mut Tags::default(), shared),
        }
    }
}

impl Draft for Plan {
    fn start(&self) -> Option<SystemTime> {
        self.start
    }

    fn service_source(&self) -> Option<ServiceSource> {
        Some(self.record.service_source).filter(|source| *source != ServiceSource::INHERITED)
    }

    fn move_into(&mut self, record: &mut Record, tags: &mut Tags) {
        tags.hold(self.record.heap_bytes());
        *record = std::mem::replace(&mut self.record, Record::VACANT);
        self.start = None;
        for (key, value) in self.tags.drain(..) {
            tags.put(&mut record.tags, Key::new(key), value);
        }
    }
}

/// Fills a field of a vacant record, without a look at what there might be to drop: there is nothing.
#[inline(always)]
fn put_vacant<T>(field: &mut T, value: T) {
    std::mem::forget(std::mem::replace(field, value));
}

/// A span of which nothing is known but its name, which is taken from where it has just been written.
struct Named<'n>(&'n mut Text);

impl Draft for Named<'_> {
    #[inline]
    fn start(&self) -> Option<SystemTime> {
        None
    }

    #[inline(always)]
    fn move_into(&mut self, record: &mut Record, tags: &mut Tags) {
        tags.hold(self.0.heap_bytes());
        put_vacant(&mut record.name, std::mem::take(self.0));
    }
}

/// A span whose operation name and type follow from the rest of it, as bridges start nearly all of theirs: said in
/// one call of [`Tracer::start_new`](crate::bridge::TracerExt::start_new), where a [`SpanBuilder`] takes one for
/// each field and a place to keep them.
#[derive(Clone, Debug)]
pub struct NewSpan<'t> {
    /// The resource.
    pub resource: Text,
    /// The kind: the tag `span.kind`.
    pub kind: SpanKind,
    /// What the name and the type follow from; see [`SpanBuilderExt::naming`](crate::bridge::SpanBuilderExt::naming).
    pub naming: NamingFn,
    /// When the span started; `None` for now.
    pub start: Option<SystemTime>,
    /// Tags that it has from the start. None of the keys may mean something to the core
    /// ([`SpecialKeys`](crate::bridge::SpecialKeys) says which do): here they would be tags as any other.
    pub tags: &'t [(Text, TagValue<'static>)],
}

impl Draft for NewSpan<'_> {
    #[inline]
    fn start(&self) -> Option<SystemTime> {
        self.start
    }

    #[inline(always)]
    fn move_into(&mut self, record: &mut Record, tags: &mut Tags) {
        if !self.tags.is_empty() {
            tags.set_all(&mut record.tags, self.tags);
        }
        tags.hold(self.resource.heap_bytes());
        put_vacant(&mut record.resource, Some(std::mem::take(&mut self.resource)));
        record.kind = Some(self.kind);
        record.naming = Some(self.naming);
    }
}

/// What a span is to start with.
///
/// Made by [`Tracer::span`](crate::Tracer::span). The parent is what is active, unless
/// [`SpanBuilder::child_of`] or [`SpanBuilder::root`] says otherwise. It is not what
/// [`Tracer::start_span`](crate::Tracer::start_span) starts: that always begins a new trace.
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
    on: Option<(&'t SharedShards, Box<Plan>)>,
}

impl<'t> SpanBuilder<'t> {
    pub(crate) fn new(shared: Option<&'t SharedShards>, name: Text) -> Self {
        let on = shared.map(|shared| {
            let mut plan = Plan::fetch();
            plan.record.name = name;
            (shared, plan)
        });
        SpanBuilder { on }
    }

    /// The service; by default the parent's, or the tracer's for a root.
    #[inline]
    pub fn service(self, service: impl Into<Text>) -> Self {
        self.with(|plan, shared| plan.change(Change::Service(service.into()), shared))
    }

    /// What every span of an integration says: its name, in the tags that Datadog has for it, the kind, and the service
    /// with who chose it.
    pub(crate) fn of_integration(
        self,
        name: &'static str,
        kind: Option<SpanKind>,
        service: Option<(Text, ServiceSource)>,
    ) -> Self {
        self.with(|plan, shared| {
            // Neither key means anything to the core.
            for key in ["component", "_dd.integration"] {
                plan.tags.push((Text::literal(key), StoredValue::Text(Text::literal(name))));
            }
            plan.record.kind = kind;
            if let Some((service, source)) = service {
                set_service(&mut plan.record, shared, service, source);
            }
        })
    }

    /// The resource; by default the name.
    #[inline]
    pub fn resource(self, resource: impl Into<Text>) -> Self {
        self.with(|plan, _| plan.record.resource = Some(resource.into()))
    }

    /// The type: `web`, `http`, `sql`, `redis`, `queue`, ...
    #[inline]
    pub fn span_type(self, span_type: impl Into<Text>) -> Self {
        self.with(|plan, _| plan.record.span_type = Some(span_type.into()))
    }

    /// The kind: the tag `span.kind`.
    #[inline]
    pub fn kind(self, kind: SpanKind) -> Self {
        self.with(|plan, _| plan.record.kind = Some(kind))
    }

    /// A tag; see [`SpanRef::set_tag`] for what becomes of which value.
    pub fn tag<'a>(self, key: impl Into<Text>, value: impl Into<TagValue<'a>>) -> Self {
        let (key, value) = (key.into(), value.into());
        self.with(|plan, shared| plan.set_tag(key, value, shared))
    }

    /// Several tags.
    pub fn tags<'a, K: Into<Text>, V: Into<TagValue<'a>>>(
        self,
        tags: impl IntoIterator<Item = (K, V)>,
    ) -> Self {
        tags.into_iter().fold(self, |builder, (key, value)| builder.tag(key, value))
    }

    /// When the span started; by default now.
    #[inline]
    pub fn start_time(self, start: SystemTime) -> Self {
        self.with(|plan, _| plan.start = Some(start))
    }

    /// The parent: a span, a [`SpanContext`](crate::SpanContext) from elsewhere, an [`ActiveContext`], or an
    /// `Option` of one of them, where `None` begins a new trace.
    ///
    /// A span that has finished can be the parent, too.
    #[inline]
    pub fn child_of(self, parent: impl Into<ActiveContext>) -> Self {
        self.with(|plan, _| plan.parent = Some(parent.into()))
    }

    /// No parent: a new trace, whatever is active.
    #[inline]
    pub fn root(self) -> Self {
        self.child_of(ActiveContext::empty())
    }

    /// Starts the span: as a child of what is active, unless [`child_of`](Self::child_of) or [`root`](Self::root) said
    /// otherwise. It is not made active.
    ///
    /// [`Tracer::start_span`](crate::Tracer::start_span) always begins a new trace.
    pub fn start(self) -> Span {
        let Some((shared, mut plan)) = self.on else { return Span::none() };
        if shared.context_stores.now().is_suppressed() {
            return Span::none();
        }
        let (context, lineage) = match plan.parent.take() {
            Some(context) => (context, Lineage::Explicit),
            None => (shared.context_stores.now().active(), Lineage::Active),
        };
        let at = begin(shared, context, lineage, &mut *plan);
        if let (Some(at), Some(decision)) = (&at, plan.decision.take()) {
            at.segment.decision.overrule(decision);
        }
        if at.is_some() {
            plan.keep();
        }
        Span::of(started(at))
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

    /// What is said so far; `None` without a tracer.
    pub(crate) fn planned(&self) -> Option<&Record> {
        self.on.as_ref().map(|(_, plan)| &plan.record)
    }

    /// Changes the plan, where there is a tracer.
    #[inline]
    pub(super) fn with(mut self, say: impl FnOnce(&mut Plan, &Shared)) -> Self {
        if let Some((shared, plan)) = &mut self.on {
            say(plan, shared);
        }
        self
    }
}

/// Starts a span of which nothing is known but its name: below what is active, or without a parent.
pub(crate) fn begin_named(shared: &SharedShards, mut name: Text, is_root: bool) -> Span {
    if shared.context_stores.now().is_suppressed() {
        return Span::none();
    }
    let context =
        if is_root { ActiveContext::empty() } else { shared.context_stores.now().active() };
    let at = begin(shared, context, Lineage::Active, &mut Named(&mut name));
    Span::of(started(at))
}

/// Starts a span below a parent that was named.
#[inline]
pub(crate) fn begin_new(
    shared: &SharedShards,
    mut span: NewSpan<'_>,
    parent: ActiveContext,
) -> Span {
    if shared.context_stores.now().is_suppressed() {
        return Span::none();
    }
    let at = begin(shared, parent, Lineage::Explicit, &mut span);
    Span::of(started(at))
}

#[inline]
fn begin(
    shared: &SharedShards,
    context: ActiveContext,
    lineage: Lineage,
    draft: &mut impl Draft,
) -> Option<Location> {
    let ActiveContext { span, mut remote, baggage } = context;
    match span.at {
        Some(parent) if parent.segment.is_inherited() => {
            remote = SpanRef { at: Some(parent) }.handed_over(lineage).map(Arc::new);
        }
        Some(parent) => match parent.start_child(draft, baggage.clone(), lineage) {
            Ok(id) => return Some(Location { id, ..parent }),
            Err(NoChild::Full | NoChild::Inside) => return None,
            Err(NoChild::Orphan) => {}
        },
        None => {}
    }
    Some(Segment::start(shared, remote, baggage, draft))
}
