//! Container engines in namespaces of their own: no bridge, no filter rule, no mount and no process of theirs is outside,
//! and all of it ends with the value.

use std::{
    fs,
    path::{Path, PathBuf},
    process::{Command, Stdio},
    sync::atomic::{AtomicU32, Ordering},
};

use super::{
    command::PROGRAM,
    netns::{Background, eventually, run},
};

/// What stands in for a machine: network, mount and pid namespaces, a directory, and a cgroup.
pub(crate) struct Host {
    // Killed first, and with it everything that runs inside.
    holder: Option<Background>,
    inside: u32,
    folder: PathBuf,
    cgroup: String,
}

impl Host {
    pub(crate) fn new() -> Self {
        static NEXT: AtomicU32 = AtomicU32::new(0);
        let name = format!("vot-{}-e{}", std::process::id(), NEXT.fetch_add(1, Ordering::Relaxed));
        let folder = std::env::temp_dir().join(&name);
        fs::create_dir_all(&folder).unwrap();
        let mut host = Self { holder: None, inside: 0, folder: folder.clone(), cgroup: format!("/{name}") };
        // The loop makes the shell collect the orphans that come to it as the first process.
        let script = format!(
            "mount --make-rprivate / && mount -t tmpfs tmpfs /run && mount -t tmpfs tmpfs /var/lib && mkdir -p /run/lock \
             && ip link set lo up && touch {}/ready && while :; do sleep 1; done",
            folder.display()
        );
        let unshare =
            ["--net", "--mount", "--pid", "--fork", "--kill-child", "--mount-proc", "sh", "-c", &script];
        let holder = Background::start(Command::new("unshare").args(unshare).stdin(Stdio::null()));
        let children = format!("/proc/{0}/task/{0}/children", holder.pid());
        host.holder = Some(holder);
        eventually("the namespaces", || folder.join("ready").exists());
        host.inside = fs::read_to_string(children).unwrap().trim().parse().unwrap();
        // Nothing is sent that nobody asked for.
        host.run("sysctl", &["-q", "-w", "net.ipv6.conf.default.disable_ipv6=1"]);
        host
    }

    /// A process in the namespaces.
    pub(crate) fn inside(&self) -> u32 {
        self.inside
    }

    pub(crate) fn folder(&self) -> &Path {
        &self.folder
    }

    /// A cgroup of its own for all that an engine starts.
    pub(crate) fn cgroup(&self) -> &str {
        &self.cgroup
    }

    /// Where that is, in each hierarchy.
    pub(crate) fn cgroups(&self) -> Vec<PathBuf> {
        hierarchies().map(|root| root.join(&self.cgroup[1..])).collect()
    }

    /// A program in all three namespaces.
    pub(crate) fn command(&self, program: &str, args: &[&str]) -> Command {
        let mut command = Command::new("nsenter");
        command.args(["--target", &self.inside.to_string(), "--net", "--mount", "--pid", "--"]);
        command.arg(program).args(args).env("TMPDIR", &self.folder).stdin(Stdio::null());
        command
    }

    #[track_caller]
    pub(crate) fn run(&self, program: &str, args: &[&str]) -> String {
        let output = self.command(program, args).output().unwrap();
        let stderr = String::from_utf8_lossy(&output.stderr);
        assert!(output.status.success(), "{program} {args:?}: {stderr}");
        String::from_utf8(output.stdout).unwrap().trim().to_owned()
    }

    /// The observer in the network namespace only, as it is where there is but one machine.
    pub(crate) fn observer(&self, args: &[&str]) -> String {
        let inside = self.inside.to_string();
        run("nsenter", &[&["--target", inside.as_str(), "--net", "--", PROGRAM], args].concat())
    }

    /// Root of a container: `sleep`, with what it is linked against.
    pub(crate) fn rootfs(&self) -> String {
        let root = self.folder.join("rootfs");
        let needed = run("ldd", &["/bin/sleep"]);
        let libraries = needed.split_whitespace().filter(|word| word.starts_with('/'));
        for file in libraries.chain(["/bin/sleep"]) {
            let copy = root.join(file.trim_start_matches('/'));
            fs::create_dir_all(copy.parent().unwrap()).unwrap();
            fs::copy(file, copy).unwrap();
        }
        for folder in ["proc", "sys", "dev", "etc", "tmp"] {
            fs::create_dir_all(root.join(folder)).unwrap();
        }
        root.to_str().unwrap().to_owned()
    }

    /// The same as an archive.
    pub(crate) fn archive(&self) -> String {
        let archive = self.folder.join("root.tar").to_str().unwrap().to_owned();
        run("tar", &["-C", &self.rootfs(), "-cf", &archive, "."]);
        archive
    }
}

impl Drop for Host {
    fn drop(&mut self) {
        drop(self.holder.take());
        let mine = self.cgroups();
        // The kernel lets go of a cgroup some moments after its last process.
        for _ in 0..500 {
            for cgroup in &mine {
                remove_cgroup(cgroup);
            }
            if !mine.iter().any(|cgroup| cgroup.exists()) {
                break;
            }
            std::thread::sleep(std::time::Duration::from_millis(10));
        }
        let _ = fs::remove_dir_all(&self.folder);
    }
}

/// Where cgroups are mounted, of either version.
fn hierarchies() -> impl Iterator<Item = PathBuf> {
    let table = fs::read_to_string("/proc/self/mounts").unwrap_or_default();
    let roots: Vec<PathBuf> = table
        .lines()
        .filter_map(|line| {
            let mut fields = line.split(' ').skip(1);
            let place = fields.next()?;
            fields.next()?.starts_with("cgroup").then(|| place.into())
        })
        .collect();
    roots.into_iter()
}

fn remove_cgroup(cgroup: &Path) {
    for entry in fs::read_dir(cgroup).into_iter().flatten().flatten() {
        if entry.file_type().is_ok_and(|kind| kind.is_dir()) {
            remove_cgroup(&entry.path());
        }
    }
    let _ = fs::remove_dir(cgroup);
}
