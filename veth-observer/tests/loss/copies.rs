//! Copies for packet sockets: what becomes of them is nobody's loss.

use std::{
    io,
    os::fd::{AsFd, AsRawFd},
};

use rustix::net::{AddressFamily, RecvFlags, SocketFlags, SocketType, recv, socket_with};

use super::{PASSES, assert_balanced, during, frame};
use crate::support::{
    bursts::set_option,
    wire::{Wire, X},
};

const SOL_PACKET: libc::c_int = 263;
const PACKET_STATISTICS: libc::c_int = 6;

/// A tap on everything in a namespace with room for a few frames only, which nobody reads.
fn overfull_tap(wire: &Wire, at: usize) -> impl AsFd {
    let open =
        || socket_with(AddressFamily::PACKET, SocketType::RAW, SocketFlags::NONBLOCK, Some(protocol()));
    let tap = wire.lab.namespace(at).run(open).unwrap().unwrap();
    set_option(&tap, libc::SOL_SOCKET, libc::SO_RCVBUF, 4096);
    tap
}

/// ETH_P_ALL in network byte order.
fn protocol() -> rustix::net::Protocol {
    let all = u32::from(3_u16.to_be());
    rustix::net::Protocol::from_raw(all.try_into().unwrap())
}

/// Frames that the tap had no room for.
fn overflowed(tap: &impl AsFd) -> u32 {
    let (mut counts, mut len) = ([0_u32; 2], 8);
    let fd = tap.as_fd().as_raw_fd();
    // SAFETY: the kernel writes at most `len` bytes, the size of `counts`; both outlive the call.
    let done = unsafe {
        libc::getsockopt(fd, SOL_PACKET, PACKET_STATISTICS, (&raw mut counts).cast(), &raw mut len)
    };
    assert_eq!(done, 0, "{}", io::Error::last_os_error());
    counts[1]
}

#[test]
fn copies_that_a_tap_has_no_room_for_are_not_drops() {
    let wire = Wire::new();
    wire.over_both(|| {
        let taps = [0, 1].map(|at| overfull_tap(&wire, at));
        let ((), out) = during(&wire, || wire.lab.send_frames(0, X, &frame(PASSES), 100));
        assert_balanced(&out);
        assert_eq!((out.sent.frames, out.received.frames, out.dropped.len()), (100, 100, 0));
        for tap in &taps {
            let mut first = [0; 2000];
            assert_eq!(recv(tap, &mut first[..], RecvFlags::empty()).unwrap().0, 1000);
            assert!(overflowed(tap) > 50, "the tap was to overflow");
        }
    });
}
