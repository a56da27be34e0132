//! A function as the attributes see it: its signature is parsed, its body is not.

use proc_macro2::{Delimiter, Group, Ident, Span, TokenStream, TokenTree};
use quote::{ToTokens, quote, quote_spanned};
use syn::parse::{ParseStream, Parser};

use syn::{
    Abi, Attribute, Error, FnArg, Pat, ReceiverKind, Result, ReturnType, Signature, Token, Type,
    Visibility,
};

use crate::returned::is_unit;

/// A function. What its body says is the compiler's to judge, also where that is newer than the parser here.
pub(crate) struct Function {
    pub(crate) attributes: Vec<Attribute>,
    /// Those that the body begins with: `#![allow(..)]`.
    inner_attributes: Vec<Attribute>,
    visibility: Visibility,
    pub(crate) signature: Signature,
    /// What is between the braces.
    pub(crate) statements: TokenStream,
    braces: Span,
}

impl Function {
    /// Parses the item that an attribute is on, and says what to do `otherwise`.
    pub(crate) fn parse(attribute: &str, otherwise: &str, item: TokenStream) -> Result<Self> {
        (|input: ParseStream<'_>| {
            let attributes = input.call(Attribute::parse_outer)?;
            let visibility = input.parse()?;
            if !starts_a_function(input) {
                return Err(input.error(format!("`#[{attribute}]` is for functions; {otherwise}")));
            }
            let signature: Signature = input.parse()?;
            if input.peek(Token![;]) {
                let message = format!(
                    "this function has no body; put `#[{attribute}]` on the one that has, in the `impl`"
                );
                return Err(Error::new(signature.ident.span(), message));
            }
            let body: TokenTree = input.parse()?;
            let TokenTree::Group(body) = body else {
                return Err(Error::new(body.span(), "expected the body of the function"));
            };
            let (inner_attributes, statements) = split(body.stream())?;
            let braces = body.span();
            Ok(Function { attributes, inner_attributes, visibility, signature, statements, braces })
        })
        .parse2(item)
    }

    /// The same function with other statements.
    pub(crate) fn with(&self, statements: &TokenStream) -> TokenStream {
        let Function { attributes, inner_attributes, visibility, signature, .. } = self;
        let body = self.within_braces(quote!(#(#inner_attributes)* #statements));
        quote!(#(#attributes)* #visibility #signature #body)
    }

    /// The body as it was, a block.
    pub(crate) fn block(&self) -> Group {
        self.within_braces(self.statements.clone())
    }

    fn within_braces(&self, statements: TokenStream) -> Group {
        let mut block = Group::new(Delimiter::Brace, statements);
        block.set_span(self.braces);
        block
    }

    /// The arguments that have a name, in their order; `self` is none of them.
    pub(crate) fn named_arguments(&self) -> Vec<&Ident> {
        let named = self.signature.inputs.iter().filter_map(|argument| match argument {
            FnArg::Typed(argument) => name_of(&argument.pat),
            FnArg::Receiver(_) => None,
        });
        named.collect()
    }

    /// The arguments whose destructors run when the function ends, as far as that can be seen; in their order.
    pub(crate) fn owned_arguments(&self) -> Vec<Ident> {
        let owned = self.signature.inputs.iter().filter_map(|argument| match argument {
            FnArg::Receiver(receiver) => matches!(receiver.kind, ReceiverKind::Value)
                .then(|| Ident::new("self", receiver.self_token.span)),
            FnArg::Typed(argument) if matches!(*argument.ty, Type::Reference(_)) => None,
            FnArg::Typed(argument) => name_of(&argument.pat).cloned(),
        });
        owned.collect()
    }

    /// What the function returns, as it is written; `None` for nothing.
    pub(crate) fn returned(&self) -> Option<&Type> {
        match &self.signature.output {
            ReturnType::Type(_, returned) if !is_unit(returned) => Some(returned),
            _ => None,
        }
    }

    pub(crate) fn has_attribute(&self, name: &str) -> bool {
        self.attributes.iter().any(|attribute| attribute.path().is_ident(name))
    }
}

/// A block of the program as the value of a larger one. It stays a block, because items in it follow no statement of
/// ours then, and what its last expression has made lives as long as it did. And no lint takes its braces for needless.
pub(crate) fn tail(block: &impl ToTokens) -> TokenStream {
    quote_spanned! {Span::mixed_site()=> match () { () => #block } }
}

/// Whether a function comes: `fn`, or what may stand before it.
fn starts_a_function(input: ParseStream<'_>) -> bool {
    let ahead = input.fork();
    while ahead.parse::<Token![const]>().is_ok()
        || ahead.parse::<Token![async]>().is_ok()
        || ahead.parse::<Token![unsafe]>().is_ok()
        || ahead.parse::<Abi>().is_ok()
    {}
    ahead.peek(Token![fn])
}

/// Takes the attributes at the beginning of a body out of it.
fn split(body: TokenStream) -> Result<(Vec<Attribute>, TokenStream)> {
    (|input: ParseStream<'_>| Ok((input.call(Attribute::parse_inner)?, input.parse()?)))
        .parse2(body)
}

fn name_of(pattern: &Pat) -> Option<&Ident> {
    match pattern {
        Pat::Ident(name) if name.by_ref.is_none() => Some(&name.ident),
        _ => None,
    }
}
