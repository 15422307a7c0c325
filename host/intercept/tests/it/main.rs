//! Interception, seen from both ends: applications of every kind, and a small relay (`relay.rs`).
//!
//! The applications are this same program (`app.rs`), called with other arguments, and a static Go binary. Needs root, as
//! the interception does.

mod app;
mod clock;
mod dns;
mod go;
mod incoming;
mod lifetime;
mod outgoing;
mod relay;
mod replay;
mod run;
mod unreachable;
mod user;

use std::{
    env,
    panic::{UnwindSafe, catch_unwind},
    process,
};

use libtest_mimic::{Arguments, Failed, Trial};

fn main() {
    intercept::supervise_if_asked();
    let arguments: Vec<String> = env::args().skip(1).collect();
    match arguments.iter().map(String::as_str).collect::<Vec<_>>()[..] {
        ["app", ref rest @ ..] => app::main(rest),
        ["host", command] => lifetime::host(command),
        ["at-another-time", ref rest @ ..] => clock::become_program(rest),
        ["record-date"] => clock::record_date(),
        ["caller"] => user::print_caller(),
        _ => run_tests(),
    }
}

fn run_tests() {
    let arguments = Arguments::from_args();
    if !arguments.list
        && let Err(unsupported) = intercept::check()
    {
        eprintln!("these tests cannot run: {unsupported}");
        process::exit(1);
    }
    let modules = [
        outgoing::tests(),
        incoming::tests(),
        dns::tests(),
        replay::tests(),
        unreachable::tests(),
        lifetime::tests(),
        user::tests(),
        go::tests(),
        clock::tests(),
    ];
    libtest_mimic::run(&arguments, modules.into_iter().flatten().collect()).exit();
}

/// A test that fails by panicking, as Rust's own do.
fn test(name: &str, body: impl FnOnce() + UnwindSafe + Send + 'static) -> Trial {
    Trial::test(name, move || {
        catch_unwind(body).map_err(|panic| {
            let text = panic.downcast_ref::<String>().map(String::as_str);
            Failed::from(text.or_else(|| panic.downcast_ref::<&str>().copied()).unwrap_or("panicked"))
        })
    })
}
