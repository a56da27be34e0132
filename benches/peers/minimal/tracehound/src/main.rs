//! The least program that is traced by Tracehound.

fn main() {
    let _guard = tracehound::init();
    let span = tracehound::trace("web.request");
    span.set_tag("http.method", "GET");
}
