mod limits;
mod log_in;
mod mocks;
mod tls;
mod transcripts;
mod values;
mod wire;
