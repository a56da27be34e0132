//! Settings: what they are called, where they come from, and what they came to.
//!
//! A value may come from several sources, and the highest wins:
//!
//! 1. code: the setters of [`ConfigBuilder`];
//! 2. the environment: `DD_*`;
//! 3. OpenTelemetry's environment, where a variable says the same: `OTEL_*`;
//! 4. what follows from other settings, and then the default.
//!
//! A value that cannot be used is no error: the next source is asked, and a [`Problem`] says so.
//!
//! ```
//! use tracehound::config::{Config, Environment, Origin};
//!
//! let config = Config::builder()
//!     .environment(Environment::from_pairs([("DD_SERVICE", "shop"), ("DD_TRACE_SAMPLE_RATE", "2")]))
//!     .env("prod")
//!     .build();
//!
//! assert_eq!(config.service(), "shop");
//! assert_eq!(config.env(), Some("prod"));
//! assert_eq!(config.sample_rate(), None);
//! assert_eq!(
//!     config.problems().first().map(ToString::to_string).as_deref(),
//!     Some("DD_TRACE_SAMPLE_RATE (env_var): \"2\" is not a number from 0 to 1; it stays unset"),
//! );
//! ```

// To add a setting, read the top of `table.rs`.
//
// How a value is found:
//
// 1. `builder.rs` holds what code gives; `source.rs` is the only file that reads the environment.
// 2. `resolve.rs` asks these sources in turn, as the row of the setting says (`key.rs`, with `parse.rs` and `otel.rs`).
// 3. Settings fill each other's gaps (`identity.rs`, `related.rs`), those of integrations are found by their variables
//    (`integrations.rs`), and misspelt variables are reported (`unknown.rs`).
// 4. The result is a `Config` (`resolved.rs`) with its report (`report.rs`).
//
// Where traces go, and how if as OTLP, is derived from it (`destination.rs`, `otlp.rs`, `serverless.rs`).
//
// Propagation, sampling, the agent's client, the pipeline and the bridges read the `Config` once, when a tracer is
// built, so no span ever waits for anything here. Whatever shows a text of the user goes through `redacted.rs`, because
// any setting may hold a password.

mod api_version;
mod builder;
mod destination;
mod endpoint;
mod http;
mod identity;
mod integrations;
mod key;
mod limits;
mod origin;
mod otel;
mod other_tracers;
mod otlp;
mod parse;
mod percent;
mod propagation;
mod redacted;
mod related;
mod report;
mod resolve;
mod resolved;
mod row;
mod serverless;
mod source;
mod source_code;
mod spelling;
mod stats;
mod table;
mod unknown;
mod value;
mod words;

#[cfg(test)]
mod listing;
#[cfg(test)]
mod testkit;

pub use api_version::ApiVersion;
pub use builder::ConfigBuilder;
#[cfg(feature = "agent")]
pub(crate) use destination::{Destination, OtlpSettings};
pub(crate) use endpoint::Endpoint;
#[cfg(feature = "agent")]
pub(crate) use endpoint::{Host, usual_port};
pub use http::{NamingSchema, NoStatus, QueryObfuscation, StatusRanges};
#[cfg(feature = "http-tags")]
pub(crate) use http::{expression, header_and_tag};
pub use integrations::IntegrationSettings;
pub(crate) use integrations::{canonical, compare_names};
pub(crate) use key::Quoted;
pub use limits::SpanLimits;
pub use origin::Origin;
pub use otlp::OtlpProtocol;
#[cfg(feature = "agent")]
pub(crate) use otlp::{OtlpHeaders, WITHOUT_GRPC, is_header};
pub use propagation::{BaggageTagKeys, ExtractBehavior, Style};
pub(crate) use redacted::Redacted;
pub use report::{Candidate, Problem, Report, ReportRow};
pub use resolved::Config;
pub(crate) use row::tracer_setter;
pub use source::Environment;
pub use source_code::SourceCodeLink;
#[cfg(feature = "agent")]
pub(crate) use spelling::nearest;
pub(crate) use stats::{StatsLimits, StatsSettings};
pub(crate) use table::tracer_setters;
