//! Every transcript, recorded and mocked.
#[test]
fn transcripts() {
    keploy_transcript::check::<parser_mysql::MySql>("tests/transcripts");
}
