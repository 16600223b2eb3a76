//! What a device's driver tells, beside netlink: its queues in use and its own statistics, as `ethtool -l` and `-S` show them.

use std::{ffi::c_void, io};

use rustix::{
    ioctl::{Opcode, Updater, ioctl},
    net::{AddressFamily, SocketFlags, SocketType, netdevice::index_to_name, socket_with},
};

// include/uapi/linux/sockios.h and ethtool.h
const SIOCETHTOOL: Opcode = 0x8946;
const ETHTOOL_GSTRINGS: u32 = 0x1b;
const ETHTOOL_GSTATS: u32 = 0x1d;
const ETHTOOL_GSSET_INFO: u32 = 0x37;
const ETHTOOL_GCHANNELS: u32 = 0x3c;
const ETH_SS_STATS: u32 = 1;

/// Bytes of a name: ETH_GSTRING_LEN.
const NAME: usize = 32;

/// More statistics than a device has, whatever becomes of it between two questions: a veth has 9 a queue and at most 4096
/// queues. The kernel writes as many as there are, not as many as it was asked for.
const MOST: usize = 1 << 16;

/// Queues in use; netlink tells only how many there could be.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Channels {
    pub receive: u32,
    pub transmit: u32,
    /// As many receive queues as there could be.
    pub most_receive: u32,
}

/// The queues of a device of the calling thread's network namespace.
///
/// ENODEV when no device has this index, EOPNOTSUPP when its driver does not tell.
pub fn channels(ifindex: u32) -> io::Result<Channels> {
    // struct ethtool_channels: the question, four limits, four counts.
    let answer = ask(ifindex, &[ETHTOOL_GCHANNELS], 8)?;
    let (receive, transmit, combined) = (answer[5], answer[6], answer[8]);
    Ok(Channels { receive: receive + combined, transmit: transmit + combined, most_receive: answer[1] })
}

/// Name and value of each statistic of a device of the calling thread's network namespace; takes no privilege.
///
/// ENODEV when no device has this index, EOPNOTSUPP when its driver has no statistics.
pub fn statistics(ifindex: u32) -> io::Result<Vec<(String, u64)>> {
    let answer = ask(ifindex, &[ETHTOOL_GSSET_INFO, 0, 1 << ETH_SS_STATS, 0], 1)?;
    if answer[2] == 0 || answer[4] as usize > MOST / 2 {
        return Err(io::Error::from(io::ErrorKind::Unsupported));
    }
    // The number of queues may change from one answer to the next: those that both have.
    let names = ask_many(ifindex, &[ETHTOOL_GSTRINGS, ETH_SS_STATS, 0], NAME / 4)?;
    let values = ask_many(ifindex, &[ETHTOOL_GSTATS, 0], 2)?;
    let names = names[3..].chunks_exact(NAME / 4).map(text);
    let values = values[2..].as_chunks::<2>().0.iter().map(|[low, high]| joined(*low, *high));
    Ok(names.zip(values).collect())
}

/// The question with its answer, for which there are so many words of room.
fn ask(ifindex: u32, question: &[u32], room: usize) -> io::Result<Vec<u32>> {
    let mut words = vec![0; question.len() + room];
    words[..question.len()].copy_from_slice(question);
    put(ifindex, words.as_mut_ptr())?;
    Ok(words)
}

/// The question with an answer of any length, in pieces of so many words; the last word of the question then says how many.
fn ask_many(ifindex: u32, question: &[u32], piece: usize) -> io::Result<Vec<u32>> {
    // Megabytes, which are not to be touched: few of them are used.
    let mut words = Vec::with_capacity(question.len() + MOST * piece);
    words.extend_from_slice(question);
    put(ifindex, words.as_mut_ptr())?;
    let pieces = words[question.len() - 1] as usize;
    // SAFETY: the kernel wrote so many pieces, and there is room for more than it can have.
    unsafe { words.set_len(question.len() + pieces.min(MOST) * piece) };
    Ok(words)
}

/// Lets the kernel write its answer, for which the callers above give the room that it takes.
fn put(ifindex: u32, words: *mut u32) -> io::Result<()> {
    let socket = socket_with(AddressFamily::INET, SocketType::DGRAM, SocketFlags::CLOEXEC, None)?;
    let ifname = index_to_name(&socket, ifindex)?;
    let mut request = Request::new(&ifname, words.cast());
    // SAFETY: the request is a `struct ifreq` for this call, and its pointer leads to words that outlive it.
    unsafe { ioctl(&socket, Updater::<SIOCETHTOOL, Request>::new(&mut request))? };
    Ok(())
}

fn text(words: &[u32]) -> String {
    let bytes: Vec<u8> =
        words.iter().flat_map(|word| word.to_ne_bytes()).take_while(|byte| *byte != 0).collect();
    String::from_utf8_lossy(&bytes).into_owned()
}

/// Two words in the order of memory.
fn joined(first: u32, second: u32) -> u64 {
    let mut bytes = [0; 8];
    bytes[..4].copy_from_slice(&first.to_ne_bytes());
    bytes[4..].copy_from_slice(&second.to_ne_bytes());
    u64::from_ne_bytes(bytes)
}

/// struct ifreq with `ifr_data`.
#[repr(C)]
struct Request {
    name: [u8; 16],
    data: *mut c_void,
    rest: [u8; 16],
}

impl Request {
    fn new(ifname: &str, data: *mut c_void) -> Self {
        let mut name = [0; 16];
        // The last byte stays 0, as the kernel wants it.
        for (to, from) in name.iter_mut().take(15).zip(ifname.bytes()) {
            *to = from;
        }
        Self { name, data, rest: [0; 16] }
    }
}
