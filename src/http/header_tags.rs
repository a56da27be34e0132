//! Headers that become tags.

use std::borrow::Cow;
use std::cmp::Ordering;
use std::sync::Arc;

use crate::config::header_and_tag;
use crate::text::Text;
use crate::trace::SpanRef;

/// Which message a header is of.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Message {
    Request,
    Response,
}

impl Message {
    const fn prefix(self) -> &'static str {
        match self {
            Message::Request => "http.request.headers.",
            Message::Response => "http.response.headers.",
        }
    }
}

/// How many different headers of one message become tags, where all are wanted.
const MAX_HEADERS: usize = 128;

/// Which headers become which tags.
#[derive(Clone, Debug, Default)]
pub(super) struct HeaderTags {
    /// In the order of their names.
    entries: Arc<[Entry]>,
    /// Whether the others become tags of their own names.
    all: bool,
}

#[derive(Debug)]
struct Entry {
    /// In lower case.
    name: Box<str>,
    /// Shared texts, so that a span takes them without a copy.
    request: Text,
    response: Text,
}

impl HeaderTags {
    /// From entries such as `header`, `header:tag` and `*`. Of two for one header the later counts.
    pub(super) fn new<'a>(entries: impl IntoIterator<Item = &'a str>) -> Self {
        let (mut tags, mut all) = (Vec::new(), false);
        for (header, tag) in entries.into_iter().filter_map(header_and_tag) {
            if header == "*" {
                all = true;
                continue;
            }
            let own = |message| Text::from(Arc::<str>::from(tag_name(message, header)));
            let given = tag.map(|tag| Text::from(Arc::<str>::from(tag)));
            tags.push(Entry {
                name: header.to_ascii_lowercase().into(),
                request: given.clone().unwrap_or_else(|| own(Message::Request)),
                response: given.unwrap_or_else(|| own(Message::Response)),
            });
        }
        // The sort keeps the order of equal ones, and the last of these stays.
        tags.sort_by(|a, b| a.name.cmp(&b.name));
        tags.reverse();
        tags.dedup_by(|next, before| next.name == before.name);
        tags.reverse();
        HeaderTags { entries: tags.into(), all }
    }

    pub(super) fn is_empty(&self) -> bool {
        self.entries.is_empty() && !self.all
    }

    /// The entry of a header, by its place.
    fn find(&self, name: &str) -> Option<usize> {
        self.entries.binary_search_by(|entry| compare(&entry.name, name)).ok()
    }
}

/// Compares with a name in any case.
fn compare(lower: &str, name: &str) -> Ordering {
    lower.bytes().cmp(name.bytes().map(|byte| byte.to_ascii_lowercase()))
}

/// The tag of a header without one of its own.
pub(super) fn tag_name(message: Message, header: &str) -> String {
    let header = header.trim();
    let mut name = String::with_capacity(message.prefix().len() + header.len());
    name.push_str(message.prefix());
    name.extend(header.chars().map(|c| match c.to_ascii_lowercase() {
        c @ ('a'..='z' | '0'..='9' | '_' | '-' | ':' | '/') => c,
        _ => '_',
    }));
    name
}

/// The headers of one message that become tags, while they are looked for.
pub(super) struct Wanted<'t, 'h> {
    tags: &'t HeaderTags,
    message: Message,
    /// The values that were found, by entry or by name; a repeated header once, with commas.
    found: Vec<(Key<'h>, Cow<'h, [u8]>)>,
}

#[derive(PartialEq)]
enum Key<'h> {
    Entry(usize),
    Name(&'h str),
}

impl<'t, 'h> Wanted<'t, 'h> {
    pub(super) fn new(tags: &'t HeaderTags, message: Message) -> Self {
        Wanted { tags, message, found: Vec::new() }
    }

    pub(super) fn see(&mut self, name: &'h str, value: &'h [u8]) {
        let key = match self.tags.find(name) {
            Some(entry) => Key::Entry(entry),
            None if self.tags.all => Key::Name(name),
            None => return,
        };
        let same = |known: &Key<'_>| match (known, &key) {
            (Key::Name(known), Key::Name(name)) => known.eq_ignore_ascii_case(name),
            (known, key) => *known == *key,
        };
        let value = value.trim_ascii();
        let has_room = self.found.len() < MAX_HEADERS;
        match self.found.iter_mut().find(|(known, _)| same(known)) {
            Some((_, values)) => {
                let values = values.to_mut();
                values.push(b',');
                values.extend_from_slice(value);
            }
            None if has_room => self.found.push((key, value.into())),
            None => {}
        }
    }

    /// Sets the tags. What is no UTF-8 becomes U+FFFD.
    pub(super) fn set(self, span: &SpanRef) {
        for (key, value) in &self.found {
            let value = String::from_utf8_lossy(value);
            match key {
                Key::Entry(entry) => {
                    let Some(entry) = self.tags.entries.get(*entry) else { continue };
                    let tag = match self.message {
                        Message::Request => &entry.request,
                        Message::Response => &entry.response,
                    };
                    span.set_tag(tag, &*value);
                }
                Key::Name(name) => span.set_tag(tag_name(self.message, name), &*value),
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn of_two_entries_for_a_header_the_later_counts() {
        let tags = HeaderTags::new(["B", "a:first", "A:second", " c : t a g ", ":x", "y:", ""]);
        let found: Vec<_> =
            tags.entries.iter().map(|entry| (&*entry.name, &*entry.request)).collect();
        let expected = [("a", "second"), ("b", "http.request.headers.b"), ("c", "t a g")];
        assert_eq!((found.as_slice(), tags.all), (&expected[..], false));
    }
}
