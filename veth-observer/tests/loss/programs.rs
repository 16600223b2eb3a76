//! Programs of others that shoot: after ours on the way out, before ours on the way in.

use veth_observer::{attach::Method, model::drop::Stage};

use super::{PASSES, SHOT, assert_balanced, assert_dropped, during, frame, to_y};
use crate::support::{
    bpf::{self, Hook},
    bursts::SuperFrames,
    wire::{Wire, X, Y},
};

/// A filter that shoots one EtherType on the way out of `vx`.
fn shoot_on_the_way_out(wire: &Wire, ethertype: u16) {
    wire.lab.exec(0, &["tc", "qdisc", "add", "dev", X, "clsact"]);
    let code = format!("4,40 0 0 12,21 0 1 {ethertype},6 0 0 2,6 0 0 4294967295,");
    let filter = ["tc", "filter", "add", "dev", X, "egress", "prio", "60000", "bpf", "da", "bytecode", &code];
    wire.lab.exec(0, &filter);
}

#[test]
fn frames_that_a_filter_shoots_on_the_way_out() {
    let wire = Wire::new();
    shoot_on_the_way_out(&wire, SHOT);
    wire.over_both(|| {
        let before = wire.lab.qdisc_drops(0, X, "clsact");
        let (refused, out) = during(&wire, || {
            wire.lab.send_frames(0, X, &frame(PASSES), 30);
            wire.lab.offer_frames(0, X, &frame(SHOT), 70)
        });
        assert_eq!((refused, wire.lab.qdisc_drops(0, X, "clsact") - before), (70, 70));
        assert_eq!((out.sent.frames, out.received.frames), (100, 30));
        assert_dropped(&out, 70, Stage::EgressProgram, "TC_EGRESS", &["__dev_queue_xmit"]);
    });
}

#[test]
fn super_frames_that_a_filter_shoots_on_the_way_out() {
    let wire = Wire::new();
    shoot_on_the_way_out(&wire, 0x0800);
    let sender = SuperFrames::new(&wire.lab, [0, 1], to_y());
    wire.over_both(|| {
        let before = wire.lab.qdisc_drops(0, X, "clsact");
        let ((), out) = during(&wire, || sender.send(20));
        assert_eq!((out.sent.skbs, wire.lab.qdisc_drops(0, X, "clsact") - before), (20, 20));
        assert_dropped(&out, 200, Stage::EgressProgram, "TC_EGRESS", &["__dev_queue_xmit"]);
    });
}

#[test]
fn frames_that_a_tcx_program_behind_ours_shoots() {
    let wire = Wire::new();
    let sender = SuperFrames::new(&wire.lab, [0, 1], to_y());
    let shooter = bpf::load(Hook::TcxEgress, "shooter", 2);
    let observation =
        wire.observe(veth_observer::observe::Settings { attach: Method::Tcx, ..wire.settings() });
    let ifindex = wire.lab.ifindex(0, X);
    let link = wire.lab.namespace(0).run(|| bpf::attach(&shooter, ifindex, Hook::TcxEgress)).unwrap();
    assert_eq!(wire.lab.offer_frames(0, X, &frame(SHOT), 100), 100);
    sender.send(20);
    drop(link);
    let [out, _] = wire.finish(observation).pairs.remove(0).directions;
    assert_eq!((out.sent.frames, out.received.frames), (300, 0));
    assert_dropped(&out, 300, Stage::EgressProgram, "TC_EGRESS", &["__dev_queue_xmit"]);
}

#[test]
fn frames_that_a_tcx_program_before_our_filter_shoots_were_never_sent() {
    let wire = Wire::new();
    let sender = SuperFrames::new(&wire.lab, [0, 1], to_y());
    let shooter = bpf::load(Hook::TcxEgress, "shooter", 2);
    // tcx comes before the filters of clsact.
    let observation =
        wire.observe(veth_observer::observe::Settings { attach: Method::Clsact, ..wire.settings() });
    wire.lab.send_frames(0, X, &frame(PASSES), 30);
    let ifindex = wire.lab.ifindex(0, X);
    let link = wire.lab.namespace(0).run(|| bpf::attach(&shooter, ifindex, Hook::TcxEgress)).unwrap();
    assert_eq!(wire.lab.offer_frames(0, X, &frame(SHOT), 100), 100);
    sender.send(20);
    drop(link);
    let [out, _] = wire.finish(observation).pairs.remove(0).directions;
    assert_eq!((out.sent.frames, out.received.frames, out.dropped.len()), (30, 30, 0));
    assert_balanced(&out);
}

#[test]
fn frames_that_a_program_before_ours_shoots_on_the_way_in() {
    let wire = Wire::new();
    let sender = SuperFrames::new(&wire.lab, [0, 1], to_y());
    let shooter = bpf::load(Hook::TcxIngress, "shooter", 2);
    let ifindex = wire.lab.ifindex(1, Y);
    wire.over_both(|| {
        let ((), out) = during(&wire, || {
            wire.lab.send_frames(0, X, &frame(PASSES), 30);
            let attach = || bpf::attach(&shooter, ifindex, Hook::TcxIngressFirst);
            let link = wire.lab.namespace(1).run(attach).unwrap();
            wire.lab.send_frames(0, X, &frame(SHOT), 70);
            sender.send(20);
            crate::support::netns::eventually("what was sent has come as far as the program", || {
                let counted = wire.lab.device_counters(1, Y);
                counted.rx_packets == wire.lab.device_counters(0, X).tx_packets
            });
            drop(link);
        });
        assert_eq!((out.sent.frames, out.received.frames), (300, 30));
        let functions = ["__netif_receive_skb_core", "sch_handle_ingress"];
        assert_dropped(&out, 270, Stage::IngressProgram, "TC_INGRESS", &functions);
        assert_balanced(&out);
    });
}
