//! The buckets in their order of time, and who the spans in them are of.

use std::time::Duration;

use super::bucket::Bucket;
use super::key::KeyBuffer;
use super::limits::Collapsed;
use super::payload::Identity;
use super::span::{counts, write_key};
use super::terms::Terms;
use crate::config::StatsLimits;
use crate::trace::{Chunk, Shared, SpanView};

/// How long a bucket is, and how often they are sent.
pub(crate) const BUCKET: Duration = Duration::from_secs(10);
const BUCKET_NS: u64 = 10_000_000_000;
/// Buckets of different times: what ends later than the last one counts there. An end in the future is an error of who
/// gave it, and must not take memory until then.
const MAX_BUCKETS: u64 = 8;
/// Tracers that are told apart on one pipeline; spans of further ones count as those of the last.
const MAX_IDENTITIES: usize = 16;

/// Counts spans by what they are about, in buckets of ten seconds.
#[derive(Debug)]
pub(crate) struct Concentrator {
    limits: StatsLimits,
    /// Before this no bucket begins: what ended earlier counts here.
    oldest: u64,
    /// Those of each tracer.
    books: Vec<Book>,
    collapsed: Collapsed,
    /// The key of the span that is being counted.
    key: KeyBuffer,
}

/// The buckets of one tracer.
#[derive(Debug)]
pub(crate) struct Book {
    pub(super) identity: Identity,
    pub(super) buckets: Vec<Bucket>,
}

impl Book {
    /// How many spans are counted here.
    pub(crate) fn spans(&self) -> u64 {
        let groups = self.buckets.iter().flat_map(|bucket| bucket.groups.values());
        groups.map(|group| group.hits).sum()
    }
}

/// When the bucket begins that a time is in.
fn align(unix_ns: u64) -> u64 {
    unix_ns - unix_ns % BUCKET_NS
}

impl Concentrator {
    /// `now` is in nanoseconds since the Unix epoch.
    pub(crate) fn new(limits: StatsLimits, now: u64) -> Self {
        Concentrator {
            limits,
            oldest: align(now),
            books: Vec::new(),
            collapsed: Collapsed::default(),
            key: KeyBuffer::default(),
        }
    }

    /// Counts those spans of a settled chunk that count.
    ///
    /// A function of its own: `benches/instructions` counts what it takes.
    #[inline(never)]
    pub(crate) fn count(&mut self, chunk: &Chunk, terms: &Terms) {
        let shared = &chunk.segment().shared;
        let global = shared.tags.load();
        let Concentrator { limits, oldest, books, collapsed, key } = self;
        let Some(book) = book(books, shared) else { return };
        for span in chunk.spans() {
            let Some(is_top_level) = counts(&span, terms) else { continue };
            write_key(key, &span, terms, &global);
            let start = align(end_ns(&span)).max(*oldest);
            let start = start.min(oldest.saturating_add((MAX_BUCKETS - 1) * BUCKET_NS));
            if let Some(bucket) = bucket(&mut book.buckets, start) {
                bucket.add(key, &span, is_top_level, limits, collapsed);
            }
        }
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.books.iter().all(|book| book.buckets.is_empty())
    }

    /// Begins anew after a time in which nothing was counted: what is counted from `now` on is not of long ago.
    pub(crate) fn resume(&mut self, now: u64) {
        self.oldest = self.oldest.max(align(now).saturating_sub(BUCKET_NS));
    }

    /// Takes the buckets that are over since long enough that no more spans are expected in them; all of them where
    /// that `is_forced`.
    pub(crate) fn take(&mut self, now: u64, is_forced: bool) -> Vec<Book> {
        let now = align(now);
        if is_forced {
            self.oldest = now;
            let mut books = std::mem::take(&mut self.books);
            books.retain(|book| !book.buckets.is_empty());
            return books;
        }
        self.oldest = now.saturating_sub(BUCKET_NS);
        let oldest = self.oldest;
        let mut taken = Vec::new();
        for book in &mut self.books {
            let (over, going_on): (Vec<_>, Vec<_>) = std::mem::take(&mut book.buckets)
                .into_iter()
                .partition(|bucket| bucket.start < oldest);
            book.buckets = going_on;
            if !over.is_empty() {
                taken.push(Book { identity: book.identity.clone(), buckets: over });
            }
        }
        self.books.retain(|book| !book.buckets.is_empty());
        taken
    }

    /// What was collapsed since this was last asked.
    pub(crate) fn take_collapsed(&mut self) -> Collapsed {
        std::mem::take(&mut self.collapsed)
    }
}

/// The end of a span, in nanoseconds since the Unix epoch.
fn end_ns(span: &SpanView<'_>) -> u64 {
    let start = u64::try_from(span.start_ns()).unwrap_or_default();
    start.saturating_add(span.duration_ns().unwrap_or_default())
}

/// The buckets of a tracer.
fn book<'a>(books: &'a mut Vec<Book>, shared: &Shared) -> Option<&'a mut Book> {
    match books.iter().position(|book| book.identity.is_of(shared)) {
        Some(place) => books.get_mut(place),
        None => {
            if books.len() < MAX_IDENTITIES {
                books.push(Book { identity: Identity::of(shared), buckets: Vec::new() });
            }
            books.last_mut()
        }
    }
}

fn bucket(buckets: &mut Vec<Bucket>, start: u64) -> Option<&mut Bucket> {
    match buckets.iter().position(|bucket| bucket.start == start) {
        Some(place) => buckets.get_mut(place),
        None => {
            buckets.push(Bucket::new(start));
            buckets.last_mut()
        }
    }
}

#[cfg(test)]
mod tests;
