//! Plain functions and methods: what becomes of their calls, and that they stay what they were.

#![allow(missing_docs, clippy::unwrap_used, clippy::panic)]

mod common;

use std::cell::RefCell;
use std::fmt::Display;
use std::panic::{Location, catch_unwind};
use std::rc::Rc;

use common::{tree_of, turn};
use tracehound::{SpanKind, Text, wrap};

#[wrap]
fn plain(a: u32, b: u32) -> u32 {
    a + b
}

#[test]
fn the_name_is_the_path_of_the_function() {
    let tree = tree_of(|| assert_eq!(plain(1, 2), 3));
    assert_eq!(tree, "functions::plain\n");

    mod inner {
        #[tracehound::wrap]
        pub(super) fn r#match() {}
    }
    assert_eq!(tree_of(inner::r#match), "functions::inner::match\n");
}

#[wrap]
fn outer() {
    plain(1, 2);
    tracehound::in_span("inside", |_| ());
}

#[test]
fn what_it_calls_is_below() {
    assert_eq!(tree_of(outer), "functions::outer\n  functions::plain\n  inside\n");
}

#[wrap("my.wrapped.function", service = "my.service")]
fn as_in_python() -> &'static str {
    tracehound::current_span().unwrap().set_tag("a", "b");
    "run"
}

#[wrap(
    name = NAME,
    service = format!("shard-{shard}"),
    resource = "GET /cart",
    type = "web",
    kind = "server",
    fields(http.method = "GET", "any key" = true, shard, twice = shard * 2),
)]
fn described(shard: u32) {}

const NAME: &str = "carts.load";

#[wrap(name = Text::literal("kind"), kind = SpanKind::Client, span_type = String::from("sql"))]
fn by_expressions() {}

#[test]
fn each_option_says_what_its_name_says() {
    assert_eq!(
        tree_of(|| assert_eq!(as_in_python(), "run")),
        "my.wrapped.function @my.service a=b\n"
    );

    let captured = turn();
    described(7);
    let line = "carts.load [GET /cart] @shard-7 any key=true http.method=GET shard=7 twice=14\n";
    assert_eq!(captured.tree(), line);
    let span = captured.span("carts.load");
    assert_eq!((span.span_type.as_deref(), span.kind), (Some("web"), Some(SpanKind::Server)));

    by_expressions();
    let span = captured.span("kind");
    assert_eq!((span.span_type.as_deref(), span.kind), (Some("sql"), Some(SpanKind::Client)));
}

#[derive(Debug)]
struct Order {
    #[allow(dead_code, reason = "for its `Debug`")]
    id: u8,
}

#[wrap(name = "args", args, skip(password))]
#[allow(unused_variables)]
fn with_arguments(
    user: &str,
    attempts: &u32,
    password: &str,
    order: Order,
    r#type: impl Display,
    (left, right): (u8, u8),
    mut list: Vec<u8>,
) {
    list.push(left);
}

#[test]
fn arguments_are_recorded_where_they_are_asked_for() {
    let tree =
        tree_of(|| with_arguments("alice", &3, "secret", Order { id: 4 }, 'x', (1, 2), vec![]));
    assert_eq!(tree, "args order=Order { id: 4 } type=x user=alice attempts=3\n");
    assert_eq!(tree_of(|| assert_eq!(plain(1, 2), 3)), "functions::plain\n");
}

#[wrap(name = "ret", ret)]
fn with_value(value: u8) -> u8 {
    value + 1
}

#[wrap(name = "ret.tag", ret = "rows", err)]
fn with_tag(text: &str) -> Result<u8, std::num::ParseIntError> {
    let value: u8 = text.parse()?;
    Ok(value)
}

#[test]
fn the_value_becomes_a_tag() {
    assert_eq!(tree_of(|| assert_eq!(with_value(1), 2)), "ret return=2\n");
    assert_eq!(tree_of(|| drop(with_tag("2"))), "ret.tag rows=2\n");
    let tree = tree_of(|| drop(with_tag("two")));
    assert!(tree.starts_with("ret.tag ! error.message=invalid digit found in string"), "{tree}");
}

#[wrap]
fn fails(how: &str) -> Result<u32, Box<dyn std::error::Error>> {
    if how == "early" {
        return Err("too early".into());
    }
    for _ in 0..2 {
        how.parse::<u8>()?;
    }
    Ok(1)
}

#[wrap(err = false)]
fn fails_in_silence() -> Result<(), String> {
    Err("expected".into())
}

#[test]
fn an_error_marks_the_span_unless_that_is_switched_off() {
    let captured = turn();
    assert!(fails("1").is_ok());
    assert!(!captured.span("functions::fails").is_error);
    drop(captured.take());
    assert!(fails("early").is_err());
    assert_eq!(captured.span("functions::fails").tags["error.message"], "too early");
    drop(captured.take());
    assert!(fails("x").is_err());
    assert_eq!(captured.span("functions::fails").tags["error.type"], "ParseIntError");
    drop(captured);
    assert_eq!(tree_of(|| drop(fails_in_silence())), "functions::fails_in_silence\n");
}

#[derive(Clone, Default)]
struct Cart {
    items: Vec<String>,
}

impl Cart {
    #[wrap(fields(items = self.items.len()))]
    fn first(&self) -> Option<&str> {
        self.items.first().map(String::as_str)
    }

    /// Returns a part of what it has borrowed mutably, also on the way out of the middle.
    #[wrap]
    fn item_mut(&mut self, index: usize) -> Result<&mut String, String> {
        if let Some(item) = self.items.get_mut(index) {
            return Ok(item);
        }
        Err(format!("no item {index}"))
    }

    #[wrap]
    fn into_items(mut self, extra: String) -> Vec<String> {
        self.items.push(extra);
        self.items
    }

    #[wrap]
    fn shared(self: Rc<Self>) -> usize {
        self.items.len()
    }

    #[wrap(name = "cart.new")]
    fn new<S: Into<String>>(items: impl IntoIterator<Item = S>) -> Self {
        Cart { items: items.into_iter().map(Into::into).collect() }
    }
}

trait Shop {
    #[wrap]
    fn open(&self) -> &'static str {
        "by default"
    }

    fn close(&self);
}

impl Shop for Cart {
    #[wrap]
    fn close(&self) {}
}

#[test]
fn methods_are_functions() {
    let tree = tree_of(|| {
        let mut cart = Cart::new(["lamp"]);
        assert_eq!(cart.first(), Some("lamp"));
        cart.item_mut(0).unwrap().push('s');
        assert_eq!(cart.item_mut(1).unwrap_err(), "no item 1");
        assert_eq!(Rc::new(cart.clone()).shared(), 1);
        assert_eq!(cart.open(), "by default");
        cart.close();
        assert_eq!(cart.into_items("table".into()), ["lamps", "table"]);
    });
    let failed = "functions::item_mut ! error.message=no item 1 error.type=alloc::string::String\n";
    let expected = format!(
        "cart.new\nfunctions::first items=1\nfunctions::item_mut\n{failed}functions::shared\nfunctions::open\n\
         functions::close\nfunctions::into_items\n"
    );
    assert_eq!(tree, expected);
}

#[wrap]
fn generic<'a, T, const N: usize>(items: &'a [T; N], wanted: &T) -> Option<(usize, &'a T)>
where
    T: PartialEq + Copy,
{
    'search: for (index, item) in items.iter().enumerate() {
        if item == wanted {
            return Some((index, item));
        }
        if N == 0 {
            break 'search;
        }
    }
    None
}

#[wrap]
fn evens(up_to: u32) -> impl Iterator<Item = u32> + Clone {
    (0..up_to).filter(|number| number % 2 == 0)
}

/// The parameter of the closure has its type from the signature alone.
#[wrap]
fn adder(more: String) -> impl Fn(&mut Vec<String>) {
    move |list| list.push(more.clone())
}

#[wrap]
fn boxed(number: bool) -> Box<dyn Display> {
    if number {
        return Box::new(1);
    }
    Box::new("one")
}

#[wrap]
fn opaque_in_a_result(
    up_to: &str,
) -> Result<impl Iterator<Item = u32> + use<>, Box<dyn std::error::Error>> {
    let up_to: u32 = up_to.parse()?;
    Ok(0..up_to)
}

#[wrap]
extern "C" fn called_from_c(number: u32) -> u32 {
    number
}

#[wrap]
fn never(fails: bool) -> ! {
    if fails {
        panic!("out of eggs")
    }
    std::process::exit(1)
}

#[test]
fn all_kinds_of_functions_can_be_wrapped() {
    let tree = tree_of(|| {
        assert_eq!(generic(&["a", "b"], &"b"), Some((1, &"b")));
        assert_eq!(evens(5).clone().sum::<u32>(), 6);
        let mut list = Vec::new();
        adder("one".to_owned())(&mut list);
        assert_eq!(list, ["one"]);
        assert_eq!(format!("{}{}", boxed(true), boxed(false)), "1one");
        assert_eq!(opaque_in_a_result("3").unwrap().count(), 3);
        assert_eq!(called_from_c(5), 5);
    });
    let names =
        ["generic", "evens", "adder", "boxed", "boxed", "opaque_in_a_result", "called_from_c"];
    assert_eq!(tree, names.map(|name| format!("functions::{name}\n")).concat());
}

#[test]
fn a_panic_goes_on_and_marks_the_span() {
    let captured = turn();
    let payload = catch_unwind(|| never(true)).unwrap_err();
    assert_eq!(payload.downcast_ref::<&str>(), Some(&"out of eggs"));
    assert_eq!(captured.span("functions::never").tags["error.message"], "out of eggs");
}

/// Says when it is dropped.
struct Noisy(&'static str, Rc<RefCell<Vec<&'static str>>>);

impl Drop for Noisy {
    fn drop(&mut self) {
        self.1.borrow_mut().push(self.0);
    }
}

/// The same twice, once wrapped.
macro_rules! twins {
    ($($(#[$attribute:meta])* fn $plain:ident, $wrapped:ident $arguments:tt $(-> $returned:ty)? $body:block)*) => {$(
        $(#[$attribute])* #[allow(dead_code, unused_variables)] fn $plain $arguments $(-> $returned)? $body
        $(#[$attribute])* #[allow(dead_code, unused_variables)] #[wrap] fn $wrapped $arguments $(-> $returned)? $body
    )*};
}

twins! {
    fn drops, drops_wrapped(a: Noisy, b: Noisy, _: Noisy, c: Noisy) {
        let local = Noisy("local", Rc::clone(&a.1));
        drop(b);
        let _ = &c;
    }
    fn drops_failing, drops_failing_wrapped(a: Noisy, b: Noisy, _: Noisy, c: Noisy) -> Result<(), String> {
        let local = Noisy("local", Rc::clone(&c.1));
        drop(b);
        let _ = &a;
        Err("as expected".to_owned())?;
        Ok(())
    }
    #[track_caller]
    fn caller, caller_wrapped(a: Noisy) -> &'static Location<'static> {
        Location::caller()
    }
}

#[test]
fn destructors_run_in_the_same_order_and_callers_are_known() {
    let dropped = |run: fn(Noisy, Noisy, Noisy, Noisy)| {
        let said = Rc::default();
        let [a, b, c, d] = ["a", "b", "_", "c"].map(|name| Noisy(name, Rc::clone(&said)));
        run(a, b, c, d);
        said.take()
    };
    let _turn = turn();
    assert_eq!(dropped(drops_wrapped), dropped(drops));
    assert_eq!(dropped(drops), ["b", "local", "c", "_", "a"]);
    assert_eq!(
        dropped(|a, b, c, d| drop(drops_failing_wrapped(a, b, c, d))),
        dropped(|a, b, c, d| drop(drops_failing(a, b, c, d))),
    );
    let noisy = || Noisy("", Rc::default());
    let (line, found) = (line!(), caller_wrapped(noisy()).line());
    assert_eq!((line, line), (found, caller(noisy()).line() - 1));
}

#[wrap(name = lazy("name"), fields(value = lazy("value")))]
fn says_when_it_is_described() {}

fn lazy(what: &'static str) -> &'static str {
    tracehound::current_span().map_or("no span", |_| what)
}

#[test]
fn expressions_are_evaluated_before_the_span_starts() {
    let tree = tree_of(|| tracehound::in_span("outside", |_| says_when_it_is_described()));
    assert_eq!(tree, "outside\n  name value=value\n");
}

#[test]
fn a_suppressed_call_has_no_span() {
    let tree = tree_of(|| {
        let _off = tracehound::suppress();
        assert_eq!(plain(1, 2), 3);
    });
    assert_eq!(tree, "");
}

mod renamed {
    //! A crate that others depend on may hand the attribute on.

    pub(crate) mod telemetry {
        pub(crate) use tracehound as spans;
    }

    #[telemetry::spans::wrap(name = "renamed", kind = "producer", crate = telemetry::spans)]
    pub(crate) fn renamed() -> Result<(), String> {
        Ok(())
    }
}

#[test]
fn the_crate_may_have_another_name() {
    assert_eq!(tree_of(|| renamed::renamed().unwrap()), "renamed\n");
}
