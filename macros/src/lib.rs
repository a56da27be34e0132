//! The attributes `wrap` and `main` of [`tracehound`](https://docs.rs/tracehound), which re-exports them: depend on that.

mod function;
mod main_function;
mod options;
mod returned;
mod wrap;

use proc_macro::TokenStream;

/// Traces a whole function: each call of it is a span.
///
/// ```
/// #[tracehound::wrap]
/// fn sort(numbers: &mut [u32]) {
///     numbers.sort_unstable();
/// }
/// # sort(&mut []);
/// ```
#[proc_macro_attribute]
pub fn wrap(options: TokenStream, item: TokenStream) -> TokenStream {
    finish(wrap::expand(options.into(), item.clone().into()), item)
}

/// Starts the tracer before `main`, and sends what is left after it.
#[proc_macro_attribute]
pub fn main(options: TokenStream, item: TokenStream) -> TokenStream {
    finish(main_function::expand(options.into(), item.clone().into()), item)
}

/// Where something is wrong the function stays as it was, so that this is all that the compiler has to say.
fn finish(expanded: syn::Result<proc_macro2::TokenStream>, item: TokenStream) -> TokenStream {
    expanded.map(TokenStream::from).unwrap_or_else(|error| {
        let mut tokens = TokenStream::from(error.into_compile_error());
        tokens.extend(item);
        tokens
    })
}
