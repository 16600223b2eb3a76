//! Log records of the kernel programs, forwarded to the log of the observer.

use anyhow::{Context, Result};
use aya::Ebpf;
use aya_log::EbpfLogger;

/// Reads the records that the programs wrote; they reach `tracing` through the `log` bridge.
pub struct KernelLog(EbpfLogger<&'static dyn ::log::Log>);

impl KernelLog {
    pub(super) fn open(ebpf: &mut Ebpf) -> Result<Self> {
        Ok(Self(EbpfLogger::init(ebpf).context("cannot read the log of the kernel programs")?))
    }

    /// Forwards what has been written since the last call.
    pub fn flush(&mut self) {
        self.0.flush();
    }
}
