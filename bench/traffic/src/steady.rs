//! Requests at a fixed rate, whether answers come or not: what somebody waits who does not wait for others.

use std::{
    io,
    sync::{Barrier, Mutex, PoisonError},
    thread,
    time::{Duration, Instant},
};

use crate::client::Client;

const CONNECTIONS: u32 = 8;

pub fn run(port: u16, path: &str, rate: f64, time: Duration) -> io::Result<()> {
    let clients: Vec<Client> = (0..CONNECTIONS).map(|_| Client::connect(port, path)).collect::<io::Result<_>>()?;
    let between = Duration::from_secs_f64(f64::from(CONNECTIONS) / rate);
    let (waits, unanswered) = (Mutex::new(Vec::new()), Mutex::new(0u64));
    let together = Barrier::new(CONNECTIONS as usize);
    let lock = |of: &'_ Mutex<u64>| *of.lock().unwrap_or_else(PoisonError::into_inner) += 1;
    thread::scope(|scope| {
        for (mut client, n) in clients.into_iter().zip(0..) {
            let (waits, unanswered, together) = (&waits, &unanswered, &together);
            scope.spawn(move || {
                // One request that opens everything, which is not measured.
                let mut works = client.ask().is_ok();
                together.wait();
                let (started, mut own) = (Instant::now(), Vec::new());
                let mut due = started + between * n / CONNECTIONS;
                while due < started + time {
                    let sent = until(due);
                    works = works && client.ask().is_ok();
                    if works {
                        own.push(sent.elapsed())
                    } else {
                        lock(unanswered)
                    }
                    due += between;
                }
                waits.lock().unwrap_or_else(PoisonError::into_inner).extend(own);
            });
        }
    });
    let mut waits = waits.into_inner().unwrap_or_else(PoisonError::into_inner);
    waits.sort_unstable();
    let unanswered = unanswered.into_inner().unwrap_or_else(PoisonError::into_inner);
    let of = |part: f64| {
        let at = (waits.len() as f64 * part) as usize;
        waits.get(at.min(waits.len().saturating_sub(1))).map_or(0.0, |wait| wait.as_secs_f64() * 1e6)
    };
    let (p50, p99, most) = (of(0.5), of(0.99), of(1.0));
    println!(
        "{{\"answered\":{},\"unanswered\":{unanswered},\"p50\":{p50:.1},\"p99\":{p99:.1},\"most\":{most:.1}}}",
        waits.len()
    );
    Ok(())
}

/// When the wait for the answer begins: when it is due, if it is too late for that already (the answer before was late), else
/// when this thread is awake, since the timer's own lateness is nobody's.
#[expect(clippy::disallowed_methods, reason = "the schedule is the event")]
fn until(due: Instant) -> Instant {
    let left = due.saturating_duration_since(Instant::now());
    if left.is_zero() {
        return due;
    }
    thread::sleep(left);
    Instant::now()
}
