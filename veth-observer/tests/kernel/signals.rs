//! Signals that come while programs are verified.

use std::{
    os::unix::thread::JoinHandleExt,
    sync::atomic::{AtomicU32, Ordering},
    thread,
    time::Duration,
};

use veth_observer::kernel::{self, Settings};

const LOADS: u32 = 5;

/// Far less than it takes to load.
const APART: Duration = Duration::from_micros(500);

static TAKEN: AtomicU32 = AtomicU32::new(0);

extern "C" fn take(_: libc::c_int) {
    TAKEN.fetch_add(1, Ordering::Relaxed);
}

fn load() {
    let settings = Settings {
        hook: kernel::Hook::Tc,
        lane: 0,
        ends: Default::default(),
        loss_timeout: Duration::from_secs(2),
        sampling: None,
        tell: 0,
        order: true,
        fallback: true,
        probing: true,
        stages: true,
        one_end: false,
        log: false,
    };
    let loaded = kernel::load(&settings).unwrap();
    loaded.drops.unwrap().unwrap();
}

#[test]
fn a_signal_is_no_refusal() {
    // SAFETY: the handler adds to an atomic, and nobody else here uses the signal.
    unsafe { libc::signal(libc::SIGURG, take as *const () as libc::sighandler_t) };
    let loader = thread::spawn(|| (0..LOADS).for_each(|_| load()));
    let mut sent = 0;
    while !loader.is_finished() {
        // SAFETY: the thread is not joined yet, so its handle is good.
        assert_eq!(unsafe { libc::pthread_kill(loader.as_pthread_t(), libc::SIGURG) }, 0);
        sent += 1;
        thread::sleep(APART);
    }
    loader.join().unwrap();
    assert!(sent > LOADS, "they came while it loaded");
    // Held back, not lost: one of a kind waits while a program is loaded.
    assert!(TAKEN.load(Ordering::Relaxed) >= LOADS - 1);
}
