//! Finding, naming and entering network namespaces.

use std::{fs::File, sync::Arc};

use anyhow::Result;

use crate::model::link::Netns;

/// A network namespace we may enter.
#[derive(Debug, Clone)]
pub struct Namespace {
    pub id: Netns,
    file: Arc<File>,
}

impl Namespace {
    /// Runs `work` inside the namespace, on a thread of its own that ends with it.
    pub fn run<T: Send>(&self, work: impl FnOnce() -> T + Send) -> Result<T> {
        let _ = (&self.file, work);
        todo!()
    }
}
