//! The bodies that wrapped functions get, by what kind of function it is.

use proc_macro2::{Ident, Span, TokenStream, TokenTree};
use quote::{ToTokens, quote, quote_spanned};
use syn::{Block, Expr, ExprAsync, Path, Result, Stmt, Type};

use super::observe::Observed;
use super::options::Options;
use crate::function::{Function, tail};
use crate::returned::{future_of, has_opaque, written_again};

/// The statements of the wrapped function.
pub(crate) fn of(
    function: &Function,
    options: &Options,
    path: &Path,
    call: &TokenStream,
) -> Result<TokenStream> {
    let returned = function.returned();
    if function.signature.asyncness.is_some() {
        let observed = Observed::of(returned, options)?;
        return Ok(of_async(function, &observed, path, call));
    }
    if let Some(future) = returned.and_then(future_of) {
        let seen = Observed::of(future.output, options)?.function(path);
        if let Some(boxed) = future.is_boxed.then(|| boxed_block(function)).flatten() {
            return Ok(of_boxed_block(boxed, future.output, &seen, path, call));
        }
        return Ok(of_future(function, future.is_boxed, &seen, path, call));
    }
    let observed = Observed::of(returned, options)?;
    let is_opaque = returned.is_some_and(|returned| has_opaque(returned.to_token_stream()));
    if observed.is_nothing() && (is_opaque || function.has_attribute("track_caller")) {
        return Ok(of_guarded(function, call));
    }
    Ok(of_plain(function, &observed, path, call))
}

/// A plain function, as a closure that an executor can be given.
///
/// The closure borrows the arguments that are not moved in it, so that they are dropped when and as they were.
fn of_plain(
    function: &Function,
    observed: &Observed,
    path: &Path,
    call: &TokenStream,
) -> TokenStream {
    let here = Span::mixed_site();
    let body = closure(function, function.returned());
    if observed.is_nothing() {
        return quote_spanned! {here=> #call.run(#body) };
    }
    let seen = observed.function(path);
    quote_spanned! {here=> #call.run_and(#body, #seen) }
}

/// The body as a closure, which says what it returns as far as that can be said.
fn closure(function: &Function, returned: Option<&Type>) -> TokenStream {
    let here = Span::mixed_site();
    let returned = returned.and_then(written_again);
    let returned = returned.map(|returned| quote_spanned! {here=> -> #returned });
    let block = tail(&function.block());
    quote_spanned! {here=> || #returned { #block } }
}

/// A function that cannot be a closure: a closure does not know what `impl Trait` it is to return, nor who has called.
///
/// A lone expression stands as it is, because a lint takes braces around it for needless, and within a `match` nothing
/// would tell it of the `impl Trait` either.
fn of_guarded(function: &Function, call: &TokenStream) -> TokenStream {
    let here = Span::mixed_site();
    let body = match is_lone_expression(&function.statements) {
        true => function.statements.clone(),
        false => function.block().into_token_stream(),
    };
    quote_spanned! {here=>
        let _span = #call.enter();
        #body
    }
}

fn is_lone_expression(statements: &TokenStream) -> bool {
    let mut tokens = statements.clone().into_iter();
    !tokens.any(|token| matches!(token, TokenTree::Punct(sign) if sign.as_char() == ';'))
}

fn of_async(
    function: &Function,
    observed: &Observed,
    path: &Path,
    call: &TokenStream,
) -> TokenStream {
    let here = Span::mixed_site();
    let typed = typed_return(function.returned());
    let order = drop_order(function);
    let block = tail(&function.block());
    let seen = observed.function(path);
    quote_spanned! {here=>
        #path::macro_support::WrappedFuture::new(
            #call,
            async move { #typed #order #block },
            #seen,
        ).await
    }
}

/// A function that returns a future it makes: the span is that of the future, not of its making.
fn of_future(
    function: &Function,
    is_boxed: bool,
    seen: &TokenStream,
    path: &Path,
    call: &TokenStream,
) -> TokenStream {
    let here = Span::mixed_site();
    let body = closure(function, function.returned().filter(|_| is_boxed));
    let future = quote_spanned! {here=>
        let call = #call;
        let future = #path::macro_support::once(#body);
    };
    let wrapped = quote_spanned! {here=>
        #path::macro_support::WrappedFuture::new(call, future, #seen)
    };
    match is_boxed {
        true => quote_spanned! {here=> #future ::std::boxed::Box::pin(#wrapped) },
        false => quote_spanned! {here=> #future #wrapped },
    }
}

/// A function that can only end with its last expression, and that one is `Box::pin(async move { .. })`, as
/// `async_trait` writes them.
struct BoxedBlock {
    before: Vec<Stmt>,
    /// `Box::pin`
    pin: Expr,
    block: ExprAsync,
}

fn boxed_block(function: &Function) -> Option<BoxedBlock> {
    let block = function.block();
    let Block { stmts: mut before, .. } = syn::parse2(quote!(#block)).ok()?;
    let Some(Stmt::Expr(Expr::Call(mut call), None)) = before.pop() else { return None };
    if may_return(quote!(#(#before)*)) {
        return None;
    }
    let Expr::Path(pin) = &*call.func else { return None };
    let mut names = pin.path.segments.iter().rev();
    let is_pin = names.next()?.ident == "pin" && names.next()?.ident == "Box";
    match call.args.pop()? {
        Expr::Async(block) if is_pin && call.args.is_empty() => {
            Some(BoxedBlock { before, pin: *call.func, block })
        }
        _ => None,
    }
}

/// Whether there may be another way out than to the last expression: `return`, `?`, or a macro, in which one may be.
fn may_return(statements: TokenStream) -> bool {
    statements.into_iter().any(|token| match token {
        TokenTree::Ident(word) => word == "return",
        TokenTree::Punct(sign) => matches!(sign.as_char(), '?' | '!'),
        TokenTree::Group(group) => may_return(group.stream()),
        TokenTree::Literal(_) => false,
    })
}

/// The block goes into the span within its box, so that no second box is needed.
fn of_boxed_block(
    BoxedBlock { before, pin, block }: BoxedBlock,
    output: Option<&Type>,
    seen: &TokenStream,
    path: &Path,
    call: &TokenStream,
) -> TokenStream {
    let here = Span::mixed_site();
    let ExprAsync { attrs, capture, block, .. } = block;
    let typed = typed_return(output);
    let block = tail(&block);
    quote_spanned! {here=>
        #(#before)*
        #pin(#(#attrs)* async #capture {
            #path::macro_support::WrappedFuture::new(
                #call,
                async #capture { #typed #block },
                #seen,
            ).await
        })
    }
}

/// Tells the compiler what a block is ready with, which cannot be written at a block.
fn typed_return(output: Option<&Type>) -> Option<TokenStream> {
    let here = Span::mixed_site();
    output.and_then(written_again).map(|output| {
        quote_spanned! {here=>
            #[allow(unreachable_code, clippy::all, clippy::pedantic)]
            if let ::core::option::Option::Some(never) = ::core::option::Option::None::<#output> {
                return never;
            }
        }
    })
}

/// A block drops what it has captured in the order in which it is first named there, a function its arguments from the
/// last to the first; so they are named in that order.
fn drop_order(function: &Function) -> Option<TokenStream> {
    let here = Span::mixed_site();
    let mut arguments = function.owned_arguments();
    arguments.retain(|argument| names(function.statements.clone(), argument));
    arguments.reverse();
    (arguments.len() > 1).then(|| quote_spanned! {here=> let _ = (#(&#arguments),*); })
}

/// Whether a name occurs. Others must not be named, or nobody would be told that they are not used.
fn names(tokens: TokenStream, name: &Ident) -> bool {
    tokens.into_iter().any(|token| match token {
        TokenTree::Ident(other) => other == *name,
        TokenTree::Group(group) => names(group.stream(), name),
        _ => false,
    })
}
