//! Whether a text is a JSON list.

use serde_json::Value;

use crate::text::Text;

use super::key::Reason;

/// The text, if it is a list in JSON; what is in the list is somebody else's to read.
pub(super) fn list(text: Text) -> Result<Text, Reason> {
    match serde_json::from_str::<Vec<Value>>(&text) {
        Ok(_) => Ok(text),
        Err(error) => Err(format!("is not a list in JSON ({error})").into()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_a_whole_list_is_one() {
        for text in ["[]", "[{}]", " [1, {\"a\": null}] "] {
            assert_eq!(list(text.into()), Ok(text.into()));
        }
        for text in ["", "{}", "1", "[", "[1e999", "[] []", "[{a: 1}]"] {
            assert!(list(text.into()).is_err(), "{text}");
        }
    }
}
