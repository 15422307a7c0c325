//! End to end: real applications, real servers, the real binary.

mod amqp;
mod attribution;
mod consumers;
mod databases;
mod faults;
mod grpc;
mod harness_itself;
mod http2;
mod kafka;
mod load;
mod mongo;
mod noise;
mod plugins;
mod record_replay;
mod sandboxed;
mod secrets;
mod suites;
mod tls;
mod transparency;
mod verdicts;
mod verdicts_sql;
mod volume;
