//! Writing on a thread of its own, so that a slow disk or reader holds nothing else up.

use std::{
    sync::mpsc::{Receiver, RecvTimeoutError, SyncSender, TrySendError, sync_channel},
    time::Duration,
};

use anyhow::{Context, Result, anyhow};
use tokio::sync::oneshot;

use super::{
    sink::{Files, Sink},
    target::Opened,
};

/// What to do next with the file.
pub(super) enum Piece {
    /// Whole blocks.
    Blocks(Vec<u8>),
    /// This one is complete.
    NextFile,
}

pub(super) type Batch = Vec<Piece>;

/// Batches that may wait for the thread.
const WAITING: usize = 4;

/// How often to look whether the reader of a pipe is still there.
const READER: Duration = Duration::from_millis(100);

pub(super) struct Writer {
    batches: Option<SyncSender<Batch>>,
    /// Did not fit in.
    left_over: Option<Batch>,
    done: oneshot::Receiver<Result<Files>>,
}

impl Writer {
    pub(super) fn start(opened: Opened) -> Result<Self> {
        let (batches, receiver) = sync_channel(WAITING);
        let (tell, done) = oneshot::channel();
        let run = move || {
            // Nobody is left to tell when the command is over.
            let _ = tell.send(write(opened, &receiver));
        };
        std::thread::Builder::new().name("capture".to_owned()).spawn(run).context("cannot start a thread")?;
        Ok(Self { batches: Some(batches), left_over: None, done })
    }

    /// Whether it takes another batch now.
    pub(super) fn has_room(&mut self) -> bool {
        if let Some(batch) = self.left_over.take() {
            self.put(batch);
        }
        self.left_over.is_none()
    }

    /// To be asked before: [`Writer::has_room`].
    pub(super) fn put(&mut self, batch: Batch) {
        let Some(batches) = &self.batches else { return };
        match batches.try_send(batch) {
            // The thread has failed, and what is left to do is to ask it why.
            Ok(()) | Err(TrySendError::Disconnected(_)) => {}
            Err(TrySendError::Full(batch)) => self.left_over = Some(batch),
        }
    }

    /// Returns when it cannot write any more.
    pub(super) async fn failure(&mut self) -> anyhow::Error {
        match (&mut self.done).await {
            Ok(Err(error)) => error,
            Ok(Ok(_)) | Err(_) => anyhow!("the thread that writes ended before its time"),
        }
    }

    /// Waits until all is written.
    pub(super) async fn finish(mut self) -> Result<Files> {
        self.batches = None;
        self.done.await.context("the thread that writes has died")?
    }
}

fn write(opened: Opened, batches: &Receiver<Batch>) -> Result<Files> {
    let mut sink = Sink::new(opened)?;
    loop {
        match batches.recv_timeout(READER) {
            Ok(batch) => {
                for piece in batch {
                    match piece {
                        Piece::Blocks(blocks) => sink.write(&blocks)?,
                        Piece::NextFile => sink.next_file()?,
                    }
                }
            }
            Err(RecvTimeoutError::Timeout) => sink.look_for_reader()?,
            Err(RecvTimeoutError::Disconnected) => return Ok(sink.files()),
        }
    }
}
