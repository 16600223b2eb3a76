//! What there is of pushing in a build without it: the sentence that says so.

use anyhow::Result;

use super::Flags;
use crate::{
    agent::source::Source,
    fault::Fault,
    model::snapshot::{PushState, Snapshot},
    view::metrics::Versions,
};

/// None can be.
#[derive(Debug)]
pub enum Pushing {}

impl Pushing {
    /// Fails where pushing is asked for.
    pub fn start(flags: &Flags, _: Source, _: Versions) -> Result<Option<Self>> {
        if flags.otlp_endpoint.is_none() && flags.otlp_interval.is_none() {
            return Ok(None);
        }
        Err(Fault::usage("this program was built without OTLP")
            .fix("cargo install --path veth-observer --locked --features otlp")
            .into())
    }

    pub fn target(&self) -> String {
        match *self {}
    }

    pub fn state(&self) -> PushState {
        match *self {}
    }

    pub fn finish(self, _: Snapshot) {
        match self {}
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn whoever_asks_for_it_is_told_which_feature_it_takes() {
        let versions = || Versions { observer: "0", kernel: "0".into() };
        let start = |flags: &Flags| Pushing::start(flags, Source::new().0, versions());
        assert!(start(&Flags::default()).unwrap().is_none());
        let flags = Flags { otlp_endpoint: Some("http://127.0.0.1:4318".into()), ..Flags::default() };
        let error = start(&flags).unwrap_err();
        let fault = error.downcast_ref::<Fault>().unwrap();
        assert_eq!(fault.kind.exit_code(), 2);
        assert!(fault.fix.as_ref().unwrap().contains("--features otlp"));
    }
}
