//! Which tags a span is written with: those of the tracer, those of the user, and those that all spans repeat.

use super::encoder::SpanWriter;
use super::events;
use super::msgpack::Buffer;
use super::repeated::Tags;
use super::tag_maps::TagMaps;

use crate::propagation;
use crate::sampling;
use crate::trace::{ServiceSource, SpanView, TagRef, digest};

impl SpanWriter<'_> {
    /// Writes the string tags, and collects the numeric tags in `tags`.
    pub(super) fn tags(
        &self,
        out: &mut Buffer,
        tags: &mut TagMaps,
        span: &SpanView<'_>,
        is_head: bool,
    ) {
        tags.clear();
        // The tags of the tracer come first, because the user's tags of the same names are left out.
        let is_of_tracer = self.is_of_tracer(span);
        if !is_of_tracer {
            self.service_tags(out, tags, span);
        }
        self.span_tags(out, tags, span);
        if span.is_local_root() {
            self.root_tags(out, tags);
        }
        if is_head {
            self.chunk_tags(out, tags);
        }
        if self.decision.is_some_and(|decision| !decision.priority.is_keep()) {
            if let Some(kept) = self.common.span_sampler.sample(span) {
                sampling::span_tags(kept, |tag| write_tag(out, tags, tag));
            }
        }
        let events = span.events();
        if !events.is_empty() && !self.common.native_events {
            tags.text(out, "events", &events::json(events));
        }
        let repeated = match is_of_tracer {
            true => &self.common.repeated.of_tracer,
            false => &self.common.repeated.of_others,
        };
        own_tags(out, tags, span, repeated);
    }

    /// Whether the service of a span is the configured one; upper and lower case are the same.
    fn is_of_tracer(&self, span: &SpanView<'_>) -> bool {
        match &span.record.service {
            None => self.common.repeated.is_configured,
            Some(service) => {
                service.as_bytes().eq_ignore_ascii_case(self.segment.shared.service.as_bytes())
            }
        }
    }

    fn service_tags(&self, out: &mut Buffer, tags: &mut TagMaps, span: &SpanView<'_>) {
        tags.text_entry(out, self.common.repeated.base_service.as_bytes());
        // A span without a service of its own gets here only if a mapping has changed the configured service.
        let source = match &span.record.service {
            None => ServiceSource::Mapping,
            Some(_) => span.record.service_source,
        };
        match source {
            ServiceSource::Manual => tags.text_entry(out, b"\xab_dd.svc_src\xa1m"),
            ServiceSource::Mapping => {
                tags.text_entry(out, b"\xab_dd.svc_src\xb3opt.service_mapping");
            }
            ServiceSource::Inherited | ServiceSource::Own => {}
        }
    }

    /// The tracer's tags of every span.
    fn span_tags(&self, out: &mut Buffer, tags: &mut TagMaps, span: &SpanView<'_>) {
        let upstream = self.segment.upstream.as_deref();
        if let Some(origin) = upstream.and_then(|context| context.origin.as_deref()) {
            tags.text(out, "_dd.origin", origin);
        }
        if span.record.top_level {
            tags.number_entry(b"\xad_dd.top_level\x01");
        }
        if !self.segment.shared.apm_tracing {
            tags.number_entry(b"\xaf_dd.apm.enabled\x00");
        }
    }

    /// The tracer's tags of the local root: the first span of the trace in this process.
    fn root_tags(&self, out: &mut Buffer, tags: &mut TagMaps) {
        tags.text_entry(out, &self.common.process.runtime_id);
        tags.number_entry(&self.common.process.id);
        if let Some(hostname) = self.common.process.hostname.as_deref() {
            tags.text(out, "_dd.hostname", hostname);
        }
        let upstream = self.segment.upstream.as_deref();
        if let Some(upstream) = upstream {
            for (key, value) in propagation::root_tags(upstream) {
                tags.text(out, &key, &value);
            }
        }
        if let Some(decision) = &self.decision {
            let has_hash_rate = upstream
                .is_some_and(|context| context.tags().any(|(key, _)| key == sampling::HASH_RATE));
            sampling::root_tags(decision, has_hash_rate, |tag| write_tag(out, tags, tag));
        }
    }

    /// The tracer's tags of the first span of every chunk.
    fn chunk_tags(&self, out: &mut Buffer, tags: &mut TagMaps) {
        tags.text_entry(out, b"\xa8language\xa4rust");
        tags.number_of(b"\xad_dd.tracer_kr", self.common.keep_rate);
        let high = self.segment.trace_id.high();
        if high != 0 {
            tags.text_entry(out, b"\xa9_dd.p.tid\xb0");
            out.raw(&propagation::hex(high));
        }
        let source_code = &self.common.process.source_code;
        for (key, value) in [
            ("_dd.git.repository_url", &source_code.repository_url),
            ("_dd.git.commit.sha", &source_code.commit_sha),
        ] {
            if let Some(value) = value {
                tags.text(out, key, value);
            }
        }
        if let Some(decision) = &self.decision {
            sampling::chunk_tags(decision, |tag| write_tag(out, tags, tag));
        }
        if let Some(upstream) = self.segment.upstream.as_deref() {
            for (key, value) in upstream.tags() {
                tags.text(out, key, value);
            }
        }
    }
}

fn write_tag(out: &mut Buffer, tags: &mut TagMaps, tag: sampling::Tag<'_>) {
    match tag {
        sampling::Tag::Text(key, value) => tags.text(out, key, value),
        sampling::Tag::Number(key, value) => tags.number(key, value),
    }
}

/// Writes the tags that the user has set on the span, and of the tags that all spans repeat those that the span does
/// not have itself.
fn own_tags(out: &mut Buffer, tags: &mut TagMaps, span: &SpanView<'_>, repeated: &Tags) {
    // For nearly all tags, this one comparison tells that neither of the two has the key.
    let watched = tags.taken.union(repeated.digests);
    let mut is_there = false;
    for (digest, key, value) in span.with_digests() {
        let key = key.as_bytes();
        if watched.may_have(digest) {
            if tags.is_taken(out, digest, key) {
                continue;
            }
            is_there |= repeated.has(digest, key);
        }
        match value {
            TagRef::Text(text) => tags.add_text(out, key, text.as_bytes()),
            TagRef::Stack(stack) => tags.add_text(out, key, stack.render().as_bytes()),
            TagRef::I64(number) => tags.add_number(key).integral(number),
            TagRef::F64(number) => tags.add_number(key).number(number),
        }
    }
    if let Some(kind) = span.kind() {
        is_there |= repeated.has(const { digest(b"span.kind") }, b"span.kind");
        tags.add_text(out, b"span.kind", kind.as_str().as_bytes());
    }
    if !is_there && !tags.taken.may_share(repeated.digests) {
        return tags.add_texts(out, repeated.len(), repeated.bytes.as_bytes());
    }
    for (key, entry) in repeated.iter() {
        if !span.has(key) && !tags.is_taken(out, digest(key.as_bytes()), key.as_bytes()) {
            tags.add_texts(out, 1, entry);
        }
    }
}
