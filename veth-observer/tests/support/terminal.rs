//! A terminal with nobody at it: what a program draws there, and the modes that it leaves.

use std::{
    fs::File,
    io::{Read, Write},
    mem::MaybeUninit,
    os::fd::{AsRawFd, FromRawFd, OwnedFd},
    process::{Command, ExitStatus},
    sync::{Arc, Mutex},
    thread,
    time::{Duration, Instant},
};

use super::netns::{Background, PATIENCE, eventually};

const ROWS: usize = 24;
const COLUMNS: usize = 80;

/// A program on a terminal of its own, which is its controlling one.
pub(crate) struct Terminal {
    keyboard: File,
    screen: Arc<Mutex<Screen>>,
    /// Held, so that its modes can be asked for when the program has ended.
    line: OwnedFd,
    before: Modes,
    child: Background,
}

/// Input, output, control and local modes (termios(3)).
type Modes = [libc::tcflag_t; 4];

impl Terminal {
    pub(crate) fn start(program: &str, args: &[&str]) -> Self {
        let (keyboard, line) = open();
        let before = modes(&line);
        let mut command = Command::new("setsid");
        command.args(["--ctty", program]).args(args).env("TERM", "xterm").env("LANG", "C.UTF-8");
        let end = || line.try_clone().expect("another hand on it");
        let child = Background::start(command.stdin(end()).stdout(end()).stderr(end()));
        let screen = Arc::new(Mutex::new(Screen::new()));
        let (mut said, shown) = (keyboard.try_clone().expect("another hand on it"), Arc::clone(&screen));
        thread::spawn(move || {
            let mut bytes = [0; 4096];
            while let Ok(count @ 1..) = said.read(&mut bytes) {
                shown.lock().unwrap().take(&bytes[..count]);
            }
        });
        Self { keyboard, screen, line, before, child }
    }

    pub(crate) fn pid(&self) -> u32 {
        self.child.pid()
    }

    pub(crate) fn press(&mut self, keys: &str) {
        self.keyboard.write_all(keys.as_bytes()).unwrap();
    }

    /// Until the screen has these words.
    #[track_caller]
    pub(crate) fn shows(&self, words: &str) {
        let end = Instant::now() + PATIENCE;
        while Instant::now() < end {
            if self.screen.lock().unwrap().text().contains(words) {
                return;
            }
            thread::sleep(Duration::from_millis(10));
        }
        panic!("no {words:?} in\n{}", self.screen.lock().unwrap().text());
    }

    /// Whether keys are given to the program one by one, and not echoed.
    pub(crate) fn is_raw(&self) -> bool {
        modes(&self.line)[3] & (libc::ICANON | libc::ECHO) == 0
    }

    /// How the program ended; everything about the terminal must be as it was before.
    #[track_caller]
    pub(crate) fn ends(mut self) -> ExitStatus {
        let status = self.child.0.wait().unwrap();
        assert_eq!(modes(&self.line), self.before, "the modes are those from before");
        eventually("the other screen is left, and the cursor shown", || {
            let screen = self.screen.lock().unwrap();
            !screen.is_other && !screen.hides_cursor
        });
        status
    }
}

fn open() -> (File, OwnedFd) {
    let size = libc::winsize {
        ws_row: ROWS.try_into().unwrap(),
        ws_col: COLUMNS.try_into().unwrap(),
        ws_xpixel: 0,
        ws_ypixel: 0,
    };
    let (mut keyboard, mut line) = (-1, -1);
    // SAFETY: both are written to, the name is not wanted, and null modes are those of a new terminal.
    let made = unsafe {
        libc::openpty(
            &raw mut keyboard,
            &raw mut line,
            std::ptr::null_mut(),
            std::ptr::null(),
            &raw const size,
        )
    };
    assert_eq!(made, 0, "{}", std::io::Error::last_os_error());
    for end in [keyboard, line] {
        // SAFETY: it was opened just now.
        assert_eq!(unsafe { libc::fcntl(end, libc::F_SETFD, libc::FD_CLOEXEC) }, 0);
    }
    // SAFETY: nobody else owns them.
    unsafe { (File::from_raw_fd(keyboard), OwnedFd::from_raw_fd(line)) }
}

fn modes(line: &OwnedFd) -> Modes {
    let mut modes = MaybeUninit::<libc::termios>::uninit();
    // SAFETY: it is a terminal, and on success all is written.
    let modes = unsafe {
        assert_eq!(libc::tcgetattr(line.as_raw_fd(), modes.as_mut_ptr()), 0);
        modes.assume_init()
    };
    [modes.c_iflag, modes.c_oflag, modes.c_cflag, modes.c_lflag]
}

/// As much of a terminal as is needed to know what is on it.
struct Screen {
    cells: Vec<Vec<char>>,
    at: (usize, usize),
    is_other: bool,
    hides_cursor: bool,
    /// What has come and is not understood yet.
    rest: Vec<u8>,
}

impl Screen {
    fn new() -> Self {
        Self {
            cells: vec![vec![' '; COLUMNS]; ROWS],
            at: (0, 0),
            is_other: false,
            hides_cursor: false,
            rest: Vec::new(),
        }
    }

    fn text(&self) -> String {
        self.cells.iter().map(|row| row.iter().collect::<String>().trim_end().to_owned() + "\n").collect()
    }

    fn take(&mut self, bytes: &[u8]) {
        self.rest.extend(bytes);
        let valid = match std::str::from_utf8(&self.rest) {
            Ok(text) => text.len(),
            Err(error) => error.valid_up_to(),
        };
        let text = String::from_utf8(self.rest.drain(..valid).collect()).unwrap();
        let mut rest = text.as_str();
        while let Some(c) = rest.chars().next() {
            if c != '\u{1b}' {
                self.put(c);
                rest = &rest[c.len_utf8()..];
                continue;
            }
            let Some(sequence) = rest.strip_prefix("\u{1b}[") else {
                rest = rest.get(2..).unwrap_or("");
                continue;
            };
            let Some(end) = sequence.find(|c: char| ('@'..='~').contains(&c)) else { break };
            self.obey(&sequence[..end], sequence.as_bytes()[end]);
            rest = &sequence[end + 1..];
        }
        self.rest.splice(0..0, rest.bytes());
    }

    fn put(&mut self, c: char) {
        match c {
            '\r' => self.at.1 = 0,
            '\n' => self.at.0 += 1,
            c => {
                if let Some(cell) = self.cells.get_mut(self.at.0).and_then(|row| row.get_mut(self.at.1)) {
                    *cell = c;
                }
                self.at.1 += 1;
            }
        }
    }

    fn obey(&mut self, arguments: &str, command: u8) {
        match (arguments, command) {
            (_, b'H') => {
                let mut numbers = arguments.split(';').map(|number| number.parse().unwrap_or(1_usize) - 1);
                self.at = (numbers.next().unwrap_or(0), numbers.next().unwrap_or(0));
            }
            ("2", b'J') => self.cells = vec![vec![' '; COLUMNS]; ROWS],
            ("?1049", b'h' | b'l') => self.is_other = command == b'h',
            ("?25", b'h' | b'l') => self.hides_cursor = command == b'l',
            _ => {}
        }
    }
}
