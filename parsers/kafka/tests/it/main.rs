mod deliveries;
mod hostile;
mod misses;
mod transcripts;
