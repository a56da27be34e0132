//! The peer as it is.

mod peer;

fn main() {
    peer::run(None);
}
