//! What the driver of a receiving end says of itself.

use serde::{Deserialize, Serialize};

/// Frames by the driver's own counters (`ethtool -S`, `drivers/net/veth.c`), over all queues of a device. Those that came
/// from elsewhere than the other end's egress hook are among them.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct DriverCounts {
    /// By the verdict of its XDP program: DROP and ABORTED.
    pub xdp_drops: u64,
    /// Sent back through the pair by its XDP program.
    pub xdp_tx: u64,
    /// Meant to be sent back, but the other end has no ring to take them, or no room in it.
    pub xdp_tx_errors: u64,
    /// Sent to another device, CPU or socket by its XDP program.
    pub xdp_redirect: u64,
    /// Taken from the ring, but without memory to show them to the XDP program. What finds the ring full is not among them.
    pub drops: u64,
}

impl DriverCounts {
    /// What was counted after `before`; a queue that was taken away took its counts along.
    #[must_use]
    pub fn since(self, before: Self) -> Self {
        Self {
            xdp_drops: self.xdp_drops.saturating_sub(before.xdp_drops),
            xdp_tx: self.xdp_tx.saturating_sub(before.xdp_tx),
            xdp_tx_errors: self.xdp_tx_errors.saturating_sub(before.xdp_tx_errors),
            xdp_redirect: self.xdp_redirect.saturating_sub(before.xdp_redirect),
            drops: self.drops.saturating_sub(before.drops),
        }
    }
}
