//! The handles of a span.

use std::error::Error;
use std::mem::ManuallyDrop;
use std::sync::Arc;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use super::at::At;
use super::baggage::Baggage;
use super::context::Context;
use super::extras::{SpanEvent, SpanLink};
use super::failure::Failure;
use super::handover;
use super::late::{Late, LateTags};
use super::provider::Scope;
use super::record::{Record, SpanKind};
use super::sampling::{Decision, Mechanism, Priority};
use super::span_context::SpanContext;
use super::start::Lineage;
use super::tagging::{Change, Special};
use super::tags::{Key, LiteralKey, TagKey, Tags};
use super::value::{TagValue, Value, is_exact};
use super::view::SpanView;
use crate::id::{SpanId, TraceId};
use crate::text::Text;

/// A handle of a span: it reads and changes the span, and its clones are cheap.
///
/// It never finishes the span by being dropped; [`Span`](crate::Span) does. A handle of a span that has finished, or that
/// does not exist because tracing is off, is harmless: changes do nothing, reads give `None`.
#[derive(Clone, Debug, Default)]
pub struct SpanRef {
    pub(crate) at: Option<At>,
}

impl SpanRef {
    /// The handle of no span.
    #[must_use]
    pub const fn none() -> Self {
        SpanRef { at: None }
    }

    /// Whether this is the handle of a span at all; it may have finished.
    #[must_use]
    pub fn is_some(&self) -> bool {
        self.at.is_some()
    }

    /// Whether tracing was off when this was made.
    #[must_use]
    pub fn is_none(&self) -> bool {
        self.at.is_none()
    }

    /// Whether the span is still open, and so takes changes.
    #[must_use]
    pub fn is_open(&self) -> bool {
        self.at.as_ref().is_some_and(At::is_open)
    }

    /// The trace.
    #[must_use]
    pub fn trace_id(&self) -> Option<TraceId> {
        Some(self.at.as_ref()?.segment.trace_id)
    }

    /// The span's own id.
    #[must_use]
    pub fn span_id(&self) -> Option<SpanId> {
        Some(self.at.as_ref()?.id)
    }

    /// The parent's id, here or in another process; `None` for the root of the trace.
    #[must_use]
    pub fn parent_id(&self) -> Option<SpanId> {
        self.read(|span| span.parent_id()).flatten()
    }

    /// The handle of the parent, if it is in this process and not yet sent.
    #[must_use]
    pub fn parent(&self) -> Option<SpanRef> {
        let at = self.at.as_ref()?;
        let (slot, id) = at.read(|span| Some((span.record.parent_slot, span.record.parent?)))??;
        let parent = At { segment: Arc::clone(&at.segment), slot, id };
        parent.read(|_| ())?;
        Some(SpanRef { at: Some(parent) })
    }

    /// The handle of the first span of the trace in this process: the place for what concerns the trace.
    #[must_use]
    pub fn local_root(&self) -> SpanRef {
        let root = |at: &At| At { segment: Arc::clone(&at.segment), slot: 0, id: at.segment.root };
        SpanRef { at: self.at.as_ref().map(root) }
    }

    /// What of the span crosses the border of a process. Takes the sampling decision if nobody has yet.
    ///
    /// It stays valid after the span has finished.
    #[must_use]
    pub fn context(&self) -> Option<SpanContext> {
        let at = self.at.as_ref()?;
        if at.segment.is_inherited() {
            return self.handed_over(Lineage::Explicit);
        }
        let decision = Some(at.segment.decide());
        Some(at.context(decision, self.shared_baggage()))
    }

    /// Whether the span is one of the process that this one was forked from.
    #[inline]
    pub(crate) fn is_inherited(&self) -> bool {
        self.at.as_ref().is_some_and(|at| at.segment.is_inherited())
    }

    /// What is known in a forked child of a span of its parent, which may not be touched. As a named parent
    /// it stands for itself, as the active one for its nearest ancestor that was open at the fork.
    pub(crate) fn handed_over(&self, lineage: Lineage) -> Option<SpanContext> {
        let at = self.at.as_ref()?;
        let context = handover::find(at.segment.trace_id, at.id, lineage);
        context.or_else(|| Some(at.context(at.segment.decision(), None)))
    }

    /// The sampling decision, if one has been taken. It is taken as late as possible: when headers are
    /// written, a link is made, a part of the trace is sent, or the trace ends.
    #[must_use]
    pub fn sampling_decision(&self) -> Option<Decision> {
        self.at.as_ref()?.segment.decision()
    }

    /// This span if it is open, else its nearest open ancestor in this process.
    pub(crate) fn nearest_open(&self) -> Option<SpanRef> {
        Some(SpanRef { at: Some(self.at.as_ref()?.nearest_open()?) })
    }

    // ===== reading =====

    /// Looks at the whole span at once, until it has been handed off for sending.
    ///
    /// The lock of the trace is held meanwhile: `look` must not touch spans.
    pub(crate) fn read<T>(&self, look: impl FnOnce(&SpanView<'_>) -> T) -> Option<T> {
        self.at.as_ref()?.read(look)
    }

    /// The operation name.
    #[must_use]
    pub fn name(&self) -> Option<String> {
        self.read(|span| span.name().into_owned())
    }

    /// The service.
    #[must_use]
    pub fn service(&self) -> Option<String> {
        self.read(|span| span.service().to_owned())
    }

    /// The resource; the name where none was set.
    #[must_use]
    pub fn resource(&self) -> Option<String> {
        self.read(|span| span.resource().into_owned())
    }

    /// The type.
    #[must_use]
    pub fn span_type(&self) -> Option<String> {
        self.read(|span| span.span_type().map(std::borrow::Cow::into_owned)).flatten()
    }

    /// The kind.
    #[must_use]
    pub fn kind(&self) -> Option<SpanKind> {
        self.read(|span| span.kind()).flatten()
    }

    /// Whether the span is marked as an error.
    #[must_use]
    pub fn is_error(&self) -> bool {
        self.read(|span| span.is_error()).unwrap_or(false)
    }

    /// When the span started.
    #[must_use]
    pub fn start_time(&self) -> Option<SystemTime> {
        let ns = u64::try_from(self.read(|span| span.start_ns())?).ok()?;
        UNIX_EPOCH.checked_add(Duration::from_nanos(ns))
    }

    /// How long the span took; `None` while it is open and after it was handed off.
    #[must_use]
    pub fn duration(&self) -> Option<Duration> {
        self.read(|span| span.duration_ns()).flatten().map(Duration::from_nanos)
    }

    /// A string tag, from the span or from the tracer's own (`DD_TAGS`).
    #[must_use]
    pub fn tag(&self, key: &str) -> Option<String> {
        self.read(|span| span.tag(key).map(std::borrow::Cow::into_owned)).flatten()
    }

    /// Every string tag of the span itself, in the order they were first set.
    #[must_use]
    pub fn tags(&self) -> Vec<(String, String)> {
        let copy = |span: &SpanView<'_>| {
            span.tags().map(|(key, value)| (key.to_owned(), value.into_owned())).collect()
        };
        self.read(copy).unwrap_or_default()
    }

    /// A numeric tag.
    #[must_use]
    pub fn metric(&self, key: &str) -> Option<f64> {
        self.read(|span| span.metric(key)).flatten()
    }

    /// Every numeric tag of the span, in the order they were first set.
    #[must_use]
    pub fn metrics(&self) -> Vec<(String, f64)> {
        let copy = |span: &SpanView<'_>| {
            span.metrics().map(|(key, value)| (key.to_owned(), value)).collect()
        };
        self.read(copy).unwrap_or_default()
    }

    /// A structured tag: one MessagePack document.
    #[must_use]
    pub fn struct_bytes(&self, key: &str) -> Option<Vec<u8>> {
        self.read(|span| {
            span.structs().iter().find(|(name, _)| name == key).map(|(_, data)| data.clone())
        })
        .flatten()
    }

    /// The links.
    #[must_use]
    pub fn links(&self) -> Vec<SpanLink> {
        self.read(|span| span.links().to_vec()).unwrap_or_default()
    }

    /// The events.
    #[must_use]
    pub fn events(&self) -> Vec<SpanEvent> {
        self.read(|span| span.events().to_vec()).unwrap_or_default()
    }

    /// How many links there are.
    #[must_use]
    pub fn link_count(&self) -> usize {
        self.read(|span| span.links().len()).unwrap_or_default()
    }

    /// How many events there are.
    #[must_use]
    pub fn event_count(&self) -> usize {
        self.read(|span| span.events().len()).unwrap_or_default()
    }

    /// An item of the span's baggage.
    #[must_use]
    pub fn baggage_item(&self, name: &str) -> Option<String> {
        self.shared_baggage()?.get(name).map(str::to_owned)
    }

    pub(crate) fn shared_baggage(&self) -> Option<Arc<Baggage>> {
        let at = self.at.as_ref().filter(|at| at.segment.has_baggage())?;
        if at.segment.is_inherited() {
            return self.handed_over(Lineage::Explicit)?.baggage;
        }
        self.read(|span| span.record.baggage.clone()).flatten()
    }

    // ===== changing =====

    pub(crate) fn edit(&self, change: impl FnOnce(&mut Record, &mut Tags)) -> bool {
        self.at.as_ref().is_some_and(|at| at.edit(change))
    }

    fn change(&self, change: Change) {
        let Some(at) = &self.at else { return };
        at.edit(|record, tags| change.apply(record, tags, &at.segment.shared));
    }

    /// Sets the operation name: what kind of work this is, such as `web.request`. Few different ones.
    ///
    /// The agent takes letters, digits, `_` and `.`, from a letter on, at most 100 characters.
    pub fn set_name(&self, name: impl Into<Text>) {
        self.change(Change::Name(name.into()));
    }

    /// Sets the service; children started from now on inherit it. An empty one is the tracer's.
    pub fn set_service(&self, service: impl Into<Text>) {
        self.change(Change::Service(service.into()));
    }

    /// Sets the resource: what is worked on, such as `GET /users/{id}`. Thousands of different ones, not
    /// millions. The agent cuts it at 5,000 characters.
    pub fn set_resource(&self, resource: impl Into<Text>) {
        self.change(Change::Resource(resource.into()));
    }

    /// Sets the type: `web`, `http`, `sql`, `redis`, `queue`, ...
    pub fn set_type(&self, span_type: impl Into<Text>) {
        self.change(Change::Type(span_type.into()));
    }

    /// Sets the kind: the tag `span.kind`.
    pub fn set_kind(&self, kind: SpanKind) {
        self.change(Change::Kind(kind));
    }

    /// Moves the start to another time.
    pub fn set_start_time(&self, start: SystemTime) {
        let Some(at) = &self.at else { return };
        let start = at.segment.anchor.ticks(start);
        at.edit(|record, _| record.start = start);
    }

    /// Sets a tag, or removes it when the value is `None`.
    ///
    /// Text and booleans become string tags; integers up to ±2^53 and finite floats numeric tags; lists and
    /// maps one tag for each element. A key is either a string tag or a numeric one: the last value wins.
    /// Values over 25,000 characters are cut when they are sent.
    ///
    /// Some names do more, as in every Datadog tracer: `service.name`, `resource.name`, `span.name`,
    /// `span.type`, `span.kind`, `error`, `manual.keep`, `manual.drop`, `sampling.priority`,
    /// `analytics.event`, `_dd.measured`; `service.version` also sets `version`; `http.status_code` is
    /// always text and `network.destination.port` a number.
    ///
    /// ```
    /// # let tracer = tracehound::Tracer::builder().build();
    /// let span = tracer.trace("web.request");
    /// span.set_tag("user.id", "42");
    /// span.set_tag("cart.items", 3);
    /// span.set_tag("manual.keep", true);
    /// assert_eq!(span.metric("cart.items"), Some(3.0));
    /// ```
    #[inline(always)]
    pub fn set_tag<'a>(&self, key: impl Into<Text>, value: impl Into<TagValue<'a>>) {
        let Some(at) = &self.at else { return };
        let key = key.into();
        // Here, where the key and the type of the value are known, most of this is done by the compiler.
        match key.as_literal() {
            Some(key) => set_tag(at, LiteralKey::new(key), value.into()),
            None => set_tag(at, Key::new(key), value.into()),
        }
    }

    /// Sets tags that another API has in its own terms. They are converted when somebody looks at the tags of
    /// the trace, as a rule in the background; until then they cost a move. What they hold on the heap, about,
    /// counts for the bounds on what waits to be sent.
    ///
    /// For bridges. The order of all tags that are set, late or not, is kept. None of the keys may mean something
    /// to the core ([`SpecialKeys`](crate::SpecialKeys) says which do): here they would be tags as any other.
    #[inline]
    pub fn set_late_tags<T: LateTags>(&self, tags: T, heap_bytes: usize) {
        // In one piece: whatever takes the tags by value on the way to their place may copy them.
        let Some(at) = &self.at else { return };
        let Some(mut guard) = at.segment.body() else { return };
        let Some(body) = guard.as_mut().filter(|body| body.is_open(at.slot, at.id)) else {
            return at.too_late(guard);
        };
        match body.tags.late(heap_bytes) {
            Some(others) if others.len() < others.capacity() => {
                others.push(Late { tags, slot: at.slot });
            }
            Some(_) => body.put_off(at.slot, tags, 0),
            None => body.put_off(at.slot, tags, heap_bytes),
        }
    }

    /// Sets several tags.
    pub fn set_tags<'a, K: Into<Text>, V: Into<TagValue<'a>>>(
        &self,
        tags: impl IntoIterator<Item = (K, V)>,
    ) {
        for (key, value) in tags {
            self.set_tag(key, value);
        }
    }

    /// Sets a numeric tag; NaN and infinities are dropped. Names that do more for [`SpanRef::set_tag`] do the
    /// same here: `http.status_code` becomes text.
    pub fn set_metric(&self, key: impl Into<Text>, value: f64) {
        if !value.is_finite() {
            return;
        }
        let key = key.into();
        if Special::of(&key).is_some() {
            return self.set_tag(key, value);
        }
        self.change(Change::Tag(key, Value::F64(value)));
    }

    /// Sets several numeric tags.
    pub fn set_metrics<K: Into<Text>>(&self, metrics: impl IntoIterator<Item = (K, f64)>) {
        for (key, value) in metrics {
            self.set_metric(key, value);
        }
    }

    /// Removes a tag of either kind.
    pub fn remove_tag(&self, key: &str) {
        self.edit(|record, tags| {
            if key == "span.kind" {
                record.kind = None;
            }
            tags.set(&mut record.tags, Text::copy(key), Value::Absent);
        });
    }

    /// Sets a structured tag (`meta_struct`) to one MessagePack document.
    ///
    /// [`SpanRef::set_struct_tag`] makes the document from any `Serialize` value.
    pub fn set_struct_bytes(&self, key: impl Into<Text>, document: Vec<u8>) {
        let key = key.into();
        self.edit(|record, _| record.extras_mut().set_struct(key, document));
    }

    /// Sets a structured tag (`meta_struct`): a value that is sent as it is built, not flattened.
    ///
    /// # Errors
    ///
    /// When the value does not serialize; the span is left as it was.
    ///
    /// ```
    /// # let tracer = tracehound::Tracer::builder().build();
    /// # let span = tracer.trace("appsec");
    /// let triggers = std::collections::HashMap::from([("rule", "crs-942")]);
    /// span.set_struct_tag("appsec", &triggers)?;
    /// # Ok::<(), tracehound::StructTagError>(())
    /// ```
    #[cfg(feature = "struct-tags")]
    pub fn set_struct_tag<T: serde::Serialize + ?Sized>(
        &self,
        key: impl Into<Text>,
        value: &T,
    ) -> Result<(), StructTagError> {
        let document = rmp_serde::to_vec_named(value).map_err(StructTagError)?;
        self.set_struct_bytes(key, document);
        Ok(())
    }

    /// Reads a structured tag back; `None` when there is none or it is not of this type.
    #[cfg(feature = "struct-tags")]
    #[must_use]
    pub fn struct_tag<T: serde::de::DeserializeOwned>(&self, key: &str) -> Option<T> {
        rmp_serde::from_slice(&self.struct_bytes(key)?).ok()
    }

    /// Links this span to another one. The other trace's sampling decision is taken now, so that the link
    /// can say whether it is kept.
    pub fn link_to(&self, other: &SpanRef) {
        if let Some(link) = other.context().as_ref().and_then(SpanLink::to) {
            self.add_link(link);
        }
    }

    /// Adds a link; one to the same span is replaced.
    pub fn add_link(&self, link: SpanLink) {
        self.edit(|record, _| record.extras_mut().add_link(link));
    }

    /// Adds an event.
    pub fn add_event(&self, event: SpanEvent) {
        self.edit(|record, _| record.extras_mut().events.push(event));
    }

    /// Sets an item of the baggage, for children started from now on and services called from now on.
    pub fn set_baggage_item(&self, name: impl Into<Text>, value: impl Into<Text>) {
        let (name, value) = (name.into(), value.into());
        if let Some(at) = &self.at {
            at.segment.note_baggage();
        }
        self.edit(|record, _| {
            Arc::make_mut(record.baggage.get_or_insert_default()).set(name, value)
        });
    }

    /// Removes an item of the baggage.
    pub fn remove_baggage_item(&self, name: &str) {
        self.edit(|record, _| {
            if let Some(baggage) = &mut record.baggage {
                Arc::make_mut(baggage).remove(name);
            }
        });
    }

    /// Keeps the whole trace, whatever the sampling rules say: priority 2.
    pub fn keep_trace(&self) {
        self.set_tag("manual.keep", true);
    }

    /// Drops the whole trace, whatever the sampling rules say: priority -1.
    pub fn drop_trace(&self) {
        self.set_tag("manual.drop", true);
    }

    /// The priority of the trace, where a decision was taken. Takes no lock.
    #[must_use]
    pub fn priority(&self) -> Option<Priority> {
        self.at.as_ref()?.segment.priority()
    }

    /// Who took the sampling decision on the trace, where one was taken. Takes no lock.
    #[must_use]
    pub fn mechanism(&self) -> Option<Mechanism> {
        self.at.as_ref()?.segment.mechanism()
    }

    /// Changes bits of the byte that a bridge keeps with the span for what its own API must remember, such
    /// as a status that is final. It is zero at first, and never sent.
    ///
    /// Gives back what it was, or `None` where the span is not open.
    pub fn update_note(&self, clear: u8, set: u8) -> Option<u8> {
        let mut before = 0;
        let open = self.edit(|record, _| {
            before = record.note;
            record.note = (before & !clear) | set;
        });
        open.then_some(before)
    }

    // ===== errors =====

    /// Marks the span as an error: `error.message` with the chain of sources, `error.type`, `error.stack`.
    ///
    /// The stack holds the chain of sources and, where `RUST_BACKTRACE` or `RUST_LIB_BACKTRACE` asks for
    /// stacks, the frames of this call; their symbols are looked up in the background. Behind `dyn Error`
    /// the type is read from the `Debug` output.
    ///
    /// ```
    /// # let tracer = tracehound::Tracer::builder().build();
    /// let span = tracer.trace("config.load");
    /// if let Err(error) = "eighty".parse::<u16>() {
    ///     span.set_error(&error);
    /// }
    /// assert_eq!(span.tag("error.message").as_deref(), Some("invalid digit found in string"));
    /// ```
    pub fn set_error<E: Error + ?Sized>(&self, error: &E) {
        let Some(at) = self.at.as_ref().filter(|at| at.is_open()) else { return };
        let failure = Failure::of(error, at.segment.shared.stack_limit);
        at.edit(|record, tags| failure.apply(record, tags));
    }

    /// Marks the span as an error, in words.
    pub fn set_error_message(&self, message: impl Into<Text>) {
        let failure = Failure { message: message.into(), ..Failure::default() };
        self.edit(|record, tags| failure.apply(record, tags));
    }

    /// Marks the span as an error from what `catch_unwind` or a join caught.
    pub fn set_panic(&self, payload: &(dyn std::any::Any + Send)) {
        let failure = Failure::of_panic(payload);
        self.edit(|record, tags| failure.apply(record, tags));
    }

    /// Sets `error.stack` to the stack of this call; the span is not marked as an error.
    ///
    /// `limit` is the number of frames, by default `DD_TRACE_SPAN_TRACEBACK_MAX_SIZE` (30). Capturing takes
    /// some ten microseconds; the symbols are looked up in the background.
    pub fn set_traceback(&self, limit: Option<usize>) {
        let Some(at) = self.at.as_ref().filter(|at| at.is_open()) else { return };
        let stack = Failure::stack_here(limit.unwrap_or(at.segment.shared.stack_limit));
        let value = Value::Stack(Box::new(stack));
        at.edit(|record, tags| tags.set(&mut record.tags, "error.stack".into(), value));
    }

    // ===== ending =====

    /// Finishes the span now. A second time does nothing.
    pub fn finish(&self) {
        if let Some(at) = &self.at {
            at.finish(None);
        }
    }

    /// Finishes the span at a given time; a time before its start makes the duration zero.
    pub fn finish_at(&self, end: SystemTime) {
        if let Some(at) = &self.at {
            at.finish(Some(end));
        }
    }

    /// Finishes the span and every open span above it in this process: for an abrupt end of the program.
    pub fn finish_with_ancestors(&self) {
        if let Some(at) = &self.at {
            at.finish_with_ancestors();
        }
    }

    /// Makes the span the active one on this thread, until the scope is dropped.
    pub fn activate(&self) -> Scope {
        match &self.at {
            Some(at) => at.segment.shared.provider.activate(Context::from(self)),
            None => Scope::empty(),
        }
    }
}

#[inline(always)]
fn set_tag(at: &At, key: impl TagKey, value: TagValue<'_>) {
    if Special::may_be(key.digest()) {
        return set_any(at, key.into_text(), value);
    }
    // What is dropped here otherwise is mostly nothing, which would have to be found out at run time.
    let value = ManuallyDrop::new(value);
    match &*value {
        TagValue::Str(text) => at.set_str(key, text),
        TagValue::Bool(on) => at.set_tag(key, *on),
        TagValue::I64(number) if is_exact(*number) => at.set_tag(key, *number),
        _ => set_plain(at, key.into_text(), ManuallyDrop::into_inner(value)),
    }
}

/// Apart from the method, which is compiled again for every type of value. The key means nothing to the tracer.
#[inline(never)]
fn set_plain(at: &At, key: Text, value: TagValue<'_>) {
    match value.into_single() {
        Ok(Some(value)) => at.set_tag(Key::new(key), value),
        Ok(None) => {}
        Err(several) => set_any(at, key, several),
    }
}

/// The same for any key.
#[inline(never)]
fn set_any(at: &At, key: Text, value: TagValue<'_>) {
    let Some(special) = Special::of(&key) else {
        return value.flatten(key, &mut |key, value| {
            at.edit(|record, tags| tags.set(&mut record.tags, key, value));
        });
    };
    if let Some(decision) = special.decision(&value) {
        if at.is_open() {
            at.segment.overrule(decision);
        }
        return;
    }
    special.changes(key, value, &mut |change| {
        at.edit(|record, tags| change.apply(record, tags, &at.segment.shared));
    });
}

/// Two handles are equal when they are of the same span.
impl PartialEq for SpanRef {
    fn eq(&self, other: &Self) -> bool {
        self.trace_id() == other.trace_id() && self.span_id() == other.span_id()
    }
}

/// A value that does not serialize to MessagePack, for [`SpanRef::set_struct_tag`].
#[cfg(feature = "struct-tags")]
#[derive(Debug)]
pub struct StructTagError(rmp_serde::encode::Error);

#[cfg(feature = "struct-tags")]
impl std::fmt::Display for StructTagError {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("the value does not serialize to MessagePack")
    }
}

#[cfg(feature = "struct-tags")]
impl Error for StructTagError {
    fn source(&self) -> Option<&(dyn Error + 'static)> {
        Some(&self.0)
    }
}
