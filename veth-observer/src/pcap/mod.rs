//! Filter expressions, compiled by libpcap where that is installed.

mod library;

use std::ffi::CString;

use anyhow::Result;

use crate::{
    fault::Fault,
    model::filter::{Filter, Instruction},
};
use library::Library;

/// Compiles an expression in the language of pcap-filter(7) for Ethernet frames. An empty one matches everything, and needs no
/// library.
pub fn compile(expression: &str) -> Result<Filter> {
    let expression = expression.trim();
    let instructions = if expression.is_empty() {
        vec![Instruction { code: 0x06, jt: 0, jf: 0, k: u32::MAX }]
    } else {
        let text = CString::new(expression).map_err(|_| Fault::usage("a filter has no NUL in it"))?;
        let compiled = Library::find().map_err(|error| missing(&error))?.compile(&text);
        compiled
            .map_err(|message| Fault::usage(format!("cannot take {expression:?} as a filter: {message}")))?
    };
    if instructions.iter().copied().any(asks_beside_the_frame) {
        let message = format!("{expression:?} asks for what is no part of a frame, such as its direction");
        return Err(Fault::usage(message)
            .fix("leave inbound and outbound out; --side says which end")
            .into());
    }
    Ok(Filter { expression: expression.to_owned(), instructions })
}

/// Whether it loads from where the kernel keeps what it knows of a packet: SKF_AD_OFF to SKF_AD_OFF + SKF_AD_MAX of
/// include/uapi/linux/filter.h.
fn asks_beside_the_frame(instruction: Instruction) -> bool {
    const CLASS: u16 = 0x07;
    const MODE: u16 = 0xe0;
    const LD: u16 = 0x00;
    const ABS: u16 = 0x20;
    const BESIDE: std::ops::Range<u32> = 0xffff_f000..0xffff_f040;
    instruction.code & CLASS == LD && instruction.code & MODE == ABS && BESIDE.contains(&instruction.k)
}

fn missing(error: &libloading::Error) -> Fault {
    tracing::debug!("{error}");
    Fault::unavailable("a filter takes the library libpcap, which is not installed")
        .fix("apt-get install libpcap0.8 on Debian and Ubuntu, dnf install libpcap on Fedora")
}
