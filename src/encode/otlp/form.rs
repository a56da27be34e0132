//! What the encodings of OTLP have in common.

use super::fields::Field;

/// A message that is being written, in one of the encodings of OTLP. A field is written with the type that it has in
/// the `.proto` file.
///
/// What is the default of its type is not to be written, except for `small`, where the form decides.
pub(in crate::encode) trait Form {
    /// A field that is a message.
    fn message(&mut self, field: Field, write: impl FnOnce(&mut Self));

    /// A field that is repeated: `write` writes each one as an [`element`](Form::element).
    fn list(&mut self, field: Field, write: impl FnOnce(&mut Self));

    /// One message of a repeated field.
    fn element(&mut self, field: Field, write: impl FnOnce(&mut Self));

    fn text(&mut self, field: Field, text: &str);

    fn bytes(&mut self, field: Field, bytes: &[u8]);

    /// The bytes of a trace id or a span id, for which JSON has a form of its own.
    fn id(&mut self, field: Field, id: &[u8]);

    fn bool(&mut self, field: Field, value: bool);

    fn int64(&mut self, field: Field, number: i64);

    fn double(&mut self, field: Field, number: f64);

    fn fixed64(&mut self, field: Field, number: u64);

    fn fixed32(&mut self, field: Field, number: u32);

    /// A `uint32`, or an enum. JSON has also a zero; it is the default, so protobuf has not.
    fn small(&mut self, field: Field, number: u32);
}
