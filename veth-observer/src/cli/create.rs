//! `create`: makes a pair.

use anyhow::{Result, anyhow};
use clap::Args;
use serde::Serialize;

use super::{output::Output, stop::Stop};
use crate::{
    fault::Fault,
    model::{SCHEMA, link::Pair},
    netns::Namespace,
    topology::manage::{self, EndSpec, PairSpec},
    view,
};

/// Make a veth pair, both ends at once, wherever they shall live
#[derive(Debug, Args)]
#[command(after_help = "Examples:
  veth-observer create veth0 veth1 --up
  veth-observer create web0 eth0 --peer-netns blue --addr 10.0.0.1/24 --up
  veth-observer create veth0 --mtu 9000 --queues 4 --dry-run")]
pub struct Create {
    /// Name of the first end
    name: String,
    /// Name of the second end [default: the first end's with -peer after it]
    peer: Option<String>,
    /// Namespace of the first end: a name under /run/netns, host, pid:N, a path, or an inode [default: this one]
    #[arg(long, value_name = "NS")]
    netns: Option<String>,
    /// Namespace of the second end [default: this one]
    #[arg(long, value_name = "NS")]
    peer_netns: Option<String>,
    /// Address of the first end, IPv4 or IPv6; may be given again
    #[arg(long, value_name = "CIDR")]
    addr: Vec<String>,
    /// Address of the second end; may be given again
    #[arg(long, value_name = "CIDR")]
    peer_addr: Vec<String>,
    /// MTU of both ends in bytes, 68 to 65535 [default: 1500]
    #[arg(long, value_name = "BYTES")]
    mtu: Option<String>,
    /// MAC address of the first end [default: a random one]
    #[arg(long, value_name = "MAC")]
    mac: Option<String>,
    /// MAC address of the second end [default: a random one]
    #[arg(long, value_name = "MAC")]
    peer_mac: Option<String>,
    /// Receive and transmit queues of both ends [default: one for each possible CPU]
    #[arg(long, value_name = "N")]
    queues: Option<String>,
    /// Bring both ends up
    #[arg(long)]
    up: bool,
    /// Only print the ip commands that would do the same
    #[arg(long)]
    dry_run: bool,
}

#[derive(Serialize)]
struct Created {
    schema: u32,
    pair: Pair,
}

#[derive(Serialize)]
struct DryRun {
    schema: u32,
    commands: Vec<String>,
}

impl Create {
    pub(super) async fn run(self, out: &mut Output) -> Result<()> {
        let dry_run = self.dry_run;
        let spec = self.spec()?;
        if dry_run {
            let commands = manage::commands(&spec);
            return if out.wants_json() {
                out.json(&DryRun { schema: SCHEMA, commands })
            } else {
                out.line(commands.join("\n"))
            };
        }
        // It takes milliseconds; a signal that came meanwhile would leave half a pair.
        let _unheard = Stop::new()?;
        let pair = manage::create(&spec).await?.keep();
        if out.wants_json() {
            return out.json(&Created { schema: SCHEMA, pair });
        }
        out.line(format!("created {}", view::pairs::line(&pair)))
    }

    /// Everything that was typed, checked before anything is touched.
    fn spec(self) -> Result<PairSpec> {
        let peer = self.peer.unwrap_or_else(|| format!("{}-peer", self.name));
        manage::check_name(&self.name)?;
        manage::check_name(&peer)?;
        let mtu = self.mtu.map(|text| number(&text, "MTU")).transpose()?;
        let queues = self.queues.map(|text| number(&text, "number of queues")).transpose()?;
        mtu.map_or(Ok(()), manage::check_mtu)?;
        queues.map_or(Ok(()), manage::check_queues)?;
        let mac = self.mac.as_deref().map(manage::unicast_mac).transpose()?;
        let peer_mac = self.peer_mac.as_deref().map(manage::unicast_mac).transpose()?;
        let addrs = self.addr.iter().map(|text| text.parse()).collect::<Result<_, _>>()?;
        let peer_addrs = self.peer_addr.iter().map(|text| text.parse()).collect::<Result<_, _>>()?;
        let first = EndSpec { name: self.name, namespace: place(self.netns)?, addrs, mac };
        let second =
            EndSpec { name: peer, namespace: place(self.peer_netns)?, addrs: peer_addrs, mac: peer_mac };
        if first.name == second.name && first.namespace.same(&second.namespace) {
            let message = format!("both ends would be called {} in netns {}", first.name, first.namespace.id);
            return Err(Fault::usage(message).into());
        }
        Ok(PairSpec { ends: [first, second], mtu, queues, up: self.up })
    }
}

fn place(name: Option<String>) -> Result<Namespace> {
    name.map_or_else(Namespace::current, |name| Namespace::by_name(&name))
}

fn number(text: &str, what: &str) -> Result<u32> {
    text.parse().map_err(|_| anyhow!(Fault::usage(format!("{what} {text}: it must be a whole number"))))
}
