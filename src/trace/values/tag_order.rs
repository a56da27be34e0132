//! The order in which propagated tags came in.

/// Where the decision maker (`_dd.p.dm`) and the high bits of the trace id (`_dd.p.tid`) stood among the other propagated
/// tags. These two are stored in fields of their own. As in Datadog's other tracers, all go out in the order in which they
/// came in.
///
/// In a trace that begins here, the decision maker goes first and the high bits last.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct TagOrder {
    /// How many other tags came before the decision maker.
    mechanism: u8,
    /// How many other tags came before the high bits.
    high: u8,
    /// Whether the high bits came first where both numbers are the same.
    high_first: bool,
}

/// One of the propagated tags that have a field of their own.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum OwnField {
    Mechanism,
    High,
}

impl TagOrder {
    /// Notes how many other tags came before a field.
    #[inline]
    pub(crate) fn note(&mut self, field: OwnField, before: usize) {
        let before = u8::try_from(before).unwrap_or(u8::MAX);
        match field {
            OwnField::Mechanism => self.mechanism = before,
            OwnField::High => self.high = before,
        }
    }

    /// Notes that the high bits came before the decision maker.
    #[inline]
    pub(crate) fn note_high_first(&mut self) {
        self.high_first = true;
    }

    /// Normalises an order, given the number of other tags and the fields that there are: equal orders become equal
    /// values.
    #[inline]
    pub(crate) fn settle(&mut self, others: usize, has_mechanism: bool, has_high: bool) {
        if others == 0 && !self.high_first {
            *self = TagOrder::default();
        } else {
            self.settle_any(others, has_mechanism, has_high);
        }
    }

    fn settle_any(&mut self, others: usize, has_mechanism: bool, has_high: bool) {
        let usual = TagOrder::default();
        if !has_mechanism {
            self.mechanism = usual.mechanism;
        }
        if !has_high {
            self.high = usual.high;
        }
        self.high_first &= has_mechanism && has_high && self.mechanism == self.high;
        if usize::from(self.high) >= others && !self.high_first {
            self.high = usual.high;
        }
    }

    /// Whether it is the order of a trace that begins here, where there are no other tags.
    #[inline]
    pub(crate) fn is_usual_alone(self) -> bool {
        !self.high_first
    }

    /// Both fields, in their order, and before which of the other tags each stands.
    pub(crate) fn fields(self) -> [(OwnField, usize); 2] {
        let mechanism = (OwnField::Mechanism, usize::from(self.mechanism));
        let high = (OwnField::High, usize::from(self.high));
        let is_high_first = self.high_first || self.high < self.mechanism;
        if is_high_first { [high, mechanism] } else { [mechanism, high] }
    }
}

impl Default for TagOrder {
    fn default() -> Self {
        TagOrder { mechanism: 0, high: u8::MAX, high_first: false }
    }
}
