//! What a guest can reach: the imports of `keploy:parser`, staged, and the limits on all of it.
use std::time::Duration;

use wasmtime::{
    ResourceLimiter, Result, Store, StoreContextMut, UpdateDeadline,
    component::{Linker, Resource},
};

use crate::{
    Facts, Mode, Pace, Side,
    bindings::keploy::parser::{codec, host, types},
    connection::Effect,
    engine::{Engine, MEMORY},
};

/// Processor time that one call may take. It is the thread's own: a machine under load does not make a parser slow.
const BUDGET: Duration = Duration::from_millis(100);
/// Bytes of documents and output that one call may stage.
const OUTPUT: usize = 256 << 20;
/// Effects that one call may stage.
const EFFECTS: usize = 1 << 20;

/// The host's end of a connection's `session`. There is one a store, so it carries nothing.
pub struct Session;
pub(crate) const SESSION: u32 = 1;

/// Everything the host knows while a guest runs.
pub(crate) struct Context {
    /// None: a stateless call, which may stage nothing.
    pub mode: Option<Mode>,
    /// It may take part in what is said while recording.
    intervenes: bool,
    pub staged: Vec<Effect>,
    staged_bytes: usize,
    exchanges: u64,
    blobs: u64,
    plugin: String,
    /// Thread time when the guest was first seen running late; none while it is not.
    late_since: Option<Duration>,
    /// Why the store was stopped, when it was by us.
    pub stopped: Option<&'static str>,
}

pub(crate) fn store(engine: &Engine, plugin: &str, mode: Option<Mode>, intervenes: bool) -> Store<Context> {
    let context = Context {
        mode,
        intervenes,
        staged: Vec::new(),
        staged_bytes: 0,
        exchanges: 0,
        blobs: 0,
        plugin: plugin.to_owned(),
        late_since: None,
        stopped: None,
    };
    let mut store = Store::new(engine.wasmtime(), context);
    store.limiter(|context| context);
    store.epoch_deadline_callback(look_at);
    arm(&mut store);
    store
}

/// Before each call: the clock starts anew.
pub(crate) fn arm(store: &mut Store<Context>) {
    let context = store.data_mut();
    context.late_since = None;
    context.staged_bytes = 0;
    store.set_epoch_deadline(2);
}

/// Runs when a call has taken a tick or two of real time, and at each further tick.
fn look_at(mut context: StoreContextMut<'_, Context>) -> Result<UpdateDeadline> {
    let now = thread_time();
    let context = context.data_mut();
    let since = *context.late_since.get_or_insert(now);
    if now.saturating_sub(since) < BUDGET {
        return Ok(UpdateDeadline::Continue(1));
    }
    context.stopped = Some("it ran for 100 ms without returning");
    Ok(UpdateDeadline::Interrupt)
}

fn thread_time() -> Duration {
    let mut time = libc::timespec { tv_sec: 0, tv_nsec: 0 };
    // SAFETY: `time` is valid for writing, and the clock exists on every Linux.
    unsafe { libc::clock_gettime(libc::CLOCK_THREAD_CPUTIME_ID, &raw mut time) };
    Duration::new(time.tv_sec.cast_unsigned(), u32::try_from(time.tv_nsec).unwrap_or(0))
}

impl ResourceLimiter for Context {
    fn memory_growing(&mut self, _current: usize, desired: usize, _maximum: Option<usize>) -> Result<bool> {
        if desired <= MEMORY {
            return Ok(true);
        }
        self.stopped = Some("it wanted more than 64 MiB of memory");
        Err(wasmtime::Error::msg("memory limit"))
    }
    fn table_growing(&mut self, _current: usize, desired: usize, _maximum: Option<usize>) -> Result<bool> {
        Ok(desired <= 20_000)
    }
}

impl Context {
    fn stage(&mut self, effect: Effect, bytes: usize) -> Result<()> {
        if self.mode.is_none() {
            return Err(wasmtime::Error::msg("a stateless call has no session"));
        }
        self.staged_bytes += bytes;
        if self.staged_bytes > OUTPUT || self.staged.len() >= EFFECTS {
            self.stopped = Some("one call wrote more than 256 MiB or a million effects");
            return Err(wasmtime::Error::msg("output limit"));
        }
        self.staged.push(effect);
        Ok(())
    }
    /// The blob that is meant, or the next number.
    fn blob(&mut self, into: Option<u64>) -> u64 {
        into.unwrap_or_else(|| {
            self.blobs += 1;
            self.blobs
        })
    }
    /// Recording changes nothing on the wire.
    fn stage_output(&mut self, effect: Effect, bytes: usize) -> Result<()> {
        if self.mode == Some(Mode::Record) && !self.intervenes {
            self.stopped = Some("it wrote to the connection while recording");
            return Err(wasmtime::Error::msg("no output while recording"));
        }
        self.stage(effect, bytes)
    }
}

pub(crate) fn link(linker: &mut Linker<Context>) -> Result<()> {
    host::add_to_linker::<_, Imports>(linker, |context| context)?;
    codec::add_to_linker::<_, Imports>(linker, |context| context)?;
    types::add_to_linker::<_, Imports>(linker, |context| context)
}

struct Imports;
impl wasmtime::component::HasData for Imports {
    type Data<'a> = &'a mut Context;
}

impl types::Host for Context {}

impl codec::Host for Context {
    fn decode(&mut self, name: String, data: Vec<u8>, limit: u64) -> Result<std::result::Result<Vec<u8>, String>> {
        // What a guest could not hold anyway is not made.
        Ok(keploy_codec::decode(&name, &data, limit.min(MEMORY as u64)))
    }
    fn encode(&mut self, name: String, data: Vec<u8>) -> Result<std::result::Result<Vec<u8>, String>> {
        Ok(keploy_codec::encode(&name, &data))
    }
    fn derive_key(
        &mut self,
        password: Vec<u8>,
        salt: Vec<u8>,
        rounds: u32,
    ) -> Result<std::result::Result<Vec<u8>, String>> {
        Ok(keploy_codec::derive_key(&password, &salt, rounds))
    }
}

impl host::Host for Context {
    fn log(&mut self, level: host::Level, message: String) -> Result<()> {
        let plugin = &self.plugin;
        match level {
            host::Level::Debug => tracing::debug!(%plugin, "{message}"),
            host::Level::Info => tracing::info!(%plugin, "{message}"),
            host::Level::Warn => tracing::warn!(%plugin, "{message}"),
            host::Level::Error => tracing::error!(%plugin, "{message}"),
        }
        Ok(())
    }
}

impl host::HostSession for Context {
    fn open(&mut self, _: Resource<Session>, request: Vec<u8>, facts: Facts, at: u64) -> Result<u64> {
        self.exchanges += 1;
        let (exchange, bytes) = (self.exchanges, request.len());
        self.stage(Effect::Open { exchange, request, facts, at }, bytes)?;
        Ok(exchange)
    }
    fn open_inbound(
        &mut self,
        _: Resource<Session>,
        subject: String,
        request: Vec<u8>,
        facts: Facts,
        at: u64,
    ) -> Result<u64> {
        self.exchanges += 1;
        let (exchange, bytes) = (self.exchanges, subject.len() + request.len());
        self.stage(Effect::OpenInbound { exchange, subject, request, facts, at }, bytes)?;
        Ok(exchange)
    }
    fn serves(&mut self, _: Resource<Session>, subject: String) -> Result<()> {
        let bytes = subject.len();
        self.stage(Effect::Serves { subject }, bytes)
    }
    fn serves_no_more(&mut self, _: Resource<Session>, subject: String) -> Result<()> {
        let bytes = subject.len();
        self.stage(Effect::ServesNoMore { subject }, bytes)
    }
    fn tell(&mut self, _: Resource<Session>, subject: String, message: Vec<u8>) -> Result<()> {
        let bytes = subject.len() + message.len();
        self.stage(Effect::Tell { subject, message }, bytes)
    }
    fn reply(&mut self, _: Resource<Session>, exchange: u64, response: Vec<u8>, at: u64) -> Result<()> {
        let bytes = response.len();
        self.stage(Effect::Reply { exchange, response, at }, bytes)
    }
    fn close(&mut self, _: Resource<Session>, exchange: u64) -> Result<()> {
        self.stage(Effect::Close { exchange }, 0)
    }
    fn abandon(&mut self, _: Resource<Session>, exchange: u64, reason: String) -> Result<()> {
        let bytes = reason.len();
        self.stage(Effect::Abandon { exchange, reason }, bytes)
    }
    fn write(&mut self, _: Resource<Session>, to: Side, data: Vec<u8>) -> Result<()> {
        let bytes = data.len();
        self.stage_output(Effect::Write { to, data }, bytes)
    }
    fn write_blob(&mut self, _: Resource<Session>, to: Side, blob: u64) -> Result<()> {
        self.stage_output(Effect::WriteBlob { to, blob }, 0)
    }
    fn finish(&mut self, _: Resource<Session>, to: Side) -> Result<()> {
        self.stage_output(Effect::Finish { to }, 0)
    }
    fn keep(&mut self, _: Resource<Session>, from: Side, offset: u64, len: u64, into: Option<u64>) -> Result<u64> {
        let blob = self.blob(into);
        self.stage(Effect::Keep { from, offset, len, blob }, 0)?;
        Ok(blob)
    }
    fn keep_bytes(&mut self, _: Resource<Session>, data: Vec<u8>, into: Option<u64>) -> Result<u64> {
        let (blob, bytes) = (self.blob(into), data.len());
        self.stage(Effect::KeepBytes { data, blob }, bytes)?;
        Ok(blob)
    }
    fn set_pace(&mut self, _: Resource<Session>, pace: Pace) -> Result<()> {
        self.stage(Effect::SetPace(pace), 0)
    }
    fn upgrade_tls(&mut self, _: Resource<Session>, client: u64, server: u64) -> Result<()> {
        self.stage(Effect::UpgradeTls { client, server }, 0)
    }
    fn withhold(&mut self, _: Resource<Session>, from: Side, offset: u64, len: u64) -> Result<()> {
        self.stage_output(Effect::Withhold { from, offset, len }, 0)
    }
    fn leave_encrypted(&mut self, _: Resource<Session>, reason: String) -> Result<()> {
        let bytes = reason.len();
        self.stage(Effect::LeaveEncrypted { reason }, bytes)
    }
    fn drop(&mut self, _: Resource<Session>) -> Result<()> {
        Ok(())
    }
}
