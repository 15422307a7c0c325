mod hello;
mod large;
mod log_in;
mod misses;
mod seed;
mod talk;
mod transcripts;
