//! What a handle changes of its span.

use std::time::SystemTime;

use tracehound_machine::literal;

use super::finished::remove_tag;
use crate::text::Text;
#[cfg(feature = "http-tags")]
use crate::trace::store::replace_service;
use crate::trace::store::{Location, SpanRef};
use crate::trace::tags::{Change, Key, LiteralKey, Special, StoredValue, TagKey, put_value};
#[cfg(feature = "http-tags")]
use crate::trace::values::ServiceSource;
use crate::trace::values::{Baggage, SamplingPriority, SpanEvent, SpanKind, SpanLink, TagValue};
#[cfg(feature = "struct-tags")]
use crate::user_code::{self, UserCode};

impl SpanRef {
    fn change(&self, change: Change) {
        if let Some(at) = &self.at {
            at.change(change);
        }
    }

    /// Sets the operation name: what kind of work this is, such as `web.request`. Few different ones.
    ///
    /// The agent takes letters, digits, `_` and `.`, from a letter on, at most 100 characters.
    pub fn set_name(&self, name: impl Into<Text>) {
        self.change(Change::Name(name.into()));
    }

    /// Sets the service that an option of an integration chooses.
    #[cfg(feature = "http-tags")]
    pub(crate) fn set_service_by(&self, service: Text, option: ServiceSource) {
        if let Some(at) = &self.at {
            at.edit(|record, tags| {
                replace_service(record, tags, &at.segment.shared, service, option);
            });
        }
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

    /// Sets a tag, or removes it when the value is `None` or `()`.
    ///
    /// Text and booleans become string tags; integers up to ±2^53 and finite floats numeric tags; lists and
    /// maps one tag for each element. A key is either a string tag or a numeric one: the last value wins.
    /// Values over 25,000 characters are cut when they are sent.
    ///
    /// The key is any text: a literal stays where it is, another `&str` is copied, a `String` is taken over; see
    /// [`Text`]. The agent takes keys of up to 200 characters.
    ///
    /// What the spans of a trace hold is bounded: beyond `DD_TRACE_WRITER_BUFFER_SIZE_BYTES` (20 MiB), what would add
    /// to it is refused. Each span counts what it was refused in its metric `tracehound.refused_changes`.
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
    /// for (name, value) in "color=red,size=4".split(',').filter_map(|pair| pair.split_once('=')) {
    ///     span.set_tag(name, value);
    /// }
    /// assert_eq!(span.metric("cart.items"), Some(3.0));
    /// assert_eq!(span.tag("size").as_deref(), Some("4"));
    /// ```
    #[inline(always)]
    pub fn set_tag<'a>(&self, key: impl Into<Text> + AsRef<str>, value: impl Into<TagValue<'a>>) {
        let Some(at) = &self.at else { return };
        // Here, where the key and the type of the value are known, most of this is done by the compiler.
        match literal(key.as_ref()) {
            Some(key) => set_tag(at, LiteralKey::new(key), value.into()),
            None => set_owned(at, key.into(), value.into()),
        }
    }

    /// Sets several tags.
    pub fn set_tags<'a, K: Into<Text>, V: Into<TagValue<'a>>>(
        &self,
        tags: impl IntoIterator<Item = (K, V)>,
    ) {
        for (key, value) in tags {
            self.set_tag(key.into(), value);
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
        self.change(Change::Tag(key, StoredValue::F64(value)));
    }

    /// Sets several numeric tags.
    pub fn set_metrics<K: Into<Text>>(&self, metrics: impl IntoIterator<Item = (K, f64)>) {
        for (key, value) in metrics {
            self.set_metric(key, value);
        }
    }

    /// Removes a tag of either kind.
    pub fn remove_tag(&self, key: &str) {
        if let Some(at) = &self.at {
            at.edit_tag(key, |record, tags| remove_tag(record, tags, key));
        }
    }

    /// Sets a structured tag (`meta_struct`) to one MessagePack document. A span takes 128 of them.
    ///
    /// `SpanRef::set_struct_tag` (feature `struct-tags`) makes the document from any `Serialize` value.
    pub fn set_struct_bytes(&self, key: impl Into<Text>, document: Vec<u8>) {
        let key = key.into();
        self.edit(|record, tags| record.set_struct(key, document, tags));
    }

    /// Sets a structured tag (`meta_struct`): a value that is sent as it is built, not flattened.
    ///
    /// # Errors
    ///
    /// When the value does not serialize, or panics meanwhile; the span is left as it was.
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
        let write = || rmp_serde::to_vec_named(value);
        let at = self.at.as_ref();
        let diag = at.map_or(user_code::elsewhere(), |at| &*at.segment.shared.diag);
        let written = user_code::call(UserCode::Serialize, diag, write);
        let failed = || Err(rmp_serde::encode::Error::Syntax("its serialization panicked".into()));
        let document = written.unwrap_or_else(failed).map_err(StructTagError)?;
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
    ///
    /// ```
    /// # let tracer = tracehound::Tracer::builder().build();
    /// let message = tracer.start_span("queue.receive");
    /// let batch = tracer.start_span("batch.process");
    /// batch.link_to(&message);
    /// assert_eq!(Some(batch.links()[0].span_id()), message.span_id());
    /// ```
    pub fn link_to(&self, other: &SpanRef) {
        self.link_to_with(other, None::<(Text, TagValue<'_>)>);
    }

    /// As [`SpanRef::link_to`], with attributes; see [`SpanLink::attribute`] for what becomes of which value.
    ///
    /// ```
    /// # let tracer = tracehound::Tracer::builder().build();
    /// let message = tracer.start_span("queue.receive");
    /// let batch = tracer.start_span("batch.process");
    /// batch.link_to_with(&message, [("partition", 3), ("offset", 1042)]);
    /// assert_eq!(batch.links()[0].attributes().next(), Some(("partition", "3")));
    /// ```
    pub fn link_to_with<'a, K: Into<Text>, V: Into<TagValue<'a>>>(
        &self,
        other: &SpanRef,
        attributes: impl IntoIterator<Item = (K, V)>,
    ) {
        if let Some(link) = other.propagation_context().as_ref().and_then(SpanLink::to) {
            let attributes = attributes.into_iter();
            self.add_link(attributes.fold(link, |link, (key, value)| link.attribute(key, value)));
        }
    }

    /// Adds a link; one to the same span is replaced. A span takes 10,000; how many more there were stands in its metric
    /// `otel.dropped_links_count`.
    pub fn add_link(&self, link: SpanLink) {
        self.edit(|record, tags| record.add_link(link, tags));
    }

    /// Adds an event. A span takes 10,000; how many more there were stands in its metric `otel.dropped_events_count`.
    pub fn add_event(&self, event: SpanEvent) {
        self.edit(|record, tags| record.add_event(event, tags));
    }

    /// Sets an item of the baggage, for children started from now on and services called from now on. There is no room
    /// for more than 256 items and 64 KiB; see [`Baggage`](crate::Baggage).
    pub fn set_baggage_item(&self, name: impl Into<Text>, value: impl Into<Text>) {
        let (name, value) = (name.into(), value.into());
        let Some(at) = &self.at else { return };
        at.segment.note_baggage();
        at.edit(|record, tags| record.change_baggage(tags, |baggage| baggage.set(name, value)));
    }

    /// Removes an item of the baggage.
    pub fn remove_baggage_item(&self, name: &str) {
        self.reduce_baggage(|baggage| baggage.remove(name));
    }

    /// Removes every item of the baggage: children started from now on and services called from now on get none.
    ///
    /// ```
    /// let (tracer, _) = tracehound::testing::tracer();
    /// let span = tracer.trace("web.request");
    /// span.set_baggage_item("tenant", "acme");
    /// assert_eq!(span.baggage_items(), [("tenant".to_owned(), "acme".to_owned())]);
    /// span.remove_all_baggage_items();
    /// assert!(tracer.trace("partner.call").baggage_items().is_empty());
    /// ```
    pub fn remove_all_baggage_items(&self) {
        self.reduce_baggage(|baggage| *baggage = Baggage::default());
    }

    fn reduce_baggage<T>(&self, reduce: impl FnOnce(&mut Baggage) -> T) {
        self.edit(|record, tags| {
            if record.baggage.is_some() {
                record.change_baggage(tags, |baggage| {
                    reduce(baggage);
                    true
                });
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
    pub fn priority(&self) -> Option<SamplingPriority> {
        self.at.as_ref()?.segment.decision.priority()
    }
}

/// Apart from the method, which is compiled again for every type of value.
#[inline(never)]
fn set_owned(at: &Location, key: Text, value: TagValue<'_>) {
    set_tag(at, Key::new(key), value);
}

#[inline(always)]
fn set_tag(mut at: &Location, key: impl TagKey, value: TagValue<'_>) {
    if Special::may_be(key.digest()) {
        return set_special(at, key.into_text(), value);
    }
    put_value(&mut at, key, value);
}

#[inline(never)]
fn set_special(mut at: &Location, key: Text, value: TagValue<'_>) {
    let Some(special) = Special::of(&key) else {
        return put_value(&mut at, Key::new(key), value);
    };
    if let Some(decision) = special.decision(&value) {
        if at.is_open() {
            at.segment.decision.overrule(decision);
        }
        return;
    }
    special.changes(key, value, &mut |change| at.change(change));
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
impl std::error::Error for StructTagError {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        Some(&self.0)
    }
}
