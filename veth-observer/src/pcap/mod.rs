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
    Ok(Filter { expression: expression.to_owned(), instructions })
}

fn missing(error: &libloading::Error) -> Fault {
    tracing::debug!("{error}");
    Fault::unavailable("a filter takes the library libpcap, which is not installed")
        .fix("apt-get install libpcap0.8 on Debian and Ubuntu, dnf install libpcap on Fedora")
}
