//! The file: TOML, every key known, every value checked.

use std::{collections::BTreeMap, ops::Range, path::PathBuf};

use serde::Deserialize;
use toml::{
    Spanned,
    de::{DeArray, DeTable, DeValue, Deserializer},
};

use super::{
    problem::{Problem, sentence},
    values::{Ifname, Interval, LossTimeout, Mtu, Name, Queues, TelemetryPath, Text, UnicastMac},
};
use crate::{
    agent::http,
    topology::{
        self, Selector,
        manage::{Address, Declared, DeclaredEnd},
    },
};

/// What a file says. What it does not say is `None`.
#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct File {
    pub(super) pairs: Option<Spanned<Vec<Text<Selector>>>>,
    pub(super) exclude: Option<Spanned<Vec<Text<Selector>>>>,
    pub(super) max_pairs: Option<Spanned<usize>>,
    pub(super) loss_timeout: Option<Spanned<Text<LossTimeout>>>,
    pub(super) interval: Option<Spanned<Text<Interval>>>,
    pub(super) web: Web,
    alias: Vec<Alias>,
    pair: Vec<Pair>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(super) struct Web {
    pub(super) listen_address: Option<Spanned<Vec<Text<http::Address>>>>,
    pub(super) telemetry_path: Option<Spanned<Text<TelemetryPath>>>,
    pub(super) config_file: Option<Spanned<PathBuf>>,
    pub(super) coarse_histograms: Option<Spanned<bool>>,
    pub(super) drop_locations: Option<Spanned<bool>>,
    pub(super) frames: Option<Spanned<bool>>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Alias {
    name: Spanned<Text<Name>>,
    pair: Text<Selector>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Pair {
    name: Spanned<Text<Ifname>>,
    peer: Option<Text<Ifname>>,
    netns: Option<String>,
    peer_netns: Option<String>,
    #[serde(default)]
    addresses: Vec<Text<Address>>,
    #[serde(default)]
    peer_addresses: Vec<Text<Address>>,
    mtu: Option<Mtu>,
    mac: Option<Text<UnicastMac>>,
    peer_mac: Option<Text<UnicastMac>>,
    queues: Option<Queues>,
    #[serde(default = "yes")]
    up: bool,
    #[serde(default)]
    remove_at_exit: bool,
}

const fn yes() -> bool {
    true
}

impl File {
    pub fn aliases(&self) -> topology::Aliases {
        let alias = |alias: &Alias| topology::Alias {
            name: alias.name.get_ref().0.0.clone(),
            pair: alias.pair.0.clone(),
        };
        topology::Aliases(self.alias.iter().map(alias).collect())
    }

    pub(super) fn declared(&self) -> Vec<Declared> {
        self.pair.iter().map(Pair::declared).collect()
    }

    /// What each value for itself does not show.
    fn contradictions(&self, text: &str) -> Vec<Problem> {
        let mut problems = Vec::new();
        let mut problem = |at: Range<usize>, key: &str, message: String| {
            problems.push(Problem::new(text, at, Some(key.into()), message));
        };
        let mut names = BTreeMap::new();
        for Alias { name, pair } in &self.alias {
            if let Some(first) = names.insert(&name.get_ref().0.0, name.span()) {
                let line = Problem::new(text, first, None, String::new()).line;
                problem(name.span(), "alias.name", format!("there is an alias of that name in line {line}"));
            }
            if pair.0.is_pattern() {
                problem(
                    name.span(),
                    "alias.pair",
                    format!("{} may mean several pairs, and they need different names", pair.0),
                );
            }
        }
        let mut ends = BTreeMap::new();
        for pair in &self.pair {
            for DeclaredEnd { name, netns, .. } in pair.declared().ends {
                if let Some(first) = ends.insert((netns.clone(), name.clone()), pair.name.span()) {
                    let line = Problem::new(text, first, None, String::new()).line;
                    let message = format!("there is an end {name} in the same namespace in line {line}");
                    problem(pair.name.span(), "pair.name", message);
                }
            }
        }
        problems
    }
}

impl Pair {
    fn declared(&self) -> Declared {
        let name = &self.name.get_ref().0.0;
        let end = |name: &str,
                   netns: &Option<String>,
                   addresses: &[Text<Address>],
                   mac: &Option<Text<UnicastMac>>| {
            DeclaredEnd {
                name: name.to_owned(),
                netns: netns.clone(),
                addresses: addresses.iter().map(|address| address.0).collect(),
                mac: mac.as_ref().map(|mac| mac.0.0),
            }
        };
        let peer = self.peer.as_ref().map_or_else(|| format!("{name}-peer"), |peer| peer.0.0.clone());
        Declared {
            ends: [
                end(name, &self.netns, &self.addresses, &self.mac),
                end(&peer, &self.peer_netns, &self.peer_addresses, &self.peer_mac),
            ],
            mtu: self.mtu.map(|mtu| mtu.0),
            queues: self.queues.map(|queues| queues.0),
            up: self.up,
            remove_at_exit: self.remove_at_exit,
        }
    }
}

/// What a file says, or all that is wrong with it, in the order of its lines.
pub fn parse(text: &str) -> Result<File, Vec<Problem>> {
    let (table, errors) = DeTable::parse_recoverable(text);
    if !errors.is_empty() {
        // What is read in spite of them may be anything.
        let problem = |error: &toml::de::Error| {
            Problem::new(text, error.span().unwrap_or_default(), None, sentence(error.message()))
        };
        return Err(errors.iter().map(problem).collect());
    }
    let mut problems = Vec::new();
    let mut rest = table;
    let mut taken: Vec<Taken> = Vec::new();
    loop {
        match File::deserialize(Deserializer::from(rest.clone())) {
            Ok(file) => {
                problems.extend(file.contradictions(text));
                problems.sort_by_key(|problem| (problem.line, problem.column));
                return if problems.is_empty() { Ok(file) } else { Err(problems) };
            }
            Err(error) => {
                // Without what was wrong, the next mistake shows.
                let span = error.span().unwrap_or_default();
                let found = take_out(rest.get_mut(), &span);
                let is_known = found.is_some();
                let message = error.message();
                let is_echo = |taken: &Taken| {
                    taken.within.as_ref() == Some(&span)
                        && message == format!("missing field `{}`", taken.name())
                };
                if !taken.iter().any(is_echo) {
                    let key = found.as_ref().map(|found| found.key.clone());
                    problems.push(Problem::new(text, span, key, sentence(message)));
                }
                taken.extend(found);
                if !is_known {
                    return Err(problems);
                }
            }
        }
    }
}

/// What was taken out of a file.
struct Taken {
    /// With those of the tables around it.
    key: String,
    /// Where the table of a list begins that it was in.
    within: Option<Range<usize>>,
}

impl Taken {
    fn name(&self) -> &str {
        self.key.rsplit('.').next().unwrap_or_default()
    }
}

/// Takes out what is at a place.
fn take_out(table: &mut DeTable<'_>, span: &Range<usize>) -> Option<Taken> {
    let keys: Vec<String> = table.keys().map(|key| key.get_ref().to_string()).collect();
    for key in keys {
        let value = table.get_mut(key.as_str())?;
        if let Some(mut taken) = take_out_below(value.get_mut(), span) {
            taken.key = if taken.key.is_empty() { key } else { format!("{key}.{}", taken.key) };
            return Some(taken);
        }
        let is_it = value.span() == *span;
        let is_key = table.get_key_value(key.as_str()).is_some_and(|(key, _)| key.span() == *span);
        if is_it || is_key {
            table.remove(key.as_str());
            return Some(Taken { key, within: None });
        }
    }
    None
}

/// The same below a value; without a key where it was one of a list.
fn take_out_below(value: &mut DeValue<'_>, span: &Range<usize>) -> Option<Taken> {
    match value {
        DeValue::Table(table) => take_out(table, span),
        DeValue::Array(list) => {
            for item in list.iter_mut() {
                let within = item.span();
                if let Some(taken) = take_out_below(item.get_mut(), span) {
                    return Some(Taken { within: Some(within), ..taken });
                }
            }
            let before = list.len();
            let all = std::mem::replace(list, DeArray::new());
            *list = all.into_iter().filter(|item| item.span() != *span).collect();
            (list.len() < before).then(|| Taken { key: String::new(), within: None })
        }
        _ => None,
    }
}
