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

use std::any::Any;
use std::fmt;
use std::sync::Arc;
use std::time::SystemTime;

use crate::baggage::Baggage;
use crate::carrier::{ExtractCarrier, InjectCarrier, TextMapReader, TextMapWriter};
use crate::error::Error;
use crate::format::Format;
use crate::options::StartOptions;
use crate::span::Span;
use crate::span_context::SpanContext;
use crate::tracer::Tracer;
use crate::value::Value;
#[cfg(doc)]
use crate::{Scope, reference::Reference};

/// Starts spans and carries contexts over the border of the process.
pub trait TracerBackend: AsAny + fmt::Debug + Send + Sync {
    /// Starts a span, and does not make it active.
    ///
    /// `tracer` is the handle through which it was called, for an implementation that needs one. The
    /// parent is what [`StartOptions::parent`] says, but that references to another tracer's contexts, which
    /// it cannot know, are to be left out; tags are set as by [`SpanBackend::set_tag`]; the
    /// parent's baggage is copied.
    fn start_span(&self, tracer: &Tracer, options: StartOptions<'_>) -> Arc<dyn SpanBackend>;

    /// What keeps the active spans; the same one each time.
    fn scope_manager(&self) -> &dyn ScopeManagerBackend;

    /// Writes a context, as far as the carrier can hold it.
    ///
    /// An empty context ([`SpanContext::is_empty`]) writes nothing.
    ///
    /// # Errors
    ///
    /// [`Error::unsupported_format`], and [`Error::foreign_span_context`] for another tracer's context.
    fn inject(&self, context: &SpanContext, carrier: InjectInto<'_>) -> Result<(), Error>;

    /// Reads a context; `None` where there is none. It does not become active.
    ///
    /// # Errors
    ///
    /// [`Error::unsupported_format`], and [`Error::span_context_corrupted`] for one that cannot be read.
    fn extract(&self, carrier: ExtractFrom<'_>) -> Result<Option<SpanContext>, Error>;
}

/// One span.
///
/// After [`SpanBackend::finish`] changes do nothing, and the context stays valid.
pub trait SpanBackend: AsAny + fmt::Debug + Send + Sync {
    /// What of the span goes to its children and to other processes, with its baggage as it is now.
    ///
    /// Called for each `child_of(&span)`: it should be cheap, and leave what is not (a sampling decision)
    /// to the one who looks into it.
    fn context(&self) -> SpanContext;

    /// Replaces the name that the span was started with.
    fn set_operation_name(&self, name: &str);

    /// Sets a tag. The last value of a key wins.
    fn set_tag(&self, key: &str, value: Value<'_>);

    /// Adds a log: fields at a time, now if none is given.
    ///
    /// For [`fields::EVENT_ERROR`](crate::fields::EVENT_ERROR) see
    /// [`Span::log_error`](crate::Span::log_error).
    fn log(&self, fields: &[(&str, Value<'_>)], at: Option<SystemTime>);

    /// Sets an item of the baggage, for contexts taken and children started from now on.
    fn set_baggage_item(&self, key: &str, value: &str);

    /// An item of the baggage.
    fn baggage_item(&self, key: &str) -> Option<String> {
        self.context().baggage().get(key).map(str::to_owned)
    }

    /// Finishes the span at a time, now if none is given. Only the first call counts.
    fn finish(&self, at: Option<SystemTime>);
}

/// What of a span goes to its children and to other processes. It does not change.
pub trait SpanContextBackend: AsAny + fmt::Debug + Send + Sync {
    /// The baggage.
    fn baggage(&self) -> &Baggage;

    /// The trace, in the form in which the tracer writes it into carriers; `None` if it has no such id.
    fn trace_id(&self) -> Option<String>;

    /// The span, in the form in which the tracer writes it into carriers; `None` if it has no such id.
    fn span_id(&self) -> Option<String>;
}

/// Keeps which span is active, for each thread or whatever else the program runs in.
///
/// An implementation may have no store of its own, and look into that of another library; then
/// [`ScopeManagerBackend::active_span`] makes a [`Span`] of whatever is active there, with
/// [`Span::from_backend`].
pub trait ScopeManagerBackend: fmt::Debug + Send + Sync {
    /// Makes a span the active one here, until what is returned is dropped, on the same thread.
    fn activate(&self, span: &Span) -> Box<dyn ScopeBackend>;

    /// The span that is active here. `tracer` is the one that asks.
    fn active_span(&self, tracer: &Tracer) -> Option<Span>;
}

/// One activation; dropping it ends it.
///
/// It is dropped on the thread that it was made on. Dropped while it is the active one, the nearest earlier
/// activation that has not ended is active again. Dropped while another is active, that one stays, and
/// this one never becomes active again.
pub trait ScopeBackend {
    /// Whether this activation is the one that is in effect here. If not, closing the scope does not
    /// finish the span.
    ///
    /// `true` as well for one that could not be stored, on a thread that is being torn down: its span
    /// has to be finished.
    fn is_active(&self) -> bool;
}

/// A format with the side of a carrier that it writes to.
pub enum InjectInto<'a> {
    /// [`Format::TextMap`].
    TextMap(&'a mut dyn TextMapWriter),
    /// [`Format::HttpHeaders`].
    HttpHeaders(&'a mut dyn TextMapWriter),
    /// [`Format::Binary`]: to be appended.
    Binary(&'a mut Vec<u8>),
    /// [`Format::Custom`], with the carrier unchecked.
    Custom(&'static str, &'a mut dyn InjectCarrier),
}

/// A format with the side of a carrier that it reads from.
pub enum ExtractFrom<'a> {
    /// [`Format::TextMap`].
    TextMap(&'a dyn TextMapReader),
    /// [`Format::HttpHeaders`].
    HttpHeaders(&'a dyn TextMapReader),
    /// [`Format::Binary`].
    Binary(&'a [u8]),
    /// [`Format::Custom`], with the carrier unchecked.
    Custom(&'static str, &'a dyn ExtractCarrier),
}

impl<'a> InjectInto<'a> {
    pub(crate) fn new(format: Format, carrier: &'a mut dyn InjectCarrier) -> Result<Self, Error> {
        match format {
            Format::TextMap => carrier.text_map().map(InjectInto::TextMap),
            Format::HttpHeaders => carrier.text_map().map(InjectInto::HttpHeaders),
            Format::Binary => carrier.bytes().map(InjectInto::Binary),
            Format::Custom(name) => Some(InjectInto::Custom(name, carrier)),
        }
        .ok_or_else(|| Error::invalid_carrier(format))
    }

    /// The format.
    #[must_use]
    pub fn format(&self) -> Format {
        match self {
            InjectInto::TextMap(_) => Format::TextMap,
            InjectInto::HttpHeaders(_) => Format::HttpHeaders,
            InjectInto::Binary(_) => Format::Binary,
            InjectInto::Custom(name, _) => Format::Custom(name),
        }
    }
}

impl<'a> ExtractFrom<'a> {
    pub(crate) fn new(format: Format, carrier: &'a dyn ExtractCarrier) -> Result<Self, Error> {
        match format {
            Format::TextMap => carrier.text_map().map(ExtractFrom::TextMap),
            Format::HttpHeaders => carrier.text_map().map(ExtractFrom::HttpHeaders),
            Format::Binary => carrier.bytes().map(ExtractFrom::Binary),
            Format::Custom(name) => Some(ExtractFrom::Custom(name, carrier)),
        }
        .ok_or_else(|| Error::invalid_carrier(format))
    }

    /// The format.
    #[must_use]
    pub fn format(&self) -> Format {
        match self {
            ExtractFrom::TextMap(_) => Format::TextMap,
            ExtractFrom::HttpHeaders(_) => Format::HttpHeaders,
            ExtractFrom::Binary(_) => Format::Binary,
            ExtractFrom::Custom(name, _) => Format::Custom(name),
        }
    }
}

impl fmt::Debug for InjectInto<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("InjectInto").field(&self.format()).finish()
    }
}

impl fmt::Debug for ExtractFrom<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("ExtractFrom").field(&self.format()).finish()
    }
}

/// Lets a handle give back the implementation that it holds: `downcast_ref` of [`Tracer`], [`Span`] and
/// [`SpanContext`]. Every type that borrows nothing has it.
pub trait AsAny: Any {
    /// This, as an object whose type can be asked for.
    fn as_any(&self) -> &dyn Any;
}

impl<T: Any> AsAny for T {
    fn as_any(&self) -> &dyn Any {
        self
    }
}
