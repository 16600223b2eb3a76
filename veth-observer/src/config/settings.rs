//! What holds, and where each value came from.

use std::{
    collections::BTreeMap,
    fmt,
    ops::Range,
    path::{Path, PathBuf},
    time::Duration,
};

use clap::{Args, Command, parser::ValueSource};
use toml::Spanned;

use super::{
    PATH, Problem,
    file::{File, parse},
    flags::Flags,
    read,
};
use crate::{
    agent::http,
    fault::Fault,
    topology::{Aliases, Selector, manage::Declared},
};

/// Everything that an agent is told.
#[derive(Debug, Clone)]
pub struct Settings {
    pub pairs: Vec<Selector>,
    pub exclude: Vec<Selector>,
    pub max_pairs: usize,
    pub loss_timeout: Duration,
    pub interval: Option<Duration>,
    pub web: http::Flags,
    pub aliases: Aliases,
    pub declared: Vec<Declared>,
    /// The file that was read; none where there is none.
    pub file: Option<PathBuf>,
    origins: BTreeMap<&'static str, Origin>,
    shadowed: BTreeMap<&'static str, usize>,
}

/// Where a value came from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Origin {
    Flag(String),
    /// The name of the variable.
    Environment(String),
    /// The line of the file.
    File(usize),
    Default,
}

impl fmt::Display for Origin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Flag(name) | Self::Environment(name) => f.write_str(name),
            Self::File(line) => write!(f, "line {line}"),
            Self::Default => f.write_str("default"),
        }
    }
}

impl Settings {
    /// What flags, environment and the file say now.
    ///
    /// A file that was asked for and is not there, or anything wrong in it: [`Kind::Usage`](crate::fault::Kind::Usage).
    pub fn read(flags: &Flags) -> Result<Self, Fault> {
        match load(flags.config.clone())? {
            Some((path, text, file)) => Ok(Self::merge(flags, file, &text, Some(path))),
            None => Ok(Self::merge(flags, File::default(), "", None)),
        }
    }

    /// The same again; a file that was there must still be.
    pub fn read_again(&self, flags: &Flags) -> Result<Self, Fault> {
        let settings = Self::read(flags)?;
        match &self.file {
            Some(path) if settings.file.is_none() => {
                Err(Fault::usage(format!("{} is not there any more", path.display())))
            }
            _ => Ok(settings),
        }
    }

    /// Keeps of another what cannot be changed while it runs, and gives the keys that would have been.
    pub fn keep(&mut self, before: &Self) -> Vec<&'static str> {
        let mut kept = Vec::new();
        let mut keep = |key, is_other: bool| kept.extend(is_other.then_some(key));
        keep("loss_timeout", self.loss_timeout != before.loss_timeout);
        keep("web.listen_address", self.web.listen != before.web.listen);
        keep("web.telemetry_path", self.web.telemetry_path != before.web.telemetry_path);
        keep("web.config_file", self.web.config_file != before.web.config_file);
        keep("web.coarse_histograms", self.web.coarse_histograms != before.web.coarse_histograms);
        keep("web.drop_locations", self.web.drop_locations != before.web.drop_locations);
        keep("web.frames", self.web.frames != before.web.frames);
        self.loss_timeout = before.loss_timeout;
        self.web = before.web.clone();
        kept
    }

    /// Where the value of a key came from.
    pub fn origin(&self, key: &str) -> &Origin {
        self.origins.get(key).unwrap_or(&Origin::Default)
    }

    /// Keys that the file sets in vain, with their line and what came before it.
    pub fn shadowed(&self) -> impl Iterator<Item = (&'static str, usize, &Origin)> {
        self.shadowed.iter().map(|(key, line)| (*key, *line, self.origin(key)))
    }

    fn merge(flags: &Flags, file: File, text: &str, path: Option<PathBuf>) -> Self {
        let mut choice = Choice { flags, text, origins: BTreeMap::new(), shadowed: BTreeMap::new() };
        let (aliases, declared) = (file.aliases(), file.declared());
        let folder = path.as_deref().and_then(Path::parent).unwrap_or(Path::new(""));
        let web = http::Flags {
            listen: choice.of("web.listen_address", &flags.web.listen, file.web.listen_address, |all| {
                all.into_iter().map(|address| address.0).collect()
            }),
            telemetry_path: choice.of(
                "web.telemetry_path",
                &flags.web.telemetry_path,
                file.web.telemetry_path,
                |path| path.0.0,
            ),
            config_file: choice.of("web.config_file", &flags.web.config_file, file.web.config_file, |path| {
                Some(folder.join(path))
            }),
            coarse_histograms: choice.of(
                "web.coarse_histograms",
                &flags.web.coarse_histograms,
                file.web.coarse_histograms,
                |is_so| is_so,
            ),
            drop_locations: choice.of(
                "web.drop_locations",
                &flags.web.drop_locations,
                file.web.drop_locations,
                |is_so| is_so,
            ),
            frames: choice.of("web.frames", &flags.web.frames, file.web.frames, |is_so| is_so),
        };
        Self {
            pairs: choice
                .of("pairs", &flags.pairs, file.pairs, |all| all.into_iter().map(|it| it.0).collect()),
            exclude: choice
                .of("exclude", &flags.exclude, file.exclude, |all| all.into_iter().map(|it| it.0).collect()),
            max_pairs: choice.of("max_pairs", &flags.max_pairs, file.max_pairs, |most| most),
            loss_timeout: choice.of("loss_timeout", &flags.loss_timeout, file.loss_timeout, |it| it.0).0,
            interval: choice
                .of("interval", &flags.interval, file.interval, |it| Some(it.0))
                .map(|interval| interval.0),
            web,
            aliases,
            declared,
            file: path,
            origins: choice.origins,
            shadowed: choice.shadowed,
        }
    }
}

/// The aliases of the file that an agent without flags would read.
pub fn aliases() -> Result<Aliases, Fault> {
    let named = std::env::var_os("VETH_OBSERVER_CONFIG").map(PathBuf::from);
    Ok(load(named)?.map(|(.., file)| file.aliases()).unwrap_or_default())
}

/// The file that is named, or else that of the machine if there is one, with its text.
fn load(named: Option<PathBuf>) -> Result<Option<(PathBuf, String, File)>, Fault> {
    // One that cannot be looked for is there, and reading it tells why.
    let usual = || Path::new(PATH).try_exists().unwrap_or(true).then(|| PATH.into());
    let Some(path) = named.or_else(usual) else { return Ok(None) };
    let text = read(&path)?;
    let file = parse(&text).map_err(|problems| wrong(&path, &problems))?;
    Ok(Some((path, text, file)))
}

/// One value out of several.
struct Choice<'a> {
    flags: &'a Flags,
    text: &'a str,
    origins: BTreeMap<&'static str, Origin>,
    shadowed: BTreeMap<&'static str, usize>,
}

impl Choice<'_> {
    /// What was given, else what the file says, else the default, which is the flag's.
    fn of<T: Clone, U>(
        &mut self,
        key: &'static str,
        flag: &T,
        file: Option<Spanned<U>>,
        value: impl FnOnce(U) -> T,
    ) -> T {
        let line = |at: Range<usize>| Problem::new(self.text, at, None, String::new()).line;
        let argument = key.rsplit('.').next().unwrap_or(key);
        match (self.flags.given.source(argument), file) {
            (Some(source), file) => {
                self.shadowed.extend(file.map(|file| (key, line(file.span()))));
                self.origins.insert(key, origin(argument, source));
                flag.clone()
            }
            (None, Some(file)) => {
                self.origins.insert(key, Origin::File(line(file.span())));
                value(file.into_inner())
            }
            (None, None) => flag.clone(),
        }
    }
}

fn origin(argument: &str, source: ValueSource) -> Origin {
    let flags = Flags::augment_args(Command::new(""));
    let flag = flags.get_arguments().find(|flag| flag.get_id() == argument);
    let long = flag.and_then(|flag| flag.get_long()).unwrap_or(argument);
    match (source, flag.and_then(|flag| flag.get_env())) {
        (ValueSource::EnvVariable, Some(name)) => Origin::Environment(name.to_string_lossy().into_owned()),
        _ => Origin::Flag(format!("--{long}")),
    }
}

/// The first problem, in one sentence.
fn wrong(path: &Path, problems: &[Problem]) -> Fault {
    let path = path.display();
    let first = problems.first().map(ToString::to_string).unwrap_or_default();
    let more = match problems.len() {
        0 | 1 => String::new(),
        2 => ", and one more mistake".to_owned(),
        count => format!(", and {} more mistakes", count - 1),
    };
    Fault::usage(format!("{path}:{first}{more}")).fix(format!("veth-observer config check {path}"))
}
