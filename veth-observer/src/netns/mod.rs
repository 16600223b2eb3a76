//! Finding, naming and entering network namespaces.
//!
//! A namespace lives as long as anything holds it, and an open [`Namespace`] is such a thing: drop it as soon as it is
//! not needed, or a pair whose namespace was deleted stays around.

mod enter;
mod lookup;
mod scan;

use std::{
    fs::{self, File},
    io,
    os::{
        fd::{AsFd, BorrowedFd},
        linux::fs::MetadataExt,
    },
    path::{Path, PathBuf},
    sync::Arc,
};

use anyhow::{Context, Result};

use crate::{fault::Fault, model::link::Netns};

pub use crate::model::link::HOST;
pub use lookup::names;
pub use scan::{Hidden, Scan, TENANTS, most_files, scan, scan_others};

/// An open network namespace. Whether it may also be entered is a matter of privilege (CAP_SYS_ADMIN).
#[derive(Debug, Clone)]
pub struct Namespace {
    pub id: Netns,
    file: Arc<File>,
    key: Key,
    path: PathBuf,
}

/// Device and inode of the namespace file; tells namespaces apart while they are held open.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Key {
    dev: u64,
    ino: u64,
}

/// The way back to a namespace that is not held open meanwhile.
#[derive(Debug, Clone)]
pub struct Address {
    id: Netns,
    key: Key,
    path: PathBuf,
}

impl Address {
    /// Inode of the namespace.
    pub fn inode(&self) -> u64 {
        self.key.ino
    }

    /// Whether it is still found there.
    pub fn holds(&self) -> bool {
        fs::metadata(&self.path).is_ok_and(|meta| Key { dev: meta.st_dev(), ino: meta.st_ino() } == self.key)
    }

    /// The namespace, if it is still found there.
    pub fn open(&self) -> Option<Namespace> {
        let mut namespace = Namespace::open(&self.path).ok()?;
        namespace.id = self.id.clone();
        (namespace.key == self.key).then_some(namespace)
    }
}

impl Namespace {
    /// The namespace of the calling thread.
    pub fn current() -> Result<Self> {
        let mut namespace = Self::open(Path::new("/proc/thread-self/ns/net"))
            .context("cannot open the current network namespace")?;
        // `thread-self` means another thread to everybody else.
        namespace.path = PathBuf::from(format!("/proc/{}/ns/net", std::process::id()));
        namespace.id.cookie = enter::cookie_here().ok();
        namespace.id.name = lookup::name_of(&namespace);
        Ok(namespace)
    }

    /// The namespace that `name` means: a name under /run/netns, `host` (that of pid 1), `pid:N`, a path, or an inode.
    ///
    /// Nothing of that name is [`Kind::NotFound`](crate::fault::Kind::NotFound), listing the names there are.
    pub fn by_name(name: &str) -> Result<Self> {
        lookup::by_name(name)
    }

    /// A new namespace that has no name and is gone when the last of its clones, sockets and processes is.
    pub fn create_unnamed() -> Result<Self> {
        let mut namespace =
            enter::unshare().map_err(|error| refused(&error, "cannot make a network namespace"))?;
        namespace.id.cookie = enter::cookies(&[&namespace]).pop().flatten();
        Ok(namespace)
    }

    /// Runs `work` inside the namespace, on a thread of its own that ends with it.
    ///
    /// Without the privilege to enter it, [`Kind::Unavailable`](crate::fault::Kind::Unavailable). The current namespace
    /// needs none.
    pub fn run<T: Send>(&self, work: impl FnOnce() -> T + Send) -> Result<T> {
        enter::run(self, work)
            .map_err(|error| refused(&error, &format!("cannot enter network namespace {}", self.id)))
    }

    /// Its cookie, asked of the kernel now.
    pub fn cookie(&self) -> Option<u64> {
        enter::cookies(&[self]).pop().flatten()
    }

    /// Whether both are the same namespace.
    pub fn same(&self, other: &Self) -> bool {
        self.key == other.key
    }

    /// Tells this namespace from all others while it is open.
    pub fn key(&self) -> Key {
        self.key
    }

    /// The way back to it, for those who must not hold it.
    pub fn address(&self) -> Address {
        Address { id: self.id.clone(), key: self.key, path: self.path.clone() }
    }

    /// A path under which another program can open it, as long as it holds.
    pub fn path(&self) -> &Path {
        &self.path
    }

    fn open(path: &Path) -> io::Result<Self> {
        let file = File::open(path)?;
        // A name under /run/netns whose mount is gone is an ordinary empty file. Other kinds of namespaces are files too.
        if rustix::fs::fstatfs(&file)?.f_type != NSFS_MAGIC || !enter::is_network(&file) {
            return Err(io::Error::from(io::ErrorKind::NotFound));
        }
        let meta = file.metadata()?;
        let key = Key { dev: meta.st_dev(), ino: meta.st_ino() };
        let id = Netns { inode: Some(key.ino), ..Netns::default() };
        Ok(Self { id, file: Arc::new(file), key, path: path.to_owned() })
    }
}

impl AsFd for Namespace {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.file.as_fd()
    }
}

/// include/uapi/linux/magic.h
const NSFS_MAGIC: rustix::fs::FsWord = 0x6e73_6673;

/// EPERM and EACCES as a fault with its fix, anything else as it is.
fn refused(error: &io::Error, what: &str) -> anyhow::Error {
    if error.kind() == io::ErrorKind::PermissionDenied {
        return Fault::denied(format!("{what}: it needs CAP_SYS_ADMIN")).into();
    }
    anyhow::anyhow!("{what}: {error}")
}
