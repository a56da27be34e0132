//! What a tracer implements.
//!
//! A program never uses these traits: it uses the handles ([`Tracer`], [`Span`], [`SpanContext`],
//! [`Scope`]), which hold an implementation behind an `Arc`. So the traits are object-safe and take
//! plain arguments, and what is convenient, checked or the same for all tracers is written once, in the
//! handles:
//!
//! - carriers are checked against the built-in formats before [`TracerBackend::inject`] and
//!   [`TracerBackend::extract`] are called;
//! - [`Scope`] decides what closing does, [`FinishGuard`](crate::FinishGuard) and the futures what a panic
//!   does;
//! - which of the causes becomes the parent is decided by [`StartOptions::parent`].
//!
//! Five small traits make a tracer: [`TracerBackend`], [`SpanBackend`] and [`SpanContextBackend`] always;
//! [`ScopeManagerBackend`] and [`ScopeBackend`] only for one that keeps what is active in a store of its
//! own, the others use [`ThreadLocalScopeManager`](crate::ThreadLocalScopeManager).
//!
//! For all of them: methods are called on the application's threads, at any time and from many threads at
//! once, also on a thread that is unwinding or being torn down. They must not panic and should not block.
//!
//! # Example
//!
//! A tracer that counts the spans that are open:
//!
//! ```
//! use std::sync::Arc;
//! use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
//! use std::time::SystemTime;
//!
//! use opentracing_rs::backend::{
//!     ExtractFrom, InjectInto, ScopeManagerBackend, SpanBackend, SpanContextBackend, TracerBackend,
//! };
//! use opentracing_rs::{
//!     Baggage, Error, SpanContext, StartOptions, ThreadLocalScopeManager, Tracer, Value,
//! };
//!
//! #[derive(Debug, Default)]
//! struct Gauge {
//!     open: Arc<AtomicUsize>,
//!     scopes: ThreadLocalScopeManager,
//! }
//!
//! impl TracerBackend for Gauge {
//!     fn start_span(&self, _: &Tracer, _: StartOptions<'_>) -> Arc<dyn SpanBackend> {
//!         self.open.fetch_add(1, Ordering::Relaxed);
//!         Arc::new(OpenSpan { open: Arc::clone(&self.open), finished: AtomicBool::new(false) })
//!     }
//!     fn scope_manager(&self) -> &dyn ScopeManagerBackend {
//!         &self.scopes
//!     }
//!     fn inject(&self, _: &SpanContext, carrier: InjectInto<'_>) -> Result<(), Error> {
//!         match carrier {
//!             InjectInto::TextMap(_) | InjectInto::HttpHeaders(_) => Ok(()),
//!             other => Err(Error::unsupported_format(other.format())),
//!         }
//!     }
//!     fn extract(&self, carrier: ExtractFrom<'_>) -> Result<Option<SpanContext>, Error> {
//!         match carrier {
//!             ExtractFrom::TextMap(_) | ExtractFrom::HttpHeaders(_) => Ok(None),
//!             other => Err(Error::unsupported_format(other.format())),
//!         }
//!     }
//! }
//!
//! #[derive(Debug)]
//! struct OpenSpan {
//!     open: Arc<AtomicUsize>,
//!     finished: AtomicBool,
//! }
//!
//! impl SpanBackend for OpenSpan {
//!     fn context(&self) -> SpanContext {
//!         SpanContext::empty()
//!     }
//!     fn set_operation_name(&self, _: &str) {}
//!     fn set_tag(&self, _: &str, _: Value<'_>) {}
//!     fn log(&self, _: &[(&str, Value<'_>)], _: Option<SystemTime>) {}
//!     fn set_baggage_item(&self, _: &str, _: &str) {}
//!     fn finish(&self, _: Option<SystemTime>) {
//!         if !self.finished.swap(true, Ordering::Relaxed) {
//!             self.open.fetch_sub(1, Ordering::Relaxed);
//!         }
//!     }
//! }
//!
//! let gauge = Gauge::default();
//! let open = Arc::clone(&gauge.open);
//! let tracer = Tracer::new(gauge);
//! let scope = tracer.start_active_span("work");
//! assert_eq!(open.load(Ordering::Relaxed), 1);
//! scope.close();
//! assert_eq!(open.load(Ordering::Relaxed), 0);
//! ```

pub use crate::carrier::{ExtractFrom, InjectInto};
pub use crate::context::{AsAny, SpanContextBackend};
pub use crate::handle::{ScopeBackend, ScopeManagerBackend, SpanBackend, TracerBackend};
#[cfg(doc)]
use crate::{Scope, Span, SpanContext, StartOptions, Tracer};
