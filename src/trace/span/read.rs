//! What a handle reads of its span.

use std::borrow::Cow;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use crate::trace::store::{SpanRef, SpanView};
use crate::trace::tags::StoredValue;
use crate::trace::values::{SpanEvent, SpanKind, SpanLink};

impl SpanRef {
    /// The operation name.
    #[must_use]
    pub fn name(&self) -> Option<String> {
        self.read(|span| span.name().into_owned())
    }

    /// The service.
    #[must_use]
    pub fn service(&self) -> Option<String> {
        self.read_fields(|span| span.service().to_owned())
    }

    /// The resource; the name where none was set.
    #[must_use]
    pub fn resource(&self) -> Option<String> {
        self.read(|span| span.resource().into_owned())
    }

    /// The type.
    #[must_use]
    pub fn span_type(&self) -> Option<String> {
        self.read(|span| span.span_type().map(Cow::into_owned)).flatten()
    }

    /// The kind.
    #[must_use]
    pub fn kind(&self) -> Option<SpanKind> {
        self.read_fields(|span| span.kind()).flatten()
    }

    /// Whether the span is marked as an error.
    #[must_use]
    pub fn is_error(&self) -> bool {
        self.read_fields(|span| span.is_error()).unwrap_or(false)
    }

    /// When the span started.
    #[must_use]
    pub fn start_time(&self) -> Option<SystemTime> {
        let ns = u64::try_from(self.read_fields(|span| span.start_ns())?).ok()?;
        UNIX_EPOCH.checked_add(Duration::from_nanos(ns))
    }

    /// How long the span took; `None` while it is open.
    ///
    /// Also after the trace was sent, of the span whose end sent it: as a rule the local root. Of the other spans of a
    /// trace that was sent nothing is known any more: `None`.
    ///
    /// ```
    /// let tracer = tracehound::Tracer::builder().build();
    /// let span = tracer.start_span("web.request");
    /// assert_eq!(span.duration(), None);
    /// span.finish();
    /// assert!(span.duration().is_some());
    /// ```
    #[must_use]
    pub fn duration(&self) -> Option<Duration> {
        self.at.as_ref()?.duration_ns().map(Duration::from_nanos)
    }

    /// A string tag, from the span or from the tracer's own (`DD_TAGS`).
    #[must_use]
    pub fn tag(&self, key: &str) -> Option<String> {
        let of_tracer = |span: &SpanView<'_>| span.tag(key).map(Cow::into_owned);
        let look = |span: &SpanView<'_>| match span.own(key) {
            Some(value) => Ok(value.copy()),
            None => Err(of_tracer(span)),
        };
        self.at
            .as_ref()?
            .read_tag(key, look)?
            .map_or_else(|of_tracer| of_tracer, |value| text_of(&value))
    }

    /// Every string tag of the span itself, in the order they were first set.
    #[must_use]
    pub fn tags(&self) -> Vec<(String, String)> {
        let copy = |span: &SpanView<'_>| -> Vec<_> {
            span.all().map(|(key, value)| (key.as_str().to_owned(), value.copy())).collect()
        };
        let copies = self.read(copy).unwrap_or_default();
        copies.into_iter().filter_map(|(key, value)| Some((key, text_of(&value)?))).collect()
    }

    /// A numeric tag.
    #[must_use]
    pub fn metric(&self, key: &str) -> Option<f64> {
        self.at.as_ref()?.read_tag(key, |span| span.metric(key)).flatten()
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
        self.read_fields(|span| {
            span.structs().iter().find(|(name, _)| name == key).map(|(_, data)| data.clone())
        })
        .flatten()
    }

    /// The links.
    #[must_use]
    pub fn links(&self) -> Vec<SpanLink> {
        self.read_fields(|span| span.links().to_vec()).unwrap_or_default()
    }

    /// The events.
    #[must_use]
    pub fn events(&self) -> Vec<SpanEvent> {
        self.read_fields(|span| span.events().to_vec()).unwrap_or_default()
    }

    /// An item of the span's baggage.
    #[must_use]
    pub fn baggage_item(&self, name: &str) -> Option<String> {
        self.shared_baggage()?.get(name).map(str::to_owned)
    }

    /// Every item of the span's baggage, in the order they were set.
    #[must_use]
    pub fn baggage_items(&self) -> Vec<(String, String)> {
        let copy = |(name, value): (&str, &str)| (name.to_owned(), value.to_owned());
        self.shared_baggage().map(|items| items.iter().map(copy).collect()).unwrap_or_default()
    }
}

/// The text of a string tag, from a copy: writing out a stack looks its symbols up, which may take a tenth of a second
/// and must not happen under the lock of the trace.
fn text_of(value: &StoredValue) -> Option<String> {
    value.read("")?.text().map(Cow::into_owned)
}
