//! Every transcript, recorded and mocked.
#[test]
fn transcripts() {
    keploy_transcript::check::<parser_amqp::Amqp>("tests/transcripts");
}
