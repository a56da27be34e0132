//! Values that a wrapped function records as tags, of whatever type: the compiler picks the first of these traits that
//! fits, as for errors. So numbers are numbers, and what is no tag value is what it displays.

use std::fmt::{self, Debug, Display};
use std::marker::PhantomData;

use crate::text::Text;
use crate::trace::{SpanBuilder, SpanRef, TagValue};

/// A value of a type that is not known here.
#[derive(Debug)]
pub struct ValueOf<'v, T: ?Sized>(pub &'v T);

/// What becomes of a value.
pub enum Recorded<'v> {
    Value(TagValue<'v>),
    Displayed(&'v dyn Display),
    Debugged(&'v dyn Debug),
}

impl Debug for Recorded<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Recorded")
    }
}

/// Adds a tag to the description of a span.
pub fn tag<'t, 'v>(
    span: SpanBuilder<'t>,
    key: &'static str,
    value: impl Into<Recorded<'v>>,
) -> SpanBuilder<'t> {
    let key = Text::literal(key);
    match value.into() {
        Recorded::Value(value) => span.tag(key, value),
        Recorded::Displayed(value) => span.shown_tag(key, format_args!("{value}")),
        Recorded::Debugged(value) => span.shown_tag(key, format_args!("{value:?}")),
    }
}

/// Sets a tag of a span.
pub fn set_tag<'v>(span: &SpanRef, key: &'static str, value: impl Into<Recorded<'v>>) {
    let key = Text::literal(key);
    match value.into() {
        Recorded::Value(value) => span.set_tag(key, value),
        Recorded::Displayed(value) => span.set_shown_tag(key, format_args!("{value}")),
        Recorded::Debugged(value) => span.set_shown_tag(key, format_args!("{value:?}")),
    }
}

/// Numbers, booleans, `&str`, and options of them.
pub trait CopiedValue<'v> {
    fn recorded(&self) -> Recorded<'v>;
}

impl<'v, T: Copy + Into<TagValue<'v>>> CopiedValue<'v> for &&&&&&ValueOf<'_, T> {
    fn recorded(&self) -> Recorded<'v> {
        Recorded::Value((*self.0).into())
    }
}

/// References to them.
pub trait RefCopiedValue<'v> {
    fn recorded(&self) -> Recorded<'v>;
}

impl<'v, T: Copy + Into<TagValue<'v>>> RefCopiedValue<'v> for &&&&&ValueOf<'_, &T> {
    fn recorded(&self) -> Recorded<'v> {
        Recorded::Value((**self.0).into())
    }
}

/// What a reference to it is enough for: a `String`.
pub trait RefValue<'v> {
    fn recorded(&self) -> Recorded<'v>;
}

impl<'v, T: ?Sized> RefValue<'v> for &&&&ValueOf<'v, T>
where
    &'v T: Into<TagValue<'v>>,
{
    fn recorded(&self) -> Recorded<'v> {
        Recorded::Value(self.0.into())
    }
}

/// Lists.
pub trait ClonedValue<'v> {
    fn recorded(&self) -> Recorded<'v>;
}

impl<'v, T: Clone + Into<TagValue<'v>>> ClonedValue<'v> for &&&ValueOf<'_, T> {
    fn recorded(&self) -> Recorded<'v> {
        Recorded::Value(self.0.clone().into())
    }
}

/// What can be displayed.
pub trait DisplayValue<'v> {
    fn recorded(&self) -> Recorded<'v>;
}

impl<'v, T: Display> DisplayValue<'v> for &&ValueOf<'v, T> {
    fn recorded(&self) -> Recorded<'v> {
        Recorded::Displayed(self.0)
    }
}

/// What can only be debugged.
pub trait DebugValue<'v> {
    fn recorded(&self) -> Recorded<'v>;
}

impl<'v, T: Debug> DebugValue<'v> for &ValueOf<'v, T> {
    fn recorded(&self) -> Recorded<'v> {
        Recorded::Debugged(self.0)
    }
}

/// Anything else, of which the compiler says why it is nothing.
pub trait OtherValue {
    type Value: ?Sized;
    fn recorded(&self) -> Unrecordable<Self::Value>;
}

impl<T: ?Sized> OtherValue for ValueOf<'_, T> {
    type Value = T;

    fn recorded(&self) -> Unrecordable<T> {
        Unrecordable(PhantomData)
    }
}

/// A value that is no tag, and cannot be made one.
#[derive(Debug)]
pub struct Unrecordable<T: ?Sized>(PhantomData<T>);

/// No type is.
#[diagnostic::on_unimplemented(
    message = "`#[wrap]` cannot record a `{Self}` as a tag",
    label = "is no tag value, and has neither `Display` nor `Debug`",
    note = "leave an argument out by `#[wrap(args, skip(argument))]`; record what a value is about by \
            `#[wrap(fields(tag = expression))]`"
)]
pub trait Taggable {}

impl<'v, T: Taggable + ?Sized> From<Unrecordable<T>> for Recorded<'v> {
    fn from(_: Unrecordable<T>) -> Self {
        Recorded::Value(TagValue::None)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing;

    /// What a value leaves as the tag `value`.
    macro_rules! recorded {
        ($value:expr) => {{
            let (tracer, captured) = testing::tracer();
            let value = $value;
            drop(tag(tracer.span("built"), "value", (&&&&&&&ValueOf(&value)).recorded()).start());
            set_tag(&tracer.trace("set"), "value", (&&&&&&&ValueOf(&value)).recorded());
            let (built, set) = (captured.span("built"), captured.span("set"));
            assert_eq!((&built.tags, &built.metrics), (&set.tags, &set.metrics));
            captured.tree().lines().next().unwrap_or_default().replacen("built ", "", 1)
        }};
    }

    #[derive(Debug)]
    struct Order(#[expect(dead_code, reason = "for its `Debug`")] u8);

    struct Panics;

    impl Display for Panics {
        fn fmt(&self, _: &mut fmt::Formatter<'_>) -> fmt::Result {
            panic!("no text")
        }
    }

    #[test]
    fn every_type_of_value_is_recorded_as_what_it_is() {
        assert_eq!(recorded!(17_u8), "value=17");
        assert_eq!(recorded!(&17_i64), "value=17");
        assert_eq!(recorded!(true), "value=true");
        assert_eq!(recorded!("words"), "value=words");
        assert_eq!(recorded!(String::from("words")), "value=words");
        assert_eq!(recorded!(&String::from("words")), "value=words");
        assert_eq!(recorded!(Some(2.5)), "value=2.5");
        assert_eq!(recorded!(None::<u8>), "built");
        assert_eq!(recorded!(vec![1, 2]), "value.0=1 value.1=2");
        assert_eq!(recorded!(std::net::Ipv4Addr::LOCALHOST), "value=127.0.0.1");
        assert_eq!(recorded!(Order(7)), "value=Order(7)");
        assert_eq!(recorded!(&Order(7)), "value=Order(7)");
    }

    #[test]
    fn a_value_that_panics_leaves_the_function_alone() {
        let (tracer, captured) = testing::tracer();
        let panics = &&&&&&ValueOf(&Panics);
        set_tag(&tracer.trace("set"), "value", panics.recorded());
        assert_eq!(tracer.caught_panics(), 1);
        assert!(captured.span("set").tags.contains_key("value"));
    }
}
