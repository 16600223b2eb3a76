//! What the agent was told, and told anew.

use std::time::SystemTime;

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
    /// The last time that all could be read.
    success: Reload,
}

impl Configuration {
    pub(super) fn read(flags: Flags) -> Result<Self, Fault> {
        let settings = Settings::read(&flags)?;
        let success = Reload::succeeded(SystemTime::now());
        let reload = settings.file.is_some().then_some(success);
        let this = Self { flags, settings, reload, success };
        this.tell_shadowed();
        Ok(this)
    }

    /// Reads the file again. True when its settings hold now; what is wrong leaves all as it was.
    pub(super) fn renew(&mut self) -> bool {
        let mut settings = match self.settings.read_again(&self.flags) {
            Ok(settings) => settings,
            Err(fault) => {
                warn!("{fault}; what was read before stays in force");
                self.reload = Some(Reload { successful: false, ..self.success });
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
        self.success = Reload::succeeded(SystemTime::now());
        self.reload = Some(self.success);
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
