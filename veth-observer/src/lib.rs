//! A delivery ledger for veth pairs, in the order the data walks through it.
//!
//! * [`model`]: the words: ends, pairs, samples and the one report that every view renders.
//! * [`netns`]: finding, naming and entering network namespaces.
//! * [`owners`]: who lives in a namespace: containers and pods.
//! * [`topology`]: which pairs exist, and making and removing them, over rtnetlink.
//! * [`ethtool`]: what a device's driver tells, beside netlink.
//! * [`kernel`]: our programs and maps, from the embedded object to typed handles.
//! * [`attach`]: tying the programs to both ends, and giving back exactly what was taken.
//! * [`collect`]: reading counters and samples back out of the kernel.
//! * [`delivery`]: the arithmetic: counters and a time in, a report out. Pure.
//! * [`observe`]: the corridor that runs the five rooms above for one pair.
//! * [`pcap`]: filter expressions, compiled by libpcap where that is installed.
//! * [`frame`]: building frames from flags and telling frames from bytes. Pure.
//! * [`wire`]: putting a frame on an end.
//! * [`pace`]: when the next one is due.
//! * [`probe`]: frames of our own, at an even pace, to be timed.
//! * [`replay`]: the frames of a capture file, onto an end again.
//! * [`view`]: reports, pairs and samples as text and JSON. Pure.
//! * [`agent`]: numbers of many pairs over HTTP.
//! * [`client`]: the same numbers at the other side, for commands that ask an agent.
//! * [`config`]: what the agent is told by flags, environment and file.
//! * [`cli`]: the front door: one file per command, exit codes, signals.

pub mod agent;
pub mod attach;
pub mod cli;
pub mod client;
pub mod collect;
pub mod config;
pub mod delivery;
pub mod ethtool;
pub mod fault;
pub mod frame;
pub mod kernel;
pub mod model;
pub mod netns;
pub mod observe;
pub mod owners;
pub mod pace;
pub mod pcap;
pub mod probe;
pub mod replay;
pub mod topology;
pub mod view;
pub mod wire;
