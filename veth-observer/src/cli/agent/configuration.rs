//! What the agent was told, and told anew.

use std::time::{SystemTime, UNIX_EPOCH};

use tracing::warn;

use crate::{
    cli::output,
    config::{Flags, Settings},
    fault::Fault,
    model::snapshot::Reload,
};

pub(super) struct Configuration {
    flags: Flags,
    pub(super) settings: Settings,
    /// None as long as there is no file.
    pub(super) reload: Option<Reload>,
    /// When all could last be read.
    success_unix_ns: u64,
}

impl Configuration {
    pub(super) fn read(flags: Flags) -> Result<Self, Fault> {
        let settings = Settings::read(&flags)?;
        let success_unix_ns = now();
        let reload = settings
            .file
            .is_some()
            .then_some(Reload { successful: true, last_success_unix_ns: success_unix_ns });
        let this = Self { flags, settings, reload, success_unix_ns };
        this.tell_shadowed();
        Ok(this)
    }

    /// Reads the file again. True when its settings hold now; what is wrong leaves all as it was.
    pub(super) fn renew(&mut self) -> bool {
        let mut settings = match self.settings.read_again(&self.flags) {
            Ok(settings) => settings,
            Err(fault) => {
                warn!("{fault}; what was read before stays in force");
                self.reload = Some(Reload { successful: false, last_success_unix_ns: self.success_unix_ns });
                return false;
            }
        };
        if settings.file.is_none() {
            output::note("there is no configuration file to read anew");
            return false;
        }
        for key in settings.keep(&self.settings) {
            warn!("{key} is another now, and stays as it was until a restart");
        }
        self.success_unix_ns = now();
        self.reload = Some(Reload { successful: true, last_success_unix_ns: self.success_unix_ns });
        self.settings = settings;
        if let Some(path) = &self.settings.file {
            output::note(format!("read {} anew", path.display()));
        }
        self.tell_shadowed();
        true
    }

    fn tell_shadowed(&self) {
        let Some(path) = &self.settings.file else { return };
        for (key, line, origin) in self.settings.shadowed() {
            output::note(format!("{}:{line}: {key} does not hold, since {origin} is given", path.display()));
        }
    }
}

fn now() -> u64 {
    let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    u64::try_from(now.as_nanos()).unwrap_or(u64::MAX)
}
