//! Every transcript, recorded and mocked.
#[test]
fn transcripts() {
    keploy_transcript::check::<parser_mongo::Mongo>("tests/transcripts");
}
