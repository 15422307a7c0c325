//! An application that says when it began, by the monotonic clock, and ends: `first-instruction FILE`.
fn main() {
    let began = bench_product::monotonic();
    let file = std::env::args_os().nth(1).expect("usage: first-instruction FILE");
    std::fs::write(file, began.to_string()).expect("a file that can be written");
}
