//! Who chose the service of a span.

/// Who chose the service of a span: the tag `_dd.svc_src`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) enum ServiceSource {
    /// The configuration, or the parent did.
    #[default]
    Inherited,
    /// The user, who named the tracer's own again below another one.
    Own,
    /// The user, through the API.
    Manual,
    /// `DD_SERVICE_MAPPING`.
    Mapping,
}
