//! Running the built program.

use std::{
    fs::Permissions,
    io::{BufRead, BufReader, Read},
    os::unix::fs::PermissionsExt,
    path::{Path, PathBuf},
    process::{ChildStderr, ChildStdout, Command, Stdio},
    sync::OnceLock,
    time::Instant,
};

use super::netns::{Background, PATIENCE, run};

pub(crate) const PROGRAM: &str = env!("CARGO_BIN_EXE_veth-observer");

/// What a run of the program left.
#[derive(Debug)]
pub(crate) struct Outcome {
    pub(crate) code: Option<i32>,
    pub(crate) stdout: String,
    pub(crate) stderr: String,
}

impl Outcome {
    /// Standard output of a run that must have succeeded.
    #[track_caller]
    pub(crate) fn ok(self) -> String {
        assert_eq!(self.code, Some(0), "{self:?}");
        assert_eq!(self.stderr, "", "{self:?}");
        self.stdout
    }

    /// Standard output of a run that must have succeeded, as JSON of the schema that is promised.
    #[track_caller]
    pub(crate) fn json(self) -> serde_json::Value {
        let value: serde_json::Value = serde_json::from_str(&self.ok()).expect("one JSON value");
        assert_eq!(value["schema"], 1);
        value
    }

    /// The one sentence of a run that must have failed with `code`, without the line that says what mends it.
    #[track_caller]
    pub(crate) fn fails(self, code: i32) -> String {
        assert_eq!(self.code, Some(code), "{self:?}");
        assert_eq!(self.stdout, "", "{self:?}");
        let mut lines = self.stderr.lines();
        let sentence = lines.next().and_then(|line| line.strip_prefix("veth-observer: ")).map(str::to_owned);
        let rest: Vec<&str> = lines.collect();
        let only_a_fix = rest.len() <= 1 && rest.iter().all(|line| line.starts_with("fix: "));
        assert!(only_a_fix, "more than a sentence and its fix: {}", self.stderr);
        sentence.unwrap_or_else(|| panic!("no sentence: {:?}", self.stderr))
    }
}

/// A run of the program, to be placed and then started.
pub(crate) struct Run {
    command: Command,
}

impl Run {
    /// In the namespace the test itself is in.
    pub(crate) fn here(args: &[&str]) -> Self {
        let mut command = Command::new(PROGRAM);
        command.args(args);
        Self { command }
    }

    /// Like under nohup.
    pub(crate) fn ignoring_hangups(args: &[&str]) -> Self {
        let mut command = Command::new("env");
        command.args(["--ignore-signal=HUP", PROGRAM]).args(args);
        Self { command }
    }

    /// In a named namespace.
    pub(crate) fn within(netns: &str, args: &[&str]) -> Self {
        let mut command = Command::new("ip");
        command.args(["netns", "exec", netns, PROGRAM]).args(args);
        Self { command }
    }

    /// In a named namespace, as a user who may nothing.
    pub(crate) fn nobody(netns: &str, args: &[&str]) -> Self {
        Self::nobody_at(&format!("/run/netns/{netns}"), args)
    }

    /// The same in a namespace at a path.
    pub(crate) fn nobody_at(netns: &str, args: &[&str]) -> Self {
        let mut command = Command::new("nsenter");
        let net = format!("--net={netns}");
        command.args([&net, "--", "setpriv", "--reuid=65534", "--regid=65534", "--clear-groups"]);
        // Where the sources are, an ordinary user may not look.
        command.arg(public_copy()).args(args);
        Self { command }
    }

    /// Placed already.
    pub(crate) fn of(command: Command) -> Self {
        Self { command }
    }

    /// By another program, such as `prlimit`, that then becomes this one.
    pub(crate) fn by(starter: &[&str], args: &[&str]) -> Self {
        let mut command = Command::new(starter[0]);
        command.args(&starter[1..]).arg(PROGRAM).args(args);
        Self { command }
    }

    /// In the namespace the test itself is in, as a user who may nothing but what this group may.
    pub(crate) fn in_group(gid: u32, args: &[&str]) -> Self {
        let mut command = Command::new("setpriv");
        command.args(["--reuid=65534", "--regid=65534", &format!("--groups={gid}")]);
        command.arg(public_copy()).args(args);
        Self { command }
    }

    /// With this variable set.
    pub(crate) fn variable(mut self, name: &str, value: &str) -> Self {
        self.command.env(name, value);
        self
    }

    /// In a shell, which has the program in `$0` and these words in `$@`.
    pub(crate) fn shell(script: &str, args: &[&str]) -> Self {
        let mut command = Command::new("sh");
        command.args(["-c", script, PROGRAM]).args(args);
        Self { command }
    }

    /// In a shell that may mount what nobody else sees.
    pub(crate) fn mounting(script: &str, args: &[&str]) -> Self {
        let mut command = Command::new("unshare");
        command.args(["--mount", "sh", "-c", script, PROGRAM]).args(args);
        Self { command }
    }

    /// Its standard output goes there, and nobody else has a hand on that pipe.
    pub(crate) fn into_stdin_of(mut self, mut reader: Command) -> (Observing, Background) {
        self.command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
        let mut child = Background::start(&mut self.command);
        let reader = Background::start(reader.stdin(child.0.stdout.take().expect("a pipe")));
        let mut stderr = BufReader::new(child.0.stderr.take().expect("a pipe"));
        let mut line = String::new();
        stderr.read_line(&mut line).expect("a line");
        assert!(line.starts_with("observing "), "{line}");
        (Observing { child, stderr }, reader)
    }

    /// In the namespace the test itself is in, as a user who may nothing but these capabilities, such as `net_admin`.
    pub(crate) fn with_capabilities(names: &[&str], args: &[&str]) -> Self {
        Self::with_capabilities_at("/proc/self/ns/net", names, args)
    }

    /// The same in a namespace at a path.
    pub(crate) fn with_capabilities_at(netns: &str, names: &[&str], args: &[&str]) -> Self {
        let mut command = Command::new("nsenter");
        command.arg(format!("--net={netns}"));
        command.args(["--", "setpriv", "--reuid=65534", "--regid=65534", "--clear-groups"]);
        let all = names.iter().map(|name| format!("+{name}")).collect::<Vec<_>>().join(",");
        for set in ["--inh-caps", "--ambient-caps", "--bounding-set"] {
            command.arg(format!("{set}=-all,{all}"));
        }
        command.arg(public_copy()).args(args);
        Self { command }
    }

    /// As on a kernel without tcx.
    pub(crate) fn without_tcx(mut self) -> Self {
        super::seccomp::refuse_links(&mut self.command);
        self
    }

    /// Where a sandbox lets nobody make a file system.
    pub(crate) fn without_file_systems(mut self) -> Self {
        super::seccomp::refuse_file_systems(&mut self.command);
        self
    }

    pub(crate) fn outcome(mut self) -> Outcome {
        let output = self.command.stdin(Stdio::null()).output().expect("the program starts");
        Outcome {
            code: output.status.code(),
            stdout: String::from_utf8(output.stdout).expect("UTF-8"),
            stderr: String::from_utf8(output.stderr).expect("UTF-8"),
        }
    }

    /// Starts an observing command and waits until it says that every frame counts from now on.
    pub(crate) fn observing(self) -> Observing {
        let (observing, before) = self.until_observing();
        // With clsact filters it first says what they cost.
        assert!(before.lines().all(|line| line.starts_with("adding a clsact qdisc")), "{before}");
        observing
    }

    /// The same, when it also logs.
    pub(crate) fn observing_among_log_lines(self) -> Observing {
        self.until_observing().0
    }

    fn until_observing(mut self) -> (Observing, String) {
        let command = self.command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
        let mut child = Background::start(command);
        let mut stderr = BufReader::new(child.0.stderr.take().expect("a pipe"));
        let mut before = String::new();
        loop {
            let mut line = String::new();
            assert!(stderr.read_line(&mut line).expect("a line") > 0, "it ended: {before}");
            if line.starts_with("observing ") {
                return (Observing { child, stderr }, before);
            }
            before += &line;
        }
    }

    /// Starts it and reads its lines as they come.
    pub(crate) fn lines(mut self) -> Lines {
        let mut child = Background::start(self.command.stdin(Stdio::null()).stdout(Stdio::piped()));
        let stdout = child.0.stdout.take().expect("a pipe");
        let (sender, lines) = std::sync::mpsc::channel();
        std::thread::spawn(move || forward(stdout, &sender));
        Lines { child, lines }
    }
}

/// A command that observes.
pub(crate) struct Observing {
    child: Background,
    stderr: BufReader<ChildStderr>,
}

impl Observing {
    pub(crate) fn pid(&self) -> u32 {
        self.child.pid()
    }

    /// The next line that it says.
    pub(crate) fn says(&mut self) -> String {
        let mut line = String::new();
        self.stderr.read_line(&mut line).expect("a line");
        line
    }

    /// With nobody to read what it says any more.
    pub(crate) fn deaf(mut self) -> Background {
        drop(self.child.0.stdout.take());
        self.child
    }

    /// What it says after SIGINT.
    pub(crate) fn interrupt(self) -> Outcome {
        run("kill", &["-INT", &self.pid().to_string()]);
        self.outcome()
    }

    /// What it says when it ends by itself.
    pub(crate) fn outcome(mut self) -> Outcome {
        let mut stdout = String::new();
        if let Some(mut pipe) = self.child.0.stdout.take() {
            pipe.read_to_string(&mut stdout).expect("UTF-8");
        }
        let mut stderr = String::new();
        self.stderr.read_to_string(&mut stderr).expect("UTF-8");
        let code = self.child.0.wait().expect("its end").code();
        Outcome { code, stdout, stderr }
    }
}

/// A running program and what it says.
pub(crate) struct Lines {
    pub(crate) child: Background,
    lines: std::sync::mpsc::Receiver<String>,
}

impl Lines {
    /// The next line for which `is_it` holds, within a minute.
    #[track_caller]
    pub(crate) fn wait_for(&self, what: &str, is_it: impl Fn(&str) -> bool) -> String {
        let mut seen = Vec::new();
        let end = Instant::now() + PATIENCE;
        loop {
            match self.lines.recv_timeout(end.saturating_duration_since(Instant::now())) {
                Ok(line) if is_it(&line) => return line,
                Ok(line) => seen.push(line),
                Err(error) => {
                    panic!("no {what} ({error}) after {} lines, the last {:#?}", seen.len(), seen.last())
                }
            }
        }
    }
}

fn forward(stdout: ChildStdout, sender: &std::sync::mpsc::Sender<String>) {
    for line in BufReader::new(stdout).lines().map_while(Result::ok) {
        if sender.send(line).is_err() {
            return;
        }
    }
}

/// The program where everybody may run it: where it was built, or else a copy, made once.
fn public_copy() -> &'static Path {
    static COPY: OnceLock<PathBuf> = OnceLock::new();
    COPY.get_or_init(|| {
        let program = Path::new(PROGRAM);
        let is_public =
            |path: &Path| path.metadata().is_ok_and(|meta| meta.permissions().mode() & 0o5 == 0o5);
        if program.ancestors().all(is_public) {
            return program.to_owned();
        }
        let path = std::env::temp_dir().join("veth-observer-test");
        // Renamed into place, since the copy of an earlier run may be running.
        let fresh = path.with_extension(std::process::id().to_string());
        std::fs::copy(program, &fresh).expect("a copy of the program");
        std::fs::set_permissions(&fresh, Permissions::from_mode(0o755)).expect("its mode");
        std::fs::rename(&fresh, &path).expect("its place");
        path
    })
}
