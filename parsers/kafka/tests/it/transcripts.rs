//! Every transcript, recorded and mocked.
#[test]
fn transcripts() {
    keploy_transcript::check::<parser_kafka::Kafka>("tests/transcripts");
}
