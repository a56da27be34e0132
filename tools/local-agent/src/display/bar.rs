//! Time as length, on an axis all spans of a trace share.

/// The axis: when it starts, how long it is, and how many columns that gets.
#[derive(Clone, Copy, Debug)]
pub(super) struct Axis {
    pub(super) start_ns: i64,
    pub(super) duration_ns: i64,
    pub(super) columns: usize,
}

impl Axis {
    /// A bar with half a column of precision, never empty, without spaces at its end; one of dashes where the span is
    /// dropped, which is to be seen without colours.
    pub(super) fn bar(&self, start_ns: i64, end_ns: i64, is_dropped: bool) -> String {
        let [whole, left, right] =
            if is_dropped { ['┄', '╴', '╶'] } else { ['━', '╸', '╺'] };
        let halves = i128::try_from(self.columns.saturating_mul(2)).unwrap_or(i128::MAX);
        let length = i128::from(self.duration_ns).max(1);
        let since_start = |ns: i64| i128::from(ns).saturating_sub(self.start_ns.into()).max(0);
        let (from, to) = (since_start(start_ns), since_start(end_ns));

        let scale = |ns: i128| ns.saturating_mul(halves);
        let last = halves.saturating_sub(1).max(0);
        let first = scale(from).checked_div(length).unwrap_or_default().min(last);
        let rounded_up = scale(to).saturating_add(length.saturating_sub(1));
        let end = rounded_up.checked_div(length).unwrap_or_default();
        let end = end.clamp(first.saturating_add(1), halves.max(1));

        let is_on = |half: i128| half >= first && half < end;
        let cells =
            (0..halves).step_by(2).map(|half| match (is_on(half), is_on(half.saturating_add(1))) {
                (true, true) => whole,
                (true, false) => left,
                (false, true) => right,
                (false, false) => ' ',
            });
        cells.collect::<String>().trim_end().to_owned()
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn bars_are_proportional_to_half_a_column() {
        let axis = Axis { start_ns: 1000, duration_ns: 100, columns: 10 };
        let table = [
            (1000, 1100, "━━━━━━━━━━"),
            (1000, 1050, "━━━━━"),
            (1050, 1100, "     ━━━━━"),
            (1025, 1075, "  ╺━━━━╸"),
            (1000, 1000, "╸"),
            (1100, 1100, "         ╺"),
            (1001, 1002, "╸"),
            (900, 1200, "━━━━━━━━━━"),
        ];
        for (start, end, expected) in table {
            assert_eq!(axis.bar(start, end, false), expected, "{start}..{end}");
        }
    }

    #[test]
    fn an_instant_trace_has_a_bar() {
        assert_eq!(Axis { start_ns: 5, duration_ns: 0, columns: 3 }.bar(5, 5, false), "╸");
    }

    proptest! {
        #[test]
        fn every_bar_is_visible_and_inside(axis: (i64, i64), span: (i64, i64), columns in 1usize..50) {
            let axis = Axis { start_ns: axis.0, duration_ns: axis.1, columns };
            let bar = axis.bar(span.0, span.1, false);
            prop_assert!(!bar.is_empty());
            prop_assert!(bar.chars().count() <= columns);
        }
    }
}
