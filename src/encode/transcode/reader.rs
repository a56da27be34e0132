//! MessagePack, value by value.

use rmp::Marker;
use rmp::decode;

/// What is left to be read. A method returns `None` where something else comes than it reads.
#[derive(Clone, Copy, Debug)]
pub(super) struct Reader<'a>(pub(super) &'a [u8]);

impl<'a> Reader<'a> {
    pub(super) fn array(&mut self) -> Option<u32> {
        decode::read_array_len(&mut self.0).ok()
    }

    pub(super) fn map(&mut self) -> Option<u32> {
        decode::read_map_len(&mut self.0).ok()
    }

    pub(super) fn is_text(self) -> bool {
        let marker = self.0.first().map(|byte| Marker::from_u8(*byte));
        matches!(marker, Some(Marker::FixStr(_) | Marker::Str8 | Marker::Str16 | Marker::Str32))
    }

    pub(super) fn text(&mut self) -> Option<&'a [u8]> {
        let len = decode::read_str_len(&mut self.0).ok()?;
        self.take(len)
    }

    pub(super) fn bin(&mut self) -> Option<&'a [u8]> {
        let len = decode::read_bin_len(&mut self.0).ok()?;
        self.take(len)
    }

    fn take(&mut self, len: u32) -> Option<&'a [u8]> {
        let (taken, rest) = self.0.split_at_checked(usize::try_from(len).ok()?)?;
        self.0 = rest;
        Some(taken)
    }

    pub(super) fn uint(&mut self) -> Option<u64> {
        decode::read_int(&mut self.0).ok()
    }

    pub(super) fn int(&mut self) -> Option<i64> {
        decode::read_int(&mut self.0).ok()
    }

    pub(super) fn f64(&mut self) -> Option<f64> {
        decode::read_f64(&mut self.0).ok()
    }

    pub(super) fn bool(&mut self) -> Option<bool> {
        decode::read_bool(&mut self.0).ok()
    }

    /// A number as a numeric tag has it, as it is written.
    pub(super) fn number(&mut self) -> Option<&'a [u8]> {
        let before = self.0;
        if self.f64().is_none() {
            self.0 = before;
            self.int()?;
        }
        before.get(..before.len() - self.0.len())
    }
}
