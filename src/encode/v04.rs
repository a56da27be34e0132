//! The payload format v0.4: an array of chunks, each an array of spans, each a map.

use super::events;
use super::msgpack::{Buffer, CountedMap, text};
use super::payload::{HEADER, Payload};
use super::process::Process;
use crate::propagation;
use crate::sampling::{self, SpanSampler};
use crate::trace::{Chunk, Decision, Kept, Segment, ServiceSource, SpanLink, SpanView};

/// Why a chunk was not added to a payload.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum NotAdded {
    /// The payload is full; a new one may hold the chunk.
    Full,
    /// No payload may hold the chunk.
    TooLarge,
}

/// Writes chunks as v0.4.
#[derive(Debug)]
pub(crate) struct Encoder {
    process: Process,
    /// Whether the agent takes `span_events`.
    pub(crate) native_events: bool,
    /// Bytes that a payload may have.
    max_bytes: usize,
    meta: CountedMap,
    metrics: CountedMap,
}

/// Keys that every span has, with the MessagePack header of their length.
mod key {
    pub(super) const SERVICE: &[u8] = b"\xa7service";
    pub(super) const NAME: &[u8] = b"\xa4name";
    pub(super) const RESOURCE: &[u8] = b"\xa8resource";
    pub(super) const TRACE_ID: &[u8] = b"\xa8trace_id";
    pub(super) const SPAN_ID: &[u8] = b"\xa7span_id";
    pub(super) const PARENT_ID: &[u8] = b"\xa9parent_id";
    pub(super) const START: &[u8] = b"\xa5start";
    pub(super) const DURATION: &[u8] = b"\xa8duration";
    pub(super) const ERROR: &[u8] = b"\xa5error";
    pub(super) const TYPE: &[u8] = b"\xa4type";
    pub(super) const META: &[u8] = b"\xa4meta";
    pub(super) const METRICS: &[u8] = b"\xa7metrics";
    pub(super) const META_STRUCT: &[u8] = b"\xabmeta_struct";
    pub(super) const SPAN_LINKS: &[u8] = b"\xaaspan_links";
    pub(super) const SPAN_EVENTS: &[u8] = b"\xabspan_events";
}

/// What the chunk as a whole lends to the spans that are written from it.
struct Whole<'a> {
    segment: &'a Segment,
    global: &'a [(crate::text::Text, crate::text::Text)],
    decision: Option<Decision>,
    common: &'a Common<'a>,
}

/// What is the same for all chunks that are written at one time.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Common<'a> {
    /// `_dd.tracer_kr`.
    pub(crate) keep_rate: f64,
    /// Keeps single spans of traces that are dropped.
    pub(crate) span_sampler: &'a SpanSampler,
}

impl Encoder {
    pub(crate) fn new(process: Process, max_bytes: usize) -> Self {
        Encoder {
            process,
            native_events: false,
            max_bytes,
            meta: CountedMap::default(),
            metrics: CountedMap::default(),
        }
    }

    /// Adds a chunk that has been settled.
    ///
    /// On failure the payload is as it was.
    pub(crate) fn add(
        &mut self,
        payload: &mut Payload,
        chunk: &Chunk,
        common: &Common<'_>,
    ) -> Result<(), NotAdded> {
        if payload.buffer.len() == 0 {
            payload.buffer.raw(&HEADER);
        }
        let before = payload.buffer.len();
        self.chunk(&mut payload.buffer, chunk, common);
        let after = payload.buffer.len();
        if after > self.max_bytes {
            payload.buffer.0.truncate(before);
            let alone = after.saturating_sub(before).saturating_add(HEADER.len());
            return Err(if alone > self.max_bytes { NotAdded::TooLarge } else { NotAdded::Full });
        }
        payload.end_chunk(chunk.len());
        Ok(())
    }

    fn chunk(&mut self, out: &mut Buffer, chunk: &Chunk, common: &Common<'_>) {
        let segment = chunk.segment();
        let global = segment.shared.tags.load();
        let decision = segment.decision();
        let whole = Whole { segment, global: &global, decision, common };
        out.array(chunk.len());
        let head = chunk.head();
        if let Some(head) = &head {
            self.span(out, &whole, head, true);
        }
        // Not by the id: another library may have given it twice.
        let is_head =
            |span: &SpanView<'_>| head.is_some_and(|head| std::ptr::eq(head.record, span.record));
        for span in chunk.spans().filter(|span| !is_head(span)) {
            self.span(out, &whole, &span, false);
        }
    }

    fn span(&mut self, out: &mut Buffer, whole: &Whole<'_>, span: &SpanView<'_>, head: bool) {
        self.meta.clear();
        self.metrics.clear();
        // First what the tracer alone can say: the user's tags of the same names are left out.
        self.span_tags(whole, span);
        if span.is_local_root() {
            self.root_tags(whole);
        }
        if head {
            self.chunk_tags(whole);
        }
        if whole.decision.is_some_and(|decision| !decision.priority.is_keep()) {
            if let Some(kept) = whole.common.span_sampler.sample(span) {
                let Encoder { meta, metrics, .. } = self;
                sampling::span_tags(&kept, |tag| write_tag(meta, metrics, tag));
            }
        }
        let events = span.events();
        if !events.is_empty() && !self.native_events {
            self.meta.text("events", &events::json(events));
        }
        self.meta.open();
        self.metrics.open();
        self.own_tags(span);
        self.common_tags(whole, span);

        let span_type = span.span_type().filter(|span_type| !span_type.is_empty());
        let parent = span.parent_id();
        let (links, structs) = (span.links(), span.structs());
        let native_events = self.native_events && !events.is_empty();
        let optional = [
            parent.is_some(),
            span_type.is_some(),
            self.meta.entries > 0,
            self.metrics.entries > 0,
            !structs.is_empty(),
            !links.is_empty(),
            native_events,
        ];
        let entries = optional.iter().filter(|there| **there).count().saturating_add(8);
        out.map(entries);
        out.raw(key::SERVICE);
        text(out, span.service());
        out.raw(key::NAME);
        text(out, &span.name());
        out.raw(key::RESOURCE);
        text(out, &span.resource());
        out.raw(key::TRACE_ID);
        out.uint(whole.segment.trace_id.low());
        out.raw(key::SPAN_ID);
        out.uint(span.span_id().map_or(0, |id| id.get()));
        if let Some(parent) = parent {
            out.raw(key::PARENT_ID);
            out.uint(parent.get());
        }
        out.raw(key::START);
        out.int(span.start_ns());
        out.raw(key::DURATION);
        out.uint(span.duration_ns().unwrap_or_default());
        out.raw(key::ERROR);
        out.uint(span.is_error().into());
        if let Some(span_type) = span_type {
            out.raw(key::TYPE);
            text(out, &span_type);
        }
        for (name, map) in [(key::META, &self.meta), (key::METRICS, &self.metrics)] {
            if map.entries > 0 {
                out.raw(name);
                out.map(map.entries);
                out.raw(&map.buffer.0);
            }
        }
        if !structs.is_empty() {
            out.raw(key::META_STRUCT);
            out.map(structs.len());
            for (key, document) in structs {
                out.str(key);
                out.bin(document);
            }
        }
        if !links.is_empty() {
            out.raw(key::SPAN_LINKS);
            out.array(links.len());
            for link in links {
                write_link(out, link);
            }
        }
        if native_events {
            out.raw(key::SPAN_EVENTS);
            events::native(out, events);
        }
    }

    /// What the user set.
    fn own_tags(&mut self, span: &SpanView<'_>) {
        for (key, value) in span.all() {
            if self.is_reserved(key) {
                continue;
            }
            match value {
                Kept::Text(text) => self.meta.text(key, text),
                Kept::Stack(stack) => self.meta.text(key, &stack.render()),
                Kept::I64(_) | Kept::F64(_) => {
                    if let Some(number) = value.number() {
                        self.metrics.number(key, number);
                    }
                }
            }
        }
        if let Some(kind) = span.kind() {
            self.meta.text("span.kind", kind.as_str());
        }
    }

    /// Whether the tracer has given this tag its own value.
    fn is_reserved(&self, key: &str) -> bool {
        self.meta.is_reserved(key) || self.metrics.is_reserved(key)
    }

    /// What every span of the trace has, unless the user gave it another value.
    fn common_tags(&mut self, whole: &Whole<'_>, span: &SpanView<'_>) {
        let shared = &whole.segment.shared;
        // The version belongs to the configured service alone.
        let version = shared.version.as_deref().filter(|_| is_of_the_tracer(whole, span));
        let settings = [("env", shared.env.as_deref()), ("version", version)];
        for (key, value) in settings {
            if let Some(value) = value.filter(|_| !span.has(key)) {
                self.meta.text(key, value);
            }
        }
        for (key, value) in whole.global {
            let is_set = settings.iter().any(|(name, value)| value.is_some() && key == *name);
            if !is_set && !span.has(key) && !self.is_reserved(key) {
                self.meta.text(key, value);
            }
        }
    }

    /// What the tracer says about every span.
    fn span_tags(&mut self, whole: &Whole<'_>, span: &SpanView<'_>) {
        if !is_of_the_tracer(whole, span) {
            self.meta.text("_dd.base_service", &whole.segment.shared.service);
            match span.record.service_source {
                ServiceSource::Manual => self.meta.text("_dd.svc_src", "m"),
                ServiceSource::Mapping => self.meta.text("_dd.svc_src", "opt.service_mapping"),
                ServiceSource::Inherited | ServiceSource::Own => {}
            }
        }
        let upstream = whole.segment.upstream.as_deref();
        if let Some(origin) = upstream.and_then(|context| context.origin.as_deref()) {
            self.meta.text("_dd.origin", origin);
        }
        if span.record.top_level {
            self.metrics.number("_dd.top_level", 1.0);
        }
        if !whole.segment.shared.apm_tracing {
            self.metrics.number("_dd.apm.enabled", 0.0);
        }
    }

    /// What the first span of the trace in this process has.
    fn root_tags(&mut self, whole: &Whole<'_>) {
        self.meta.text("runtime-id", &self.process.runtime_id);
        self.metrics.number("process_id", self.process.id.into());
        if let Some(hostname) = self.process.hostname.as_deref() {
            self.meta.text("_dd.hostname", hostname);
        }
        let upstream = whole.segment.upstream.as_deref();
        if let Some(upstream) = upstream {
            for (key, value) in propagation::root_tags(upstream) {
                self.meta.text(&key, &value);
            }
        }
        if let Some(decision) = &whole.decision {
            let has_hash_rate = upstream
                .is_some_and(|context| context.tags().any(|(key, _)| key == sampling::HASH_RATE));
            let Encoder { meta, metrics, .. } = self;
            sampling::root_tags(decision, has_hash_rate, |tag| write_tag(meta, metrics, tag));
        }
    }

    /// What the first span of every chunk has.
    fn chunk_tags(&mut self, whole: &Whole<'_>) {
        self.meta.text("language", "rust");
        self.metrics.number("_dd.tracer_kr", whole.common.keep_rate);
        let high = whole.segment.trace_id.high();
        if high != 0 {
            self.meta.text("_dd.p.tid", &format!("{high:016x}"));
        }
        if let Some(decision) = &whole.decision {
            let Encoder { meta, metrics, .. } = self;
            sampling::chunk_tags(decision, |tag| write_tag(meta, metrics, tag));
        }
        if let Some(upstream) = whole.segment.upstream.as_deref() {
            for (key, value) in upstream.tags() {
                self.meta.text(key, value);
            }
        }
    }
}

fn write_tag(meta: &mut CountedMap, metrics: &mut CountedMap, tag: sampling::Tag<'_>) {
    match tag {
        sampling::Tag::Text(key, value) => meta.text(key, value),
        sampling::Tag::Number(key, value) => metrics.number(key, value),
    }
}

/// Whether the service of a span is the configured one, in any case of its letters.
fn is_of_the_tracer(whole: &Whole<'_>, span: &SpanView<'_>) -> bool {
    span.service().eq_ignore_ascii_case(&whole.segment.shared.service)
}

fn write_link(out: &mut Buffer, link: &SpanLink) {
    let (high, low) = (link.trace_id.high(), link.trace_id.low());
    let optional =
        [high != 0, !link.attributes.is_empty(), link.tracestate.is_some(), link.flags.is_some()];
    out.map(optional.iter().filter(|there| **there).count().saturating_add(2));
    out.str("trace_id");
    out.uint(low);
    if high != 0 {
        out.str("trace_id_high");
        out.uint(high);
    }
    out.str("span_id");
    out.uint(link.span_id.get());
    if !link.attributes.is_empty() {
        out.str("attributes");
        out.map(link.attributes.len());
        for (key, value) in &link.attributes {
            out.str(key);
            text(out, value);
        }
    }
    if let Some(tracestate) = link.tracestate.as_deref() {
        out.str("tracestate");
        text(out, tracestate);
    }
    if let Some(flags) = link.flags {
        out.str("flags");
        out.uint((flags | FLAGS_KNOWN).into());
    }
}

/// Set whenever the flags of a link are known, so that 0 can mean "unknown".
const FLAGS_KNOWN: u32 = 1 << 31;
