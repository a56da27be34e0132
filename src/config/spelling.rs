//! The known name that is nearest to a misspelt one.

/// Longer names are not compared: the work grows with the square of the length.
const MAX_BYTES: usize = 100;

/// More than any distance between two names.
const FAR: usize = 1_000_000;

/// The known name that differs least, if it differs little enough to be what was meant.
pub(crate) fn nearest(name: &str, known: &[&'static str]) -> Option<&'static str> {
    let edits = match name.len() {
        ..=7 => 1,
        8..=15 => 2,
        _ => 3,
    };
    nearest_within(name, known, edits)
}

/// The known name that differs least, by so many edits at the most.
pub(crate) fn nearest_within(
    name: &str,
    known: &[&'static str],
    edits: usize,
) -> Option<&'static str> {
    if name.len() > MAX_BYTES {
        return None;
    }
    let near = known.iter().map(|known| (distance(name.as_bytes(), known.as_bytes()), *known));
    near.filter(|(distance, _)| *distance <= edits).min().map(|(_, known)| known)
}

/// How many bytes have to be inserted, left out, replaced or exchanged with their neighbour.
fn distance(a: &[u8], b: &[u8]) -> usize {
    // Of the usual table (optimal string alignment) only three rows are kept: the two before, and this one.
    let mut last: Vec<usize> = (0..=b.len()).collect();
    let mut before = last.clone();
    for (i, x) in a.iter().enumerate() {
        let mut row = vec![i + 1];
        for (j, y) in b.iter().enumerate() {
            let at = |row: &[usize], place: usize| row.get(place).copied().unwrap_or(FAR);
            let replaced = at(&last, j) + usize::from(x != y);
            let left_out = at(&last, j + 1) + 1;
            let inserted = at(&row, j) + 1;
            let is_exchanged = i > 0 && j > 0 && a.get(i - 1) == Some(y) && b.get(j - 1) == Some(x);
            let exchanged = if is_exchanged { at(&before, j - 1) + 1 } else { FAR };
            row.push(replaced.min(left_out).min(inserted).min(exchanged));
        }
        before = std::mem::replace(&mut last, row);
    }
    last.last().copied().unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn edits_are_counted() {
        for (a, b, edits) in [
            ("", "", 0),
            ("abc", "abc", 0),
            ("abc", "ab", 1),
            ("abc", "abcd", 1),
            ("abc", "axc", 1),
            ("abc", "acb", 1),
            ("", "abc", 3),
            ("abcd", "badc", 2),
            ("kitten", "sitting", 3),
        ] {
            assert_eq!(distance(a.as_bytes(), b.as_bytes()), edits, "{a} {b}");
        }
    }

    #[test]
    fn a_name_is_found_that_differs_little() {
        let known = ["DD_ENV", "DD_SERVICE", "DD_TRACE_SAMPLE_RATE"];
        for (name, expected) in [
            ("DD_SERVCE", Some("DD_SERVICE")),
            ("DD_TRACE_SAMPEL_RATE", Some("DD_TRACE_SAMPLE_RATE")),
            ("DD_EVN", Some("DD_ENV")),
            ("DD_TRACE_SAMPLING", None),
            ("DD_URL", None),
        ] {
            assert_eq!(nearest(name, &known), expected, "{name}");
        }
        assert_eq!(nearest(&"D".repeat(100_000), &known), None);
    }

    proptest! {
        #[test]
        fn the_order_does_not_matter(a in "[ab]{0,8}", b in "[ab]{0,8}") {
            prop_assert_eq!(
                distance(a.as_bytes(), b.as_bytes()),
                distance(b.as_bytes(), a.as_bytes())
            );
        }
    }
}
