//! The headers of a request that count, found in one pass over all of them.

use std::borrow::Cow;

use super::header_tags::Wanted;
use crate::propagation::Extractor;

/// Values are read up to here, in bytes.
const MAX_VALUE_BYTES: usize = 8 * 1024;

/// Headers that become tags whatever the settings say: the header, and its tag.
pub(super) const ALWAYS: [(&str, &str); 2] = [
    ("x-datadog-endpoint-scan", "http.request.headers.x-datadog-endpoint-scan"),
    ("x-datadog-security-test", "http.request.headers.x-datadog-security-test"),
];

/// What the headers of a request say, the first of each name.
#[derive(Default)]
pub(super) struct Seen<'h> {
    pub(super) host: Option<&'h [u8]>,
    pub(super) user_agent: Option<&'h [u8]>,
    pub(super) referer: Option<&'h [u8]>,
    pub(super) always: [Option<&'h [u8]>; ALWAYS.len()],
    /// What may say the client's address: the place of the header in the list, and its value.
    pub(super) client_ip: Vec<(usize, &'h [u8])>,
}

impl<'h> Seen<'h> {
    /// Looks at all headers: at those that always count, at those of the client's address, and at those that are to
    /// become tags.
    pub(super) fn of<'n>(
        headers: &'h dyn Extractor,
        client_ip: impl Iterator<Item = &'n str> + Clone,
        wanted: &mut Option<Wanted<'_, 'h>>,
    ) -> Self {
        let mut seen = Seen::default();
        headers.for_each(&mut |name, value| {
            if let Some(field) = seen.field(name) {
                field.get_or_insert(value);
            }
            if let Some(place) = client_ip.clone().position(|known| is_same(known, name)) {
                seen.client_ip.push((place, value));
            }
            if let Some(wanted) = wanted {
                wanted.see(name, value);
            }
        });
        seen.client_ip.sort_by_key(|(place, _)| *place);
        seen
    }

    /// The place for a header that always counts. By its length first, because most headers are none of them.
    fn field(&mut self, name: &str) -> Option<&mut Option<&'h [u8]>> {
        let [scan, test] = &mut self.always;
        let (known, field) = match name.len() {
            4 => ("host", &mut self.host),
            7 => ("referer", &mut self.referer),
            10 => ("user-agent", &mut self.user_agent),
            23 if name.ends_with(['n', 'N']) => (ALWAYS[0].0, scan),
            23 => (ALWAYS[1].0, test),
            _ => return None,
        };
        name.eq_ignore_ascii_case(known).then_some(field)
    }
}

/// Whether a header is the one of a name in lower case, where `_` is the same as `-`.
fn is_same(known: &str, name: &str) -> bool {
    let fold = |byte: u8| if byte == b'_' { b'-' } else { byte.to_ascii_lowercase() };
    known.len() == name.len() && known.bytes().map(fold).eq(name.bytes().map(fold))
}

/// A value as text, up to 8 KiB. What is no UTF-8 becomes U+FFFD.
pub(super) fn text(value: &[u8]) -> Cow<'_, str> {
    let value = value.get(..MAX_VALUE_BYTES).unwrap_or(value);
    String::from_utf8_lossy(value.trim_ascii())
}
