//! A list that only grows.

use tracehound_fork::WriteOnce;

/// A list that only grows, to which threads add without a lock: nobody ever waits, and in a forked child it is what it
/// was.
pub(super) struct List<T>(WriteOnce<Node<T>>);

struct Node<T> {
    item: T,
    rest: List<T>,
}

impl<T> List<T> {
    pub(super) const fn new() -> Self {
        List(WriteOnce::new())
    }

    pub(super) fn iter(&self) -> impl Iterator<Item = &T> {
        std::iter::successors(self.0.get(), |node| node.rest.0.get()).map(|node| &node.item)
    }

    /// The first item that is like this one; added where there is none, and fewer than `most` items.
    pub(super) fn find_or_add(
        &self,
        most: usize,
        is_wanted: impl Fn(&T) -> bool,
        make: impl Fn() -> T,
    ) -> Option<&T> {
        let mut rest = self;
        for _ in 0..most {
            let node = rest.0.get_or_make(|| Node { item: make(), rest: List::new() });
            if is_wanted(&node.item) {
                return Some(&node.item);
            }
            rest = &node.rest;
        }
        None
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_item_is_there_once_and_no_more_than_allowed() {
        let list = List::new();
        let add = |number: u32| list.find_or_add(10, |item| *item == number, || number).copied();
        std::thread::scope(|scope| {
            for _ in 0..4 {
                scope.spawn(|| (0..10).for_each(|number| assert_eq!(add(number), Some(number))));
            }
        });
        assert_eq!(add(10), None);
        let mut items: Vec<_> = list.iter().copied().collect();
        items.sort_unstable();
        assert_eq!(items, (0..10).collect::<Vec<_>>());
    }
}
