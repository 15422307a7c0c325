//! Every transcript, recorded, mocked and driven.
#[test]
fn transcripts() {
    keploy_transcript::check::<parser_generic::Generic>("tests/transcripts");
}
