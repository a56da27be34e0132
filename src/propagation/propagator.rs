//! [`HttpPropagator`], which reads and writes the headers of all styles, and [`Propagator`], the trait for a user's own.

use super::block::{self, Draft};
use super::carrier::{Extractor, Injector};
use super::names::Field;
use super::outgoing::Outgoing;
use super::settings::Settings;
use super::{baggage, extract, inject};
use crate::config::{Config, Environment};
use crate::sync::Snapshot;
use crate::text::Text;
use crate::trace::SpanContext;

/// Carries the context in a way of the program's own: in headers of another protocol, or in fields of a message.
///
/// Called on the application's threads, several at once, for every request: an implementation must not
/// block, and must not panic. What it cannot read is no context, not an error.
///
/// ```
/// use tracehound::{Extractor, Injector, Propagator, SpanContext, SpanId, TraceId};
///
/// /// `my-trace: <trace id>/<span id>`
/// struct MyRpc;
///
/// impl Propagator for MyRpc {
///     fn inject(&self, context: &SpanContext, carrier: &mut dyn Injector) {
///         if let (Some(trace), Some(span)) = (context.trace_id(), context.span_id()) {
///             carrier.set("my-trace", format!("{trace}/{span}"));
///         }
///     }
///
///     fn extract(&self, carrier: &dyn Extractor) -> Option<SpanContext> {
///         let (trace, span) = carrier.header("my-trace")?.split_once('/')?;
///         Some(SpanContext::new(trace.parse().ok()?, span.parse().ok()))
///     }
/// }
///
/// let context = SpanContext::new(TraceId::new(7).unwrap(), SpanId::new(9));
/// let mut headers = Vec::<(String, String)>::new();
/// MyRpc.inject(&context, &mut headers);
/// assert_eq!(MyRpc.extract(&headers), Some(context));
/// ```
pub trait Propagator: Send + Sync {
    /// Writes a context. It may lack ids, and then carries baggage only.
    fn inject(&self, context: &SpanContext, carrier: &mut dyn Injector);

    /// Reads a context; `None` where there is none, or none that can be trusted.
    fn extract(&self, carrier: &dyn Extractor) -> Option<SpanContext>;
}

/// Carries the context in the headers that Datadog's tracers, W3C Trace Context and Baggage, and B3 use.
///
/// The styles and limits come from a [`Config`]; those of [`HttpPropagator::default`] are its defaults,
/// whatever the environment says. Reading never fails: headers that are malformed count as missing.
///
/// ```
/// use std::collections::HashMap;
/// use tracehound::{HttpPropagator, SamplingPriority};
///
/// let propagator = HttpPropagator::default();
/// let incoming = HashMap::from([
///     ("traceparent", "00-640cfd8d00000000abcdef0123456789-00000000000004d2-01"),
///     ("tracestate", "dd=s:2;o:synthetics,other=1"),
/// ]);
/// let context = propagator.extract(&incoming).unwrap();
/// assert_eq!(context.priority(), Some(SamplingPriority::USER_KEEP));
/// assert_eq!(context.origin(), Some("synthetics"));
///
/// let mut outgoing = HashMap::<String, String>::new();
/// propagator.inject_context(&context, &mut outgoing);
/// assert_eq!(outgoing["x-datadog-parent-id"], "1234");
/// assert_eq!(outgoing["tracestate"], "dd=s:2;o:synthetics,other=1");
/// ```
#[derive(Debug)]
pub struct HttpPropagator {
    settings: Settings,
    /// The own organisation, as the agent names it.
    marker: Snapshot<Option<Text>>,
}

impl HttpPropagator {
    /// A propagator by the settings of a configuration.
    #[must_use]
    pub fn new(config: &Config) -> Self {
        HttpPropagator { settings: config.into(), marker: Snapshot::default() }
    }

    /// Writes a context as it is: one that came in and is passed on, or one made by hand.
    ///
    /// A context without a trace id writes baggage only, and one without a span id no header of a style
    /// that cannot say so (all but Datadog's).
    pub fn inject_context(&self, context: &SpanContext, carrier: &mut dyn Injector) {
        // There is no span here to say what was left out.
        let _ = self.inject_outgoing(&context.into(), carrier);
    }

    /// Reads the context that came in.
    #[must_use]
    pub fn extract(&self, carrier: &dyn Extractor) -> Option<SpanContext> {
        // Without the guard, or before the agent has said who we are, there is nothing to compare with.
        let marker = self.settings.org_guard.then(|| self.marker.load());
        let marker = marker.as_ref().and_then(|marker| marker.as_deref());
        extract::extract(carrier, &self.settings, marker)
    }

    /// The names of the headers that may be written: those that a carrier with an earlier context is to be
    /// cleared of.
    pub fn fields(&self) -> impl Iterator<Item = &'static str> + '_ {
        Field::of_styles(&self.settings.inject).map(Field::header)
    }

    /// Writes the headers. Where `x-datadog-tags` could not be written, the result says why: it is
    /// `_dd.propagation_error` of the local root.
    pub(crate) fn inject_outgoing(
        &self,
        outgoing: &Outgoing<'_>,
        carrier: &mut dyn Injector,
    ) -> Option<&'static str> {
        let error = block::send(carrier, |draft| self.write_outgoing(outgoing, draft));
        if let Some(baggage) = outgoing.baggage.filter(|_| self.settings.http_baggage) {
            if !self.settings.inject.is_empty() {
                baggage::inject_legacy(baggage, carrier);
            }
        }
        error
    }

    /// Writes all headers but legacy baggage: its names are made of keys, and a draft has known headers only.
    pub(crate) fn write_outgoing(
        &self,
        outgoing: &Outgoing<'_>,
        draft: &mut Draft<'_>,
    ) -> Option<&'static str> {
        if !self.settings.org_guard {
            return inject::inject(outgoing, &self.settings, draft);
        }
        let marker = self.marker.load();
        let outgoing = Outgoing { marker: marker.as_deref(), ..*outgoing };
        inject::inject(&outgoing, &self.settings, draft)
    }

    /// Sets the marker of the own organisation (`org_prop_marker` of the agent's `/info`).
    pub(crate) fn set_org_marker(&self, marker: Option<Text>) {
        self.marker.store(marker);
    }
}

impl Default for HttpPropagator {
    fn default() -> Self {
        Self::new(&Config::builder().environment(Environment::empty()).build())
    }
}

impl Propagator for HttpPropagator {
    fn inject(&self, context: &SpanContext, carrier: &mut dyn Injector) {
        self.inject_context(context, carrier);
    }

    fn extract(&self, carrier: &dyn Extractor) -> Option<SpanContext> {
        HttpPropagator::extract(self, carrier)
    }
}

#[cfg(test)]
mod tests {
    use super::super::names::Field;
    use super::*;
    use crate::config::Style;
    use crate::id::{SpanId, TraceId};
    use crate::trace::{SamplingMechanism, SamplingPriority};
    use proptest::prelude::*;

    const ALL: [Style; 5] =
        [Style::Datadog, Style::TraceContext, Style::B3Single, Style::B3Multi, Style::Baggage];

    fn with_styles(styles: &[Style]) -> HttpPropagator {
        let config = Config::builder().environment(Environment::empty());
        HttpPropagator::new(&config.propagation_styles(styles.iter().copied()).build())
    }

    fn sent(propagator: &HttpPropagator, context: &SpanContext) -> Vec<(String, String)> {
        let mut headers = Vec::new();
        propagator.inject_context(context, &mut headers);
        headers
    }

    /// There and back again.
    fn hop(propagator: &HttpPropagator, context: &SpanContext) -> Option<SpanContext> {
        propagator.extract(&sent(propagator, context))
    }

    #[test]
    fn a_context_that_lacks_ids_is_written_only_where_that_can_be_said() {
        let propagator = with_styles(&ALL);
        let baggage = SpanContext::baggage_only([("a", "1")].into_iter().collect());
        let baggage = baggage.with_priority(SamplingPriority::USER_KEEP).with_origin("rum");
        let no_span = SpanContext::new(TraceId::new(7).unwrap(), None);
        for (context, expected) in [
            (&baggage.with_tag("_dd.p.usr", "1"), &[("baggage", "a=1")][..]),
            (&SpanContext::default(), &[]),
            (&no_span, &[("x-datadog-trace-id", "7"), ("x-datadog-parent-id", "0")]),
        ] {
            let headers = sent(&propagator, context);
            let headers: Vec<_> = headers.iter().map(|(name, value)| (&**name, &**value)).collect();
            assert_eq!(headers, expected);
        }
        assert_eq!(hop(&propagator, &no_span), Some(no_span));
    }

    #[test]
    fn what_ends_a_header_never_gets_into_one() {
        let context = SpanContext::new(TraceId::new(7).unwrap(), SpanId::new(9))
            .with_origin("a\r\nx-evil: 1")
            .with_tag("_dd.p.usr", "b\r\n")
            .with_baggage([("c\n", "d\r")].into_iter().collect());
        let headers = sent(&HttpPropagator::default(), &context);
        assert!(headers.iter().all(|(_, value)| !value.contains(['\r', '\n'])), "{headers:?}");
        assert!(headers.iter().all(|(name, _)| name != "x-datadog-origin"), "{headers:?}");
    }

    #[test]
    fn the_own_organisation_takes_the_place_of_another() {
        let config = Config::builder().environment(Environment::empty()).org_guard(true);
        let propagator = HttpPropagator::new(&config.build());
        let context = SpanContext::new(TraceId::new(7).unwrap(), SpanId::new(9))
            .with_priority(SamplingPriority::USER_KEEP)
            .with_tag("_dd.p.opm", "other");
        let marker = || {
            let headers = sent(&propagator, &context);
            let value = |name: &str| headers.iter().find(|(key, _)| key == name).unwrap().1.clone();
            (value("x-datadog-tags"), value("tracestate"))
        };
        let told = |marker: &str| (format!("_dd.p.opm={marker}"), format!("dd=s:2;t.opm:{marker}"));
        assert_eq!(marker(), told("other"));
        assert_eq!(hop(&propagator, &context), Some(context.clone()));

        propagator.set_org_marker(Some("own".into()));
        assert_eq!(marker(), told("own"));
        let foreign = sent(&HttpPropagator::default(), &context);
        let stripped = propagator.extract(&foreign).unwrap();
        assert_eq!(stripped, SpanContext::new(TraceId::new(7).unwrap(), SpanId::new(9)));
    }

    #[test]
    fn the_fields_are_those_of_the_styles() {
        let fields: Vec<_> = HttpPropagator::default().fields().collect();
        assert_eq!(fields.len(), 8);
        assert!(fields.contains(&"tracestate") && !fields.contains(&"b3"));
    }

    #[test]
    fn hostile_headers_leave_little_behind() {
        let parts = ", ; = : - % ~ @ 0 a \u{e9} a=1, dd=s:1, t.a:b; _dd.p.a=1, %ff a=%41;p=1,";
        let parts: Vec<_> = parts.split(' ').chain([" ", "\t"]).collect();
        let propagator = with_styles(&ALL);
        for field in Field::all().filter(|field| *field != Field::DatadogOrigin) {
            for part in &parts {
                let long = part.repeat(1_000_000 / part.len());
                let carrier = [
                    ("x-datadog-trace-id", "7"),
                    ("traceparent", "00-00000000000000000000000000000007-0000000000000009-01"),
                    (field.header(), &long),
                ];
                let Some(context) = propagator.extract(&carrier) else { continue };
                let kept = format!("{context:?}").len();
                assert!(kept < 32 * 1024, "{} of {part:?}: {kept} bytes", field.header());
            }
        }
    }

    prop_compose! {
        /// What any style can carry. The texts are those that both Datadog's headers and Trace Context
        /// take as they are.
        fn contexts()(
            trace in 1u128..,
            low in 1u64..,
            span in 1u64..,
            priority: i32,
            mechanism: Option<u8>,
            origin in prop::option::of("[!-+\\--:<-}]{1,20}"),
            tags in prop::collection::btree_map("[a-z.]{3,10}", "[!-+\\--:<-}]{1,20}", 0..3),
            vendors in prop::option::of("[a-z]{3,8}=[!-+\\--<>-~]{0,20}(,[a-z]{3}@[a-z]=x){0,3}"),
        ) -> SpanContext {
            let high = (trace >> 64) as u64;
            let trace = TraceId::from_halves(high, low).unwrap();
            let mut context = SpanContext::new(trace, SpanId::new(span))
                .with_priority(SamplingPriority::new(priority));
            context.mechanism = mechanism.map(SamplingMechanism::new);
            context.origin = origin.map(Text::from);
            for (name, value) in tags.into_iter().filter(|(name, _)| *name != "tid") {
                context = context.with_tag(format!("_dd.p.{name}"), value);
            }
            context.vendors = vendors.map(Text::from);
            context
        }
    }

    proptest! {
        #[test]
        fn datadogs_headers_bring_back_all_but_the_tracestate(context in contexts()) {
            let expected = SpanContext { vendors: None, ..context.clone() };
            prop_assert_eq!(hop(&with_styles(&[Style::Datadog]), &context), Some(expected));
        }

        #[test]
        fn trace_context_brings_back_all(context in contexts(), parent in prop::option::of("[0-9a-f]{16}")) {
            let context = SpanContext { last_parent: parent.map(Text::from), ..context };
            prop_assert_eq!(hop(&with_styles(&[Style::TraceContext]), &context), Some(context.clone()));
        }

        #[test]
        fn the_styles_of_the_default_bring_back_all(context in contexts()) {
            let context = SpanContext { probability: Some("rv:ef284ace7a91e1;th:8".into()), ..context };
            prop_assert_eq!(hop(&HttpPropagator::default(), &context), Some(context.clone()));
        }

        #[test]
        fn b3_brings_back_ids_and_decision(context in contexts(), priority in prop::option::of(0..3)) {
            let mut plain = SpanContext::new(context.trace_id.unwrap(), context.span_id);
            plain.priority = priority.map(SamplingPriority::new);
            for style in [Style::B3Single, Style::B3Multi] {
                let sent = SpanContext { priority: plain.priority, ..context.clone() };
                prop_assert_eq!(hop(&with_styles(&[style]), &sent), Some(plain.clone()));
            }
        }

        /// Whatever comes in, what goes out is understood, and stays the same from then on.
        #[test]
        fn any_headers_come_to_rest_after_one_hop(
            headers in prop::collection::vec((0usize..13, header_values()), 0..16),
        ) {
            let headers: Vec<(&str, Vec<u8>)> = headers
                .into_iter()
                .filter_map(|(place, value)| Some((Field::all().nth(place)?.header(), value)))
                .collect();
            let propagator = with_styles(&ALL);
            if let Some(context) = propagator.extract(&headers) {
                let once = hop(&propagator, &context);
                // Baggage may be blank, which is not sent.
                prop_assert!(once.is_some() || context.trace_id.is_none());
                if let Some(once) = once {
                    prop_assert_eq!(once.trace_id, context.trace_id);
                    prop_assert_eq!(once.span_id, context.span_id);
                    prop_assert_eq!(hop(&propagator, &once), Some(once));
                }
            }
        }
    }

    /// Half of them nearly right.
    fn header_values() -> impl Strategy<Value = Vec<u8>> {
        prop_oneof![
            prop::collection::vec(any::<u8>(), 0..40),
            "[0-9]{1,20}".prop_map(String::into_bytes),
            "0[01]-[0-9a-f]{32}-[0-9a-f]{16}-0[0-3]".prop_map(String::into_bytes),
            "([0-9a-f]{16}|[0-9a-f]{32})(-[0-9a-f]{16}(-[01d])?)?".prop_map(String::into_bytes),
            "(_dd\\.p\\.(dm|tid|ts|a)=[-0-9a-f=]{1,17},?){0,4}".prop_map(String::into_bytes),
            "(dd=(s:-?[0-9]|o:[ -~]{0,3}|p:[0-9a-f]{0,16}|t\\.(dm|a|ts):[ -~]{0,4};?){0,4}|ot=(rv|th):[0-9a-f]{0,14}|a=[ -~]{0,5}|,){0,6}"
                .prop_map(String::into_bytes),
            "([a-z%=;, ]{0,3}=[a-f0-9%é]{0,4},?){0,4}".prop_map(String::into_bytes),
        ]
    }
}
