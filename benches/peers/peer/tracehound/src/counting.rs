//! The peer with an allocator that counts, which makes everybody slower: in a program of its own.

mod peer;

fn main() {
    peer::run(Some(|work| allocation_counter::measure(work).count_total));
}
