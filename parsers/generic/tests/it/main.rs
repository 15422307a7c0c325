mod limits;
mod transcripts;
