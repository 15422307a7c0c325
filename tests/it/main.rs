//! End to end: real applications, real servers, the real binary.

mod databases;
mod faults;
mod harness_itself;
mod load;
mod noise;
mod plugins;
mod record_replay;
mod sandboxed;
mod suites;
mod tls;
mod transparency;
mod verdicts;
mod volume;
