//! What tags and fields of logs hold.
//!
//! Text and errors come from the program, whose `Display` may fail or panic: `user_code` is the only place where it is
//! called, so nothing above has to think of that. Everything else in the crate rests on these types, and they on
//! nothing but the names in `fields`.

mod error_object;
mod owned_value;
mod user_code;
#[expect(clippy::module_inception, reason = "the file of the type `Value`")]
mod value;

pub use error_object::ErrorObject;
pub(crate) use error_object::{panic_fields, with_error_fields};
pub use owned_value::OwnedValue;
pub use value::Value;
