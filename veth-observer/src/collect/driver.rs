//! What the driver of an end counts by itself.
//!
//! An XDP program that drops what another device redirected into the pair frees no socket buffer, so that no tracepoint tells
//! of it. The driver does.

use std::io;

use crate::{ethtool, model::driver::DriverCounts};

/// Reads the counters of a device of the calling thread's network namespace, summed over its queues; takes no privilege.
///
/// ENODEV when no device has this index, EOPNOTSUPP when its driver has no statistics.
pub fn driver_counts(ifindex: u32) -> io::Result<DriverCounts> {
    let mut counts = DriverCounts::default();
    for (name, value) in ethtool::statistics(ifindex)? {
        // `rx_queue_0_xdp_drops` in Linux 5.15 to 6.18.
        let queue = name.strip_prefix("rx_queue_");
        match queue.and_then(|rest| rest.split_once('_')) {
            Some((_, "xdp_drops")) => counts.xdp_drops += value,
            Some((_, "xdp_tx")) => counts.xdp_tx += value,
            Some((_, "xdp_tx_errors")) => counts.xdp_tx_errors += value,
            Some((_, "xdp_redirect")) => counts.xdp_redirect += value,
            Some((_, "drops")) => counts.drops += value,
            _ => {}
        }
    }
    Ok(counts)
}
