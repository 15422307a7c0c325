//! Programs in all the usual languages, under another clock.
//!
//! The programs are in `tests/apps`. They are compiled here, and started by this same program, called with `under`. What
//! needs a language that this machine has not got is left out, and named.

mod clocks;
mod deadlines;
mod execs;
mod programs;
mod under;

use std::{
    env,
    panic::{UnwindSafe, catch_unwind},
    process,
};

use libtest_mimic::{Arguments, Failed, Trial};

fn main() {
    let arguments: Vec<String> = env::args().skip(1).collect();
    match arguments.iter().map(String::as_str).collect::<Vec<_>>()[..] {
        ["under", clock, user, ref command @ ..] => under::become_command(clock, user, command),
        _ if !nix::unistd::geteuid().is_root() => {
            eprintln!("these tests must be run as root: they also become somebody who isn't");
            process::exit(1);
        }
        _ => {
            let modules = [clocks::tests(), deadlines::tests(), execs::tests()];
            libtest_mimic::run(&Arguments::from_args(), modules.into_iter().flatten().collect()).exit();
        }
    }
}

/// A test that fails by panicking, as Rust's own do.
fn test(name: impl Into<String>, body: impl FnOnce() + UnwindSafe + Send + 'static) -> Trial {
    Trial::test(name, move || {
        catch_unwind(body).map_err(|panic| {
            let text = panic.downcast_ref::<String>().map(String::as_str);
            Failed::from(text.or_else(|| panic.downcast_ref::<&str>().copied()).unwrap_or("panicked"))
        })
    })
}
