//! What only bridges need: libraries that carry another API, or another library's spans, on this core.
//!
//! The OpenTelemetry and OpenTracing bridges stand on this module and on the public API, and on nothing else; so can
//! one of your own. What is here follows the needs of bridges, and may change with a minor version.
//!
//! | to | use |
//! | --- | --- |
//! | defer the conversion of another API's tags to the background | [`DeferredTags`], [`SpanExt::set_deferred_tags`] |
//! | know which keys mean something to the core, and so cannot be deferred | [`SpecialKeys`] |
//! | name spans by their tags, as late as possible | [`NamingFn`], [`DerivedNames`], [`NewSpan`] |
//! | keep what was made of a sampling decision | [`DecisionMark`], [`SpanExt::decision_mark`] |
//! | know what `tracestate` would say of a span | [`TracestateExt`] |
//! | keep a few bits of one's own with a span | [`SpanExt::update_bridge_flags`] |
//! | hand in spans that another library has recorded | [`TracerExt::chunk`], [`ChunkBuilder`], [`RecordedSpan`] |
//! | decide on a trace that another library records | [`TracerExt::sample`], [`SpanContextExt`] |
//! | send under another service, env and version | [`Identity`], [`TracerExt::with_identity`] |
//! | put another store in the place of the threads' stacks | [`replace_context_store`] |
//! | go on in a forked child | [`inherited_context`] |
//! | describe an error elsewhere than on a span | [`ErrorDescription`] |
//! | call code of the program so that no panic of it gets out | [`catch`](catch()) |
//! | count and say what is lost on the way in | [`TracerExt::count_lost`], [`TracerExt::warn_once`] |

pub use crate::catch::catch;
pub use crate::trace::{
    ChunkBuilder, ContextExt, DecisionMark, DeferredTags, DerivedNames, ErrorDescription, NamingFn,
    NewSpan, RecordedSpan, SpanBuilderExt, SpanContextExt, SpanExt, SpecialKeys, inherited_context,
    replace_context_store,
};
pub use crate::tracer::{Identity, TracerBuilderExt, TracerExt, TracestateExt};
