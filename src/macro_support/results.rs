//! What a wrapped function returns.

use crate::trace::SpanRef;

/// A type that says whether something failed.
#[diagnostic::on_unimplemented(
    message = "`#[wrap]` takes `{Self}` for a `Result`, and it is none",
    label = "returned by a wrapped function with `err`, or under the name `Result`",
    note = "`#[wrap(err = false)]` leaves what the function returns alone"
)]
pub trait Fallible {
    type Value;
    type Error;
    fn as_result(&self) -> Result<&Self::Value, &Self::Error>;
}

impl<T, E> Fallible for Result<T, E> {
    type Value = T;
    type Error = E;

    #[inline]
    fn as_result(&self) -> Result<&T, &E> {
        self.as_ref()
    }
}

/// Looks at nothing.
#[inline]
pub fn nothing_seen<T>(_: &SpanRef, _: &T) {}

/// Calls the body of a function. By this signature the compiler takes it for a closure that is called once, which may
/// return a part of what it has borrowed mutably.
#[inline]
pub fn once<T>(body: impl FnOnce() -> T) -> T {
    body()
}
