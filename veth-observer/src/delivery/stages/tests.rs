use super::*;
use crate::model::drop::Side::Unknown;

/// Reason, function, side, and the stage; `-` for what the kernel does not give.
type Case = (&'static str, &'static str, Side, Option<Stage>);

/// What kernels say of frames that died, each with where it is known from: `6.18` measured there, else read in the source
/// of Linux 6.1.192 and 6.12.117 as Debian has them.
const CASES: &[Case] = &[
    // 6.12 packet_rcv: drop_n_acct, a full receive buffer. 6.1 the same without a reason of its own.
    ("PACKET_SOCK_ERROR", "packet_rcv", Sending, None),
    ("NOT_SPECIFIED", "packet_rcv", Sending, None),
    ("NOT_SPECIFIED", "tpacket_rcv", Receiving, None),
    ("NOT_SPECIFIED", "packet_rcv_spkt", Unknown, None),
    // skb_segment: err frees the segments made so far, the caller the whole.
    ("NOT_SPECIFIED", "skb_segment", Sending, None),
    // 6.18, inlined: the end of tbf_segment. 6.1 and 6.12 the same.
    ("NOT_SPECIFIED", "tbf_enqueue", Sending, None),
    ("-", "tbf_segment", Sending, None),
    // 6.18, tcx and clsact: sch_handle_egress is inlined. 6.1 the same.
    ("TC_EGRESS", "__dev_queue_xmit", Sending, Some(Stage::EgressProgram)),
    // 6.18: sch_handle_ingress is inlined.
    ("TC_INGRESS", "__netif_receive_skb_core", Receiving, Some(Stage::IngressProgram)),
    // 6.12 tc_run: tcf_get_drop_reason after tcf_classify.
    ("TC_CHAIN_NOTFOUND", "__dev_queue_xmit", Sending, Some(Stage::EgressProgram)),
    ("TC_COOKIE_ERROR", "__netif_receive_skb_core", Receiving, Some(Stage::IngressProgram)),
    // 6.18: tbf, pfifo, and noop when the peer is down. 6.1 names the function that frees the list.
    ("QDISC_DROP", "__dev_queue_xmit", Sending, Some(Stage::Qdisc)),
    ("QDISC_DROP", "kfree_skb_list_reason", Sending, Some(Stage::Qdisc)),
    // 6.12 fq_enqueue; fq keeps its flow's tree where the device was.
    ("FQ_BAND_LIMIT", "__dev_queue_xmit", Unknown, Some(Stage::Qdisc)),
    // 6.18 has these in its enum skb_drop_reason.
    ("CAKE_FLOOD", "__dev_queue_xmit", Sending, Some(Stage::Qdisc)),
    ("DUALPI2_STEP_DROP", "-", Sending, Some(Stage::Qdisc)),
    // 6.1 and 6.12 enqueue_to_backlog; where it is inlined, its caller.
    ("CPU_BACKLOG", "enqueue_to_backlog", Receiving, Some(Stage::Backlog)),
    ("CPU_BACKLOG", "netif_rx_internal", Receiving, Some(Stage::Backlog)),
    // 6.1 do_xdp_generic: out_redir.
    ("XDP", "do_xdp_generic", Receiving, Some(Stage::Xdp)),
    // 6.18: XDP_DROP in the driver.
    ("NOT_SPECIFIED", "veth_xdp_rcv_skb", Receiving, Some(Stage::Xdp)),
    ("-", "veth_xdp_rcv_skb", Receiving, Some(Stage::Xdp)),
    ("NOT_SPECIFIED", "veth_poll", Receiving, Some(Stage::Xdp)),
    // 6.12 veth_xmit: NETDEV_TX_BUSY without a queue; eth_type_trans has made it the receiver's. 6.1 in veth_xdp_rx.
    ("NOT_SPECIFIED", "veth_xmit", Receiving, Some(Stage::Ring)),
    ("NOT_SPECIFIED", "dev_kfree_skb_any_reason", Receiving, Some(Stage::Ring)),
    ("-", "__dev_kfree_skb_any", Receiving, Some(Stage::Ring)),
    // veth_napi_del_range: ptr_ring_cleanup with veth_ptr_free.
    ("NOT_SPECIFIED", "veth_ptr_free", Receiving, Some(Stage::Ring)),
    ("NOT_SPECIFIED", "veth_ptr_free", Unknown, Some(Stage::Ring)),
    // veth_xmit: no peer any more.
    ("NOT_SPECIFIED", "veth_xmit", Sending, Some(Stage::Veth)),
    // 6.18: the peer's MTU too small, or the peer not up; before the device changes. 6.1 in __dev_forward_skb.
    ("NOT_SPECIFIED", "__dev_forward_skb2", Sending, Some(Stage::Veth)),
    ("NOT_SPECIFIED", "__dev_forward_skb", Sending, Some(Stage::Veth)),
    ("-", "____dev_forward_skb", Sending, Some(Stage::Veth)),
    // 6.18: XDP_DROP of a generic program; netif_receive_generic_xdp is inlined.
    ("NOT_SPECIFIED", "do_xdp_generic", Receiving, Some(Stage::Xdp)),
    ("NOT_SPECIFIED", "generic_xdp_tx", Receiving, Some(Stage::Xdp)),
    // 6.1 enqueue_to_backlog: the device stopped, no reason. 6.12: DEV_READY.
    ("NOT_SPECIFIED", "enqueue_to_backlog", Receiving, Some(Stage::Backlog)),
    ("DEV_READY", "enqueue_to_backlog", Receiving, Some(Stage::Backlog)),
    ("-", "enqueue_to_backlog", Receiving, Some(Stage::Backlog)),
    // 6.12 flush_backlog: __skb_queue_purge_reason.
    ("DEV_READY", "flush_backlog", Receiving, Some(Stage::Backlog)),
    ("DEV_READY", "skb_queue_purge_reason", Receiving, Some(Stage::Backlog)),
    // 6.1 flush_backlog: dev_kfree_skb_irq leaves it to the softirq.
    ("NOT_SPECIFIED", "net_tx_action", Receiving, Some(Stage::Backlog)),
    // 6.12 validate_xmit_skb: out_kfree_skb, when it cannot be segmented or checksummed.
    ("NOT_SPECIFIED", "validate_xmit_skb", Sending, Some(Stage::Veth)),
    // 6.12 __dev_queue_xmit: the end, after the transmit function. 6.1 names the function that frees the list.
    ("NOT_SPECIFIED", "__dev_queue_xmit", Sending, Some(Stage::Veth)),
    ("NOT_SPECIFIED", "kfree_skb_list_reason", Sending, Some(Stage::Veth)),
    // 6.18 has it in its enum skb_drop_reason.
    ("RECURSION_LIMIT", "__dev_queue_xmit", Sending, Some(Stage::Veth)),
    // Not inlined, or without reasons as before 5.17: the verdict of a program.
    ("NOT_SPECIFIED", "sch_handle_egress", Sending, Some(Stage::EgressProgram)),
    ("-", "sch_handle_ingress", Receiving, Some(Stage::IngressProgram)),
    ("-", "__dev_queue_xmit", Sending, Some(Stage::EgressProgram)),
    ("-", "__netif_receive_skb_core", Receiving, Some(Stage::IngressProgram)),
    // __dev_xmit_skb: kfree_skb_list(to_free).
    ("-", "kfree_skb_list", Sending, Some(Stage::Qdisc)),
    // __qdisc_reset_queue: rtnl_kfree_skbs, freed by __rtnl_unlock.
    ("NOT_SPECIFIED", "__rtnl_unlock", Sending, Some(Stage::Qdisc)),
    ("QUEUE_PURGE", "qdisc_reset", Sending, Some(Stage::Qdisc)),
    // pfifo_fast_reset, netem_enqueue, tbf_reset.
    ("NOT_SPECIFIED", "pfifo_fast_reset", Sending, Some(Stage::Qdisc)),
    ("NOT_SPECIFIED", "netem_enqueue", Unknown, Some(Stage::Qdisc)),
    ("-", "tbf_reset", Sending, Some(Stage::Qdisc)),
];

/// What the table must not claim to know.
const OTHERS: &[Case] = &[
    ("NETFILTER_DROP", "nf_hook_slow", Receiving, Some(Stage::Other)),
    ("UNHANDLED_PROTO", "__netif_receive_skb_core", Receiving, Some(Stage::Other)),
    ("NOT_SPECIFIED", "__dev_queue_xmit", Receiving, Some(Stage::Other)),
    ("NOT_SPECIFIED", "-", Sending, Some(Stage::Other)),
    ("-", "-", Unknown, Some(Stage::Other)),
];

fn known(word: &str) -> Option<&str> {
    (word != "-").then_some(word)
}

#[test]
fn each_drop_is_at_its_stage() {
    for (reason, function, side, expected) in CASES.iter().chain(OTHERS) {
        let found = stage(known(reason), known(function), *side);
        assert_eq!(found, *expected, "{reason} in {function} at {side:?}");
    }
}

#[test]
fn each_row_is_needed_by_a_drop_that_is_known() {
    for (index, row) in TABLE.iter().enumerate() {
        let needs = |case: &&Case| {
            decides(known(case.0), known(case.1), case.2).is_some_and(|by| std::ptr::eq(by, row))
        };
        assert!(CASES.iter().any(|case| needs(&case)), "row {index} decides nothing");
    }
}

#[test]
fn what_is_unknown_is_decided_by_no_row() {
    for (reason, function, side, _) in OTHERS {
        assert!(decides(known(reason), known(function), *side).is_none(), "{reason} in {function}");
    }
}

#[test]
fn patterns_fit_beginnings_ends_and_middles() {
    for (pattern, name, fits) in [
        ("veth_*", "veth_xmit", true),
        ("veth_*", "my_veth_xmit", false),
        ("*_reset", "tbf_reset", true),
        ("*_reset", "tbf_reset_all", false),
        ("*dev_forward_skb*", "__dev_forward_skb2", true),
        ("packet_rcv", "packet_rcv_spkt", false),
    ] {
        assert_eq!(any(&[pattern], name), fits, "{pattern} {name}");
    }
}
