//! A list of parts with a separator between them, written to the end of a buffer.

/// For the tags of `x-datadog-tags`, the members of `tracestate`, the parts of its member `dd`, the items of `baggage`.
#[derive(Debug)]
pub(super) struct List<'t> {
    text: &'t mut Vec<u8>,
    start: usize,
    separator: u8,
    /// How many bytes it may have.
    pub(super) max: usize,
}

impl<'t> List<'t> {
    #[inline]
    pub(super) fn new(text: &'t mut Vec<u8>, separator: u8, max: usize) -> Self {
        List { start: text.len(), text, separator, max }
    }

    /// Appends a part: `prefix`, and what `write` appends. Says whether it is there: it is not where there is nothing
    /// behind the prefix, or where it does not fit.
    #[inline]
    pub(super) fn add(&mut self, prefix: &[u8], write: impl FnOnce(&mut Vec<u8>)) -> bool {
        let before = self.text.len();
        if before > self.start {
            self.text.push(self.separator);
        }
        self.text.extend_from_slice(prefix);
        let bare = self.text.len();
        write(self.text);
        let end = self.text.len();
        let is_there = end > bare && end - self.start <= self.max;
        if !is_there {
            self.text.truncate(before);
        }
        is_there
    }

    /// What has been written, without what was before it.
    pub(super) fn written(self) -> &'t mut [u8] {
        self.text.get_mut(self.start..).unwrap_or_default()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_part_is_there_if_it_is_something_and_fits() {
        let mut text = b"before".to_vec();
        let mut list = List::new(&mut text, b';', 6);
        let mut add = |prefix: &str, part: &str| {
            list.add(prefix.as_bytes(), |text| text.extend_from_slice(part.as_bytes()))
        };
        let found = [("a:", ""), ("a:", "1"), ("b:", "12"), ("c", "2"), ("", "d")];
        assert_eq!(
            found.map(|(prefix, part)| add(prefix, part)),
            [false, true, false, true, false]
        );
        assert_eq!(list.written(), b"a:1;c2");
    }
}
