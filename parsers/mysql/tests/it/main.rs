mod large;
mod misses;
mod seed;
mod transcripts;
mod unasked;
mod values;
mod wire;
