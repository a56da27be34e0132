//! What spans are counted by, as bytes.

use crate::encode::Buffer;

/// The parts of a key that are texts, in their order.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(usize)]
pub(super) enum Part {
    Service,
    Name,
    Resource,
    Type,
    Kind,
    HttpMethod,
    HttpEndpoint,
    GrpcStatus,
    ServiceSource,
    PeerTags,
    AdditionalTags,
}

pub(super) const PARTS: usize = 11;

/// A value that stands for all those beyond a limit, as in every Datadog tracer.
pub(super) const BLOCKED: &str = "tracer_blocked_value";

/// What of a key is no text.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Numbers {
    pub(super) http_status: u32,
    /// How many texts there are in [`Part::PeerTags`].
    pub(super) peer_tags: u16,
    /// How many texts there are in [`Part::AdditionalTags`].
    pub(super) additional_tags: u16,
    pub(super) is_synthetic: bool,
    /// 1 for the root of a trace, 2 for any other span, 0 where that is not known.
    pub(super) is_trace_root: u8,
}

/// A key while it is built, in memory that is used again for each span.
///
/// Its bytes are the texts as MessagePack, one behind the other, and the numbers behind them. They are what is hashed
/// and compared, because the length before each text makes them unambiguous, and the texts are sent as they are.
#[derive(Debug, Default)]
pub(super) struct KeyBuffer {
    out: Buffer,
    /// Where each part ends.
    ends: [usize; PARTS],
    next: usize,
    numbers: Numbers,
    /// For [`KeyBuffer::pair`].
    joined: Vec<u8>,
}

/// Where the parts of a key end, and its numbers: to read it.
#[derive(Clone, Copy, Debug)]
pub(super) struct Layout {
    ends: [usize; PARTS],
    pub(super) numbers: Numbers,
}

impl Layout {
    /// A part of a key with this layout: MessagePack.
    pub(super) fn part<'a>(&self, key: &'a [u8], part: Part) -> &'a [u8] {
        let place = part as usize;
        let end = self.ends.get(place).copied().unwrap_or_default();
        let before = place.checked_sub(1).and_then(|before| self.ends.get(before));
        key.get(before.copied().unwrap_or_default()..end).unwrap_or_default()
    }
}

impl KeyBuffer {
    pub(super) fn clear(&mut self) {
        self.out.clear();
        self.next = 0;
    }

    /// Writes the next part, a text.
    #[inline]
    pub(super) fn text(&mut self, text: &[u8]) {
        self.out.text(text);
        self.end_part();
    }

    /// Writes `key:value`, or only the key where there is no value, into the part that is not ended yet.
    pub(super) fn pair(&mut self, key: &str, value: &str) {
        self.joined.clear();
        self.joined.extend_from_slice(key.as_bytes());
        if !value.is_empty() {
            self.joined.push(b':');
            self.joined.extend_from_slice(value.as_bytes());
        }
        self.out.text(&self.joined);
    }

    /// Ends a part. The one that follows begins.
    #[inline]
    pub(super) fn end_part(&mut self) {
        if let Some(end) = self.ends.get_mut(self.next) {
            *end = self.out.len();
            self.next += 1;
        }
    }

    /// Ends the key.
    #[inline]
    pub(super) fn end(&mut self, numbers: Numbers) {
        self.numbers = numbers;
        self.out.raw(&numbers.http_status.to_ne_bytes());
        self.out.raw(&numbers.peer_tags.to_ne_bytes());
        self.out.raw(&numbers.additional_tags.to_ne_bytes());
        self.out.raw(&[u8::from(numbers.is_synthetic), numbers.is_trace_root]);
    }

    pub(super) fn bytes(&self) -> &[u8] {
        self.out.as_bytes()
    }

    pub(super) fn layout(&self) -> Layout {
        Layout { ends: self.ends, numbers: self.numbers }
    }

    pub(super) fn part(&self, part: Part) -> &[u8] {
        self.layout().part(self.bytes(), part)
    }

    /// The same key with [`BLOCKED`] in the place of some parts.
    pub(super) fn blocking(&self, blocked: &[Part]) -> KeyBuffer {
        let mut numbers = self.numbers;
        let mut key = KeyBuffer::default();
        for (place, part) in ALL.into_iter().enumerate() {
            debug_assert_eq!(place, part as usize);
            if blocked.contains(&part) {
                key.text(BLOCKED.as_bytes());
                match part {
                    Part::PeerTags => numbers.peer_tags = 1,
                    Part::AdditionalTags => numbers.additional_tags = 1,
                    _ => {}
                }
            } else {
                key.out.raw(self.part(part));
                key.end_part();
            }
        }
        key.end(numbers);
        key
    }

    /// The key of all spans beyond the limit of keys.
    pub(super) fn overflow() -> KeyBuffer {
        let mut key = KeyBuffer::default();
        for part in ALL {
            let is_status = part == Part::GrpcStatus;
            key.text(if is_status { b"" } else { BLOCKED.as_bytes() });
        }
        key.end(Numbers { peer_tags: 1, additional_tags: 1, ..Numbers::default() });
        key
    }
}

const ALL: [Part; PARTS] = [
    Part::Service,
    Part::Name,
    Part::Resource,
    Part::Type,
    Part::Kind,
    Part::HttpMethod,
    Part::HttpEndpoint,
    Part::GrpcStatus,
    Part::ServiceSource,
    Part::PeerTags,
    Part::AdditionalTags,
];
