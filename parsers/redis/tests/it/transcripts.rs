//! Every transcript, recorded, mocked and driven.
#[test]
fn transcripts() {
    keploy_transcript::check::<parser_redis::Redis>("tests/transcripts");
}
