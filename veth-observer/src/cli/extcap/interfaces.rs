//! The pairs that Wireshark may choose from.

use anyhow::Result;

use crate::{
    fault::Fault,
    topology,
    view::extcap::{self, Interface},
};

/// Every pair that the caller may see; none where looking fails, since Wireshark would then forget all of its programs'
/// interfaces.
pub(super) async fn all() -> Vec<Interface> {
    match topology::list().await {
        Ok((pairs, _)) => extcap::interfaces(&pairs),
        Err(error) => {
            crate::cli::output::note(format!("veth-observer: no pair can be listed: {error:#}"));
            Vec::new()
        }
    }
}

/// The selector of the pair that Wireshark calls so.
pub(super) async fn selector(value: &str) -> Result<String> {
    let interfaces = extcap::interfaces(&topology::list().await?.0);
    let Some(interface) = extcap::find(&interfaces, value) else {
        let message = format!("there is no pair that is called {value} any more");
        return Err(Fault::not_found(message)
            .fix("reload the interfaces (F5), or: veth-observer list")
            .into());
    };
    let ends = &interface.pair.ends;
    let end = ends.iter().find(|end| end.netns.inode.is_some() && end.ifname.is_some());
    let (end, inode) = end
        .and_then(|end| Some((end, end.netns.inode?)))
        .ok_or_else(|| Fault::denied(format!("neither end of {value} can be seen")))?;
    Ok(format!("netns:{inode}/ifindex:{}", end.ifindex))
}
