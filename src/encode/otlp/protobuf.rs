//! OTLP as protobuf (protobuf.dev/programming-guides/encoding).

use super::fields::Field;
use super::form::Form;

/// A message that is being written as protobuf.
///
/// Written by hand, because a span is then read once and written once: a library wants a tree of owned messages first,
/// and walks it twice, for the lengths and for the bytes.
#[derive(Debug, Default)]
pub(in crate::encode) struct Protobuf(pub(in crate::encode) Vec<u8>);

/// How a field is written, in the lowest bits of its tag.
#[derive(Clone, Copy, Debug)]
enum Wire {
    Varint = 0,
    Fixed64 = 1,
    Length = 2,
    Fixed32 = 5,
}

/// Numbers below this are one byte as a varint.
const ONE_BYTE: u64 = 0x80;

impl Protobuf {
    fn tag(&mut self, field: Field, wire: Wire) {
        self.varint(u64::from(field.number) << 3 | wire as u64);
    }

    /// The tag of a message, whose length and content follow.
    pub(super) fn begin_message(&mut self, field: Field) {
        self.tag(field, Wire::Length);
    }

    fn varint(&mut self, number: u64) {
        push_varint(&mut self.0, number);
    }

    fn delimited(&mut self, field: Field, bytes: &[u8]) {
        self.tag(field, Wire::Length);
        self.varint(bytes.len() as u64);
        self.0.extend_from_slice(bytes);
    }
}

/// The lowest seven bits first; the highest bit of a byte says that there is another one.
pub(super) fn push_varint(out: &mut Vec<u8>, mut number: u64) {
    while number >= ONE_BYTE {
        out.push((number & 0x7f) as u8 | 0x80);
        number >>= 7;
    }
    out.push(number as u8);
}

impl Form for Protobuf {
    /// The length comes first, and is one byte for most messages. Where it takes more, the message is moved.
    fn message(&mut self, field: Field, write: impl FnOnce(&mut Self)) {
        self.tag(field, Wire::Length);
        let at = self.0.len();
        self.0.push(0);
        write(self);
        let len = (self.0.len() - at).saturating_sub(1) as u64;
        match self.0.get_mut(at) {
            Some(length) if len < ONE_BYTE => *length = len as u8,
            _ => {
                let mut length = Vec::with_capacity(10);
                push_varint(&mut length, len);
                self.0.splice(at..=at, length);
            }
        }
    }

    fn list(&mut self, _: Field, write: impl FnOnce(&mut Self)) {
        write(self);
    }

    fn element(&mut self, field: Field, write: impl FnOnce(&mut Self)) {
        self.message(field, write);
    }

    fn text(&mut self, field: Field, text: &str) {
        self.delimited(field, text.as_bytes());
    }

    fn bytes(&mut self, field: Field, bytes: &[u8]) {
        self.delimited(field, bytes);
    }

    fn id(&mut self, field: Field, id: &[u8]) {
        self.delimited(field, id);
    }

    fn bool(&mut self, field: Field, value: bool) {
        self.tag(field, Wire::Varint);
        self.varint(value.into());
    }

    fn int64(&mut self, field: Field, number: i64) {
        self.tag(field, Wire::Varint);
        self.varint(number as u64);
    }

    fn double(&mut self, field: Field, number: f64) {
        self.fixed64(field, number.to_bits());
    }

    fn fixed64(&mut self, field: Field, number: u64) {
        self.tag(field, Wire::Fixed64);
        self.0.extend_from_slice(&number.to_le_bytes());
    }

    fn fixed32(&mut self, field: Field, number: u32) {
        self.tag(field, Wire::Fixed32);
        self.0.extend_from_slice(&number.to_le_bytes());
    }

    fn small(&mut self, field: Field, number: u32) {
        if number != 0 {
            self.tag(field, Wire::Varint);
            self.varint(number.into());
        }
    }
}
