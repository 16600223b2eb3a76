//! A file system for maps that nobody else sees, and that is gone with this process, SIGKILL included.

use std::{
    os::fd::{AsRawFd, OwnedFd},
    path::PathBuf,
};

use anyhow::{Context, Result};
use rustix::mount::{FsMountFlags, FsOpenFlags, MountAttrFlags, fsconfig_create, fsmount, fsopen};

use super::features;

/// A BPF file system that is mounted nowhere.
pub(super) struct Bpffs(OwnedFd);

impl Bpffs {
    pub(super) fn new() -> Result<Self> {
        let made = fsopen("bpf", FsOpenFlags::FSOPEN_CLOEXEC).and_then(|context| {
            fsconfig_create(&context)?;
            fsmount(&context, FsMountFlags::FSMOUNT_CLOEXEC, MountAttrFlags::empty())
        });
        match made {
            Ok(mount) => Ok(Self(mount)),
            Err(rustix::io::Errno::PERM) => {
                Err(features::missing_privilege("make a file system for maps").into())
            }
            Err(error) => Err(error).context("cannot make a file system for maps"),
        }
    }

    /// Path of a file in it, for this process.
    pub(super) fn path(&self, name: &str) -> PathBuf {
        PathBuf::from(format!("/proc/self/fd/{}/{name}", self.0.as_raw_fd()))
    }
}
