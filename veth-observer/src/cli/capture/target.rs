//! Where a capture goes.

use std::{
    fs::{self, File, OpenOptions},
    io::{self, IsTerminal},
    os::{fd::AsFd, unix::fs::MetadataExt},
    path::{Path, PathBuf},
};

use anyhow::{Context, Result};

use crate::fault::Fault;

/// A file, a row of files, or standard output.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Target {
    Stdout,
    File(PathBuf),
    /// Numbered from 1 on; of so many the oldest goes.
    Row {
        pattern: PathBuf,
        keep: Option<u32>,
    },
}

/// What is written to at the moment.
pub(super) struct Opened {
    pub(super) target: Target,
    pub(super) file: File,
    /// As messages call it.
    pub(super) name: String,
    /// None for standard output.
    pub(super) path: Option<PathBuf>,
    /// It was not there before.
    fresh: bool,
}

impl Target {
    pub(super) fn new(write: &Path, rotate: Option<u64>, files: Option<u32>) -> Result<Self> {
        if write.as_os_str() != "-" {
            let path = write.to_owned();
            return Ok(match rotate {
                Some(_) => Self::Row { pattern: path, keep: files },
                None => Self::File(path),
            });
        }
        if rotate.is_some() {
            return Err(Fault::usage("--rotate needs files to write to").fix("-w FILE").into());
        }
        if io::stdout().is_terminal() {
            let message = "a capture is binary, and standard output is a terminal";
            return Err(Fault::usage(message).fix("-w FILE, or | tshark -r -").into());
        }
        Ok(Self::Stdout)
    }

    pub(super) fn is_stdout(&self) -> bool {
        *self == Self::Stdout
    }

    /// The first file, as it was before: only [`Opened::begin`] writes over it.
    pub(super) fn open(&self) -> Result<Opened> {
        let target = self.clone();
        let Some(path) = self.path(1) else {
            let file = File::from(io::stdout().as_fd().try_clone_to_owned()?);
            return Ok(Opened { target, file, name: "standard output".to_owned(), path: None, fresh: false });
        };
        let (file, fresh) = open(&path)?;
        Ok(Opened { target, file, name: path.display().to_string(), path: Some(path), fresh })
    }

    /// The file of a number, counted from 1.
    pub(super) fn path(&self, number: u32) -> Option<PathBuf> {
        match self {
            Self::Stdout => None,
            Self::File(path) => Some(path.clone()),
            Self::Row { pattern, .. } => {
                let mut name = pattern.file_stem().unwrap_or_default().to_owned();
                name.push(format!("-{number:04}"));
                if let Some(extension) = pattern.extension() {
                    name.push(".");
                    name.push(extension);
                }
                Some(pattern.with_file_name(name))
            }
        }
    }
}

impl Opened {
    /// Takes back that it was opened.
    pub(super) fn discard(self) {
        if let (true, Some(path)) = (self.fresh, self.path) {
            // It is empty; whoever wants to know why it is still there has an error to read already.
            let _ = fs::remove_file(path);
        }
    }

    /// Empties it, where it is a file.
    pub(super) fn begin(&self) -> io::Result<()> {
        match self.path {
            Some(_) if self.file.metadata()?.is_file() => self.file.set_len(0),
            _ => Ok(()),
        }
    }

    /// Goes on to another file.
    pub(super) fn replace(&mut self, file: File, path: PathBuf) {
        (self.file, self.name, self.path) = (file, path.display().to_string(), Some(path));
    }

    /// Which file it is, whatever it will be called.
    pub(super) fn identity(&self) -> io::Result<(u64, u64)> {
        self.file.metadata().map(|metadata| identity(&metadata))
    }
}

pub(super) fn identity(metadata: &fs::Metadata) -> (u64, u64) {
    (metadata.dev(), metadata.ino())
}

fn open(path: &Path) -> Result<(File, bool)> {
    let opened = match File::create_new(path) {
        Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {
            OpenOptions::new().write(true).open(path).map(|file| (file, false))
        }
        created => created.map(|file| (file, true)),
    };
    opened.with_context(|| format!("cannot write to {}", path.display()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn files_of_a_row_are_numbered_before_their_extension() {
        let row = |pattern: &str| Target::new(Path::new(pattern), Some(1 << 20), Some(3)).unwrap();
        for (pattern, number, path) in [
            ("/tmp/web.pcapng", 1, "/tmp/web-0001.pcapng"),
            ("web", 12, "web-0012"),
            ("a.b/web.x.pcapng", 12_345, "a.b/web.x-12345.pcapng"),
        ] {
            assert_eq!(row(pattern).path(number).unwrap(), Path::new(path));
        }
    }

    #[test]
    fn a_dash_is_standard_output_which_cannot_rotate() {
        assert!(Target::new(Path::new("-"), Some(1 << 20), None).is_err());
        assert_eq!(Target::new(Path::new("./-"), None, None).unwrap(), Target::File("./-".into()));
    }
}
