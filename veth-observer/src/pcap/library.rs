//! libpcap, found when it is needed. The only place that calls it.

use std::{
    ffi::{CStr, c_char, c_int, c_uint, c_void},
    ptr,
    sync::{Mutex, PoisonError},
};

use libloading::{Error, Library as Shared, Symbol};

use crate::model::filter::Instruction;

/// What the library is called: on Debian, by its own version, and where its headers are installed.
const NAMES: [&str; 3] = ["libpcap.so.0.8", "libpcap.so.1", "libpcap.so"];

/// DLT_EN10MB.
const ETHERNET: c_int = 1;
/// What matches is to be taken whole: longer than any frame.
const SNAPLEN: c_int = 262_144;
const OPTIMIZE: c_int = 1;
/// PCAP_NETMASK_UNKNOWN: there is no broadcast address of IPv4 to compare with.
const NO_NETMASK: c_uint = u32::MAX;

/// The compiler of libpcap before 1.8 keeps its state in variables of its own.
static ONE_AT_A_TIME: Mutex<()> = Mutex::new(());

/// `struct bpf_program` of pcap/bpf.h.
#[repr(C)]
struct Program {
    length: c_uint,
    instructions: *mut Raw,
}

/// `struct bpf_insn` of pcap/bpf.h.
#[repr(C)]
#[derive(Clone, Copy)]
struct Raw {
    code: u16,
    jt: u8,
    jf: u8,
    k: u32,
}

type Handle = *mut c_void;
type OpenDead = unsafe extern "C" fn(c_int, c_int) -> Handle;
type Compile = unsafe extern "C" fn(Handle, *mut Program, *const c_char, c_int, c_uint) -> c_int;
type GetError = unsafe extern "C" fn(Handle) -> *mut c_char;
type FreeCode = unsafe extern "C" fn(*mut Program);
type Close = unsafe extern "C" fn(Handle);

pub(super) struct Library(Shared);

impl Library {
    pub(super) fn find() -> Result<Self, Error> {
        Self::first_of(&NAMES)
    }

    /// The first of these that is there, or why the first is not.
    fn first_of(names: &[&str]) -> Result<Self, Error> {
        let mut first = None;
        for &name in names {
            // SAFETY: what libpcap does when it is loaded asks nothing of us.
            match unsafe { Shared::new(name) } {
                Ok(library) => return Ok(Self(library)),
                Err(error) => first = first.or(Some(error)),
            }
        }
        Err(first.unwrap_or(Error::DlOpenUnknown))
    }

    /// The instructions of an expression, or what libpcap says against it.
    pub(super) fn compile(&self, expression: &CStr) -> Result<Vec<Instruction>, String> {
        let _one = ONE_AT_A_TIME.lock().unwrap_or_else(PoisonError::into_inner);
        self.compiled(expression).map_err(|error| error.to_string())?
    }

    /// The outer error: this is not libpcap.
    fn compiled(&self, expression: &CStr) -> Result<Result<Vec<Instruction>, String>, Error> {
        // SAFETY: the types are those of pcap/pcap.h, the same since version 0.8.
        let (open, compile, error, free, close) = unsafe {
            let open: Symbol<'_, OpenDead> = self.0.get(c"pcap_open_dead")?;
            let compile: Symbol<'_, Compile> = self.0.get(c"pcap_compile")?;
            let error: Symbol<'_, GetError> = self.0.get(c"pcap_geterr")?;
            let free: Symbol<'_, FreeCode> = self.0.get(c"pcap_freecode")?;
            let close: Symbol<'_, Close> = self.0.get(c"pcap_close")?;
            (open, compile, error, free, close)
        };
        // SAFETY: the handle and the program are used while they are open, and each is given back once; the instructions and
        // the message are copied before that. Nobody else is in here.
        unsafe {
            let handle = open(ETHERNET, SNAPLEN);
            if handle.is_null() {
                return Ok(Err("out of memory".to_owned()));
            }
            let mut program = Program { length: 0, instructions: ptr::null_mut() };
            let outcome = if compile(handle, &raw mut program, expression.as_ptr(), OPTIMIZE, NO_NETMASK) == 0
            {
                let raw = std::slice::from_raw_parts(program.instructions, program.length as usize);
                let copied =
                    raw.iter().map(|&Raw { code, jt, jf, k }| Instruction { code, jt, jf, k }).collect();
                free(&raw mut program);
                Ok(copied)
            } else {
                Err(CStr::from_ptr(error(handle)).to_string_lossy().trim().to_owned())
            };
            close(handle);
            Ok(outcome)
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_library_that_is_not_there_is_named() {
        let error = Library::first_of(&["libpcap-that-nobody-has.so.9"]).err().unwrap();
        let fault = super::super::missing(&error);
        assert_eq!(fault.kind, crate::fault::Kind::Unavailable);
        assert!(fault.message.contains("libpcap") && fault.fix.unwrap().contains("libpcap0.8"));
    }
}
