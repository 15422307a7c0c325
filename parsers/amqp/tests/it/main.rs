mod deliveries;
mod hostile;
mod large;
mod misses;
mod pulse;
mod transcripts;
mod wire;
