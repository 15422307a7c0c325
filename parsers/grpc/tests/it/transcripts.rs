//! Every transcript, recorded, mocked and driven, whole, torn and in lumps.
#[test]
fn transcripts() {
    keploy_transcript::check::<parser_grpc::Grpc>("tests/transcripts");
}
