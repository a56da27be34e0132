//! Integrations: switches for each by its name, pins for each client, and the one way in which their spans begin.
//!
//! An **integration** traces what a library does: the commands of a Redis client, the requests of a web server. Each is
//! a crate of its own, which describes itself in one [`Integration`] and begins its spans with [`Integration::span`].
//! That decides all that integrations have in common: whether there is a span at all, its service, and the tags that
//! say which integration it is of.
//!
//! For programs:
//!
//! | to | use |
//! | --- | --- |
//! | switch an integration off, or see which there are | [`integrations()`](crate::integrations), `DD_TRACE_<NAME>_ENABLED` |
//! | name the service of all clients of a kind | [`ConfigBuilder::integration_service`](crate::config::ConfigBuilder::integration_service), `DD_<NAME>_SERVICE` |
//! | tell two clients of one kind apart | [`Pin::override_on`] |
//!
//! For authors of integrations: [`Integration`], [`Pinned`]. `docs/integrations.md` has the contract.

// `list.rs` is what the registry is made of; `registry.rs` has the switches and who was announced; `definition.rs` what
// an integration is, and the beginning of its spans; `pin.rs` what is told of a single client.

/// The page compiles.
#[cfg(doctest)]
#[doc = include_str!("../../docs/integrations.md")]
struct Page;

mod definition;
mod list;
mod pin;
mod registry;

pub use definition::Integration;
pub use pin::{Pin, PinBuilder, Pinned};
pub use registry::{IntegrationStatus, Integrations, integrations};
