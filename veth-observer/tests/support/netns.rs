//! Namespaces of a test's own, gone when the test is, also when it panics.

use std::{
    process::{Child, Command, Stdio},
    sync::{
        Mutex, MutexGuard, PoisonError,
        atomic::{AtomicU32, Ordering},
    },
    time::{Duration, Instant},
};

/// Some namespaces with names that no other test has, and a quiet wire in each.
#[derive(Debug)]
pub(crate) struct Lab {
    names: Vec<String>,
}

impl Lab {
    /// Makes `N` namespaces.
    pub(crate) fn new(count: usize) -> Self {
        static NEXT: AtomicU32 = AtomicU32::new(0);
        let mut lab = Self { names: Vec::new() };
        for _ in 0..count {
            let name = format!("vot-{}-{}", std::process::id(), NEXT.fetch_add(1, Ordering::Relaxed));
            run("ip", &["netns", "add", &name]);
            lab.names.push(name.clone());
            // Without IPv6 autoconfiguration nothing is sent that the test did not send.
            for scope in ["all", "default"] {
                let setting = format!("net.ipv6.conf.{scope}.addr_gen_mode=1");
                run("ip", &["netns", "exec", &name, "sysctl", "-q", "-w", &setting]);
            }
            lab.ip(lab.names.len() - 1, &["link", "set", "lo", "up"]);
        }
        lab
    }

    /// Name of the namespace at `at`.
    pub(crate) fn name(&self, at: usize) -> &str {
        &self.names[at]
    }

    /// Runs `ip` in the namespace at `at` and gives what it printed.
    pub(crate) fn ip(&self, at: usize, args: &[&str]) -> String {
        run("ip", &[&["-n", self.name(at)], args].concat())
    }

    /// Runs a program in the namespace at `at` and gives what it printed.
    pub(crate) fn exec(&self, at: usize, args: &[&str]) -> String {
        run("ip", &[&["netns", "exec", self.name(at)], args].concat())
    }

    /// What `ip -j` printed, as JSON.
    pub(crate) fn ip_json(&self, at: usize, args: &[&str]) -> serde_json::Value {
        serde_json::from_str(&self.ip(at, &[&["-d", "-j"], args].concat())).expect("JSON from ip")
    }

    /// True when an interface of that name is there.
    pub(crate) fn has(&self, at: usize, ifname: &str) -> bool {
        let args = ["-n", self.name(at), "link", "show", ifname];
        Command::new("ip").args(args).output().expect("ip runs").status.success()
    }

    /// Deletes the namespace at `at` before its time.
    pub(crate) fn remove(&mut self, at: usize) {
        run("ip", &["netns", "del", self.name(at)]);
    }
}

impl Drop for Lab {
    fn drop(&mut self) {
        for name in &self.names {
            let _ = Command::new("ip").args(["netns", "del", name]).stderr(Stdio::null()).status();
        }
    }
}

/// A process that is killed with the value.
#[derive(Debug)]
pub(crate) struct Background(pub(crate) Child);

impl Background {
    pub(crate) fn start(command: &mut Command) -> Self {
        Self(command.spawn().expect("the program starts"))
    }

    pub(crate) fn pid(&self) -> u32 {
        self.0.id()
    }
}

impl Drop for Background {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

/// Runs a program that must succeed and gives what it printed.
pub(crate) fn run(program: &str, args: &[&str]) -> String {
    let output =
        Command::new(program).args(args).output().unwrap_or_else(|error| panic!("{program}: {error}"));
    let stderr = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{program} {args:?}: {stderr}");
    String::from_utf8(output.stdout).expect("UTF-8")
}

/// One test at a time: what one leaves behind is found by every look at the whole machine.
pub(crate) fn alone() -> MutexGuard<'static, ()> {
    static ALONE: Mutex<()> = Mutex::new(());
    ALONE.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Runs a test, called by its path, once more where nobody else's processes and namespaces are seen. True in there; false when
/// it has passed there.
pub(crate) fn apart(test: &str) -> bool {
    const INSIDE: &str = "VETH_OBSERVER_APART";
    const ENTER: &str =
        "mount --make-rprivate / && mount -t tmpfs tmpfs /run && ip link set lo up && exec \"$0\" \"$@\"";
    if std::env::var_os(INSIDE).is_some() {
        return true;
    }
    let unshare = ["--net", "--mount", "--pid", "--fork", "--kill-child", "--mount-proc", "sh", "-c", ENTER];
    let mut again = Command::new("unshare");
    again.args(unshare).arg(std::env::current_exe().unwrap()).args([test, "--exact", "--nocapture"]);
    let output = again.env(INSIDE, "1").stdin(Stdio::null()).output().expect("unshare runs");
    let said = String::from_utf8_lossy(&output.stdout);
    assert!(output.status.success(), "{said}{}", String::from_utf8_lossy(&output.stderr));
    assert!(said.contains(" 1 passed"), "there is no test {test}: {said}");
    eprintln!("{}", String::from_utf8_lossy(&output.stderr));
    false
}

/// How long anything may take on a busy machine.
pub(crate) const PATIENCE: Duration = Duration::from_mins(1);

/// Asks again and again until something is true, for a minute at most.
pub(crate) fn eventually(what: &str, is_true: impl FnMut() -> bool) {
    within(PATIENCE, what, is_true);
}

/// The same for as long as this at most.
pub(crate) fn within(patience: Duration, what: &str, mut is_true: impl FnMut() -> bool) {
    let end = Instant::now() + patience;
    while !is_true() {
        assert!(Instant::now() < end, "still not: {what}");
        std::thread::sleep(Duration::from_millis(10));
    }
}
