//! Maps, vectors and slices of text as carriers.

use std::collections::{BTreeMap, HashMap};
use std::hash::BuildHasher;

use super::carrier::{TextMapReader, TextMapWriter};

// ===== writing =====

/// Whether two names are the same but for their case.
fn is_other_spelling(name: &str, key: &str) -> bool {
    name != key && name.eq_ignore_ascii_case(key)
}

impl<S: BuildHasher> TextMapWriter for HashMap<String, String, S> {
    fn set(&mut self, key: &str, value: &str) {
        self.retain(|name, _| !is_other_spelling(name, key));
        self.insert(key.to_owned(), value.to_owned());
    }
}

impl TextMapWriter for BTreeMap<String, String> {
    fn set(&mut self, key: &str, value: &str) {
        self.retain(|name, _| !is_other_spelling(name, key));
        self.insert(key.to_owned(), value.to_owned());
    }
}

impl TextMapWriter for Vec<(String, String)> {
    fn set(&mut self, key: &str, value: &str) {
        self.retain(|(name, _)| !name.eq_ignore_ascii_case(key));
        self.push((key.to_owned(), value.to_owned()));
    }
}

// ===== reading =====

macro_rules! reader {
    ($([$($parameter:tt)*] $type:ty;)+) => {
        $(impl<K: AsRef<str>, V: AsRef<str>, $($parameter)*> TextMapReader for $type {
            fn for_each<'a>(&'a self, visit: &mut dyn FnMut(&'a str, &'a str)) {
                self.iter().for_each(|(key, value)| visit(key.as_ref(), value.as_ref()));
            }
        })+
    };
}

reader! {
    [S] HashMap<K, V, S>;
    [] BTreeMap<K, V>;
    [] Vec<(K, V)>;
    [const N: usize] [(K, V); N];
    [] [(K, V)];
    // A slice has no size of its own: it is given as `&slice`.
    [] &[(K, V)];
}

#[cfg(test)]
mod tests {
    use super::super::ExtractCarrier;
    use super::*;

    #[test]
    fn setting_replaces_a_name_in_any_case() {
        let old = || [("Trace".to_owned(), "1".to_owned()), ("a".to_owned(), "2".to_owned())];
        let mut map: HashMap<_, _> = old().into();
        let mut tree: BTreeMap<_, _> = old().into();
        let mut list = Vec::from(old());
        for carrier in [&mut map as &mut dyn TextMapWriter, &mut tree, &mut list] {
            carrier.set("trace", "3");
            carrier.set("trace", "4");
        }
        for carrier in [&map as &dyn TextMapReader, &tree, &list] {
            let mut names = Vec::new();
            carrier.for_each(&mut |name, _| names.push(name));
            names.sort_unstable();
            assert_eq!(names, ["a", "trace"]);
            assert_eq!(carrier.get("TRACE"), Some("4"));
        }
    }

    #[test]
    fn the_first_of_several_is_found() {
        let pairs = [("a", "1"), ("A", "2")];
        assert_eq!(pairs.get("A"), Some("1"));
        assert_eq!(pairs.get("b"), None);
    }

    #[test]
    fn a_carrier_has_the_sides_of_its_type() {
        let part: &[u8] = b"x";
        assert!(
            ExtractCarrier::bytes(&part).is_some() && ExtractCarrier::text_map(&part).is_none()
        );
        let pairs = [("a", "1")];
        let pairs: &[_] = &pairs;
        assert!(ExtractCarrier::bytes(&pairs).is_none());
        assert!(ExtractCarrier::text_map(&pairs).is_some());
    }
}
