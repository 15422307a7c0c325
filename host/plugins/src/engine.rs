//! The one wasmtime engine, how it is tuned, and the clock that ends endless loops.
use std::{
    sync::{Arc, Weak},
    time::Duration,
};

use wasmtime::{Config, InstanceAllocationStrategy, PoolingAllocationConfig};

/// How often a running guest is looked at.
const TICK: Duration = Duration::from_millis(10);
/// Connections that can be parsed at the same time. Address space is reserved for each, memory is not.
const INSTANCES: u32 = 12_000;
/// A guest's memory may not grow beyond this.
pub(crate) const MEMORY: usize = 64 << 20;

/// Compiles and runs parsers. Cheap to clone; the ticking thread ends with the last clone.
#[derive(Clone)]
pub struct Engine {
    wasmtime: wasmtime::Engine,
    _alive: Arc<()>,
}

impl Engine {
    /// # Errors
    /// When the processor or the kernel lacks what the sandbox needs.
    pub fn new() -> wasmtime::Result<Self> {
        // A pool makes an instance in microseconds, but reserves address space, which containers may limit.
        let wasmtime = wasmtime::Engine::new(&config(true)).or_else(|_| wasmtime::Engine::new(&config(false)))?;
        let alive = Arc::new(());
        tick(wasmtime.clone(), Arc::downgrade(&alive));
        Ok(Self { wasmtime, _alive: alive })
    }

    pub(crate) fn wasmtime(&self) -> &wasmtime::Engine {
        &self.wasmtime
    }
}

fn config(pooled: bool) -> Config {
    let mut config = Config::new();
    config.wasm_component_model(true);
    // Guests never wait for anything: calls without fibers are two to three times cheaper.
    config.concurrency_support(false);
    config.epoch_interruption(true);
    config.wasm_backtrace_max_frames(None);
    if pooled {
        let mut pool = PoolingAllocationConfig::new();
        // A component of ours is one or two core instances with one memory and two tables between them.
        pool.total_component_instances(INSTANCES)
            .total_core_instances(INSTANCES * 4)
            .total_memories(INSTANCES)
            .total_tables(INSTANCES * 2)
            .max_core_instances_per_component(8)
            .max_memory_size(MEMORY)
            // What a connection's guest has written to is made as it was, instead of given back and faulted in again: most
            // of the cost of a connection's instance.
            .pagemap_scan(wasmtime::Enabled::Auto)
            .linear_memory_keep_resident(256 << 10)
            .table_keep_resident(4 << 10)
            .max_unused_warm_slots(256);
        config.allocation_strategy(InstanceAllocationStrategy::Pooling(pool));
    }
    config
}

#[expect(clippy::disallowed_methods, reason = "it is the clock that others wait for")]
fn tick(engine: wasmtime::Engine, alive: Weak<()>) {
    let run = move || {
        while alive.strong_count() > 0 {
            std::thread::sleep(TICK);
            engine.increment_epoch();
        }
    };
    std::thread::Builder::new().name("parser clock".to_owned()).spawn(run).expect("a thread can be started");
}
