//! Options in the parentheses of an attribute.

use proc_macro2::Span;
use syn::ext::IdentExt;
use syn::parse::{Parse, ParseStream};
use syn::{Error, Ident, Path, Result, Token};

/// An option that is given once at the most.
pub(crate) struct Once<T>(Option<(Span, T)>);

impl<T> Default for Once<T> {
    fn default() -> Self {
        Once(None)
    }
}

impl<T> Once<T> {
    pub(crate) fn set(&mut self, name: &Ident, value: T) -> Result<()> {
        match self.0.replace((name.span(), value)) {
            None => Ok(()),
            Some(_) => Err(Error::new(name.span(), format!("`{name}` is given twice"))),
        }
    }

    pub(crate) fn get(&self) -> Option<&T> {
        self.0.as_ref().map(|(_, value)| value)
    }

    /// Where the option is.
    pub(crate) fn span(&self) -> Option<Span> {
        self.0.as_ref().map(|(span, _)| *span)
    }
}

/// The name of an option, which may be a keyword: `type`, `crate`.
pub(crate) fn name(input: ParseStream<'_>) -> Result<Ident> {
    input.call(Ident::parse_any)
}

/// What stands behind `name =`.
pub(crate) fn value<T: Parse>(name: &Ident, example: &str, input: ParseStream<'_>) -> Result<T> {
    if !input.peek(Token![=]) {
        let message = format!("`{name}` needs a value: `{name} = {example}`");
        return Err(Error::new(name.span(), message));
    }
    input.parse::<Token![=]>()?;
    input.parse()
}

/// The comma behind an option, unless it is the last.
pub(crate) fn comma(input: ParseStream<'_>) -> Result<()> {
    if !input.is_empty() {
        input.parse::<Token![,]>()?;
    }
    Ok(())
}

/// The path of the option `crate`.
pub(crate) fn crate_path(name: &Ident, input: ParseStream<'_>) -> Result<Path> {
    let path = value(name, "my_crate::tracehound", input)?;
    Ok(path)
}
