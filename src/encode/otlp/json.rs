//! OTLP as JSON (protobuf's JSON mapping, with the exceptions of the OTLP specification: ids are hexadecimal, enums are
//! numbers).

use super::super::json;
use super::fields::Field;
use super::form::Form;

/// A message that is being written as JSON: the inside of an object, or a list.
#[derive(Debug, Default)]
pub(in crate::encode) struct Json(pub(in crate::encode) Vec<u8>);

impl Json {
    fn enclosed(&mut self, [open, close]: [u8; 2], write: impl FnOnce(&mut Self)) {
        self.0.push(open);
        write(self);
        self.0.push(close);
    }

    fn name(&mut self, field: Field) {
        json::name(&mut self.0, field.name);
    }
}

impl Form for Json {
    fn message(&mut self, field: Field, write: impl FnOnce(&mut Self)) {
        self.name(field);
        self.enclosed(*b"{}", write);
    }

    fn list(&mut self, field: Field, write: impl FnOnce(&mut Self)) {
        self.name(field);
        self.enclosed(*b"[]", write);
    }

    fn element(&mut self, _: Field, write: impl FnOnce(&mut Self)) {
        json::comma(&mut self.0);
        self.enclosed(*b"{}", write);
    }

    fn text(&mut self, field: Field, text: &str) {
        self.name(field);
        json::text(&mut self.0, text);
    }

    fn bytes(&mut self, field: Field, bytes: &[u8]) {
        self.name(field);
        json::base64(&mut self.0, bytes);
    }

    fn id(&mut self, field: Field, id: &[u8]) {
        self.name(field);
        self.0.push(b'"');
        for byte in id {
            for digit in [byte >> 4, byte & 0xf] {
                self.0.push(if digit < 10 { b'0' + digit } else { b'a' + digit - 10 });
            }
        }
        self.0.push(b'"');
    }

    fn bool(&mut self, field: Field, value: bool) {
        self.name(field);
        json::plain(&mut self.0, value);
    }

    /// Whole numbers of 64 bits are texts, because JSON's numbers are floats to many readers.
    fn int64(&mut self, field: Field, number: i64) {
        self.name(field);
        json::plain(&mut self.0, format_args!("\"{number}\""));
    }

    fn double(&mut self, field: Field, number: f64) {
        self.name(field);
        let word = match number {
            number if number.is_finite() => return json::float(&mut self.0, number),
            number if number.is_nan() => "NaN",
            number if number > 0.0 => "Infinity",
            _ => "-Infinity",
        };
        json::text(&mut self.0, word);
    }

    fn fixed64(&mut self, field: Field, number: u64) {
        self.name(field);
        json::plain(&mut self.0, format_args!("\"{number}\""));
    }

    fn fixed32(&mut self, field: Field, number: u32) {
        self.name(field);
        json::plain(&mut self.0, number);
    }

    fn small(&mut self, field: Field, number: u32) {
        self.name(field);
        json::plain(&mut self.0, number);
    }
}
