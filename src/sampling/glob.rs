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
        for character in pattern.chars().map(lower) {
            if character != '*' || !compiled.ends_with('*') {
                compiled.push(character);
            }
        }
        Glob { is_ascii: compiled.is_ascii(), pattern: compiled.into_boxed_str() }
    }

    /// The length of the pattern, in bytes.
    pub(crate) fn len(&self) -> usize {
        self.pattern.len()
    }

    /// Whether this is nothing but stars, and so matches every text.
    pub(crate) fn is_any(&self) -> bool {
        &*self.pattern == "*"
    }

    pub(crate) fn matches(&self, subject: &str) -> bool {
        if self.is_ascii && subject.is_ascii() {
            matches_ascii(self.pattern.as_bytes(), subject.as_bytes())
        } else {
            matches(self.pattern.chars(), subject.chars())
        }
    }
}

// ===== ASCII, as nearly all texts are: by the parts between stars =====

/// The first part has to be the beginning, the last the end, and the others in between, each at its first place
/// behind the one before: any later one would leave less for those that follow.
fn matches_ascii(pattern: &[u8], subject: &[u8]) -> bool {
    let mut parts = pattern.split(|byte| *byte == b'*');
    let first = parts.next().unwrap_or_default();
    let Some((head, rest)) = subject.split_at_checked(first.len()) else { return false };
    if !all_fit(first, head) {
        return false;
    }
    let Some(last) = parts.next_back() else { return rest.is_empty() };
    let tail = rest.len().checked_sub(last.len()).and_then(|len| rest.split_at_checked(len));
    let Some((between, _)) = tail.filter(|(_, tail)| all_fit(last, tail)) else { return false };
    parts.try_fold(between, |rest, part| behind(part, rest)).is_some()
}

fn fits(wanted: &u8, found: &u8) -> bool {
    *wanted == b'?' || *wanted == found.to_ascii_lowercase()
}

/// Whether a text is what a part, which has no star, stands for.
fn all_fit(part: &[u8], text: &[u8]) -> bool {
    part.len() == text.len() && part.iter().zip(text).all(|(wanted, found)| fits(wanted, found))
}

/// How many places are looked at together: what fits into one register.
const LANES: usize = 16;

/// What comes behind the first place where a part is.
///
/// A place is looked at closely only if the first and the last byte are right, and these are compared for many
/// places at once.
fn behind<'s>(part: &[u8], subject: &'s [u8]) -> Option<&'s [u8]> {
    let is_literal = |byte: &u8| *byte != b'?';
    let Some(first_at) = part.iter().position(is_literal) else { return subject.get(part.len()..) };
    let last_at = part.iter().rposition(is_literal)?;
    let (first, last) = (is(*part.get(first_at)?), is(*part.get(last_at)?));
    // The part may begin wherever enough is left for all of it.
    let places = subject.len().checked_sub(part.len())? + 1;
    let firsts = subject.get(first_at..)?.get(..places)?;
    let lasts = subject.get(last_at..)?.get(..places)?;
    let closely = |start: usize| {
        let (found, behind) = subject.get(start..)?.split_at_checked(part.len())?;
        all_fit(part, found).then_some(behind)
    };
    let mut start = 0;
    for (firsts, lasts) in firsts.chunks(LANES).zip(lasts.chunks(LANES)) {
        let is_here = |(one, other): (&u8, &u8)| first(*one) & last(*other);
        let may_be_here = match (<&[u8; LANES]>::try_from(firsts), <&[u8; LANES]>::try_from(lasts))
        {
            // Without a branch for each, so that the compiler takes all of them at once.
            (Ok(firsts), Ok(lasts)) => {
                firsts.iter().zip(lasts).fold(false, |any, pair| any | is_here(pair))
            }
            _ => true,
        };
        if may_be_here {
            let mut here = (start..).zip(firsts.iter().zip(lasts));
            let found = here.find_map(|(at, pair)| is_here(pair).then(|| closely(at)).flatten());
            if found.is_some() {
                return found;
            }
        }
        start += LANES;
    }
    None
}

/// Whether a byte is one of a pattern, in any case.
fn is(wanted: u8) -> impl Fn(u8) -> bool {
    // The bit that a letter in upper case lacks, and nothing for what is no letter.
    let case = if wanted.is_ascii_lowercase() { 0x20 } else { 0 };
    move |found| found | case == wanted
}

// ===== anything else =====

/// Takes no more steps than the pattern has characters times those of the subject: only the last star is ever
/// tried again, since what an earlier one could take instead, the last one can take as well.
fn matches(
    mut pattern: impl Iterator<Item = char> + Clone,
    mut subject: impl Iterator<Item = char> + Clone,
) -> bool {
    let fits = |wanted: char, found: char| wanted == '?' || wanted == lower(found);
    // The last star: the character behind it, the pattern after that, and the subject not yet searched for it.
    let mut star = None;
    loop {
        match pattern.next() {
            Some('*') => match pattern.next() {
                Some(first) => star = Some((first, pattern, subject)),
                None => return true,
            },
            Some(wanted) => match subject.next() {
                Some(found) if fits(wanted, found) => continue,
                Some(_) => {}
                // A star that took more would leave even less.
                None => return false,
            },
            None if subject.next().is_none() => return true,
            None => {}
        }
        let Some((first, rest, unsearched)) = &mut star else { return false };
        if !unsearched.any(|found| fits(*first, found)) {
            return false;
        }
        pattern = rest.clone();
        subject = unsearched.clone();
    }
}

/// One character's lower case, where that is one character.
fn lower(character: char) -> char {
    let mut lower = character.to_lowercase();
    match (lower.next(), lower.next()) {
        (Some(one), None) => one,
        _ => character,
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
        for (text, group) in [
            (include_str!("../../tests/vectors/sampling-rules.json"), "globs"),
            (include_str!("../../tests/vectors/http.json"), "glob"),
        ] {
            let vectors: Value = serde_json::from_str(text).unwrap();
            let rows = vectors[group].as_array().unwrap();
            assert!(!rows.is_empty());
            for row in rows {
                let text = |name: &str| row[name].as_str().unwrap();
                let found = Glob::new(text("pattern")).matches(text("subject"));
                assert_eq!(found, row["match"].as_bool().unwrap(), "{row}");
            }
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
                lower(*wanted) == lower(*found) && model(rest, others)
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
        fn parts_are_found_in_long_texts_as_characters_are(
            pattern in "[aAb/@`?*]{0,8}",
            subject in "[aAbB/@`]{0,70}",
        ) {
            let glob = Glob::new(&pattern);
            let expected = matches(glob.pattern.chars(), subject.chars());
            prop_assert_eq!(glob.matches(&subject), expected);
        }

        #[test]
        fn a_text_matches_itself(text in "[^*?]{0,20}") {
            prop_assert!(Glob::new(&text).matches(&text));
        }
    }
}
