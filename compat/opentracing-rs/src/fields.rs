//! Names of the standard fields of a log.
//!
//! From OpenTracing's semantic conventions, version 1.1.

/// What happened, as a name that does not vary: text. It is [`EVENT_ERROR`] for a failure.
pub const EVENT: &str = "event";

/// The value of [`EVENT`] for a failure.
pub const EVENT_ERROR: &str = "error";

/// The type of the failure: text. Only with [`EVENT_ERROR`].
pub const ERROR_KIND: &str = "error.kind";

/// The error itself: [`Value::Error`](crate::Value::Error). Only with [`EVENT_ERROR`].
pub const ERROR_OBJECT: &str = "error.object";

/// What happened, as one line for a human: text.
pub const MESSAGE: &str = "message";

/// A stack trace: text.
pub const STACK: &str = "stack";
