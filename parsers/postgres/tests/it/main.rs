mod limits;
mod mocks;
mod tls;
mod transcripts;
mod values;
mod wire;
