mod hostile;
mod kept;
mod misses;
mod seed;
mod transcripts;
