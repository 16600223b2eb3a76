//! Pairs by the names that the configuration gives them.

use super::output;
use crate::{config, fault::Fault, model::link::Pair, topology::Aliases};

/// What was typed for a pair, or where that is an alias, the selector behind it.
pub(super) fn resolved(text: &str) -> Result<String, Fault> {
    let Some(name) = text.strip_prefix("pair:") else { return Ok(text.to_owned()) };
    let aliases = config::aliases()?;
    let alias = aliases.0.iter().find(|alias| alias.name == name);
    Ok(alias.map_or_else(|| text.to_owned(), |alias| alias.pair.to_string()))
}

/// What pairs are called; without aliases, where the file that has them is wrong.
pub(super) fn names(pairs: &[Pair]) -> Vec<String> {
    let aliases = config::aliases().unwrap_or_else(|fault| {
        output::note(format!("no aliases: {fault}"));
        Aliases::default()
    });
    aliases.names(pairs)
}
