//! libpcap itself, to compare with: its programs in its own interpreter.

use std::{
    ffi::{CStr, CString, c_char, c_int, c_uint, c_void},
    ptr,
    sync::{Mutex, PoisonError},
};

use libloading::{Library, Symbol};
use veth_observer::model::filter::Instruction;

static ONE_AT_A_TIME: Mutex<()> = Mutex::new(());

#[repr(C)]
#[derive(Clone, Copy)]
struct Raw {
    code: u16,
    jt: u8,
    jf: u8,
    k: u32,
}

#[repr(C)]
struct Program {
    length: c_uint,
    instructions: *mut Raw,
}

/// `struct pcap_pkthdr`.
#[repr(C)]
struct Packet {
    time: libc::timeval,
    captured: c_uint,
    len: c_uint,
}

type Offline = unsafe extern "C" fn(*const Program, *const Packet, *const u8) -> c_int;

/// A filter as libpcap runs it.
pub(crate) struct Reference {
    library: Library,
    instructions: Vec<Raw>,
}

impl Reference {
    /// Optimised, as tcpdump does: it makes a difference on frames that are cut short.
    pub(crate) fn compile(expression: &str) -> Self {
        let _one = ONE_AT_A_TIME.lock().unwrap_or_else(PoisonError::into_inner);
        let library = library();
        let expression = CString::new(expression).unwrap();
        // SAFETY: the types are those of pcap/pcap.h; everything is used before it is given back.
        let instructions = unsafe {
            let open: Symbol<'_, unsafe extern "C" fn(c_int, c_int) -> *mut c_void> =
                library.get(c"pcap_open_dead").unwrap();
            let compile: Symbol<
                '_,
                unsafe extern "C" fn(*mut c_void, *mut Program, *const c_char, c_int, c_uint) -> c_int,
            > = library.get(c"pcap_compile").unwrap();
            let error: Symbol<'_, unsafe extern "C" fn(*mut c_void) -> *const c_char> =
                library.get(c"pcap_geterr").unwrap();
            let free: Symbol<'_, unsafe extern "C" fn(*mut Program)> = library.get(c"pcap_freecode").unwrap();
            let close: Symbol<'_, unsafe extern "C" fn(*mut c_void)> = library.get(c"pcap_close").unwrap();
            let handle = open(1, 262_144);
            let mut program = Program { length: 0, instructions: ptr::null_mut() };
            let answer = compile(handle, &raw mut program, expression.as_ptr(), 1, u32::MAX);
            assert_eq!(answer, 0, "{expression:?}: {:?}", CStr::from_ptr(error(handle)));
            let copy = std::slice::from_raw_parts(program.instructions, program.length as usize).to_vec();
            free(&raw mut program);
            close(handle);
            copy
        };
        Self { library, instructions }
    }

    pub(crate) fn of(instructions: &[Instruction]) -> Self {
        let raw = instructions.iter().map(|&Instruction { code, jt, jf, k }| Raw { code, jt, jf, k });
        Self { instructions: raw.collect(), library: library() }
    }

    pub(crate) fn matches(&self, frame: &[u8]) -> bool {
        let program = Program {
            length: self.instructions.len().try_into().unwrap(),
            instructions: self.instructions.as_ptr().cast_mut(),
        };
        let len = frame.len().try_into().unwrap();
        let packet = Packet { time: libc::timeval { tv_sec: 0, tv_usec: 0 }, captured: len, len };
        // SAFETY: the type is that of pcap/pcap.h, and it reads no more than it was told there is.
        unsafe {
            let offline: Symbol<'_, Offline> = self.library.get(c"pcap_offline_filter").unwrap();
            offline(&raw const program, &raw const packet, frame.as_ptr()) != 0
        }
    }
}

fn library() -> Library {
    // SAFETY: what libpcap does when it is loaded asks nothing of us.
    unsafe { Library::new("libpcap.so.0.8") }.expect("the package libpcap0.8 is installed")
}
