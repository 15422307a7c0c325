mod hostile;
mod misses;
mod transcripts;
