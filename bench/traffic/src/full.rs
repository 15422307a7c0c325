//! As many requests as are answered, and how long nobody was.

use std::{
    io,
    sync::atomic::{AtomicU64, Ordering},
    thread,
    time::{Duration, Instant},
};

use crate::client::Client;

pub fn run(port: u16, path: &str, connections: usize, time: Duration) -> io::Result<()> {
    let clients: Vec<Client> = (0..connections).map(|_| Client::connect(port, path)).collect::<io::Result<_>>()?;
    let started = Instant::now();
    let now = || u64::try_from(started.elapsed().as_micros()).unwrap_or(u64::MAX);
    let (last, gap) = (AtomicU64::new(0), AtomicU64::new(0));
    let one = |mut client: Client| {
        let (mut answered, mut longest) = (0u64, 0);
        while started.elapsed() < time {
            let asked = now();
            if client.ask().is_err() {
                return (answered, longest, 1);
            }
            let answered_at = now();
            let before = last.fetch_max(answered_at, Ordering::Relaxed);
            gap.fetch_max(answered_at.saturating_sub(before), Ordering::Relaxed);
            longest = longest.max(answered_at - asked);
            answered += 1;
        }
        (answered, longest, 0)
    };
    let each: Vec<(u64, u64, u64)> = thread::scope(|scope| {
        let threads: Vec<_> = clients.into_iter().map(|client| scope.spawn(|| one(client))).collect();
        threads.into_iter().map(|thread| thread.join().expect("it does not panic")).collect()
    });
    let answered: u64 = each.iter().map(|(answered, ..)| answered).sum();
    let longest = each.iter().map(|(_, longest, _)| *longest).max().unwrap_or_default();
    let unanswered: u64 = each.iter().map(|(.., unanswered)| unanswered).sum();
    println!(
        "{{\"answered\":{answered},\"unanswered\":{unanswered},\"seconds\":{:.3},\"gap\":{},\"longest\":{longest}}}",
        started.elapsed().as_secs_f64(),
        gap.into_inner()
    );
    Ok(())
}
