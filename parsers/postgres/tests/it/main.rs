mod transcripts;
mod values;
