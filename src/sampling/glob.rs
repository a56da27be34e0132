//! Patterns with `*` and `?`, as all sampling rules use them (sampling §4.2).

/// A pattern for a whole text, whatever its case: `*` stands for any characters, also none, `?` for one.
///
/// There are no sets, ranges or escapes. Case is that of single characters: one whose lower-case form is
/// several characters (`İ`) matches itself only.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Glob {
    /// In lower case, and no star follows another.
    pattern: Box<str>,
    is_ascii: bool,
}

impl Glob {
    pub(crate) fn new(pattern: &str) -> Self {
        let mut compiled = String::with_capacity(pattern.len());
        for character in pattern.chars().map(Character::lower) {
            if character != '*' || !compiled.ends_with('*') {
                compiled.push(character);
            }
        }
        Glob { is_ascii: compiled.is_ascii(), pattern: compiled.into_boxed_str() }
    }

    /// Whether this is nothing but stars, and so matches every text.
    pub(crate) fn is_any(&self) -> bool {
        &*self.pattern == "*"
    }

    pub(crate) fn matches(&self, subject: &str) -> bool {
        if self.is_ascii && subject.is_ascii() {
            matches(self.pattern.bytes(), subject.bytes())
        } else {
            matches(self.pattern.chars(), subject.chars())
        }
    }
}

/// Takes no more steps than the pattern has characters times those of the subject: only the last star is ever
/// tried again, since what an earlier one could take instead, the last one can take as well.
fn matches<C: Character>(
    mut pattern: impl Iterator<Item = C> + Clone,
    mut subject: impl Iterator<Item = C> + Clone,
) -> bool {
    // The last star: the character behind it, the pattern after that, and the subject not yet searched for it.
    let mut star = None;
    loop {
        match pattern.next() {
            Some(wanted) if wanted == C::STAR => match pattern.next() {
                Some(first) => star = Some((first, pattern, subject)),
                None => return true,
            },
            Some(wanted) => match subject.next() {
                Some(found) if wanted.fits(found) => continue,
                Some(_) => {}
                // A star that took more would leave even less.
                None => return false,
            },
            None if subject.next().is_none() => return true,
            None => {}
        }
        let Some((first, rest, unsearched)) = &mut star else { return false };
        if !unsearched.any(|found| first.fits(found)) {
            return false;
        }
        pattern = rest.clone();
        subject = unsearched.clone();
    }
}

/// Bytes do where all of them are ASCII, and take a third of the time of characters.
trait Character: Copy + PartialEq {
    const STAR: Self;
    const ANY: Self;

    fn lower(self) -> Self;

    /// Whether this character of a pattern, no star, stands for one of the subject.
    fn fits(self, found: Self) -> bool {
        self == Self::ANY || self == found.lower()
    }
}

impl Character for u8 {
    const STAR: Self = b'*';
    const ANY: Self = b'?';

    fn lower(self) -> Self {
        self.to_ascii_lowercase()
    }
}

impl Character for char {
    const STAR: Self = '*';
    const ANY: Self = '?';

    fn lower(self) -> Self {
        let mut lower = self.to_lowercase();
        match (lower.next(), lower.next()) {
            (Some(one), None) => one,
            _ => self,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use serde_json::Value;
    use std::cell::Cell;

    #[test]
    fn the_patterns_of_every_tracer_match_alike() {
        let text = include_str!("../../tests/vectors/sampling-rules.json");
        let vectors: Value = serde_json::from_str(text).unwrap();
        let rows = vectors["globs"].as_array().unwrap();
        assert!(!rows.is_empty());
        for row in rows {
            let text = |name: &str| row[name].as_str().unwrap();
            let found = Glob::new(text("pattern")).matches(text("subject"));
            assert_eq!(found, row["match"].as_bool().unwrap(), "{row}");
        }
    }

    #[test]
    fn case_is_that_of_single_characters() {
        for (pattern, subject, matches) in [
            ("ÉCOLE", "école", true),
            ("straße", "STRASSE", false),
            ("İ", "İ", true),
            ("?", "İ", true),
            ("k", "\u{212a}", true),
            ("\u{212a}", "k", true),
        ] {
            assert_eq!(Glob::new(pattern).matches(subject), matches, "{pattern} {subject}");
        }
    }

    #[test]
    fn stars_alone_are_any() {
        for (pattern, any) in [("*", true), ("***", true), ("", false), ("*?", false)] {
            assert_eq!(Glob::new(pattern).is_any(), any, "{pattern}");
        }
    }

    #[test]
    fn a_hostile_pattern_costs_no_more_than_the_product_of_the_lengths() {
        let pattern = "*a".repeat(100) + "*b";
        let subject = "a".repeat(1000);
        let steps = Cell::new(0);
        let counted = subject.chars().inspect(|_| steps.set(steps.get() + 1));
        assert!(!matches(Glob::new(&pattern).pattern.chars(), counted));
        assert!(steps.get() <= pattern.len() * subject.len(), "{}", steps.get());
    }

    /// The definition, word for word.
    fn model(pattern: &[char], subject: &[char]) -> bool {
        match (pattern, subject) {
            (['*', rest @ ..], _) => {
                (0..=subject.len()).any(|taken| model(rest, &subject[taken..]))
            }
            (['?', rest @ ..], [_, others @ ..]) => model(rest, others),
            ([wanted, rest @ ..], [found, others @ ..]) => {
                wanted.lower() == found.lower() && model(rest, others)
            }
            ([], []) => true,
            _ => false,
        }
    }

    proptest! {
        #[test]
        fn every_match_is_one_by_definition(pattern in "[aAbé*?]{0,8}", subject in "[aAbBÉé]{0,10}") {
            let chars = |text: &str| text.chars().collect::<Vec<_>>();
            let expected = model(&chars(&pattern), &chars(&subject));
            prop_assert_eq!(Glob::new(&pattern).matches(&subject), expected);
        }

        #[test]
        fn a_text_matches_itself(text in "[^*?]{0,20}") {
            prop_assert!(Glob::new(&text).matches(&text));
        }
    }
}
