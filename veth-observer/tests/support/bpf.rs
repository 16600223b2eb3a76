//! Foreign BPF programs of a few instructions, loaded without any of our code.

use std::{
    io,
    os::fd::{FromRawFd, OwnedFd},
};

const ENABLE_STATS: libc::c_long = 32;
const PROG_LOAD: libc::c_long = 5;
const PROG_QUERY: libc::c_long = 16;
const LINK_CREATE: libc::c_long = 28;
/// XDP_FLAGS_SKB_MODE and XDP_FLAGS_DRV_MODE, include/uapi/linux/if_link.h.
const GENERIC: u32 = 1 << 1;
const NATIVE: u32 = 1 << 2;
/// BPF_F_BEFORE without naming what: before all others. Linux 6.6.
const FIRST: u32 = 1 << 3;

/// Where a program can be attached: program type and attach type, include/uapi/linux/bpf.h.
#[derive(Clone, Copy)]
pub(crate) enum Hook {
    TcxIngress,
    /// Before what is there already.
    TcxIngressFirst,
    TcxEgress,
    Xdp,
    XdpGeneric,
    XdpNative,
}

impl Hook {
    fn is_xdp(self) -> bool {
        matches!(self, Self::Xdp | Self::XdpGeneric | Self::XdpNative)
    }

    fn flags(self) -> u32 {
        match self {
            Self::XdpGeneric => GENERIC,
            Self::XdpNative => NATIVE,
            Self::TcxIngressFirst => FIRST,
            _ => 0,
        }
    }

    fn types(self) -> (u32, u32) {
        match self {
            Self::TcxIngress | Self::TcxIngressFirst => (3, 46),
            Self::TcxEgress => (3, 47),
            Self::Xdp | Self::XdpGeneric | Self::XdpNative => (6, 37),
        }
    }
}

/// Loads a program that returns `code`.
pub(crate) fn load(hook: Hook, name: &str, code: i32) -> OwnedFd {
    load_instructions(hook, name, &[constant(0, code), EXIT].concat())
}

/// Loads a program for a tc hook that sends this many copies of each buffer out of another device of its namespace, and
/// shoots the buffer. All copies go in one step, while no softirq runs on the CPU.
pub(crate) fn load_copier(name: &str, ifindex: u32, copies: usize) -> OwnedFd {
    const CLONE_REDIRECT: i32 = 13;
    let one = [copy(1, 6), constant(2, ifindex.cast_signed()), constant(3, 0), call_helper(CLONE_REDIRECT)];
    let shoot = [constant(0, 2), EXIT].concat();
    load_instructions(
        Hook::TcxEgress,
        name,
        &[copy(6, 1).to_vec(), one.concat().repeat(copies), shoot].concat(),
    )
}

/// Loads a tc program that writes over words 1 to 4 of the control block, as Cilium does, and goes on.
pub(crate) fn load_scribbler() -> OwnedFd {
    let words = [52, 56, 60, 64].map(|offset| store_word(1, offset, 2)).concat();
    let whole = [constant(2, 0x5a5a_5a5a).to_vec(), words, [constant(0, -1), EXIT].concat()].concat();
    load_instructions(Hook::TcxEgress, "scribbler", &whole)
}

/// Loads a tc program that writes over four bytes of each frame, at an offset, and goes on.
pub(crate) fn load_rewriter(offset: i32) -> OwnedFd {
    const STORE_BYTES: i32 = 9;
    const STACK: u8 = 10;
    // The bytes stand on the stack, 4 below its top.
    let bytes = [0x62, STACK, 0xfc, 0xff, 0x77, 0x77, 0x77, 0x77];
    let back_by_4 = [0x07, 3, 0, 0, 0xfc, 0xff, 0xff, 0xff];
    let arguments = [constant(2, offset), copy(3, STACK), back_by_4, constant(4, 4), constant(5, 0)];
    let rest = [call_helper(STORE_BYTES), constant(0, -1), EXIT].concat();
    load_instructions(Hook::TcxEgress, "rewriter", &[bytes.to_vec(), arguments.concat(), rest].concat())
}

const EXIT: [u8; 8] = [0x95, 0, 0, 0, 0, 0, 0, 0];

/// A register becomes a constant.
fn constant(register: u8, value: i32) -> [u8; 8] {
    let [a, b, c, d] = value.to_ne_bytes();
    [0xb7, register, 0, 0, a, b, c, d]
}

/// A register becomes another one.
fn copy(to: u8, from: u8) -> [u8; 8] {
    [0xbf, from << 4 | to, 0, 0, 0, 0, 0, 0]
}

/// 32 bits of a register go to an offset from another.
fn store_word(base: u8, offset: u8, register: u8) -> [u8; 8] {
    [0x63, register << 4 | base, offset, 0, 0, 0, 0, 0]
}

fn call_helper(number: i32) -> [u8; 8] {
    let [a, b, c, d] = number.to_ne_bytes();
    [0x85, 0, 0, 0, a, b, c, d]
}

/// Lets the kernel time every run of every program for as long as the result is open.
pub(crate) fn count_runs() -> OwnedFd {
    bpf(ENABLE_STATS, &mut 0_u32.to_ne_bytes()).expect("the kernel counts")
}

fn load_instructions(hook: Hook, name: &str, instructions: &[u8]) -> OwnedFd {
    let count = u32::try_from(instructions.len() / 8).unwrap();
    let (program_type, attach_type) = hook.types();
    let mut attr = Vec::new();
    attr.extend(program_type.to_ne_bytes());
    attr.extend(count.to_ne_bytes());
    attr.extend((instructions.as_ptr() as u64).to_ne_bytes());
    attr.extend((c"GPL".as_ptr() as u64).to_ne_bytes());
    attr.extend([0; 24]); // no log, no version, no flags
    let mut padded = [0; 16];
    padded[..name.len()].copy_from_slice(name.as_bytes());
    attr.extend(padded);
    attr.extend(0_u32.to_ne_bytes());
    // A tc program may be attached either way, tcx or cls_bpf, while it names no type.
    let expected = if hook.is_xdp() { attach_type } else { 0 };
    attr.extend(expected.to_ne_bytes());
    bpf(PROG_LOAD, &mut attr).expect("the program loads")
}

/// Attaches it to a device of the calling thread's namespace, for as long as the returned link is open.
pub(crate) fn attach(program: &OwnedFd, ifindex: u32, hook: Hook) -> OwnedFd {
    use std::os::fd::AsRawFd;
    let mut attr = Vec::new();
    attr.extend(program.as_raw_fd().to_ne_bytes());
    attr.extend(ifindex.to_ne_bytes());
    attr.extend(hook.types().1.to_ne_bytes());
    attr.extend(hook.flags().to_ne_bytes());
    attr.extend([0; 32]);
    bpf(LINK_CREATE, &mut attr).expect("the program attaches")
}

/// Takes a tcx program off a device as its administrator can, whoever has the link: what `bpftool link detach` does.
pub(crate) fn detach_link_of(program: u32) {
    let links = super::netns::run("bpftool", &["-j", "link", "show"]);
    let links: serde_json::Value = serde_json::from_str(&links).unwrap();
    let link = links.as_array().unwrap().iter().find(|link| link["prog_id"] == program).unwrap();
    super::netns::run("bpftool", &["link", "detach", "id", &link["id"].to_string()]);
}

/// Ids of the tcx programs on a device of the calling thread's namespace, in the order they run.
pub(crate) fn tcx_programs(ifindex: u32, hook: Hook) -> Vec<u32> {
    let mut ids = [0_u32; 64];
    let mut attr = Vec::new();
    attr.extend(ifindex.to_ne_bytes());
    attr.extend(hook.types().1.to_ne_bytes());
    attr.extend([0; 8]); // no flags
    attr.extend((ids.as_mut_ptr() as u64).to_ne_bytes());
    attr.extend(64_u32.to_ne_bytes());
    attr.extend([0; 36]);
    call(PROG_QUERY, &mut attr).expect("the hook can be asked");
    let count = u32::from_ne_bytes(attr[24..28].try_into().unwrap());
    ids[..usize::try_from(count).unwrap()].to_vec()
}

fn bpf(command: libc::c_long, attr: &mut [u8]) -> io::Result<OwnedFd> {
    let fd = call(command, attr)?;
    // SAFETY: a descriptor that the kernel just made, and nobody else has.
    Ok(unsafe { OwnedFd::from_raw_fd(fd) })
}

fn call(command: libc::c_long, attr: &mut [u8]) -> io::Result<i32> {
    // SAFETY: the attributes, and what they point to, outlive the call; the kernel touches no more than their length.
    let answer = unsafe { libc::syscall(libc::SYS_bpf, command, attr.as_mut_ptr(), attr.len()) };
    match i32::try_from(answer) {
        Ok(answer) if answer >= 0 => Ok(answer),
        _ => Err(io::Error::last_os_error()),
    }
}
