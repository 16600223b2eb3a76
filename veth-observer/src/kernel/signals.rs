//! Signals wait while programs are loaded.
//!
//! The verifier gives up with EAGAIN as soon as the calling thread has a signal to take (`do_check` in
//! kernel/bpf/verifier.c), so a Ctrl-C, or the timer of a profiler, would look like a refusal.

use std::{io, marker::PhantomData};

use nix::sys::signal::{SigSet, SigmaskHow};

/// While it lives, this thread takes no signal but SIGKILL and SIGSTOP; what came meanwhile is taken afterwards.
pub(super) struct Held {
    before: SigSet,
    /// The mask is that of the thread, and so is this.
    _thread: PhantomData<*const ()>,
}

pub(super) fn hold() -> io::Result<Held> {
    Ok(Held { before: SigSet::all().thread_swap_mask(SigmaskHow::SIG_BLOCK)?, _thread: PhantomData })
}

impl Drop for Held {
    fn drop(&mut self) {
        // It fails only for an operation that the kernel does not know.
        let _ = self.before.thread_set_mask();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn mask() -> SigSet {
        SigSet::thread_get_mask().unwrap()
    }

    #[test]
    fn a_thread_has_its_mask_back_afterwards() {
        let before = mask();
        let held = hold().unwrap();
        assert_eq!(mask().iter().count(), SigSet::all().iter().count() - 2, "all but SIGKILL and SIGSTOP");
        drop(held);
        assert_eq!(mask(), before);
    }
}
