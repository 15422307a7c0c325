//! Every transcript, recorded, mocked and driven, whole, torn and in lumps.
#[test]
fn transcripts() {
    keploy_transcript::check::<parser_http2::Http2>("tests/transcripts");
}
