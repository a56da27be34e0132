//! All styles together, outwards.

use super::carrier::Injector;
use super::outgoing::Outgoing;
use super::scratch::Scratch;
use super::settings::Settings;
use super::{b3, baggage, datadog, tracecontext};
use crate::config::Style;

/// Writes the headers of every style; the result is `_dd.propagation_error` where tags had to stay behind.
pub(super) fn inject(
    outgoing: &Outgoing<'_>,
    settings: &Settings,
    carrier: &mut dyn Injector,
) -> Option<&'static str> {
    let mut error = None;
    Scratch::with(|scratch| {
        for style in &settings.inject {
            match style {
                Style::Datadog => {
                    let max = settings.datadog_tags_max;
                    error = datadog::inject(outgoing, max, scratch, carrier).err();
                }
                Style::TraceContext => tracecontext::inject(outgoing, scratch, carrier),
                Style::B3Single => b3::inject_single(outgoing, scratch, carrier),
                Style::B3Multi => b3::inject_multi(outgoing, scratch, carrier),
                Style::Baggage => {
                    if let Some(baggage) = outgoing.baggage {
                        baggage::inject(baggage, scratch, carrier);
                    }
                }
            }
        }
    });
    if let Some(baggage) = outgoing.baggage.filter(|_| settings.http_baggage) {
        if !settings.inject.is_empty() {
            baggage::inject_legacy(baggage, carrier);
        }
    }
    error
}
