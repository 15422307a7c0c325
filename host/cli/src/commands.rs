pub(crate) mod check;
pub(crate) mod completion;
pub(crate) mod config;
pub(crate) mod learn;
pub(crate) mod plugin;
pub(crate) mod record;
pub(crate) mod report;
pub(crate) mod test;
