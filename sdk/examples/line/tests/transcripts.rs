//! Every transcript, recorded, mocked and driven.
#[test]
fn transcripts() {
    keploy_transcript::check::<line::Line>("tests/transcripts");
}
