use keploy_sdk::*;
struct P; struct C;
impl Parser for P { type Connection = C;
 fn manifest() -> Manifest { Manifest::new("Redis") }
 fn detect(_: &Peer, _: &[u8], _: &[u8]) -> Verdict { Verdict::No }
 fn classify(_: &Value) -> Facts { Facts::default() } }
impl Connection for C {
 fn new(_: Mode, _: Peer, _: Value) -> Self { C }
 fn feed(&mut self, _: &mut dyn Session, _: Side, _: u64, _: u64, _: &[u8]) -> Result<(), Fault> { Ok(()) }
 fn end(&mut self, _: &mut dyn Session, _: Side, _: u64) -> Result<(), Fault> { Ok(()) }
 fn answer(&mut self, _: &mut dyn Session, _: u64, _: Vec<Value>) -> Result<(), Fault> { Ok(()) }
 fn miss(&mut self, _: &mut dyn Session, _: u64, _: &str) -> Result<(), Fault> { Ok(()) }
 fn send(&mut self, _: &mut dyn Session, _: u64, _: Value) -> Result<(), Fault> { Ok(()) }
}
keploy_sdk::export!(P);
