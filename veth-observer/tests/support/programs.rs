//! Running one program on one frame, without a device: BPF_PROG_TEST_RUN.

use std::time::Duration;

use aya::programs::{TestRun, TestRunOptions};
use veth_observer::kernel::{Hook, Loaded, Sampling, Settings, load};
use veth_observer_common::{
    counters::{Received, Sent},
    slot,
};

/// The fields of `struct __sk_buff` (include/uapi/linux/bpf.h) that a test may set, and those it wants back.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) struct Context {
    pub(crate) cb: [u32; 5],
    pub(crate) wire_len: u32,
    pub(crate) gso_segs: u32,
    pub(crate) gso_size: u32,
}

const CONTEXT_LEN: usize = 192;
const CB: usize = 48;
const WIRE_LEN: usize = 160;
const GSO_SEGS: usize = 164;
const GSO_SIZE: usize = 176;

impl Context {
    fn to_bytes(self) -> [u8; CONTEXT_LEN] {
        let mut bytes = [0; CONTEXT_LEN];
        let mut put = |at: usize, value: u32| bytes[at..at + 4].copy_from_slice(&value.to_ne_bytes());
        for (index, word) in self.cb.into_iter().enumerate() {
            put(CB + 4 * index, word);
        }
        put(WIRE_LEN, self.wire_len);
        put(GSO_SEGS, self.gso_segs);
        put(GSO_SIZE, self.gso_size);
        bytes
    }

    fn from_bytes(bytes: &[u8]) -> Self {
        let get = |at: usize| u32::from_ne_bytes(bytes[at..at + 4].try_into().unwrap());
        Self {
            cb: std::array::from_fn(|index| get(CB + 4 * index)),
            wire_len: get(WIRE_LEN),
            gso_segs: get(GSO_SEGS),
            gso_size: get(GSO_SIZE),
        }
    }
}

/// For a pair that is not there.
pub(crate) fn settings(hook: Hook, lane: usize, sampling: Option<Sampling>) -> Settings {
    Settings {
        lane,
        ends: Default::default(),
        loss_timeout: Duration::from_secs(2),
        sampling,
        tell: 0,
        order: true,
        probing: false,
        stages: false,
        one_end: false,
        fallback: true,
        hook,
        log: false,
    }
}

pub(crate) struct Bench {
    pub(crate) loaded: Loaded,
}

impl Bench {
    pub(crate) fn new(lane: usize, sampling: Option<Sampling>) -> Self {
        Self::at(Hook::Tc, lane, sampling)
    }

    pub(crate) fn at(hook: Hook, lane: usize, sampling: Option<Sampling>) -> Self {
        Self { loaded: load(&settings(hook, lane, sampling)).unwrap() }
    }

    /// Runs the program of an end on a frame; checks that it says "go on" and leaves every byte alone.
    pub(crate) fn run(&mut self, end: usize, ingress: bool, frame: &[u8], context: Context) -> Context {
        let mut out = vec![0; frame.len() + 64];
        let mut after = [0; CONTEXT_LEN];
        let before = context.to_bytes();
        let mut options = TestRunOptions::new();
        options.data_in = Some(frame);
        options.data_out = Some(&mut out);
        options.ctx_in = Some(&before);
        options.ctx_out = Some(&mut after);
        let result = self.loaded.program(end, ingress).unwrap().test_run(options).unwrap();
        assert_eq!(result.return_value.cast_signed(), -1, "the next program must have its say");
        assert_eq!(&out[..frame.len()], frame, "a frame is never changed");
        Context::from_bytes(&after)
    }

    /// Runs the XDP program of an end on a frame; checks that it passes it and leaves every byte alone.
    pub(crate) fn run_xdp(&mut self, end: usize, frags: bool, frame: &[u8]) {
        let mut out = vec![0; frame.len() + 64];
        let mut options = TestRunOptions::new();
        options.data_in = Some(frame);
        options.data_out = Some(&mut out);
        let result = self.loaded.xdp(end, frags).unwrap().test_run(options).unwrap();
        assert_eq!(result.return_value, 2, "XDP_PASS");
        assert_eq!(&out[..frame.len()], frame, "a frame is never changed");
    }

    /// Sends a frame from one end and lets it arrive at the other.
    pub(crate) fn cross(&mut self, from: usize, frame: &[u8], context: Context) -> Context {
        let mut left = self.run(from, false, frame, context);
        left.wire_len = 0;
        self.run(1 - from, true, frame, left)
    }

    pub(crate) fn sent(&self, direction: u32) -> Sent {
        let mut sum = Sent::ZERO;
        self.loaded.maps().sent(slot(0, direction)).unwrap().iter().for_each(|value| sum.merge(value));
        sum
    }

    pub(crate) fn received(&self, direction: u32) -> Received {
        let mut sum = Received::ZERO;
        self.loaded.maps().received(slot(0, direction)).unwrap().iter().for_each(|value| sum.merge(value));
        sum
    }
}
