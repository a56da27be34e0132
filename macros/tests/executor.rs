//! Functions that are wrapped by the attribute, by an executor of the program.

#![allow(missing_docs, clippy::unwrap_used, clippy::panic)]

use tracehound::config::Environment;
use tracehound::testing::Captured;
use tracehound::{Span, Tracer, WrapCall, WrapExecutor, wrap};

struct Marks;

impl WrapExecutor for Marks {
    fn execute(&self, call: WrapCall<'_>, run: &mut dyn FnMut()) {
        let span = call.enter();
        run();
        span.set_tag("executed", true);
    }

    fn start(&self, call: WrapCall<'_>) -> Span {
        if call.name() == "quiet" {
            return Span::none();
        }
        assert!(call.name() != "panics", "an executor that panics");
        let span = call.start();
        span.set_tag("started", true);
        span
    }
}

#[wrap(name = "plain", fields(number))]
fn plain(number: u8) -> Result<u8, String> {
    if number > 1 { Err("too many".to_owned()) } else { Ok(number) }
}

#[wrap(name = "nothing")]
fn nothing() {}

#[wrap(name = "async", ret)]
async fn asynchronous(number: u8) -> u8 {
    number
}

#[wrap(name = "quiet")]
async fn quiet() -> Result<(), String> {
    Err("nobody asks".to_owned())
}

#[wrap(name = "opaque")]
fn opaque() -> impl Iterator<Item = u8> {
    0..3
}

#[wrap(name = "caller")]
#[track_caller]
fn caller() {}

#[wrap(name = "panics")]
async fn panics() -> u8 {
    3
}

#[test]
fn every_kind_of_function_is_the_executors() {
    let captured = Captured::default();
    let builder = Tracer::builder().environment(Environment::empty()).service("test");
    let guard = builder.wrap_executor(Marks).log(|_, _| ()).capture(&captured).install();
    let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();

    assert_eq!(plain(1), Ok(1));
    assert!(plain(2).is_err());
    nothing();
    assert_eq!(runtime.block_on(asynchronous(5)), 5);
    assert!(runtime.block_on(quiet()).is_err());
    assert_eq!(opaque().count(), 3);
    caller();
    assert_eq!(runtime.block_on(panics()), 3);

    let failed = "error.message=too many error.type=alloc::string::String executed=true number=2";
    let expected = format!(
        "plain executed=true number=1\nplain ! {failed}\nnothing executed=true\nasync started=true return=5\n\
         opaque started=true\ncaller started=true\n"
    );
    assert_eq!(captured.tree(), expected);
    assert_eq!(guard.tracer().caught_panics(), 1);
}
