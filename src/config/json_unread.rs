//! Lists in JSON, where nothing reads them: the feature `agent` is off.

use crate::text::Text;

use super::key::Reason;

/// The text as it is.
pub(super) fn list(text: Text) -> Result<Text, Reason> {
    Ok(text)
}
