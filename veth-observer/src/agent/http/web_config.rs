//! `--web.config.file`: TLS and passwords, by the names that Prometheus' exporters use, read anew when it changes.

use std::{
    collections::BTreeMap,
    fs,
    os::unix::fs::MetadataExt,
    path::{Path, PathBuf},
    sync::{Arc, PoisonError, RwLock},
    time::{Duration, SystemTime},
};

use anyhow::{Context, Result, ensure};
use rustls::ServerConfig;
use serde::Deserialize;
use tracing::{info, warn};

use super::{passwords::Passwords, tls};
use crate::{fault::Fault, model::snapshot::Reload};

/// How often to look whether a file has changed.
pub(super) const LOOK: Duration = Duration::from_secs(1);

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct File {
    tls_server_config: Option<TlsServerConfig>,
    /// Bcrypt hashes by user.
    #[serde(default)]
    basic_auth_users: BTreeMap<String, String>,
}

/// Paths are relative to the folder of the file.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct TlsServerConfig {
    pub(super) cert_file: PathBuf,
    pub(super) key_file: PathBuf,
    pub(super) client_auth_type: Option<String>,
    pub(super) client_ca_file: Option<PathBuf>,
    pub(super) min_version: Option<String>,
}

/// What the file asks for.
#[derive(Debug, Default)]
pub(super) struct Security {
    pub(super) tls: Option<Arc<ServerConfig>>,
    pub(super) passwords: Option<Passwords>,
}

/// The file, as it was when it last could be read.
#[derive(Debug)]
pub(super) struct WebConfig {
    path: Option<PathBuf>,
    state: RwLock<State>,
}

#[derive(Debug)]
struct State {
    security: Arc<Security>,
    /// What was read, well or not.
    seen: Vec<Trace>,
    reload: Option<Reload>,
}

/// What tells one state of a file from another.
type Trace = (PathBuf, Option<(u64, u64, i64, i64)>);

impl WebConfig {
    /// Fails where the file cannot be read now.
    pub(super) fn load(path: Option<PathBuf>) -> Result<Self> {
        let (security, seen) = match &path {
            None => (Security::default(), Vec::new()),
            Some(path) => {
                let (security, seen) = read(path);
                let security = security.map_err(|error| Fault::usage(format!("{error:#}")))?;
                (security, seen)
            }
        };
        let reload = path.is_some().then(|| Reload::succeeded(SystemTime::now()));
        let state = RwLock::new(State { security: Arc::new(security), seen, reload });
        Ok(Self { path, state })
    }

    /// What holds now.
    pub(super) fn security(&self) -> Arc<Security> {
        Arc::clone(&self.state.read().unwrap_or_else(PoisonError::into_inner).security)
    }

    pub(super) fn reload(&self) -> Option<Reload> {
        self.state.read().unwrap_or_else(PoisonError::into_inner).reload
    }

    /// Reads what has changed. What cannot be read leaves all as it was, so that a slip never opens a door.
    pub(super) fn look(&self) {
        let Some(path) = &self.path else { return };
        let unchanged = {
            let state = self.state.read().unwrap_or_else(PoisonError::into_inner);
            state.seen.iter().all(|seen| *seen == trace(&seen.0))
        };
        if unchanged {
            return;
        }
        let (security, seen) = read(path);
        let mut state = self.state.write().unwrap_or_else(PoisonError::into_inner);
        state.seen = seen;
        match security {
            Ok(security) => {
                info!("read {} anew", path.display());
                state.security = Arc::new(security);
                state.reload = Some(Reload::succeeded(SystemTime::now()));
            }
            Err(error) => {
                warn!("{error:#}; what was read before stays in force");
                if let Some(reload) = &mut state.reload {
                    reload.successful = false;
                }
            }
        }
    }
}

/// What the file asks for, and which files that came from.
fn read(path: &Path) -> (Result<Security>, Vec<Trace>) {
    // Traces are taken before reading: a change in between is found at the next look.
    let mut seen = vec![trace(path)];
    let security = parse(path).and_then(|file| {
        let folder = path.parent().unwrap_or(Path::new("."));
        let tls = file.tls_server_config.map(|tls| tls.relative_to(folder));
        for path in tls.iter().flat_map(TlsServerConfig::files) {
            seen.push(trace(path));
        }
        Ok(Security {
            tls: tls.as_ref().map(tls::server_config).transpose()?.map(Arc::new),
            passwords: (!file.basic_auth_users.is_empty())
                .then(|| Passwords::new(file.basic_auth_users))
                .transpose()?,
        })
    });
    (security.with_context(|| format!("in {}", path.display())), seen)
}

fn parse(path: &Path) -> Result<File> {
    let text = fs::read_to_string(path)?;
    // An empty file is no document, and asks for nothing.
    let is_blank = text.lines().all(|line| line.trim().is_empty() || line.trim_start().starts_with('#'));
    let text = if is_blank { "{}" } else { &text };
    let file: Result<File, _> = serde_saphyr::from_str(text);
    let file = file.map_err(|error| {
        let sentence = error.to_string();
        anyhow::Error::msg(sentence.lines().next().unwrap_or("not readable").to_owned())
    })?;
    ensure!(!file.basic_auth_users.contains_key(""), "a user has no name");
    Ok(file)
}

impl TlsServerConfig {
    fn relative_to(self, folder: &Path) -> Self {
        Self {
            cert_file: folder.join(self.cert_file),
            key_file: folder.join(self.key_file),
            client_ca_file: self.client_ca_file.map(|path| folder.join(path)),
            ..self
        }
    }

    fn files(&self) -> impl Iterator<Item = &Path> {
        [&self.cert_file, &self.key_file].into_iter().chain(&self.client_ca_file).map(PathBuf::as_path)
    }
}

fn trace(path: &Path) -> Trace {
    let file = fs::metadata(path).ok();
    (path.to_owned(), file.map(|file| (file.ino(), file.size(), file.mtime(), file.mtime_nsec())))
}
