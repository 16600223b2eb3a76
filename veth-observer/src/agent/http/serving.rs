//! A server on threads of its own.

use std::{
    sync::mpsc,
    thread::{self, JoinHandle},
    time::Duration,
};

use anyhow::{Context, Result};
use tokio::{runtime::Builder, sync::oneshot};

use super::{Address, Flags, Limits, Server};
use crate::{agent::source::Source, fault::Fault, view::metrics::Versions};

/// Bodies, hashes of passwords and files are made by as many threads.
const MAKERS: usize = 4;

/// How long bodies that are being made may hold up the end.
const PARTING: Duration = Duration::from_secs(1);

/// A server that runs until this is dropped. What its clients ask for takes no time of the runtime that collects.
#[derive(Debug)]
pub struct Serving {
    addresses: Vec<Address>,
    stop: Option<oneshot::Sender<()>>,
    thread: Option<JoinHandle<()>>,
}

impl Serving {
    /// Listens, and serves from then on; whatever keeps it from that fails here.
    pub fn start(flags: &Flags, limits: Limits, source: Source, versions: Versions) -> Result<Self> {
        if flags.listen.is_empty() {
            let none = Fault::usage("web.listen_address names no address, so that nobody could ask");
            return Err(none.fix("leave it out, for 127.0.0.1:10435").into());
        }
        let (stop, stopped) = oneshot::channel();
        let (tell, bound) = mpsc::sync_channel(1);
        let flags = flags.clone();
        let serve = move || {
            let runtime = Builder::new_multi_thread()
                .worker_threads(1)
                .max_blocking_threads(MAKERS)
                .thread_name("web")
                .enable_all()
                .build();
            let runtime = match runtime.context("cannot start the async runtime of the web server") {
                Ok(runtime) => runtime,
                Err(error) => return drop(tell.send(Err(error))),
            };
            runtime.block_on(async {
                let server = Server::bind(&flags, limits);
                let told = server.and_then(|server| Ok((server.addresses()?, server)));
                match told {
                    Err(error) => drop(tell.send(Err(error))),
                    Ok((addresses, server)) => {
                        let _ = tell.send(Ok(addresses));
                        tokio::select! {
                            () = server.run(source, versions) => {}
                            // Dropped or told: both mean the end.
                            _ = stopped => {}
                        }
                    }
                }
            });
            runtime.shutdown_timeout(PARTING);
        };
        let thread = thread::Builder::new().name("web".into()).spawn(serve)?;
        let addresses = bound.recv().context("the web server ended before it began")??;
        Ok(Self { addresses, stop: Some(stop), thread: Some(thread) })
    }

    /// Where it listens, ports that the kernel chose included.
    pub fn addresses(&self) -> &[Address] {
        &self.addresses
    }
}

impl Drop for Serving {
    fn drop(&mut self) {
        drop(self.stop.take());
        if let Some(thread) = self.thread.take() {
            // Its unix socket is gone when it has ended.
            let _ = thread.join();
        }
    }
}
