//! Reading what runtimes wrote, without trust: bounded, never waiting, and never outside of the tree that it is in.

use std::{
    fs::File,
    io::Read,
    os::{
        fd::{AsRawFd, OwnedFd},
        unix::fs::MetadataExt,
    },
    path::Path,
};

use rustix::{
    fs::{CWD, Dir, Mode, OFlags, ResolveFlags, open, openat2},
    path::Arg,
};

/// More than any of the files that we know has: some hundred bytes for each of thousands of containers.
const MOST_BYTES: u64 = 8 << 20;
/// More names than a directory of logs has on a machine full of pods.
const MOST_NAMES: usize = 20_000;

/// The tree of files as one process sees it. Links in it lead to nowhere else.
#[derive(Debug)]
pub(super) struct Tree(OwnedFd);

/// Tells whether a file is still the one that was read.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(super) struct Stamp {
    dev: u64,
    ino: u64,
    size: u64,
    modified: (i64, i64),
    changed: (i64, i64),
}

impl Tree {
    pub(super) fn at(root: &Path) -> Option<Self> {
        let flags = OFlags::PATH | OFlags::DIRECTORY | OFlags::CLOEXEC;
        openat2(CWD, root, flags, Mode::empty(), ResolveFlags::empty()).ok().map(Self)
    }

    /// Whether more than its root can be looked up.
    pub(super) fn is_open_to_us(&self) -> bool {
        openat2(&self.0, "proc", OFlags::PATH | OFlags::CLOEXEC, Mode::empty(), ResolveFlags::IN_ROOT).is_ok()
    }

    /// The contents of an ordinary file of moderate size.
    pub(super) fn read(&self, path: &str) -> Option<(Stamp, Vec<u8>)> {
        let (file, stamp) = self.find(path)?;
        // Opened by what was looked at, so it cannot have become a pipe or a device meanwhile.
        let opened = open(
            format!("/proc/self/fd/{}", file.as_raw_fd()),
            OFlags::RDONLY | OFlags::CLOEXEC | OFlags::NONBLOCK,
            Mode::empty(),
        );
        let mut bytes = Vec::new();
        File::from(opened.ok()?).take(MOST_BYTES).read_to_end(&mut bytes).ok()?;
        Some((stamp, bytes))
    }

    /// What [`Self::read`] would give along with the contents.
    pub(super) fn stamp(&self, path: &str) -> Option<Stamp> {
        Some(self.find(path)?.1)
    }

    /// The names in a directory.
    pub(super) fn names(&self, path: &str) -> Vec<String> {
        let flags = OFlags::RDONLY | OFlags::DIRECTORY | OFlags::CLOEXEC | OFlags::NONBLOCK;
        let opened = openat2(&self.0, path, flags, Mode::empty(), ResolveFlags::IN_ROOT);
        let entries = opened.and_then(Dir::new).into_iter().flatten().take(MOST_NAMES);
        entries.filter_map(|entry| Some(entry.ok()?.file_name().as_str().ok()?.to_owned())).collect()
    }

    fn find(&self, path: &str) -> Option<(File, Stamp)> {
        let flags = OFlags::PATH | OFlags::CLOEXEC;
        let fd = openat2(&self.0, path, flags, Mode::empty(), ResolveFlags::IN_ROOT).ok()?;
        let file = File::from(fd);
        let meta = file.metadata().ok()?;
        if !meta.is_file() || meta.len() > MOST_BYTES {
            return None;
        }
        let stamp = Stamp {
            dev: meta.dev(),
            ino: meta.ino(),
            size: meta.len(),
            modified: (meta.mtime(), meta.mtime_nsec()),
            changed: (meta.ctime(), meta.ctime_nsec()),
        };
        Some((file, stamp))
    }
}

#[cfg(test)]
mod tests {
    use std::{fs, os::unix::fs::symlink, path::PathBuf, time::Instant};

    use super::*;

    struct Fixture(PathBuf);

    impl Fixture {
        fn new(name: &str) -> Self {
            let path = std::env::temp_dir().join(format!("vo-files-{}-{name}", std::process::id()));
            fs::create_dir_all(path.join("run")).unwrap();
            Self(path)
        }
    }

    impl Drop for Fixture {
        fn drop(&mut self) {
            let _ = fs::remove_dir_all(&self.0);
        }
    }

    #[test]
    fn links_stay_inside_of_the_tree() {
        let fixture = Fixture::new("links");
        fs::write(fixture.0.join("run/inside"), "yes").unwrap();
        fs::create_dir(fixture.0.join("var")).unwrap();
        // As /var/run is on most systems.
        symlink("/run", fixture.0.join("var/run")).unwrap();
        symlink("/etc/hostname", fixture.0.join("run/outside")).unwrap();
        symlink("../../../../../../etc/passwd", fixture.0.join("run/above")).unwrap();
        symlink("nowhere", fixture.0.join("run/dangling")).unwrap();
        symlink("around", fixture.0.join("run/around")).unwrap();
        let tree = Tree::at(&fixture.0).unwrap();
        assert_eq!(tree.read("/var/run/inside").unwrap().1, b"yes");
        for name in ["outside", "above", "dangling", "around", "missing", "inside/more", ""] {
            assert!(tree.read(&format!("/run/{name}")).is_none(), "{name}");
        }
        let mut names = tree.names("/var/run");
        names.retain(|name| name.starts_with('i'));
        assert_eq!(names, ["inside"]);
        assert!(tree.names("/run/inside").is_empty() && tree.names("/missing").is_empty());
    }

    #[test]
    fn what_would_block_or_is_huge_is_not_read() {
        let fixture = Fixture::new("odd");
        let fifo = fixture.0.join("run/fifo");
        rustix::fs::mknodat(CWD, &fifo, rustix::fs::FileType::Fifo, Mode::RWXU, 0).unwrap();
        let huge = File::create(fixture.0.join("run/huge")).unwrap();
        huge.set_len(MOST_BYTES + 1).unwrap();
        let tree = Tree::at(&fixture.0).unwrap();
        let start = Instant::now();
        for name in ["fifo", "huge", "."] {
            assert!(tree.read(&format!("/run/{name}")).is_none(), "{name}");
        }
        assert!(start.elapsed().as_secs() < 1);
        huge.set_len(MOST_BYTES).unwrap();
        assert!(tree.read("/run/huge").is_some());
    }

    #[test]
    fn a_stamp_is_of_this_content() {
        let fixture = Fixture::new("stamps");
        let (path, other) = (fixture.0.join("run/a"), fixture.0.join("run/b"));
        fs::write(&path, "one").unwrap();
        let tree = Tree::at(&fixture.0).unwrap();
        let before = tree.stamp("/run/a").unwrap();
        assert_eq!(tree.read("/run/a").unwrap().0, before);
        // As runtimes do it: written beside and renamed.
        fs::write(&other, "two").unwrap();
        fs::rename(&other, &path).unwrap();
        assert_ne!(tree.stamp("/run/a").unwrap(), before);
    }
}
