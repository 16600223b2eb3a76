//! One loader for all observations of the process.

use std::sync::{LazyLock, Mutex, PoisonError};

use aya::{Ebpf, EbpfError, EbpfLoader, VerifierLogLevel};
use veth_observer_common::settings as names;

use super::bpffs::Bpffs;

/// `EbpfLoader::new` parses the types of the kernel each time, which takes 18 ms and which an object without
/// relocations has no use for.
static LOADER: LazyLock<Mutex<EbpfLoader<'static>>> = LazyLock::new(|| {
    let mut loader = EbpfLoader::new();
    loader.btf(None);
    Mutex::new(loader)
});

/// One for those that share their maps, apart: a loader never forgets where maps are.
static SHARING: LazyLock<Mutex<EbpfLoader<'static>>> = LazyLock::new(|| {
    let mut loader = EbpfLoader::new();
    loader.btf(None);
    Mutex::new(loader)
});

/// Every map of the object but its constants.
const SHARED: [&str; 18] = [
    names::SENT,
    names::RECEIVED,
    names::ORDERS,
    names::METHODS,
    names::ADDRESSES,
    names::DIGESTS,
    names::BEGUN,
    names::XDP_TIMES,
    names::PLACES,
    names::UNPLACED,
    names::TOLD,
    names::ENDS,
    names::PROBES,
    names::PROBE_DEPARTURES,
    names::PROBE_ORDERS,
    names::STAGES,
    names::SAMPLES,
    "AYA_LOGS",
];

/// Makes the maps of an object and prepares its programs. Every call names the same constants, with their bytes in the
/// order of this machine, and the same maps, with their number of entries.
pub(super) fn open(
    object: &[u8],
    log_level: VerifierLogLevel,
    constants: &[(&'static str, Vec<u8>)],
    entries: &[(&'static str, u32)],
) -> Result<Ebpf, EbpfError> {
    let mut shared = LOADER.lock().unwrap_or_else(PoisonError::into_inner);
    open_with(&mut shared, object, log_level, constants, entries)
}

/// The same for one of several objects that share all their maps: the first makes them.
pub(super) fn open_sharing(
    object: &[u8],
    bpffs: &Bpffs,
    constants: &[(&'static str, Vec<u8>)],
    entries: &[(&'static str, u32)],
) -> Result<Ebpf, EbpfError> {
    let mut shared = SHARING.lock().unwrap_or_else(PoisonError::into_inner);
    for name in SHARED {
        shared.map_pin_path(name, bpffs.path(name));
    }
    open_with(&mut shared, object, VerifierLogLevel::STATS, constants, entries)
}

fn open_with(
    loader: &mut EbpfLoader<'static>,
    object: &[u8],
    log_level: VerifierLogLevel,
    constants: &[(&'static str, Vec<u8>)],
    entries: &[(&'static str, u32)],
) -> Result<Ebpf, EbpfError> {
    let lent = Lent { loader, constants };
    lent.loader.verifier_log_level(log_level);
    for &(name, count) in entries {
        lent.loader.map_max_entries(name, count);
    }
    for (name, bytes) in constants {
        // SAFETY: the loader forgets the bytes when `lent` is dropped, at the end of this function or in a panic; they
        // live longer than that, and the lock keeps everybody else away meanwhile.
        let bytes = unsafe { std::mem::transmute::<&[u8], &'static [u8]>(bytes) };
        lent.loader.override_global(name, bytes, true);
    }
    lent.loader.load(object)
}

/// The loader while it refers to bytes that do not live as long as it does.
struct Lent<'a> {
    loader: &'a mut EbpfLoader<'static>,
    constants: &'a [(&'static str, Vec<u8>)],
}

impl Drop for Lent<'_> {
    fn drop(&mut self) {
        for (name, _) in self.constants {
            self.loader.override_global(name, &0_u8, true);
        }
    }
}
