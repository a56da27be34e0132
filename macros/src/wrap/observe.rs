//! What is done with what a function returns: its error marks the span, its value becomes a tag.

use proc_macro2::{Span, TokenStream};
use quote::quote_spanned;
use syn::spanned::Spanned;
use syn::{Error, Path, Result, Type};

use super::options::Options;
use crate::returned::is_result;

/// What is to be looked at.
#[derive(Default)]
pub(crate) struct Observed {
    is_result: bool,
    marks_errors: bool,
    /// The tag of the value.
    tag: Option<String>,
    /// Where the function says what it returns.
    at: Option<Span>,
}

/// The tag of the returned value, unless another is given: as `tracing` has it.
const TAG: &str = "return";

impl Observed {
    /// What the options want of a function that returns this, or whose future is ready with it.
    pub(crate) fn of(returned: Option<&Type>, options: &Options) -> Result<Self> {
        let Some(returned) = returned else {
            let asked = options.err.get().filter(|is_on| **is_on).and(options.err.span());
            return match asked.or(options.ret.span()) {
                Some(at) => {
                    Err(Error::new(at, "this function returns nothing; leave `err` and `ret` out"))
                }
                None => Ok(Observed::default()),
            };
        };
        let marks_errors = options.err.get().copied().unwrap_or_else(|| is_result(returned));
        let tag =
            options.ret.get().map(|tag| tag.as_ref().map_or(TAG.to_owned(), syn::LitStr::value));
        let is_result = marks_errors || is_result(returned);
        Ok(Observed { is_result, marks_errors, tag, at: Some(returned.span()) })
    }

    /// Whether there is nothing to look at.
    pub(crate) fn is_nothing(&self) -> bool {
        !self.marks_errors && self.tag.is_none()
    }

    /// A function of the span and what was returned.
    pub(crate) fn function(&self, path: &Path) -> TokenStream {
        let here = self.at.map_or_else(Span::mixed_site, hidden_at);
        if self.is_nothing() {
            return quote_spanned! {here=> #path::macro_support::nothing_seen };
        }
        let mark = self.marks_errors.then(|| {
            quote_spanned! {here=>
                if let ::core::result::Result::Err(error) = #path::macro_support::Fallible::as_result(returned) {
                    use #path::macro_support::{
                        DebugError as _, DerefError as _, DisplayError as _, OtherError as _, StdError as _,
                    };
                    (&&&&&#path::macro_support::ErrorOf(error)).mark(span);
                }
            }
        });
        let recorded = recorded(path, here);
        let set = self.tag.as_ref().map(|tag| match self.is_result {
            true => quote_spanned! {here=>
                if let ::core::result::Result::Ok(value) = #path::macro_support::Fallible::as_result(returned) {
                    #path::macro_support::set_tag(span, #tag, #recorded);
                }
            },
            false => quote_spanned! {here=>
                let value = returned;
                #path::macro_support::set_tag(span, #tag, #recorded);
            },
        });
        quote_spanned! {here=> |span, returned| { #mark #set } }
    }
}

/// What becomes of `value`, a reference, as a tag.
pub(crate) fn recorded(path: &Path, here: Span) -> TokenStream {
    quote_spanned! {here=>
        {
            use #path::macro_support::{
                ClonedValue as _, CopiedValue as _, DebugValue as _, DisplayValue as _, OtherValue as _,
                RefCopiedValue as _, RefValue as _,
            };
            (&&&&&&&#path::macro_support::ValueOf(value)).recorded()
        }
    }
}

/// Where the compiler is to show what it does not like of the code written here, whose names the program does not see.
pub(crate) fn hidden_at(place: Span) -> Span {
    Span::mixed_site().located_at(place)
}
