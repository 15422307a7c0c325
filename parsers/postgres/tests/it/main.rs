mod limits;
mod log_in;
mod mocks;
mod pipelines;
mod tls;
mod transcripts;
mod values;
mod wire;
