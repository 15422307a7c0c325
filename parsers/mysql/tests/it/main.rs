mod transcripts;
