//! The tracer of the process, in both APIs.

use tracehound::TracerGuard;

use crate::error::{Error, ErrorKind};
use crate::tracer::Tracer;

/// Makes a tracer the global one of OpenTracing ([`opentracing_rs::global_tracer`]) and its native tracer
/// that of the process ([`tracehound::tracer`]).
///
/// The guard sends what is left and stops the tracer when it is dropped: keep it until the end of `main`. It
/// does nothing where the native tracer was installed before, by [`tracehound::init`], whose guard counts.
///
/// ```no_run
/// # fn main() -> Result<(), Box<dyn std::error::Error>> {
/// use tracehound_opentracing::{Tracer, set_global_tracer};
///
/// let tracer = Tracer::builder().service("checkout").agent_port(8126).build()?;
/// let _guard = set_global_tracer(&tracer)?;
/// opentracing_rs::global_tracer().in_span("work", |_| ());
/// # Ok(())
/// # }
/// ```
///
/// # Errors
///
/// [`ErrorKind::GlobalTracerAlreadySet`]: there is a global OpenTracing tracer, or another native tracer of
/// the process. Both stay as they were.
pub fn set_global_tracer(tracer: &Tracer) -> Result<TracerGuard, Error> {
    let already = |what: &str| {
        let text = format!("{what} is set already, and stays; set the global tracer once, early");
        Error::new(ErrorKind::GlobalTracerAlreadySet, text)
    };
    let installed = tracehound::tracer();
    if *installed != tracehound::Tracer::none() && installed != tracer.native() {
        return Err(already("another native tracer of the process"));
    }
    opentracing_rs::set_global_tracer(tracer.into())
        .map_err(|_| already("a global OpenTracing tracer"))?;
    Ok(tracer.native().clone().install())
}
