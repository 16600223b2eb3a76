//! From what the kernel says of a freed buffer to the stage of the way where it died.
//!
//! The kernel gives a function and, since 5.17, a reason. Neither alone is enough: the drops of veth itself and of XDP have
//! the reason NOT_SPECIFIED, and one function, `veth_xmit`, drops both what it cannot forward and what finds the ring full.

use crate::model::drop::{
    Side,
    Side::{Receiving, Sending},
    Stage,
};

#[cfg(test)]
mod tests;

/// Which drops a row is about; the first row that fits decides.
struct Row {
    reason: Reason,
    /// Any of these; a name may end or begin with `*`. Empty for every function, known or not.
    functions: &'static [&'static str],
    side: Option<Side>,
    /// None when no frame of the link died.
    stage: Option<Stage>,
}

enum Reason {
    Any,
    /// The kernel has no reasons: before 5.17.
    Absent,
    Is(&'static [&'static str]),
}

const NOT_SPECIFIED: Reason = Reason::Is(&["NOT_SPECIFIED"]);
const ANYWHERE: &[&str] = &[];

const fn row(
    reason: Reason,
    functions: &'static [&'static str],
    side: Option<Side>,
    stage: Option<Stage>,
) -> Row {
    Row { reason, functions, side, stage }
}

static TABLE: &[Row] = &[
    // Packet sockets get clones, and a clone carries the stamp too.
    row(Reason::Is(&["PACKET_SOCK_ERROR"]), ANYWHERE, None, None),
    row(Reason::Any, &["packet_rcv*", "tpacket_rcv"], None, None),
    // Half a GSO buffer when there was no memory for the rest: the whole is freed apart.
    row(Reason::Any, &["skb_segment", "skb_segment_list"], None, None),
    // Reasons that say it all.
    row(Reason::Is(&["TC_EGRESS"]), ANYWHERE, None, Some(Stage::EgressProgram)),
    row(Reason::Is(&["TC_INGRESS"]), ANYWHERE, None, Some(Stage::IngressProgram)),
    row(Reason::Is(&["TC_*"]), ANYWHERE, Some(Sending), Some(Stage::EgressProgram)),
    row(Reason::Is(&["TC_*"]), ANYWHERE, Some(Receiving), Some(Stage::IngressProgram)),
    row(Reason::Is(&["QDISC_*", "FQ_*", "CAKE_*", "DUALPI2_*"]), ANYWHERE, None, Some(Stage::Qdisc)),
    // The whole that a token bucket cut up and had room for nothing of: each segment is freed apart, with such a reason.
    row(Reason::Any, &["tbf_enqueue", "tbf_segment"], None, None),
    row(Reason::Is(&["CPU_BACKLOG"]), ANYWHERE, None, Some(Stage::Backlog)),
    row(Reason::Is(&["XDP"]), ANYWHERE, None, Some(Stage::Xdp)),
    // The driver, which has no reasons of its own.
    row(Reason::Any, &["veth_xdp_rcv*", "veth_poll"], None, Some(Stage::Xdp)),
    row(Reason::Any, &["veth_*", "*dev_kfree_skb_any*"], Some(Receiving), Some(Stage::Ring)),
    row(Reason::Any, &["veth_ptr_free", "veth_napi_del*"], None, Some(Stage::Ring)),
    row(Reason::Any, &["veth_*", "*dev_forward_skb*"], None, Some(Stage::Veth)),
    row(
        Reason::Any,
        &["do_xdp_generic", "netif_receive_generic_xdp", "generic_xdp_tx", "xdp_do_generic_redirect*"],
        None,
        Some(Stage::Xdp),
    ),
    // The backlog of the receiver.
    row(
        Reason::Any,
        &["enqueue_to_backlog", "flush_backlog", "process_backlog", "*netif_rx*", "dev_cpu_dead"],
        None,
        Some(Stage::Backlog),
    ),
    row(Reason::Is(&["DEV_READY"]), ANYWHERE, Some(Receiving), Some(Stage::Backlog)),
    row(Reason::Any, &["net_tx_action"], Some(Receiving), Some(Stage::Backlog)),
    // From the queue to the driver.
    row(
        Reason::Any,
        &[
            "validate_xmit_*",
            "dev_hard_start_xmit",
            "__dev_direct_xmit",
            "skb_checksum_help",
            "skb_vlan_push",
            "__vlan_insert_tag",
        ],
        Some(Sending),
        Some(Stage::Veth),
    ),
    // Frees after the transmit function: no queue to go back to, the device down, or a loop.
    row(
        NOT_SPECIFIED,
        &["__dev_queue_xmit", "dev_queue_xmit", "kfree_skb_list*"],
        Some(Sending),
        Some(Stage::Veth),
    ),
    row(Reason::Is(&["RECURSION_LIMIT"]), ANYWHERE, Some(Sending), Some(Stage::Veth)),
    // Kernels without reasons: all that frees on its own in these is the verdict of a program.
    row(Reason::Any, &["sch_handle_egress"], None, Some(Stage::EgressProgram)),
    row(Reason::Any, &["sch_handle_ingress"], None, Some(Stage::IngressProgram)),
    row(Reason::Absent, &["__dev_queue_xmit", "dev_queue_xmit"], Some(Sending), Some(Stage::EgressProgram)),
    row(
        Reason::Absent,
        &["__netif_receive_skb_core", "__netif_receive_skb*"],
        Some(Receiving),
        Some(Stage::IngressProgram),
    ),
    // Queues: what they refuse is freed in a list, what they hold when they are emptied under the lock of rtnetlink.
    row(Reason::Absent, &["kfree_skb_list*"], Some(Sending), Some(Stage::Qdisc)),
    row(
        Reason::Any,
        &["*rtnl_unlock", "rtnl_kfree_skbs", "netdev_run_todo", "*skb_queue_purge*", "skb_rbtree_purge"],
        Some(Sending),
        Some(Stage::Qdisc),
    ),
    row(
        Reason::Any,
        &[
            "*_enqueue",
            "*_dequeue",
            "*_reset",
            "*_qdisc_drop*",
            "qdisc_*",
            "__qdisc_*",
            "sch_direct_xmit",
            "dev_reset_queue",
            "dev_deactivate_many",
            "__dev_xmit_skb",
            "tbf_*",
            "netem_*",
        ],
        None,
        Some(Stage::Qdisc),
    ),
];

/// The stage where a buffer died, by the reason and the function that the kernel gave and the end whose device it was on.
///
/// `None` when no frame of the link died: it was a copy. A drop that the table does not know is [`Stage::Other`].
pub(super) fn stage(reason: Option<&str>, function: Option<&str>, side: Side) -> Option<Stage> {
    decides(reason, function, side).map_or(Some(Stage::Other), |row| row.stage)
}

fn decides(reason: Option<&str>, function: Option<&str>, side: Side) -> Option<&'static Row> {
    TABLE.iter().find(|row| {
        row.reason.fits(reason)
            && (row.functions.is_empty() || function.is_some_and(|name| any(row.functions, name)))
            && row.side.is_none_or(|wanted| wanted == side)
    })
}

impl Reason {
    fn fits(&self, reason: Option<&str>) -> bool {
        match self {
            Self::Any => true,
            Self::Absent => reason.is_none(),
            Self::Is(names) => reason.is_some_and(|name| any(names, name)),
        }
    }
}

fn any(patterns: &[&str], name: &str) -> bool {
    patterns.iter().any(|pattern| match (pattern.strip_prefix('*'), pattern.strip_suffix('*')) {
        (Some(rest), Some(_)) => name.contains(rest.trim_end_matches('*')),
        (Some(end), None) => name.ends_with(end),
        (None, Some(start)) => name.starts_with(start),
        (None, None) => name == *pattern,
    })
}
