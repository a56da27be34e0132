//! `#[wrap]`: options and a function in, a function out.

mod body;
mod describe;
mod observe;
mod options;

use proc_macro2::TokenStream;
use syn::{Error, Path, Result, parse_quote};

use crate::function::Function;
use options::Options;

/// The function in a span.
pub(crate) fn expand(options: TokenStream, item: TokenStream) -> Result<TokenStream> {
    let function =
        Function::parse("wrap", "put it on each function or method that is to be a span", item)?;
    if let Some(constant) = &function.signature.constness {
        return Err(Error::new(
            constant.span,
            "a `const fn` may run when the program is compiled, where nothing can be traced; leave `const` out, or \
             wrap the function that calls it",
        ));
    }
    let options: Options = syn::parse2(options)?;
    let path: Path = options.path.get().cloned().unwrap_or_else(|| parse_quote!(::tracehound));
    let call = describe::call(&function, &options, &path)?;
    let statements = body::of(&function, &options, &path, &call)?;
    Ok(function.with(&statements))
}
