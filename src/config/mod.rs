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
// 3. Settings fill each other's gaps (`identity.rs`, `related.rs`), and misspelt variables are reported (`unknown.rs`).
// 4. The result is a `Config` (`resolved.rs`) with its report (`report.rs`).
//
// Propagation, sampling, the agent's client, the pipeline and the bridges read the `Config` once, when a tracer is
// built, so no span ever waits for anything here. Whatever shows a text of the user goes through `redacted.rs`, because
// any setting may hold a password.

mod api_version;
mod builder;
mod endpoint;
mod identity;
mod key;
mod limits;
mod origin;
mod otel;
mod other_tracers;
mod parse;
mod percent;
mod propagation;
mod redacted;
mod related;
mod report;
mod resolve;
mod resolved;
mod row;
mod source;
mod spelling;
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
pub(crate) use endpoint::Endpoint;
#[cfg(feature = "agent")]
pub(crate) use endpoint::{Host, usual_port};
pub(crate) use key::Quoted;
pub use limits::SpanLimits;
pub use origin::Origin;
pub use propagation::{BaggageTagKeys, ExtractBehavior, Style};
pub(crate) use redacted::Redacted;
pub use report::{Candidate, Problem, Report, ReportRow};
pub use resolved::Config;
pub(crate) use row::tracer_setter;
pub use source::Environment;
#[cfg(feature = "agent")]
pub(crate) use spelling::nearest;
pub(crate) use table::tracer_setters;
