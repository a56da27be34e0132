//! Wrapped functions: what `wrap_fn` and the attribute `wrap` do around them, or an executor of the program.

mod call;
mod executor;
#[cfg(feature = "macros")]
mod future;
mod run;
mod wrapped;

pub use call::WrapCall;
pub use executor::WrapExecutor;
#[cfg(feature = "macros")]
pub use future::WrappedFuture;
pub use wrapped::Wrapped;
