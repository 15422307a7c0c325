//! End to end: real applications, real servers, the real binary.

mod harness_itself;
