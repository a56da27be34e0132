//! The OpenTracing API for Rust.
//!
//! A library that is instrumented with this crate can be traced by any tracer that implements it; a
//! program chooses the tracer. The semantics are those of the
//! [OpenTracing specification](https://github.com/opentracing/specification), version 1.1, with the scopes
//! of its language APIs.
//!
//! ```
//! use opentracing_rs::{Tracer, tags};
//!
//! fn checkout(tracer: &Tracer, items: u32) {
//!     let scope = tracer.start_active_span("checkout");
//!     scope.span().set_tag("items", items).set_baggage_item("tenant", "acme");
//!     tracer.in_span("charge", |span| {
//!         // a child of `checkout`
//!         span.set_tag(tags::COMPONENT, "card").log_event("authorized");
//!     });
//! } // `checkout` is finished here, also if it is left by `?` or a panic
//! # checkout(&Tracer::noop(), 1);
//! ```
//!
//! # What is where
//!
//! | | |
//! | --- | --- |
//! | [`Tracer`] | starts spans, carries contexts over the border of the process; [`global_tracer`] for code that is not given one |
//! | [`SpanBuilder`] | parent, references, tags, start |
//! | [`Span`] | name, tags, logs, baggage, end; [`FinishGuard`] finishes it when dropped |
//! | [`SpanContext`] | what of a span goes elsewhere, with its [`Baggage`] |
//! | [`Scope`], [`ScopeManager`] | a span that is active on a thread |
//! | [`FutureExt`] | a span that is active whenever a future runs |
//! | [`Format`], [`TextMapWriter`], [`TextMapReader`] | formats, and carriers of your own |
//! | [`tags`], [`fields`] | the standard names |
//! | module `mock` (feature `mock`) | a tracer that keeps its spans, for tests |
//! | [`backend`], module `conformance` (feature `test-kit`) | for those who write a tracer |
//!
//! # Handles, not type parameters
//!
//! [`Tracer`], [`Span`], [`SpanContext`] and [`Scope`] are plain types, not traits. Each is a handle of an
//! implementation of the traits in [`backend`], behind an `Arc`.
//!
//! An application stores one [`Tracer`] in a field and gives it to libraries that were compiled without
//! knowing which it is; so somewhere the type has to be erased. Traits with associated types (`trait Tracer
//! { type Span: .. }`) would push that to every user: a type parameter through all signatures, or a second,
//! object-safe twin of each trait, and boxes between the two. Bare `dyn` traits cannot have the generic
//! methods that make `set_tag("rows", 3)` pleasant. With handles no signature has a parameter, no trait
//! has to be imported, and the no-op is a branch that allocates nothing. It costs a recording tracer an
//! allocation for each span and each activation and a virtual call for each method. An implementer writes
//! small object-safe traits and gets guards, checks, futures and the parent's choice for nothing.
//!
//! # What differs from other languages
//!
//! - The scope manager gives the active *span*, not the scope: a scope is a guard with one owner.
//! - A [`Scope`] that is closed while another is active does nothing, as elsewhere; but it is over then,
//!   and never becomes active again.
//! - Extracting gives an `Option`; an empty context is ignored as a parent.
//! - Wrong types do not compile; what is left of errors is in [`ErrorKind`].
//!
//! # Features
//!
//! None is on by default: `http` makes `http::HeaderMap` a carrier, `mock` and `test-kit` are for tests.
//! The one dependency besides is `pin-project-lite`.

#![forbid(unsafe_code)]

mod active;
mod builder;
mod carrier;
mod context;
mod global;
mod handle;
mod value;

pub mod backend;
#[cfg(feature = "test-kit")]
pub mod conformance;
pub mod fields;
#[cfg(feature = "mock")]
pub mod mock;
pub mod tags;

pub use active::{
    FinishGuard, FutureExt, InSpan, Scope, ScopeManager, ThreadLocalScopeManager, TryInSpan,
    WithActiveSpan,
};
pub use builder::SpanBuilder;
pub use carrier::{
    Error, ErrorKind, ExtractCarrier, Format, InjectCarrier, TextMapReader, TextMapWriter,
};
pub use context::{Baggage, Parent, Reference, ReferenceType, SpanContext, StartOptions};
pub use global::{global_tracer, is_global_tracer_set, set_global_tracer};
pub use handle::{Span, Tracer};
pub use value::{ErrorObject, OwnedValue, Value};
