//! Namespaces that are given a name, by `ip netns`, CNI or Docker.

use std::{io, mem::MaybeUninit, os::fd::OwnedFd};

use rustix::{
    fs::inotify::{self, CreateFlags, WatchFlags},
    io::Errno,
};

/// Where names are made.
const DIRECTORIES: [&str; 2] = ["/run/netns", "/run/docker/netns"];

/// Tells of them; where that cannot be, of none.
pub(super) struct Arrivals(Option<OwnedFd>);

impl Arrivals {
    pub(super) fn open() -> Self {
        let opened =
            open().inspect_err(|error| tracing::debug!(%error, "names of namespaces are not watched"));
        Self(opened.ok())
    }

    /// Whether a name was made or removed since it was last asked.
    pub(super) fn any(&mut self) -> bool {
        let Some(events) = &self.0 else { return false };
        let mut room = [MaybeUninit::uninit(); 4096];
        let mut reader = inotify::Reader::new(events, &mut room);
        let mut any = false;
        loop {
            match reader.next() {
                Ok(_) => any = true,
                Err(Errno::AGAIN) => return any,
                Err(error) => {
                    tracing::debug!(%error, "names of namespaces are not watched any more");
                    self.0 = None;
                    return true;
                }
            }
        }
    }
}

fn open() -> io::Result<OwnedFd> {
    let events = inotify::init(CreateFlags::CLOEXEC | CreateFlags::NONBLOCK)?;
    for directory in DIRECTORIES {
        // Not everybody has each.
        let _ = inotify::add_watch(&events, directory, WatchFlags::CREATE | WatchFlags::DELETE);
    }
    Ok(events)
}
