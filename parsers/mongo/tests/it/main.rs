mod hello;
mod large;
mod log_in;
mod misses;
mod talk;
mod transcripts;
