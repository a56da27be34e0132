//! The attributes `wrap` and `main` of [`tracehound`](https://github.com/tracehound/tracehound), which re-exports them
//! with its feature `macros` (by default). Depend on that crate, not on this one.

mod function;
mod main_function;
mod options;
mod returned;
mod wrap;

use proc_macro::TokenStream;

/// Traces a function: each call of it is a span, active while the function runs, and a child of what is active.
///
/// ```
/// #[tracehound::wrap]
/// fn sort(numbers: &mut [u32]) {
///     numbers.sort_unstable();
/// }
///
/// #[tracehound::wrap("my.wrapped.function", service = "my.service", fields(user))]
/// async fn run(user: &str) -> Result<usize, std::num::ParseIntError> {
///     let id = user.parse()?;                                 // an error of which marks the span
///     if let Some(span) = tracehound::current_span() {        // the span of this call
///         span.set_tag("a", "b");
///     }
///     Ok(id)
/// }
/// # sort(&mut []);
/// # drop(run(""));
/// ```
///
/// The tracer is that of the process ([`tracehound::init`]); without one the function does what it did, for a branch.
/// With `service`, `resource`, `type`, `kind`, `fields` or `args` the call costs what a `SpanBuilder` costs, and else no
/// more than `in_span`.
///
/// # Options
///
/// | option | meaning | default |
/// | --- | --- | --- |
/// | `"name"` or `name = ..` | the name of the span | path and name of the function, see below |
/// | `service = ..` | the service | the parent's |
/// | `resource = ..` | the resource | the name |
/// | `type = ..` (or `span_type`) | the type: `"web"`, `"sql"`, .. | none |
/// | `kind = ..` | `"internal"`, `"server"`, `"client"`, `"producer"`, `"consumer"`, or a `SpanKind` | none |
/// | `fields(tag = expression, ..)` | tags. A key is a word, words with dots (`http.method = ..`) or a text (`"any key" = ..`); `fields(user)` is short for `fields(user = user)` | none |
/// | `args` | every argument that has a name becomes a tag of that name; `self` does not, nor do patterns | off: arguments may be secret |
/// | `skip(argument, ..)` | with `args`: but not these | |
/// | `err`, `err = false` | whether an `Err` marks the span as an error | on where the return type is written as `Result` |
/// | `ret`, `ret = "tag"` | what the function returns becomes a tag, `return` unless another is given; of a `Result` the value of `Ok` | off |
/// | `crate = path` | where `tracehound` is, if it is not `::tracehound` | |
///
/// Values of options are expressions. They can use the arguments and `self`, are evaluated before the span starts and
/// only where there is a tracer, and cannot contain `?`, `return` or `.await`. Where the function is `async` or returns a
/// `Pin<Box<..>>` of an `async` block, they are evaluated when that first runs.
///
/// **Values of tags** are what `SpanRef::set_tag` takes: numbers stay numbers, also behind a reference. Any other value is
/// recorded as its `Display`, and one without that as its `Debug`; one with neither is not compiled. A panic of those is
/// caught and counted.
///
/// **Errors** are marked as by `SpanRef::set_error`, with their sources, where they are `std::error::Error` or lead to
/// one, as a `Box<dyn Error>` or an `anyhow::Error` does. Those of other types have their type, and the text of their
/// `Display` or `Debug`. In a generic function only what its bounds promise is known.
///
/// # The name
///
/// The path of the module, and the function: `shop::cart::load`. It is put together when the program is compiled. The
/// type of a method is not part of it, as in `ddtrace`, because an attribute on a method does not see the type:
/// where two types of a module have methods of one name, give at least one a `name`. Datadog shows names of operations
/// with other characters than letters, digits and dots replaced, so this one as `shop_cart_load`; the resource stays as it
/// is.
///
/// # Functions
///
/// | function | the span |
/// | --- | --- |
/// | plain ones, methods, generic ones, `unsafe`, `extern` | from the call to the return; arguments that were not moved are dropped after it |
/// | `async fn` | from the first poll until it is done or dropped; active only while it is polled |
/// | those that return `impl Future`, `Pin<Box<dyn Future>>`, `BoxFuture`; methods of `async_trait` | the same, of that future. What such a function does before it returns the future is not in the span |
/// | those that return another `impl Trait` | from the call to the return, not while the returned value is used |
/// | `const fn` | cannot be wrapped |
///
/// Signatures, lifetimes, attributes and lints stay what they were, and so do the order in which values are dropped (but for
/// arguments that are moved on some paths only, and those of an `async fn` that its body does not name) and,
/// with `#[track_caller]`, the caller's location, unless `err` or `ret` is wanted there. There is no allocation but the
/// span's own, except that a function which returns a `Pin<Box<dyn Future>>` of anything but one `async` block has its
/// future boxed once more.
///
/// A [`WrapExecutor`] takes the place of all of this. `wrap_fn` is the same for a closure.
///
/// [`tracehound::init`]: https://github.com/tracehound/tracehound/blob/main/docs/guide.md#quick-start
/// [`WrapExecutor`]: https://github.com/tracehound/tracehound/blob/main/docs/guide.md#whole-functions
#[proc_macro_attribute]
pub fn wrap(options: TokenStream, item: TokenStream) -> TokenStream {
    finish(wrap::expand(options.into(), item.clone().into()), item)
}

/// Starts the tracer before `main`, and sends what is left after it: `let _guard = tracehound::init();` at its beginning.
///
/// ```no_run
/// #[tracehound::main(service = "shop")]
/// fn main() {
///     tracehound::in_span("main", |_| println!("traced"));
/// }
/// ```
///
/// With a runtime, it stands above or below the attribute of that, which runs the `async fn`:
///
/// ```no_run
/// #[tracehound::main]
/// #[tokio::main]
/// async fn main() -> Result<(), std::io::Error> {
///     Ok(())
/// }
/// ```
///
/// The tracer ends after the runtime, whose tasks may still end spans when they are dropped. What `main` returns, a
/// `Result` or an `ExitCode`, is returned after that. How long that waits, and what `std::process::exit` and signals do,
/// is said at `TracerGuard`.
///
/// # Options
///
/// | option | meaning |
/// | --- | --- |
/// | `service`, `env`, `version`, `agent_url` | these settings; they win over the environment (`DD_SERVICE` and so on) |
/// | `builder = expression` | a `TracerBuilder` with any others; the settings above are added to it |
/// | `crate = path` | where `tracehound` is, if it is not `::tracehound` |
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
