//! Settings as a file that says the same, and as JSON.

use std::fmt::Write as _;

use serde::Serialize;
use toml::{Table, Value};

use super::settings::Settings;
use crate::{
    model::SCHEMA,
    topology::{Alias, manage::Declared},
};

/// One setting.
#[derive(Debug, Serialize)]
struct Row {
    key: &'static str,
    /// None where it is off.
    value: Option<Value>,
    /// `--max-pairs`, `VETH_OBSERVER_MAX_PAIRS`, `line 7`, `default`.
    from: String,
}

/// All of them.
#[derive(Debug, Serialize)]
pub struct Effective {
    schema: u32,
    file: Option<String>,
    settings: Vec<Row>,
    alias: Vec<Table>,
    pair: Vec<Table>,
}

impl Effective {
    pub fn of(settings: &Settings) -> Self {
        let row = |key, value| Row { key, value, from: settings.origin(key).to_string() };
        let web = &settings.web;
        let config_file = web.config_file.as_ref().map(|path| Value::from(path.display().to_string()));
        let duration = |duration| Value::from(humantime::format_duration(duration).to_string());
        Self {
            schema: SCHEMA,
            file: settings.file.as_ref().map(|path| path.display().to_string()),
            settings: vec![
                row("pairs", Some(list(&settings.pairs))),
                row("exclude", Some(list(&settings.exclude))),
                row("max_pairs", i64::try_from(settings.max_pairs).ok().map(Value::from)),
                row("loss_timeout", Some(duration(settings.loss_timeout))),
                row("interval", settings.interval.map(duration)),
                row("web.listen_address", Some(list(&web.listen))),
                row("web.telemetry_path", Some(Value::from(web.telemetry_path.as_str()))),
                row("web.config_file", config_file),
                row("web.coarse_histograms", Some(Value::from(web.coarse_histograms))),
                row("web.drop_locations", Some(Value::from(web.drop_locations))),
                row("web.frames", Some(Value::from(web.frames))),
            ],
            alias: settings.aliases.0.iter().map(alias).collect(),
            pair: settings.declared.iter().map(pair).collect(),
        }
    }

    /// A file that [`super::parse`] takes, with where each value came from.
    pub fn to_toml(&self) -> String {
        let mut text = match &self.file {
            Some(file) => format!("# Lines are those of {file}.\n"),
            None => "# There is no configuration file.\n".to_owned(),
        };
        let mut section = "";
        for Row { key, value, from } in &self.settings {
            let (table, name) = key.rsplit_once('.').unwrap_or(("", key));
            if table != section {
                let _ = write!(text, "\n[{table}]\n");
                section = table;
            }
            let _ = match value {
                Some(value) => writeln!(text, "{name} = {value} # {from}"),
                None => writeln!(text, "# {name} is off # {from}"),
            };
        }
        for (name, tables) in [("alias", &self.alias), ("pair", &self.pair)] {
            for table in tables {
                let _ = write!(text, "\n[[{name}]]\n{table}");
            }
        }
        text
    }
}

fn list(values: &[impl ToString]) -> Value {
    values.iter().map(|value| Value::from(value.to_string())).collect::<Vec<_>>().into()
}

fn table<const N: usize>(entries: [(&str, Option<Value>); N]) -> Table {
    entries.into_iter().filter_map(|(key, value)| Some((key.to_owned(), value?))).collect()
}

fn alias(alias: &Alias) -> Table {
    table([
        ("name", Some(Value::from(alias.name.as_str()))),
        ("pair", Some(Value::from(alias.pair.to_string()))),
    ])
}

fn pair(declared: &Declared) -> Table {
    let [first, second] = &declared.ends;
    let text = |text: &Option<String>| text.as_deref().map(Value::from);
    let number = |number: Option<u32>| number.map(|number| Value::from(i64::from(number)));
    table([
        ("name", Some(Value::from(first.name.as_str()))),
        ("peer", Some(Value::from(second.name.as_str()))),
        ("netns", text(&first.netns)),
        ("peer_netns", text(&second.netns)),
        ("addresses", Some(list(&first.addresses))),
        ("peer_addresses", Some(list(&second.addresses))),
        ("mtu", number(declared.mtu)),
        ("mac", first.mac.map(|mac| Value::from(mac.to_string()))),
        ("peer_mac", second.mac.map(|mac| Value::from(mac.to_string()))),
        ("queues", number(declared.queues)),
        ("up", Some(Value::from(declared.up))),
        ("remove_at_exit", Some(Value::from(declared.remove_at_exit))),
    ])
}
