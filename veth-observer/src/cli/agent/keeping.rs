//! Declared pairs are seen to beside the observing: it takes waiting for the kernel.

use tokio::{
    sync::mpsc,
    task::JoinHandle,
    time::{MissedTickBehavior, interval},
};
use tracing::warn;

use crate::{
    cli::output,
    topology::manage::{Declared, Keeper},
};

pub(super) struct Keeping {
    orders: mpsc::Sender<Vec<Declared>>,
    task: JoinHandle<Keeper>,
}

impl Keeping {
    /// Returns when what is missing was made, or tried to.
    pub(super) async fn start(declared: Vec<Declared>) -> Self {
        let mut keeper = Keeper::new(|sentence| output::note(sentence));
        keeper.declare(declared).await;
        keeper.tend().await;
        let (orders, mut ordered) = mpsc::channel(1);
        let task = tokio::spawn(async move {
            let mut look = interval(Keeper::LOOK);
            look.set_missed_tick_behavior(MissedTickBehavior::Delay);
            loop {
                tokio::select! {
                    _ = look.tick() => {}
                    order = ordered.recv() => match order {
                        Some(declared) => keeper.declare(declared).await,
                        None => return keeper,
                    },
                }
                keeper.tend().await;
            }
        });
        Self { orders, task }
    }

    /// Sees to these from now on.
    pub(super) async fn declare(&self, declared: Vec<Declared>) {
        // It ends only with us.
        let _ = self.orders.send(declared).await;
    }

    /// Takes away what is to go with us.
    pub(super) async fn finish(self) {
        drop(self.orders);
        match self.task.await {
            Ok(keeper) => keeper.finish().await,
            Err(error) => warn!("declared pairs are left behind: {error}"),
        }
    }
}
