//! An answer that goes on: lines, as they come.

use std::{fmt, future::poll_fn, pin::Pin};

use hyper::{
    body::{Body, Incoming},
    client::conn::http1::SendRequest,
};

use super::{Trouble, connection::Carrier};

/// Longer than any line of an agent.
const LONGEST: usize = 1 << 20;

pub struct Lines {
    /// The connection ends with it.
    _sender: SendRequest<String>,
    carrier: Carrier,
    body: Incoming,
    /// The beginning of a line.
    rest: Vec<u8>,
}

impl Lines {
    pub(super) fn new(sender: SendRequest<String>, carrier: Carrier, body: Incoming) -> Self {
        Self { _sender: sender, carrier, body, rest: Vec::new() }
    }

    /// Whole lines, at least one; none when the agent has said all. May be dropped and called again.
    pub async fn next(&mut self) -> Result<Option<Vec<Vec<u8>>>, Trouble> {
        loop {
            let body = &mut self.body;
            let frame = self.carrier.carry(async {
                let frame = poll_fn(|cx| Pin::new(&mut *body).poll_frame(cx)).await;
                frame.transpose().map_err(|_| Trouble::Closed)
            });
            let Some(frame) = frame.await? else { return Ok(None) };
            self.rest.extend_from_slice(frame.data_ref().map_or(&[][..], |data| data.as_ref()));
            if let Some(end) = self.rest.iter().rposition(|byte| *byte == b'\n') {
                let rest = self.rest.split_off(end + 1);
                let whole = std::mem::replace(&mut self.rest, rest);
                return Ok(Some(whole.split_inclusive(|byte| *byte == b'\n').map(<[u8]>::to_vec).collect()));
            }
            if self.rest.len() > LONGEST {
                return Err(Trouble::Foreign);
            }
        }
    }
}

impl fmt::Debug for Lines {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Lines").field("rest", &self.rest.len()).finish_non_exhaustive()
    }
}
