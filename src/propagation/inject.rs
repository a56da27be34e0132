//! Writes the headers of all styles.

use super::block::Draft;
use super::outgoing::Outgoing;
use super::settings::Settings;
use super::{b3, baggage, datadog, tracecontext};
use crate::config::Style;

/// Writes the headers of every style; the result is `_dd.propagation_error` where tags had to stay behind.
#[inline]
pub(super) fn inject(
    outgoing: &Outgoing<'_>,
    settings: &Settings,
    draft: &mut Draft<'_>,
) -> Option<&'static str> {
    let mut error = None;
    for style in &settings.inject {
        match style {
            Style::Datadog => {
                error = datadog::inject(outgoing, settings.datadog_tags_max, draft).err();
            }
            Style::TraceContext => tracecontext::inject(outgoing, draft),
            Style::B3Single => b3::inject_single(outgoing, draft),
            Style::B3Multi => b3::inject_multi(outgoing, draft),
            Style::Baggage => {
                if let Some(baggage) = outgoing.baggage {
                    baggage::inject(baggage, draft);
                }
            }
        }
    }
    error
}
