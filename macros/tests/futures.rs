//! Async functions, and functions that return futures.

#![allow(missing_docs, clippy::unwrap_used, clippy::panic)]

mod common;

use std::cell::{Cell, RefCell};
use std::error::Error;
use std::fmt::Display;
use std::pin::{Pin, pin};
use std::rc::Rc;
use std::sync::mpsc;
use std::task::{Context, Poll, Waker};

use async_trait::async_trait;
use common::{tree_of, tree_of_future, turn};
use futures_util::future::BoxFuture;
use tokio::task::yield_now;
use tracehound::wrap;

#[wrap]
async fn leaf(number: u32) -> u32 {
    yield_now().await;
    number
}

#[wrap(fields(user))]
async fn parent(user: &str, fails: bool) -> Result<u32, Box<dyn Error + Send + Sync>> {
    let sum = leaf(1).await + leaf(2).await;
    if fails {
        return Err(format!("no {user}").into());
    }
    let more: u32 = user.parse()?;
    tracehound::in_span("inside", |_| ());
    Ok(sum + more)
}

#[test]
fn an_async_function_is_in_its_span_whenever_it_runs() {
    let tree = tree_of_future(async {
        assert_eq!(parent("3", false).await.unwrap(), 6);
    });
    let children = "  futures::leaf\n  futures::leaf\n";
    assert_eq!(tree, format!("futures::parent user=3\n{children}  inside\n"));

    let captured = turn();
    common::runtime().block_on(async {
        assert!(parent("bread", true).await.is_err());
        // No longer active, and nothing between the polls was.
        assert!(tracehound::current_span().is_none());
    });
    assert_eq!(captured.span("futures::parent").tags["error.message"], "no bread");
}

#[test]
fn two_that_take_turns_keep_their_children_apart() {
    let tree = tree_of_future(async {
        let (one, two) = tokio::join!(parent("1", false), parent("2", false));
        assert_eq!((one.unwrap(), two.unwrap()), (4, 5));
    });
    let of =
        |user| format!("futures::parent user={user}\n  futures::leaf\n  futures::leaf\n  inside\n");
    assert_eq!(tree, of(1) + &of(2));
}

fn poll_once<T>(future: Pin<&mut impl Future<Output = T>>) -> Poll<T> {
    future.poll(&mut Context::from_waker(Waker::noop()))
}

#[test]
fn the_span_begins_with_the_first_poll_and_ends_with_the_future() {
    let captured = turn();
    {
        let _never_polled = leaf(1);
    }
    assert_eq!(captured.tree(), "");
    {
        let mut cancelled = pin!(leaf(1));
        assert!(poll_once(cancelled.as_mut()).is_pending());
        assert_eq!(captured.tree(), "");
    }
    assert_eq!(captured.tree(), "futures::leaf\n");
    assert!(!captured.span("futures::leaf").is_error);
}

#[wrap]
fn eager(number: &Cell<u32>) -> impl Future<Output = Result<u32, String>> + Send + use<> {
    number.set(number.get() + 1);
    let number = number.get();
    async move {
        yield_now().await;
        if number > 1 {
            return Err("too many".to_owned());
        }
        Ok(number)
    }
}

#[wrap]
fn early(now: bool) -> impl Future<Output = u8> {
    if now {
        return std::future::ready(1);
    }
    std::future::ready(2)
}

#[wrap]
fn boxed<'a>(
    text: &'a str,
) -> Pin<Box<dyn Future<Output = Result<u8, std::num::ParseIntError>> + Send + 'a>> {
    let text = text.trim();
    Box::pin(async move {
        yield_now().await;
        let number = text.parse()?;
        Ok(number)
    })
}

#[wrap(ret)]
fn by_alias(number: u8) -> BoxFuture<'static, u8> {
    if number == 0 {
        return Box::pin(std::future::ready(0));
    }
    Box::pin(async move { by_alias(number - 1).await + 1 })
}

#[test]
fn a_function_that_returns_a_future_is_the_span_of_that_future() {
    let captured = turn();
    let number = Cell::new(0);
    let future = eager(&number);
    assert_eq!((number.get(), captured.tree()), (1, String::new()));
    common::runtime().block_on(async {
        assert_eq!(future.await, Ok(1));
        assert!(eager(&number).await.is_err());
        assert_eq!(early(true).await + early(false).await, 3);
        assert_eq!(boxed(" 7 ").await, Ok(7));
        assert!(boxed("x").await.is_err());
        assert_eq!(by_alias(2).await, 2);
    });
    let expected = "futures::eager\n\
                    futures::eager ! error.message=too many error.type=alloc::string::String\n\
                    futures::early\nfutures::early\nfutures::boxed\n\
                    futures::boxed ! error.message=invalid digit found in string error.type=core::num::error::ParseIntError\n\
                    futures::by_alias return=2\n  futures::by_alias return=1\n    futures::by_alias return=0\n";
    assert_eq!(captured.tree(), expected);
}

#[async_trait]
trait Store {
    async fn load(&self, key: &str) -> Result<u32, String>;

    #[wrap(name = "store.default")]
    async fn by_default(&mut self, first: u32) -> u32 {
        yield_now().await;
        first
    }
}

struct Shelf {
    size: u32,
}

#[async_trait]
impl Store for Shelf {
    #[wrap(name = "store.load", service = "shelf", fields(key, size = self.size), ret = "found")]
    async fn load(&self, key: &str) -> Result<u32, String> {
        if key.is_empty() {
            return Err("no key".to_owned());
        }
        Ok(leaf(self.size).await)
    }
}

#[test]
fn methods_of_async_trait_are_async_functions() {
    let tree = tree_of_future(async {
        let mut shelf = Shelf { size: 5 };
        assert_eq!(shelf.load("a").await, Ok(5));
        assert!(shelf.load("").await.is_err());
        assert_eq!(shelf.by_default(3).await, 3);
    });
    let found = "store.load @shelf key=a found=5 size=5\n  futures::leaf @shelf\n";
    let failed =
        "store.load @shelf ! error.message=no key error.type=alloc::string::String key= size=5\n";
    assert_eq!(tree, format!("{found}{failed}store.default\n"));
}

struct Account {
    balance: i64,
}

impl Account {
    #[wrap]
    async fn balance_mut(&mut self, open: bool) -> Result<&mut i64, &'static str> {
        yield_now().await;
        if !open {
            return Err("closed");
        }
        Ok(&mut self.balance)
    }

    #[wrap]
    async fn close(self: Box<Self>) -> i64 {
        self.balance
    }

    #[wrap]
    async fn pinned(self: Pin<&mut Self>, more: impl Into<i64>) -> i64 {
        self.balance + more.into()
    }
}

/// What is sent between threads may be anything that may: it need not be shared.
#[wrap]
async fn not_sync(receiver: mpsc::Receiver<u8>, done: Box<dyn FnOnce(u8) + Send>) {
    yield_now().await;
    done(receiver.try_recv().unwrap());
}

#[wrap(err = false)]
async fn opaque<T: Display>(
    items: Vec<T>,
) -> Result<impl Iterator<Item = String>, std::num::ParseIntError> {
    let more: u8 = "3".parse()?;
    Ok(items.into_iter().map(move |item| format!("{item}{more}")))
}

#[test]
fn all_kinds_of_async_functions_can_be_wrapped() {
    fn is_send<T: Send>(future: T) -> T {
        future
    }
    let tree = tree_of_future(async {
        let mut account = Box::new(Account { balance: 1 });
        *account.balance_mut(true).await.unwrap() += 1;
        assert_eq!(account.balance_mut(false).await, Err("closed"));
        assert_eq!(Pin::new(&mut *account).pinned(3).await, 5);
        assert_eq!(account.close().await, 2);
        let (sender, receiver) = mpsc::channel();
        sender.send(7).unwrap();
        is_send(not_sync(receiver, Box::new(|number| assert_eq!(number, 7)))).await;
        assert_eq!(opaque(vec![1, 2]).await.unwrap().collect::<Vec<_>>(), ["13", "23"]);
    });
    let failed = "futures::balance_mut ! error.message=closed error.type=&str\n";
    let rest =
        ["pinned", "close", "not_sync", "opaque"].map(|name| format!("futures::{name}\n")).concat();
    assert_eq!(tree, format!("futures::balance_mut\n{failed}{rest}"));
}

struct Noisy(&'static str, Rc<RefCell<Vec<&'static str>>>);

impl Drop for Noisy {
    fn drop(&mut self) {
        self.1.borrow_mut().push(self.0);
    }
}

macro_rules! twins {
    ($plain:ident, $wrapped:ident $arguments:tt $body:block) => {
        async fn $plain $arguments $body
        #[wrap] async fn $wrapped $arguments $body
    };
}

twins! { drops, drops_wrapped (a: Noisy, b: Noisy, c: Noisy) {
    let local = Noisy("local", Rc::clone(&a.1));
    yield_now().await;
    drop(b);
    let _ = (&c, &local);
}}

#[test]
fn destructors_run_in_the_same_order() {
    fn dropped<F: Future<Output = ()>>(run: fn(Noisy, Noisy, Noisy) -> F) -> Vec<&'static str> {
        let said = Rc::default();
        let [a, b, c] = ["a", "b", "c"].map(|name| Noisy(name, Rc::clone(&said)));
        common::runtime().block_on(run(a, b, c));
        said.take()
    }
    let _turn = turn();
    assert_eq!(dropped(drops), ["b", "local", "c", "a"]);
    assert_eq!(dropped(drops_wrapped), dropped(drops));
}

#[test]
fn a_future_that_panics_marks_its_span() {
    #[wrap(name = "panics")]
    async fn panics() {
        yield_now().await;
        panic!("out of eggs");
    }
    let captured = turn();
    let joined = common::runtime().block_on(async { tokio::spawn(panics()).await });
    assert!(joined.unwrap_err().is_panic());
    assert_eq!(captured.span("panics").tags["error.message"], "out of eggs");
}

#[test]
fn without_a_tracer_nothing_is_evaluated() {
    fn evaluated() -> u8 {
        panic!("there is no tracer")
    }
    // What `call` makes where none is installed; this process has one.
    let none = tracehound::Tracer::none();
    let call = tracehound::macro_support::Wrapped::new(&none, "name");
    assert_eq!(call.describe(|span| span.tag("a", evaluated())).run(|| 1), 1);
    assert_eq!(tree_of(|| ()), "");
}
