//! What is known of the source code of a program.

/// What is known of the source code.
#[derive(Debug, Default, PartialEq, Eq)]
pub(crate) struct Found {
    /// As it stands in the configuration of the repository.
    pub(crate) url: Option<String>,
    pub(crate) commit: Option<String>,
}

/// Whether a text is an object id of git: SHA-1, or SHA-256.
pub(crate) fn is_object_id(text: &str) -> bool {
    matches!(text.len(), 40 | 64) && text.bytes().all(|byte| byte.is_ascii_hexdigit())
}
