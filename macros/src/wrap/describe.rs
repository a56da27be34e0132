//! The begin of a call: its name, and what else its span is to have.

use proc_macro2::{Span, TokenStream};
use quote::quote_spanned;
use syn::ext::IdentExt;
use syn::spanned::Spanned;
use syn::{Error, Expr, ExprLit, Ident, Lit, LitStr, Path, Result};

use super::observe::{hidden_at, recorded};
use super::options::{Field, Options};
use crate::function::Function;

/// The kinds of spans, and their names in Rust.
const KINDS: [(&str, &str); 5] = [
    ("internal", "Internal"),
    ("server", "Server"),
    ("client", "Client"),
    ("producer", "Producer"),
    ("consumer", "Consumer"),
];

/// An expression for the call of a function.
pub(crate) fn call(function: &Function, options: &Options, path: &Path) -> Result<TokenStream> {
    let here = Span::mixed_site();
    let name = match options.name.get() {
        Some(name) => match literal(name) {
            Some(name) => quote_spanned! {here=> #path::macro_support::Literal(#name) },
            None => quote_spanned! {here=> #name },
        },
        None => {
            let name = function.signature.ident.unraw().to_string();
            quote_spanned! {here=>
                #path::macro_support::Literal(
                    ::core::concat!(::core::module_path!(), "::", #name)
                )
            }
        }
    };
    let said = said(function, options, path)?;
    let call = quote_spanned! {here=> #path::macro_support::call(#name) };
    if said.is_empty() {
        return Ok(call);
    }
    Ok(quote_spanned! {here=>
        #call.describe(|span| {
            #(let span = #said;)*
            span
        })
    })
}

/// What makes of `span` one that has more.
fn said(function: &Function, options: &Options, path: &Path) -> Result<Vec<TokenStream>> {
    let here = Span::mixed_site();
    let mut said = Vec::new();
    for (method, value) in [
        ("service", options.service.get()),
        ("resource", options.resource.get()),
        ("span_type", options.span_type.get()),
    ] {
        let method = Ident::new(method, here);
        let value = value.map(|value| text(value, path));
        said.extend(value.map(|value| quote_spanned! {here=> span.#method(#value) }));
    }
    if let Some(kind) = options.kind.get() {
        let kind = self::kind(kind, path)?;
        said.push(quote_spanned! {here=> span.kind(#kind) });
    }
    for argument in recorded_arguments(function, options)? {
        let value = syn::parse_quote!(#argument);
        said.push(tag(&Field { key: argument.unraw().to_string(), value }, path));
    }
    said.extend(options.fields.get().into_iter().flatten().map(|field| tag(field, path)));
    Ok(said)
}

/// A literal as one, anything else as it is.
fn text(value: &Expr, path: &Path) -> TokenStream {
    let here = Span::mixed_site();
    match literal(value) {
        Some(literal) => quote_spanned! {here=> #path::Text::literal(#literal) },
        None => quote_spanned! {here=> #value },
    }
}

fn kind(value: &Expr, path: &Path) -> Result<TokenStream> {
    let here = Span::mixed_site();
    let Some(literal) = literal(value) else { return Ok(quote_spanned! {here=> #value }) };
    let (_, variant) =
        KINDS.iter().find(|(name, _)| *name == literal.value()).ok_or_else(|| {
            let known = KINDS.map(|(name, _)| format!("\"{name}\"")).join(", ");
            let message =
                format!("there is no kind {:?}: {known}, or a `SpanKind`", literal.value());
            Error::new(literal.span(), message)
        })?;
    let variant = Ident::new(variant, here);
    Ok(quote_spanned! {here=> #path::SpanKind::#variant })
}

fn tag(Field { key, value }: &Field, path: &Path) -> TokenStream {
    let here = hidden_at(value.span());
    let recorded = recorded(path, here);
    quote_spanned! {here=>
        match &(#value) {
            value => #path::macro_support::tag(span, #key, #recorded),
        }
    }
}

/// The arguments that become tags.
fn recorded_arguments<'f>(function: &'f Function, options: &Options) -> Result<Vec<&'f Ident>> {
    let arguments = function.named_arguments();
    let skipped = options.skip.get().map(Vec::as_slice).unwrap_or_default();
    if !options.args.get().copied().unwrap_or_default() {
        return match options.skip.span() {
            Some(at) => Err(Error::new(
                at,
                "arguments are not recorded unless `args` says so: write `args, skip(..)`, or leave `skip` out",
            )),
            None => Ok(Vec::new()),
        };
    }
    if let Some(unknown) = skipped.iter().find(|name| !arguments.contains(name) && *name != "self")
    {
        let known: Vec<_> = arguments.iter().map(|name| format!("`{name}`")).collect();
        let message = match &*known {
            [] => format!("there is no argument `{unknown}`, nor any other that has a name"),
            _ => format!("there is no argument `{unknown}`; there are {}", known.join(", ")),
        };
        return Err(Error::new(unknown.span(), message));
    }
    Ok(arguments.into_iter().filter(|name| !skipped.contains(name)).collect())
}

/// A text that stands there.
fn literal(value: &Expr) -> Option<&LitStr> {
    match value {
        Expr::Lit(ExprLit { lit: Lit::Str(literal), .. }) => Some(literal),
        Expr::Group(group) => literal(&group.expr),
        _ => None,
    }
}
