//! What a return type says of a function, as far as it is written there: an alias hides it.

use proc_macro2::{TokenStream, TokenTree};
use syn::{GenericArgument, PathArguments, PathSegment, Type, TypeParamBound, parse_quote};

/// The future that a function returns.
pub(crate) struct ReturnedFuture<'t> {
    /// What it is ready with; `None` for nothing.
    pub(crate) output: Option<&'t Type>,
    pub(crate) is_boxed: bool,
}

/// Recognises `impl Future<..>`, `Pin<Box<dyn Future<..>>>` and the `BoxFuture` and `LocalBoxFuture` of `futures`.
pub(crate) fn future_of(returned: &Type) -> Option<ReturnedFuture<'_>> {
    match returned {
        Type::Group(group) => future_of(&group.elem),
        Type::Paren(paren) => future_of(&paren.elem),
        Type::ImplTrait(bounds) => of_bounds(bounds.bounds.iter(), false),
        _ => match last_segment(returned)? {
            pin if pin.ident == "Pin" => {
                let boxed =
                    last_segment(types(pin).next()?).filter(|boxed| boxed.ident == "Box")?;
                match types(boxed).next()? {
                    Type::TraitObject(object) => of_bounds(object.bounds.iter(), true),
                    _ => None,
                }
            }
            alias if alias.ident == "BoxFuture" || alias.ident == "LocalBoxFuture" => {
                let output = types(alias).next().filter(|output| !is_unit(output));
                Some(ReturnedFuture { output, is_boxed: true })
            }
            _ => None,
        },
    }
}

/// Whether a type is written as a `Result`.
pub(crate) fn is_result(returned: &Type) -> bool {
    last_segment(returned).is_some_and(|segment| segment.ident == "Result")
}

pub(crate) fn is_unit(returned: &Type) -> bool {
    matches!(returned, Type::Tuple(types) if types.elems.is_empty())
}

/// The type as it can be written elsewhere than in the signature: with `_` for each `impl Trait` in it. `None` for `!`.
pub(crate) fn written_again(returned: &Type) -> Option<Type> {
    let mut again = returned.clone();
    infer_opaque(&mut again);
    Some(again).filter(|returned| !matches!(returned, Type::Never(_)))
}

/// Whether there is an `impl Trait` in it.
pub(crate) fn has_opaque(tokens: TokenStream) -> bool {
    tokens.into_iter().any(|token| match token {
        TokenTree::Ident(word) => word == "impl",
        TokenTree::Group(group) => has_opaque(group.stream()),
        _ => false,
    })
}

fn infer_opaque(returned: &mut Type) {
    match returned {
        Type::ImplTrait(_) => *returned = parse_quote!(_),
        Type::Group(group) => infer_opaque(&mut group.elem),
        Type::Paren(paren) => infer_opaque(&mut paren.elem),
        Type::Reference(reference) => infer_opaque(&mut reference.elem),
        Type::Array(array) => infer_opaque(&mut array.elem),
        Type::Tuple(tuple) => tuple.elems.iter_mut().for_each(infer_opaque),
        Type::Path(path) => {
            for segment in &mut path.path.segments {
                if let PathArguments::AngleBracketed(arguments) = &mut segment.arguments {
                    for argument in &mut arguments.args {
                        if let GenericArgument::Type(argument) = argument {
                            infer_opaque(argument);
                        }
                    }
                }
            }
        }
        _ => {}
    }
}

fn of_bounds<'t>(
    mut bounds: impl Iterator<Item = &'t TypeParamBound>,
    is_boxed: bool,
) -> Option<ReturnedFuture<'t>> {
    let future = bounds.find_map(|bound| match bound {
        TypeParamBound::Trait(bound) => {
            bound.path.segments.last().filter(|segment| segment.ident == "Future")
        }
        _ => None,
    })?;
    let output = arguments(future).find_map(|argument| match argument {
        GenericArgument::AssocType(output) if output.ident == "Output" => Some(&output.ty),
        _ => None,
    });
    Some(ReturnedFuture { output: output.filter(|output| !is_unit(output)), is_boxed })
}

fn last_segment(path: &Type) -> Option<&PathSegment> {
    match path {
        Type::Group(group) => last_segment(&group.elem),
        Type::Path(path) => path.path.segments.last(),
        _ => None,
    }
}

fn arguments(segment: &PathSegment) -> impl Iterator<Item = &GenericArgument> {
    let arguments = match &segment.arguments {
        PathArguments::AngleBracketed(arguments) => Some(arguments.args.iter()),
        _ => None,
    };
    arguments.into_iter().flatten()
}

fn types(segment: &PathSegment) -> impl Iterator<Item = &Type> {
    arguments(segment).filter_map(|argument| match argument {
        GenericArgument::Type(argument) => Some(argument),
        _ => None,
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use quote::{ToTokens, quote};

    fn output(returned: &Type) -> Option<(String, bool)> {
        let future = future_of(returned)?;
        Some((future.output.to_token_stream().to_string(), future.is_boxed))
    }

    #[test]
    fn futures_are_recognised_however_they_are_written() {
        let u8_of = |is_boxed| Some((quote!(u8).to_string(), is_boxed));
        assert_eq!(output(&parse_quote!(impl Future<Output = u8> + Send + 'a)), u8_of(false));
        assert_eq!(
            output(&parse_quote!(impl Send + std::future::Future<Output = u8>)),
            u8_of(false)
        );
        assert_eq!(output(&parse_quote!(Pin<Box<dyn Future<Output = u8> + Send>>)), u8_of(true));
        let by_async_trait: Type = parse_quote!(
            ::core::pin::Pin<
                Box<dyn ::core::future::Future<Output = u8> + ::core::marker::Send + 'async_trait>,
            >
        );
        assert_eq!(output(&by_async_trait), u8_of(true));
        assert_eq!(output(&parse_quote!(BoxFuture<'a, u8>)), u8_of(true));
        assert_eq!(output(&parse_quote!(BoxFuture<'a, ()>)), Some((String::new(), true)));
    }

    #[test]
    fn what_is_no_future_is_none() {
        for other in [
            parse_quote!(impl Iterator<Item = u8>),
            parse_quote!(Pin<Box<dyn Iterator<Item = u8>>>),
            parse_quote!(Pin<Box<u8>>),
            parse_quote!(Box<dyn Future<Output = u8>>),
            parse_quote!(&u8),
        ] {
            assert_eq!(output(&other), None);
        }
    }

    #[test]
    fn results_go_by_their_name() {
        assert!(
            is_result(&parse_quote!(Result<(), E>))
                && is_result(&parse_quote!(std::io::Result<u8>))
        );
        assert!(!is_result(&parse_quote!(Option<Result<(), E>>)));
    }

    #[test]
    fn opaque_types_are_left_to_the_compiler() {
        let is = |returned: Type, expected: Option<Type>| {
            let text = |written: Option<Type>| written.to_token_stream().to_string();
            assert_eq!(text(written_again(&returned)), text(expected));
        };
        let plain: Type = parse_quote!(Result<&str, Box<dyn Error + '_>>);
        is(plain.clone(), Some(plain));
        is(parse_quote!(Result<Vec<impl A>, E>), Some(parse_quote!(Result<Vec<_>, E>)));
        is(parse_quote!((u8, [impl Fn() -> u8; 2])), Some(parse_quote!((u8, [_; 2]))));
        is(parse_quote!(!), None);
        assert!(has_opaque(quote!(Result<(impl A,), E>)) && !has_opaque(quote!(Result<A, E>)));
    }
}
