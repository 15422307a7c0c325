//! Work on all processors, whose results come in the order in which they would come from one.
use std::{
    collections::BTreeMap,
    num::NonZero,
    ops::ControlFlow,
    sync::{Mutex, PoisonError, mpsc},
    thread,
};

/// Takes items one at a time, works on as many as there are processors at the same time, and hands the results over in the
/// order of the items: to `each`, on this thread, until it breaks.
pub fn in_order<Item, Made: Send>(
    items: impl Iterator<Item = Item> + Send,
    work: impl Fn(Item) -> Made + Sync,
    mut each: impl FnMut(Made) -> ControlFlow<()>,
) {
    let workers = thread::available_parallelism().map_or(1, NonZero::get);
    let items = Mutex::new(items.enumerate());
    let (made_tx, made_rx) = mpsc::sync_channel(workers);
    thread::scope(|scope| {
        for _ in 0..workers {
            let (items, work, made_tx) = (&items, &work, made_tx.clone());
            scope.spawn(move || {
                // Taken in a statement of its own: the lock is not held during the work.
                let next = || items.lock().unwrap_or_else(PoisonError::into_inner).next();
                while let Some((number, item)) = next() {
                    if made_tx.send((number, work(item))).is_err() {
                        return; // Nobody wants more.
                    }
                }
            });
        }
        drop(made_tx);
        let (mut early, mut due) = (BTreeMap::new(), 0);
        for (number, made) in made_rx {
            early.insert(number, made);
            while let Some(made) = early.remove(&due) {
                due += 1;
                if each(made).is_break() {
                    return;
                }
            }
        }
    });
}

#[cfg(test)]
mod tests {
    use std::ops::ControlFlow;

    use super::in_order;

    #[test]
    fn results_come_in_the_order_of_the_items() {
        let mut squares = Vec::new();
        in_order(
            0..10_000_u64,
            |n| n * n,
            |square| {
                squares.push(square);
                if square == 4_000_000 { ControlFlow::Break(()) } else { ControlFlow::Continue(()) }
            },
        );
        assert_eq!(squares, (0..=2000).map(|n| n * n).collect::<Vec<u64>>());
    }
}
