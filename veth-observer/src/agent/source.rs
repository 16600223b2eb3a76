//! The way from whoever serves numbers to the task that collects them.

use std::{
    sync::Arc,
    time::{Duration, Instant},
};

use anyhow::{Context, Result};
use tokio::sync::{mpsc, oneshot};

use super::frames::Asked;
use crate::model::snapshot::Snapshot;

/// A snapshot is good for this long: however many ask, no more than one is taken in that time.
pub const FRESH: Duration = Duration::from_millis(100);

/// More than this many wait at the door.
const WAITING: usize = 256;

type Reply = oneshot::Sender<Arc<Snapshot>>;

/// Clients that may wait for their first frame at a time.
const ASKING: usize = 4;

/// Where snapshots come from, and frames.
#[derive(Debug, Clone)]
pub struct Source {
    replies: mpsc::Sender<Reply>,
    asked: mpsc::Sender<Asked>,
}

impl Source {
    /// The source, and the requests that the collecting task is to answer.
    pub fn new() -> (Self, Requests) {
        let ((replies, receiver), (asked, questions)) = (mpsc::channel(WAITING), mpsc::channel(ASKING));
        let requests = Requests { receiver, questions: Some(questions), waiting: Vec::new(), last: None };
        (Self { replies, asked }, requests)
    }

    /// The freshest snapshot, at most [`FRESH`] old.
    pub async fn snapshot(&self) -> Result<Arc<Snapshot>> {
        let (reply, snapshot) = oneshot::channel();
        self.replies.send(reply).await.ok().context("nothing is collected any more")?;
        snapshot.await.context("the collection failed")
    }

    /// Asks for frames; false when nobody would give any, or too many ask.
    pub(super) fn ask(&self, asked: Asked) -> bool {
        self.asked.try_send(asked).is_ok()
    }
}

/// Who asks for a snapshot, at the side of the collecting task.
#[derive(Debug)]
pub struct Requests {
    receiver: mpsc::Receiver<Reply>,
    questions: Option<mpsc::Receiver<Asked>>,
    waiting: Vec<Reply>,
    last: Option<(Instant, Arc<Snapshot>)>,
}

impl Requests {
    /// Who asks for frames; once. Whoever does not take it gives none.
    pub fn questions(&mut self) -> Option<mpsc::Receiver<Asked>> {
        self.questions.take()
    }

    /// Returns when somebody needs a new snapshot; who can have the last one is given it. May be dropped and called again.
    pub async fn due(&mut self) {
        while self.waiting.is_empty() {
            let Some(reply) = self.receiver.recv().await else { return std::future::pending().await };
            match &self.last {
                Some((taken, snapshot)) if taken.elapsed() < FRESH => {
                    // Whoever went away needs no answer.
                    let _ = reply.send(Arc::clone(snapshot));
                }
                _ => self.waiting.push(reply),
            }
        }
    }

    /// Answers all who wait.
    pub fn answer(&mut self, snapshot: Snapshot) {
        let snapshot = Arc::new(snapshot);
        for reply in self.waiting.drain(..) {
            let _ = reply.send(Arc::clone(&snapshot));
        }
        self.last = Some((Instant::now(), snapshot));
    }

    /// Tells all who wait that there is none.
    pub fn refuse(&mut self) {
        self.waiting.clear();
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::{report::Report, snapshot::AgentState};

    #[tokio::test]
    async fn many_who_ask_at_once_share_one_snapshot() {
        let (source, mut requests) = Source::new();
        let collector = tokio::spawn(async move {
            for taken in 0.. {
                requests.due().await;
                let agent = AgentState::new(taken);
                requests.answer(Snapshot { report: Report::new(Vec::new()), agent });
            }
        });
        let asking: Vec<_> = (0..500)
            .map(|_| {
                let source = source.clone();
                tokio::spawn(async move { source.snapshot().await.unwrap().agent.taken_ns })
            })
            .collect();
        for asked in asking {
            assert_eq!(asked.await.unwrap(), 0);
        }
        tokio::time::sleep(2 * FRESH).await;
        assert_eq!(source.snapshot().await.unwrap().agent.taken_ns, 1);
        collector.abort();
    }

    #[tokio::test]
    async fn without_a_collector_the_source_says_so() {
        let (source, requests) = Source::new();
        drop(requests);
        assert!(source.snapshot().await.is_err());
    }
}
