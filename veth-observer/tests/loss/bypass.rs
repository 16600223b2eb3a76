//! Frames that never pass the egress hook: PACKET_QDISC_BYPASS.

use std::net::UdpSocket;

use veth_observer::{
    frame::craft::{Content, FrameSpec, Ip, Transport, craft},
    model::mac::Mac,
};

use super::{PASSES, assert_balanced, during, frame};
use crate::support::wire::{Wire, X, X_IP, X_MAC, Y, Y_IP, Y_MAC};

#[test]
fn frames_past_the_egress_hook_are_unmatched_and_in_no_other_count() {
    let wire = Wire::new();
    wire.over_both(|| {
        let ((), mut out) = during(&wire, || {
            assert_eq!(wire.lab.offer_frames_past_the_queue(0, X, &frame(PASSES), 100), 0);
            wire.lab.send_frames(0, X, &frame(PASSES), 11);
        });
        assert_eq!((out.sent.frames, out.received.frames), (11, 11));
        assert_eq!(std::mem::take(&mut out.unmatched), 100);
        assert_balanced(&out);
    });
}

#[test]
fn super_frames_past_the_egress_hook_are_as_many_frames_as_they_have_segments() {
    let wire = Wire::new();
    let [src, dst] = [X_IP, Y_IP].map(|address| address.parse().unwrap());
    let content = Content::Ip(Ip::V4 { src, dst }, Some(Transport::Tcp { src: 9, dst: 9 }));
    let (src_mac, dst_mac) = (Mac(X_MAC), Mac(Y_MAC));
    let payload = vec![0x5a; 9500];
    let buffer = craft(&FrameSpec { src_mac, dst_mac, vlan: None, content, payload, size: None }, 0).unwrap();
    wire.over_both(|| {
        let before = wire.lab.device_counters(1, Y).rx_packets;
        let ((), [mut out, _]) = wire.during(|| {
            wire.lab.send_super_frames_past_the_queue(0, X, &buffer, 1000, 20);
            wire.lab.send_frames(0, X, &frame(PASSES), 11);
        });
        assert_eq!(wire.lab.device_counters(1, Y).rx_packets - before, 20 + 11, "none was cut up");
        assert_eq!((out.sent.frames, out.received.frames), (11, 11));
        assert_eq!(std::mem::take(&mut out.unmatched), 20 * 10);
        assert_balanced(&out);
    });
}

#[test]
fn deaths_past_the_egress_hook_are_nobody_s_loss() {
    let wire = Wire::new();
    wire.lab.ip(1, &["link", "set", Y, "mtu", "500"]);
    wire.over_both(|| {
        let before = wire.lab.device_drops(0, X)[0];
        let (refused, out) =
            during(&wire, || wire.lab.offer_frames_past_the_queue(0, X, &frame(PASSES), 100));
        assert_eq!((refused, wire.lab.device_drops(0, X)[0] - before), (100, 100));
        assert_eq!((out.sent.frames, out.received.frames, out.dropped_frames()), (0, 0, 0));
        assert_balanced(&out);
    });
}

#[test]
fn what_an_end_tells_its_own_machine_too_never_was_on_the_pair() {
    let wire = Wire::new();
    wire.over_both(|| {
        let ((), [out, back]) = wire.during(|| {
            let socket = wire.lab.namespace(0).run(|| UdpSocket::bind((X_IP, 0))).unwrap().unwrap();
            socket.set_broadcast(true).unwrap();
            for _ in 0..5 {
                socket.send_to(b"all", ("10.77.0.255", 9)).unwrap();
            }
        });
        assert_eq!((out.sent.frames, out.received.frames), (5, 5), "{out:#?}");
        assert_eq!((back.received.frames, back.unmatched), (0, 0), "{back:#?}");
        assert_balanced(&out);
    });
}
