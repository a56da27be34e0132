//! Wrapped functions: what `wrap_fn` and the attribute `wrap` do around them, or an executor of the program.

#[cfg(feature = "macros")]
mod attribute;
mod call;
mod executor;
#[cfg(feature = "macros")]
mod future;
mod run;
#[cfg_attr(not(feature = "macros"), allow(unreachable_pub, reason = "reached by the attribute"))]
mod wrapped;

#[cfg(feature = "macros")]
pub use attribute::Literal;
pub use call::WrapCall;
pub use executor::WrapExecutor;
#[cfg(feature = "macros")]
pub use future::WrappedFuture;
#[cfg(feature = "macros")]
pub use wrapped::{Named, Wrapped};
