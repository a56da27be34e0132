//! The filters of a tracer, run one after the other.

use std::fmt;
use std::sync::Arc;

use super::trace_filter::{TraceFilter, Verdict};
use crate::diag::Diag;
use crate::suppression::suppress;
use crate::text::Text;
use crate::trace::{Chunk, FinishedTrace};
use crate::user_code::{self, UserCode};

/// The filters of a tracer, in their order.
#[derive(Clone, Default)]
pub(crate) struct Filters {
    all: Vec<Named>,
}

#[derive(Clone)]
struct Named {
    /// Of two filters with one name the second is `name #2`.
    name: Text,
    filter: Arc<dyn TraceFilter>,
}

impl Filters {
    pub(crate) fn of(filters: Vec<Arc<dyn TraceFilter>>, diag: &Diag) -> Self {
        filters.into_iter().fold(Filters::default(), |mut all, filter| {
            all.push(filter, diag);
            all
        })
    }

    /// Adds one behind the others.
    pub(crate) fn push(&mut self, filter: Arc<dyn TraceFilter>, diag: &Diag) {
        let given = user_code::call(UserCode::Filter, diag, || Text::copy(filter.name()));
        let given = given.unwrap_or_else(|| "a filter without a name".into());
        let is_taken = |name: &Text| self.all.iter().any(|other| other.name == *name);
        let mut name = given.clone();
        let mut number = 2u32;
        while is_taken(&name) {
            name = format!("{given} #{number}").into();
            number = number.saturating_add(1);
        }
        self.all.push(Named { name: name.into_shared(), filter });
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.all.is_empty()
    }

    /// Asks the filters about a chunk that is settled. Returns the name of the one that drops it.
    pub(crate) fn run(&self, chunk: &mut Chunk, diag: &Diag) -> Option<&Text> {
        if self.is_empty() {
            return None;
        }
        let _off = suppress();
        for Named { name, filter } in &self.all {
            let verdict = user_code::call(UserCode::Filter, diag, || {
                filter.filter(&mut FinishedTrace::of(chunk))
            });
            match verdict {
                Some(Verdict::Drop) => return Some(name),
                Some(Verdict::Keep) => return None,
                Some(Verdict::Next) | None => {}
            }
        }
        None
    }
}

impl fmt::Debug for Filters {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_list().entries(self.all.iter().map(|named| &named.name)).finish()
    }
}
