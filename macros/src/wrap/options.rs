//! The options of `#[wrap]`.

use proc_macro2::{Ident, Span};
use syn::parse::{Parse, ParseStream};
use syn::punctuated::Punctuated;
use syn::{Error, Expr, LitBool, LitStr, Path, Result, Token, parenthesized};

use crate::options::{Once, comma, crate_path, name, value};

const KNOWN: &str = "`#[wrap]` has the options `name`, `service`, `resource`, `type`, `kind`, `fields(..)`, `args`, \
                     `skip(..)`, `err`, `ret` and `crate`";

/// What is said in the parentheses of `#[wrap]`.
#[derive(Default)]
pub(crate) struct Options {
    pub(crate) name: Once<Expr>,
    pub(crate) service: Once<Expr>,
    pub(crate) resource: Once<Expr>,
    pub(crate) span_type: Once<Expr>,
    pub(crate) kind: Once<Expr>,
    pub(crate) fields: Once<Vec<Field>>,
    /// Whether the arguments are recorded.
    pub(crate) args: Once<bool>,
    /// Which of them are not.
    pub(crate) skip: Once<Vec<Ident>>,
    pub(crate) err: Once<bool>,
    /// The tag of the returned value.
    pub(crate) ret: Once<Option<LitStr>>,
    pub(crate) path: Once<Path>,
}

impl Parse for Options {
    fn parse(input: ParseStream<'_>) -> Result<Self> {
        let mut options = Options::default();
        if input.peek(LitStr) {
            let text: LitStr = input.parse()?;
            let name = Ident::new("name", text.span());
            options.name.set(&name, syn::parse_quote!(#text))?;
            comma(input)?;
        }
        while !input.is_empty() {
            options.parse_one(input)?;
            comma(input)?;
        }
        Ok(options)
    }
}

impl Options {
    fn parse_one(&mut self, input: ParseStream<'_>) -> Result<()> {
        let name = name(input)?;
        match &*name.to_string() {
            "name" => self.name.set(&name, value(&name, "\"cart.load\"", input)?),
            "service" => self.service.set(&name, value(&name, "\"carts\"", input)?),
            "resource" => self.resource.set(&name, value(&name, "\"GET /cart\"", input)?),
            "type" | "span_type" => self.span_type.set(&name, value(&name, "\"web\"", input)?),
            "kind" => self.kind.set(&name, value(&name, "\"server\"", input)?),
            "fields" => {
                let fields = in_parentheses::<Field>(&name, "`fields(tag = expression)`", input)?;
                self.fields.set(&name, fields)
            }
            "args" => self
                .args
                .set(&name, switch(&name, "what to leave out goes into `skip(..)`", input)?),
            "skip" => {
                let skipped = in_parentheses(&name, "`skip(argument)`, beside `args`", input)?;
                self.skip.set(&name, skipped)
            }
            "err" => self.err.set(&name, switch(&name, "an error is marked as what it is", input)?),
            "ret" => {
                let tag = if input.peek(Token![=]) {
                    Some(value(&name, "\"tag\"", input)?)
                } else {
                    None
                };
                self.ret.set(&name, tag)
            }
            "crate" => self.path.set(&name, crate_path(&name, input)?),
            "skip_all" => Err(Error::new(
                name.span(),
                "arguments are not recorded unless `args` says so; leave `skip_all` out",
            )),
            "span_name" | "operation" => Err(Error::new(name.span(), "write `name = \"..\"`")),
            "tags" | "meta" => Err(Error::new(name.span(), "write `fields(tag = expression)`")),
            "level" | "target" | "parent" | "follows_from" => {
                Err(Error::new(name.span(), format!("spans have no `{name}` here. {KNOWN}")))
            }
            _ => Err(Error::new(name.span(), format!("there is no option `{name}`. {KNOWN}"))),
        }
    }
}

/// `name`, `name = true`, `name = false`.
fn switch(name: &Ident, why_no_list: &str, input: ParseStream<'_>) -> Result<bool> {
    if input.peek(syn::token::Paren) {
        let message = format!("`{name}` is on or off: `{name}`, `{name} = false`; {why_no_list}");
        return Err(Error::new(name.span(), message));
    }
    if input.peek(Token![=]) {
        return Ok(value::<LitBool>(name, "false", input)?.value);
    }
    Ok(true)
}

/// What is listed behind a name.
fn in_parentheses<T: Parse>(name: &Ident, form: &str, input: ParseStream<'_>) -> Result<Vec<T>> {
    if !input.peek(syn::token::Paren) {
        return Err(Error::new(name.span(), format!("`{name}` is a list: {form}")));
    }
    let list;
    parenthesized!(list in input);
    Ok(Punctuated::<T, Token![,]>::parse_terminated(&list)?.into_iter().collect())
}

/// A tag: `a = expression`, `http.method = expression`, `"any text" = expression`, or `argument`, which is short for
/// `argument = argument`.
pub(crate) struct Field {
    pub(crate) key: String,
    pub(crate) value: Expr,
}

impl Parse for Field {
    fn parse(input: ParseStream<'_>) -> Result<Self> {
        if input.peek(Token![%]) || input.peek(Token![?]) {
            return Err(sigil(input.span()));
        }
        if input.peek(LitStr) {
            let key: LitStr = input.parse()?;
            input.parse::<Token![=]>()?;
            return Ok(Field { key: key.value(), value: field_value(input)? });
        }
        let first = name(input)?;
        let mut key = first.to_string();
        while input.peek(Token![.]) {
            input.parse::<Token![.]>()?;
            key = format!("{key}.{}", name(input)?);
        }
        if input.peek(Token![=]) {
            input.parse::<Token![=]>()?;
            return Ok(Field { key, value: field_value(input)? });
        }
        if key.contains('.') {
            let message = format!("a field needs a value: `{key} = expression`");
            return Err(Error::new(first.span(), message));
        }
        Ok(Field { key, value: syn::parse_quote!(#first) })
    }
}

fn field_value(input: ParseStream<'_>) -> Result<Expr> {
    if input.peek(Token![%]) || input.peek(Token![?]) {
        return Err(sigil(input.span()));
    }
    input.parse()
}

fn sigil(at: Span) -> Error {
    Error::new(
        at,
        "leave `%` and `?` out: what is no tag value is recorded as it is displayed, or else debugged",
    )
}
