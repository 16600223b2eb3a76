//! Who lived at the ends of pairs when these were last seen: a container may be renamed, or get a companion, and no message
//! tells.

use std::collections::HashMap;

use crate::{
    model::link::{Netns, Owner, Pair},
    netns::Scan,
    owners::{Home, Owners},
};

#[derive(Debug, Default)]
pub(super) struct Inhabitants(HashMap<Netns, Option<Owner>>);

impl Inhabitants {
    /// At the ends of these pairs.
    pub(super) fn of<'a>(pairs: impl Iterator<Item = &'a Pair>) -> Self {
        Self(pairs.flat_map(|pair| &pair.ends).map(|end| (end.netns.clone(), end.owner.clone())).collect())
    }

    /// Whether somebody else lives there now, or has another name.
    pub(super) fn differ(&self, scan: &Scan, owners: &mut Owners) -> bool {
        let lived_in = scan.namespaces.iter().filter(|namespace| !scan.is_common(namespace));
        let (before, homes): (Vec<_>, Vec<_>) = lived_in
            .filter_map(|namespace| {
                let tenants = scan.tenants(namespace);
                Some((self.0.get(&namespace.id)?, (Home::new(&namespace.id, tenants)?, tenants)))
            })
            .unzip();
        owners.of(&homes).iter().zip(before).any(|(now, before)| now != before)
    }
}
