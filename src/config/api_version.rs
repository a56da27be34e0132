//! The choice of a payload format.

use super::key::{Key, Reason, Remarks};
use super::value::{Value, values};
use super::words::words;

words! {
    /// A version of the agent's interface for traces, which is a format of payloads.
    #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
    pub enum ApiVersion {
        /// `/v0.4/traces`: every agent takes it.
        V04 = "v0.4" | "0.4",
        /// `/v0.5/traces`: each string is sent once. Structured tags have no place in it: where one is set, v0.4 is used
        /// from then on.
        V05 = "v0.5" | "0.5",
        /// `/v1.0/traces`: the smallest, and the one with a place for everything. Newer agents announce it.
        V1 = "v1.0" | "1.0" | "v1" | "1",
    }
}

values! {
    ApiVersion: "`v0.4`, `v0.5` or `v1.0`", |version| version.as_str().to_owned();
}

/// As other tracers name them.
pub(super) const API_VERSION: Key<Option<ApiVersion>> = Key::new(|| None, read);

fn read(text: &str, remarks: &mut Remarks) -> Result<Option<ApiVersion>, Reason> {
    let text = text.trim();
    if matches!(text, "v0.3" | "0.3") {
        remarks.push("is sent as v0.4, which has the same payloads".to_owned());
        return Ok(Some(ApiVersion::V04));
    }
    let version = ApiVersion::from_word(text);
    version.map(Some).ok_or_else(|| "is not v0.4, v0.5 or v1.0".into())
}
