//! `#[main]`: a `main` that begins with the tracer and ends when that has sent what is left.

use proc_macro2::{Span, TokenStream};
use quote::{quote, quote_spanned};
use syn::parse::{Parse, ParseStream};
use syn::{Attribute, Error, Expr, Path, Result, parse_quote};

use crate::function::{Function, tail};
use crate::options::{Once, comma, crate_path, name, value};

const KNOWN: &str =
    "`#[main]` has the options `service`, `env`, `version`, `agent_url`, `builder` and `crate`";

/// What is said in the parentheses of `#[main]`.
#[derive(Default)]
struct Options {
    /// Calls of the builder.
    settings: Vec<(&'static str, Once<Expr>)>,
    builder: Once<Expr>,
    path: Once<Path>,
}

const SETTINGS: [&str; 4] = ["service", "env", "version", "agent_url"];

impl Parse for Options {
    fn parse(input: ParseStream<'_>) -> Result<Self> {
        let mut options = Options::default();
        options.settings.extend(SETTINGS.map(|setting| (setting, Once::default())));
        while !input.is_empty() {
            let name = name(input)?;
            if let Some((_, setting)) =
                options.settings.iter_mut().find(|(setting, _)| name == setting)
            {
                setting.set(&name, value(&name, "\"..\"", input)?)?;
            } else if name == "builder" {
                let example = "tracehound::Tracer::builder()";
                options.builder.set(&name, value(&name, example, input)?)?;
            } else if name == "crate" {
                options.path.set(&name, crate_path(&name, input)?)?;
            } else {
                let message = format!(
                    "there is no option `{name}`. {KNOWN}; all other settings are made by `DD_*` variables, or on a \
                     `builder`"
                );
                return Err(Error::new(name.span(), message));
            }
            comma(input)?;
        }
        Ok(options)
    }
}

/// `main` with a tracer around it.
pub(crate) fn expand(options: TokenStream, item: TokenStream) -> Result<TokenStream> {
    let mut function = Function::parse("main", "put it on `fn main`", item)?;
    let options: Options = syn::parse2(options)?;
    if let Some(constant) = &function.signature.constness {
        return Err(Error::new(constant.span, "`main` cannot be `const`"));
    }
    if !function.signature.inputs.is_empty() {
        return Err(Error::new_spanned(
            &function.signature.inputs,
            "`main` has no arguments; for another function, call `tracehound::init()` in it",
        ));
    }
    let guard = guard(&options)?;
    let here = Span::mixed_site();
    if function.signature.asyncness.is_none() {
        let block = tail(&function.block());
        return Ok(function.with(&quote_spanned! {here=> let _guard = #guard; #block }));
    }
    let inner = take_async_part(&mut function)?;
    let name = &function.signature.ident;
    Ok(function.with(&quote_spanned! {here=>
        #inner
        let _guard = #guard;
        #name()
    }))
}

/// The tracer, installed.
fn guard(options: &Options) -> Result<TokenStream> {
    let here = Span::mixed_site();
    let path = options.path.get().cloned().unwrap_or_else(|| parse_quote!(::tracehound));
    let settings: Vec<_> = options
        .settings
        .iter()
        .filter_map(|(name, value)| Some((syn::Ident::new(name, here), value.get()?)))
        .map(|(name, value)| quote_spanned! {here=> .#name(#value) })
        .collect();
    Ok(match options.builder.get() {
        Some(builder) => quote_spanned! {here=> (#builder) #(#settings)* .install() },
        None => quote_spanned! {here=> #path::Tracer::builder() #(#settings)* .install() },
    })
}

/// Makes of an async `main` a plain one, and returns the async one, which the attribute of a runtime runs, to be put into
/// it: so the tracer ends after the runtime, whose tasks may end spans until then.
fn take_async_part(function: &mut Function) -> Result<TokenStream> {
    let (of_compiler, of_runtime): (Vec<_>, Vec<_>) =
        function.attributes.drain(..).partition(is_of_compiler);
    let Some(asyncness) = function.signature.asyncness.take() else {
        return Ok(TokenStream::new());
    };
    if of_runtime.is_empty() {
        return Err(Error::new(
            asyncness.span,
            "nothing runs this `async fn main`; put the attribute of its runtime below this one, such as \
             `#[tokio::main]`",
        ));
    }
    let signature = &function.signature;
    let block = function.block();
    let inner = quote!(#(#of_runtime)* #asyncness #signature #block);
    function.attributes = of_compiler;
    Ok(inner)
}

/// Attributes that the compiler knows, and tools: those stay at `main`, where they hold for all that is in it.
fn is_of_compiler(attribute: &Attribute) -> bool {
    const KNOWN: [&str; 12] = [
        "allow",
        "cfg",
        "cfg_attr",
        "cold",
        "deny",
        "doc",
        "expect",
        "export_name",
        "forbid",
        "inline",
        "must_use",
        "warn",
    ];
    let path = attribute.path();
    path.get_ident().is_some_and(|name| KNOWN.iter().any(|known| name == known))
        || path
            .segments
            .first()
            .is_some_and(|tool| tool.ident == "clippy" || tool.ident == "rustfmt")
}
