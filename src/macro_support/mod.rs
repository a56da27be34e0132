//! What the attributes `wrap` and `main` write calls of. **Not for programs**: it may change with any version, together
//! with `tracehound-macros`.

mod errors;
mod results;
mod values;

pub use errors::{DebugError, DerefError, DisplayError, ErrorOf, OtherError, StdError};
pub use results::{Fallible, nothing_seen, once};
pub use values::{
    ClonedValue, CopiedValue, DebugValue, DisplayValue, OtherValue, Recorded, RefCopiedValue,
    RefValue, Unrecordable, ValueOf, set_tag, tag,
};

pub use crate::tracer::{Literal, Named, Wrapped, WrappedFuture};

use crate::text::Text;
use crate::tracer::tracer;

/// Begins a call of a wrapped function of the tracer of the process.
#[inline]
pub fn call<N: Into<Text>>(name: N) -> Wrapped<'static, Named<N>> {
    Wrapped::new(tracer(), name)
}
