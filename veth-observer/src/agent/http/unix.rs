//! The unix socket, by which members of a group get numbers without being root.

use std::{
    fs::{self, Permissions},
    io::ErrorKind,
    os::unix::{
        fs::{FileTypeExt, MetadataExt, PermissionsExt, chown},
        net,
    },
    path::{Path, PathBuf},
};

use anyhow::{Context, Result};
use nix::unistd::Group;
use tokio::net::UnixListener;
use tracing::warn;

use crate::fault::Fault;

/// Whose members may use the socket, where there is such a group.
const GROUP: &str = "veth-observer";

const MODE: u32 = 0o660;

/// A socket that is there while this is, and goes with it unless another has taken its place.
#[derive(Debug)]
pub(super) struct UnixSocket {
    listener: UnixListener,
    path: PathBuf,
    /// Device and inode of the file.
    file: (u64, u64),
}

impl UnixSocket {
    /// A socket file that nobody listens on, as a killed run leaves it, is replaced.
    pub(super) fn bind(path: &Path) -> Result<Self> {
        refuse_taken(path)?;
        if let Some(folder) = path.parent().filter(|folder| !folder.exists()) {
            fs::create_dir_all(folder).with_context(|| format!("cannot make {}", folder.display()))?;
        }
        // Put into place only when its mode is right, so that nobody else ever finds it open.
        let fresh = path.with_extension(std::process::id().to_string());
        let _ = fs::remove_file(&fresh);
        let socket = Self::bind_at(&fresh).and_then(|listener| {
            fs::rename(&fresh, path)?;
            let file = fs::symlink_metadata(path)?;
            Ok(Self { listener, path: path.to_owned(), file: (file.dev(), file.ino()) })
        });
        if socket.is_err() {
            let _ = fs::remove_file(&fresh);
        }
        socket.with_context(|| format!("cannot listen on unix:{}", path.display()))
    }

    fn bind_at(path: &Path) -> Result<UnixListener> {
        let listener = UnixListener::bind(path)?;
        fs::set_permissions(path, Permissions::from_mode(MODE))?;
        if let Ok(Some(group)) = Group::from_name(GROUP)
            && let Err(error) = chown(path, None, Some(group.gid.as_raw()))
        {
            warn!("cannot give the socket to the group {GROUP}: {error}");
        }
        Ok(listener)
    }

    pub(super) fn listener(&self) -> &UnixListener {
        &self.listener
    }

    pub(super) fn path(&self) -> &Path {
        &self.path
    }
}

impl Drop for UnixSocket {
    fn drop(&mut self) {
        let is_ours =
            fs::symlink_metadata(&self.path).is_ok_and(|file| (file.dev(), file.ino()) == self.file);
        if is_ours && let Err(error) = fs::remove_file(&self.path) {
            warn!("cannot remove {}: {error}", self.path.display());
        }
    }
}

/// An error when something is there that must not be replaced.
fn refuse_taken(path: &Path) -> Result<()> {
    let shown = path.display();
    let file = match fs::symlink_metadata(path) {
        Err(error) if error.kind() == ErrorKind::NotFound => return Ok(()),
        Err(error) => return Err(error).with_context(|| format!("cannot look at {shown}")),
        Ok(file) => file,
    };
    if !file.file_type().is_socket() {
        return Err(Fault::usage(format!("{shown} is there and no socket"))
            .fix("give another path, or move the file away")
            .into());
    }
    match net::UnixStream::connect(path) {
        Ok(_) => Err(Fault::usage(format!("unix:{shown} is in use: another agent listens on it"))
            .fix(format!("end it (`ss -lxp src {shown}` tells who), or give another path"))
            .into()),
        Err(error) if error.kind() == ErrorKind::ConnectionRefused => Ok(()),
        Err(error) => Err(error).with_context(|| format!("cannot tell whether somebody listens on {shown}")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn folder() -> PathBuf {
        static NEXT: std::sync::atomic::AtomicU32 = std::sync::atomic::AtomicU32::new(0);
        let next = NEXT.fetch_add(1, std::sync::atomic::Ordering::Relaxed);
        let folder = std::env::temp_dir().join(format!("vo-unix-{}-{next}", std::process::id()));
        fs::create_dir(&folder).unwrap();
        folder
    }

    #[tokio::test]
    async fn only_a_socket_that_nobody_listens_on_is_replaced() {
        let folder = folder();
        let path = folder.join("below/agent.sock");
        let socket = UnixSocket::bind(&path).unwrap();
        assert_eq!(fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o660);
        assert!(format!("{:#}", UnixSocket::bind(&path).unwrap_err()).contains("in use"));
        assert!(path.exists(), "the one in use stays");
        drop(socket);
        assert!(!path.exists(), "it goes with us");

        drop(net::UnixListener::bind(&path).unwrap());
        assert!(path.exists(), "a killed run leaves its file");
        let socket = UnixSocket::bind(&path).unwrap();
        fs::remove_file(&path).unwrap();
        fs::write(&path, "another's").unwrap();
        drop(socket);
        assert!(path.exists(), "what another put there stays");
        assert!(format!("{:#}", UnixSocket::bind(&path).unwrap_err()).contains("no socket"));
        assert_eq!(fs::read_dir(path.parent().unwrap()).unwrap().count(), 1, "nothing is left beside it");
        fs::remove_dir_all(folder).unwrap();
    }
}
