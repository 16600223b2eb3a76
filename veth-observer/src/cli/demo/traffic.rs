//! Real sockets in the two namespaces of the demo; a socket stays in the namespace it was made in.

use std::{
    io::{Read, Write},
    net::{Ipv4Addr, TcpListener, TcpStream, UdpSocket},
    thread,
    time::Duration,
};

use anyhow::{Context, Result, anyhow};

use crate::netns::Namespace;

const PORT: u16 = 4242;

/// A socket that waits longer than this has lost its peer.
const PATIENCE: Option<Duration> = Some(Duration::from_secs(5));

/// Sends datagrams of 512 bytes and returns how many the kernel took.
pub(super) fn udp(near: &Namespace, far: &Namespace, to: Ipv4Addr, count: u32) -> Result<u32> {
    let far = far.run(|| UdpSocket::bind((to, PORT)))??;
    let near = near.run(|| UdpSocket::bind((Ipv4Addr::UNSPECIFIED, 0)))??;
    near.connect((to, PORT))?;
    far.set_nonblocking(true)?;
    let mut scratch = [0; 512];
    for _ in 0..count {
        near.send(&[0x5a; 512])?;
        // Read at once, so that the socket never overflows; what the pair lost shows in the ledger.
        while far.recv(&mut scratch).is_ok() {}
    }
    Ok(count)
}

/// Carries bytes over one connection and returns how many arrived.
pub(super) fn tcp(near: &Namespace, far: &Namespace, to: Ipv4Addr, bytes: usize) -> Result<u64> {
    let listener = far.run(|| TcpListener::bind((to, PORT)))??;
    let reader = thread::spawn(move || -> Result<u64> {
        let (mut stream, _) = listener.accept()?;
        stream.set_read_timeout(PATIENCE)?;
        let (mut scratch, mut total) = (vec![0; 1 << 18], 0);
        loop {
            match stream.read(&mut scratch)? {
                0 => return Ok(total),
                read => total += read as u64,
            }
        }
    });
    let mut stream = near.run(|| TcpStream::connect((to, PORT)))?.context("cannot connect over the pair")?;
    stream.set_write_timeout(PATIENCE)?;
    let chunk = vec![0x5a; 1 << 18];
    for _ in 0..bytes / chunk.len() {
        stream.write_all(&chunk)?;
    }
    drop(stream);
    reader.join().map_err(|_| anyhow!("the reader of the demo failed"))?
}
