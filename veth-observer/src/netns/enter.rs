//! Entering namespaces, always on a thread that ends with the visit: a thread of the runtime would carry the namespace
//! into whatever it works on next.

use std::{
    io,
    os::fd::{AsFd, AsRawFd},
    path::{Path, PathBuf},
    thread,
};

use rustix::{
    net::{AddressFamily, SocketFlags, SocketType, socket_with},
    thread::{LinkNameSpaceType, UnshareFlags, move_into_link_name_space, unshare_unsafe},
};

use super::Namespace;

/// include/uapi/asm-generic/socket.h, Linux 5.14.
const SO_NETNS_COOKIE: libc::c_int = 71;

/// include/uapi/linux/nsfs.h: `_IO(0xb7, 3)`, Linux 4.11.
const NS_GET_NSTYPE: libc::Ioctl = 0xb703;

/// Whether a file of a namespace is of a network namespace.
pub(super) fn is_network(file: &impl AsFd) -> bool {
    // SAFETY: the request has no argument, and the descriptor is open as long as it is borrowed.
    let kind = unsafe { libc::ioctl(file.as_fd().as_raw_fd(), NS_GET_NSTYPE) };
    kind == libc::CLONE_NEWNET
}

pub(super) fn run<T: Send>(namespace: &Namespace, work: impl FnOnce() -> T + Send) -> io::Result<T> {
    on_own_thread(|| {
        enter(namespace)?;
        Ok(work())
    })?
}

/// Cookies of many namespaces, from one thread; none for those that cannot be entered.
pub(super) fn cookies(namespaces: &[&Namespace]) -> Vec<Option<u64>> {
    let visit = || {
        let one = |namespace: &&Namespace| enter(namespace).and_then(|()| cookie_here()).ok();
        namespaces.iter().map(one).collect()
    };
    on_own_thread(visit).unwrap_or_else(|_| vec![None; namespaces.len()])
}

/// A new namespace, held by nothing but the returned value.
pub(super) fn unshare() -> io::Result<Namespace> {
    on_own_thread(|| {
        // SAFETY: only the network namespace of this short-lived thread changes; file descriptors, memory and
        // everything else that other threads rely on stay shared.
        unsafe { unshare_unsafe(UnshareFlags::NEWNET)? };
        let mut namespace = Namespace::open(Path::new("/proc/thread-self/ns/net"))?;
        let fd = namespace.file.as_raw_fd();
        namespace.path = PathBuf::from(format!("/proc/{}/fd/{fd}", std::process::id()));
        Ok(namespace)
    })?
}

fn on_own_thread<T: Send>(work: impl FnOnce() -> T + Send) -> io::Result<T> {
    thread::scope(|scope| {
        let thread = thread::Builder::new().name("netns".into()).spawn_scoped(scope, work)?;
        // A panic inside goes on outside.
        Ok(thread.join().unwrap_or_else(|panic| std::panic::resume_unwind(panic)))
    })
}

/// Moves the calling thread; nothing to do, and no privilege needed, when it is there already.
fn enter(namespace: &Namespace) -> io::Result<()> {
    if Namespace::open(Path::new("/proc/thread-self/ns/net")).is_ok_and(|here| here.same(namespace)) {
        return Ok(());
    }
    Ok(move_into_link_name_space(namespace.file.as_fd(), Some(LinkNameSpaceType::Network))?)
}

/// The cookie of the calling thread's namespace.
pub(super) fn cookie_here() -> io::Result<u64> {
    let socket = socket_with(AddressFamily::UNIX, SocketType::DGRAM, SocketFlags::CLOEXEC, None)?;
    let mut cookie = 0_u64;
    let mut len: libc::socklen_t = 8;
    // SAFETY: the option writes at most `len` bytes, which is the size of the u64 behind the pointer; both outlive the call.
    let code = unsafe {
        libc::getsockopt(
            socket.as_raw_fd(),
            libc::SOL_SOCKET,
            SO_NETNS_COOKIE,
            (&raw mut cookie).cast(),
            &raw mut len,
        )
    };
    match code {
        0 if len as usize == size_of::<u64>() => Ok(cookie),
        0 => Err(io::Error::from(io::ErrorKind::InvalidData)),
        _ => Err(io::Error::last_os_error()),
    }
}
