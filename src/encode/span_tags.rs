//! Which tags a span is written with: those of the tracer, those of the user, and those that all spans repeat.

use super::chunk_writer::SpanWriter;
use super::events;
use super::links;
use super::repeated::Tags;
use super::tag_writer::TagWriter;

use super::process::Process;
use crate::propagation;
use crate::sampling::{self, HASH_RATE, Tag};
use crate::trace::{ServiceSource, SpanView, TagRef, digest};

pub(super) const ORIGIN: &str = "_dd.origin";
pub(super) const LANGUAGE: &str = "language";
pub(super) const RUNTIME_ID: &str = "runtime-id";
pub(super) const HOSTNAME: &str = "_dd.hostname";
pub(super) const TRACE_ID_HIGH: &str = "_dd.p.tid";

impl SpanWriter<'_> {
    /// Writes the tags of a span.
    #[inline(always)]
    pub(super) fn tags<W: TagWriter>(
        &self,
        tags: &mut W,
        span: &SpanView<'_>,
        is_of_tracer: bool,
        is_head: bool,
    ) {
        // The tags of the tracer come first, because the user's tags of the same names are left out.
        if !is_of_tracer {
            self.service_tags(tags, span);
        }
        self.span_tags(tags, span);
        if span.is_local_root() {
            self.root_tags(tags, is_head);
        }
        if is_head {
            self.chunk_tags(tags);
        }
        if self.decision.is_some_and(|decision| !decision.priority.is_keep()) {
            if let Some(kept) = self.common.span_sampler.sample(span) {
                sampling::span_tags(kept, |tag| write_tag(tags, tag));
            }
        }
        if span.record.extras.is_some() {
            self.extra_tags(tags, span);
        }
        own_tags(tags, span, self.repeated_of(is_of_tracer), is_of_tracer);
    }

    /// The tags that stand for links and events where they have no fields.
    #[cold]
    fn extra_tags<W: TagWriter>(&self, tags: &mut W, span: &SpanView<'_>) {
        let (links, events) = (span.links(), span.events());
        if !links.is_empty() && !W::HAS_LINKS {
            tags.text("_dd.span_links", &links::json(links));
        }
        if !events.is_empty() && !tags.has_events(self.common.native_events) {
            tags.text("events", &events::json(events));
        }
    }

    /// The tags that all spans repeat.
    pub(super) fn repeated_of(&self, is_of_tracer: bool) -> &Tags {
        match is_of_tracer {
            true => &self.common.repeated.of_tracer,
            false => &self.common.repeated.of_others,
        }
    }

    /// How many tags a span may be written with, those that are said elsewhere by v1.0 not among them. Each tag that is
    /// added to the functions below is counted here.
    #[inline(always)]
    pub(super) fn most_tags(
        &self,
        span: &SpanView<'_>,
        is_of_tracer: bool,
        is_head: bool,
    ) -> usize {
        let mut most = span.most_tags() + self.repeated_of(is_of_tracer).len();
        // `_dd.base_service` and `_dd.svc_src`.
        most += if is_of_tracer { 0 } else { 2 };
        most += usize::from(span.record.top_level);
        most += usize::from(!self.segment.shared.apm_tracing);
        let is_kept = self.decision.is_none_or(|decision| decision.priority.is_keep());
        if is_head || span.is_local_root() || !is_kept || span.record.extras.is_some() {
            most += self.most_seldom_tags(span);
        }
        most
    }

    #[inline(never)]
    fn most_seldom_tags(&self, span: &SpanView<'_>) -> usize {
        let upstream = self.segment.upstream.as_deref();
        let of_upstream = upstream.map_or(0, |upstream| propagation::root_tags(upstream).count());
        // `_dd.tracer_kr`, `process_id`, three about the decision, and three about a single span that is kept.
        8 + of_upstream + span.structs().len()
    }

    /// Whether the service of a span is the configured one; upper and lower case are the same.
    pub(super) fn is_of_tracer(&self, span: &SpanView<'_>) -> bool {
        match &span.record.service {
            None => self.common.repeated.is_configured,
            Some(service) => {
                service.as_bytes().eq_ignore_ascii_case(self.segment.shared.service.as_bytes())
            }
        }
    }

    fn service_tags<W: TagWriter>(&self, tags: &mut W, span: &SpanView<'_>) {
        tags.text_entry(self.common.repeated.base_service.as_bytes());
        // A span without a service of its own gets here only if a mapping has changed the configured service.
        let source = match &span.record.service {
            None => ServiceSource::Mapping,
            Some(_) => span.record.service_source,
        };
        match source {
            ServiceSource::Manual => tags.text_entry(b"\xab_dd.svc_src\xa1m"),
            ServiceSource::Mapping => {
                tags.text_entry(b"\xab_dd.svc_src\xb3opt.service_mapping");
            }
            ServiceSource::Inherited | ServiceSource::Own => {}
        }
    }

    /// The tracer's tags of every span.
    fn span_tags<W: TagWriter>(&self, tags: &mut W, span: &SpanView<'_>) {
        let upstream = self.segment.upstream.as_deref();
        if let Some(origin) = upstream.and_then(|context| context.origin.as_deref()) {
            if !tags.is_elsewhere(ORIGIN) {
                tags.text(ORIGIN, origin);
            }
        }
        if span.record.top_level {
            tags.number_entry(b"\xad_dd.top_level\x01");
        }
        if !self.segment.shared.apm_tracing {
            tags.number_entry(b"\xaf_dd.apm.enabled\x00");
        }
    }

    /// The tracer's tags of the local root: the first span of the trace in this process.
    fn root_tags<W: TagWriter>(&self, tags: &mut W, is_head: bool) {
        let Process { runtime_id, id, hostname, .. } = &self.common.process;
        if !tags.is_elsewhere(RUNTIME_ID) {
            tags.text_entry(runtime_id);
        }
        tags.number_entry(id);
        if let Some(hostname) = hostname {
            if !tags.is_elsewhere(HOSTNAME) {
                tags.text(HOSTNAME, hostname);
            }
        }
        if let Some(upstream) = self.segment.upstream.as_deref() {
            for (key, value) in propagation::root_tags(upstream) {
                tags.text(&key, &value);
            }
        }
        // Only of the first span the chunk has it.
        let has_rate = is_head && tags.is_elsewhere(HASH_RATE);
        self.decision_tags(has_rate, |tag| write_tag(tags, tag));
    }

    /// The tags that explain the sampling decision, for a local root. `has_rate`: but for the rate of its hash.
    pub(super) fn decision_tags(&self, has_rate: bool, write: impl FnMut(Tag<'_>)) {
        if let Some(decision) = &self.decision {
            let upstream = self.segment.upstream.as_deref();
            let has_rate = has_rate
                || upstream.is_some_and(|context| context.tags().any(|(key, _)| key == HASH_RATE));
            sampling::root_tags(decision, has_rate, write);
        }
    }

    /// The tracer's tags of the first span of every chunk.
    fn chunk_tags<W: TagWriter>(&self, tags: &mut W) {
        if !tags.is_elsewhere(LANGUAGE) {
            tags.text_entry(b"\xa8language\xa4rust");
        }
        tags.number("_dd.tracer_kr", self.common.keep_rate);
        let high = self.segment.trace_id.high();
        if high != 0 && !tags.is_elsewhere(TRACE_ID_HIGH) {
            let mut entry = *b"\xa9_dd.p.tid\xb0________________";
            if let Some(digits) = entry.last_chunk_mut() {
                *digits = propagation::hex(high);
            }
            tags.text_entry(&entry);
        }
        for (key, value) in self.common.process.source_code.tags() {
            if !tags.is_elsewhere(key) {
                tags.text(key, value);
            }
        }
        if let Some(decision) = &self.decision {
            sampling::chunk_tags(decision, |tag| {
                if !tags.is_elsewhere(tag.key()) {
                    write_tag(tags, tag);
                }
            });
        }
        if let Some(upstream) = self.segment.upstream.as_deref() {
            for (key, value) in upstream.tags() {
                if !tags.is_elsewhere(key) {
                    tags.text(key, value);
                }
            }
        }
    }
}

fn write_tag<W: TagWriter>(tags: &mut W, tag: Tag<'_>) {
    match tag {
        Tag::Text(key, value) => tags.text(key, value),
        Tag::Number(key, value) => tags.number(key, value),
    }
}

/// Writes the tags that the user has set on the span, and of the tags that all spans repeat those that the span does
/// not have itself.
#[inline(always)]
fn own_tags<W: TagWriter>(tags: &mut W, span: &SpanView<'_>, repeated: &Tags, is_of_tracer: bool) {
    // For nearly all tags, this one comparison tells that they are nothing special.
    let watched = tags.taken().union(repeated.digests).union(W::FIELDS);
    let mut is_there = false;
    for (digest, key, value) in span.with_digests() {
        let key = key.as_bytes();
        if watched.may_have(digest) {
            if tags.is_taken(digest, key) {
                continue;
            }
            is_there |= repeated.has(digest, key);
            if tags.has_field(key) {
                continue;
            }
        }
        match value {
            TagRef::Text(text) => tags.own_text(key, text.as_bytes()),
            TagRef::Stack(stack) => tags.own_text(key, stack.render().as_bytes()),
            TagRef::I64(number) => tags.own_integer(key, number),
            TagRef::F64(number) => tags.own_float(key, number),
        }
    }
    if let Some(kind) = span.kind() {
        is_there |= repeated.has(const { digest(b"span.kind") }, b"span.kind");
        tags.kind(kind);
    }
    if !is_there && !tags.taken().may_share(repeated.digests) {
        return tags.repeated(repeated, is_of_tracer);
    }
    for (key, value) in repeated.iter() {
        if !span.has(key) && !tags.is_taken(digest(key.as_bytes()), key.as_bytes()) {
            tags.one_repeated(key, value);
        }
    }
}
