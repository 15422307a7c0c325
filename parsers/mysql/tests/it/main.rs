mod large;
mod misses;
mod seed;
mod transcripts;
mod values;
mod wire;
