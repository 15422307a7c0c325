mod adopt;
mod diff;
pub(crate) mod generate;
mod laws;
mod noise;
mod render;
mod variations;
