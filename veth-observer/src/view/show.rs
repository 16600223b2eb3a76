//! One end in full, as text.

use crate::{
    model::{
        device::{Device, Program},
        link::End,
    },
    view::pairs,
};

/// Aligned lines, the words first that people ask for first.
pub fn text(device: &Device, end: &End, peer: &End, programs: Option<&[Program]>) -> String {
    let mut lines: Vec<(&str, String)> = vec![
        ("device", pairs::place(end)),
        ("peer", pairs::place(peer)),
        ("state", format!("{} <{}>", device.operstate.to_lowercase(), device.flags.join(","))),
        ("address", format!("{} broadcast {}", device.address, device.broadcast)),
        ("mtu", format!("{} ({} to {})", device.mtu, device.min_mtu, device.max_mtu)),
        ("queues", format!("{} transmit, {} receive", device.num_tx_queues, device.num_rx_queues)),
        ("qdisc", format!("{} length {}", device.qdisc.as_deref().unwrap_or("?"), device.txqlen)),
    ];
    let mut add = |key, value: Option<String>| lines.extend(value.map(|value| (key, value)));
    add("master", device.master.clone());
    add("alias", device.ifalias.clone());
    add("altnames", (!device.altnames.is_empty()).then(|| device.altnames.join(" ")));
    add("ipv6", device.inet6_addr_gen_mode.as_ref().map(|mode| format!("addresses by {mode}")));
    let (rx, tx) = (device.stats64.rx, device.stats64.tx);
    let counted = |bytes, packets, errors, dropped| {
        format!("{packets} skbs, {bytes} bytes, {errors} errors, {dropped} dropped")
    };
    add("received", Some(counted(rx.bytes, rx.packets, rx.errors, rx.dropped)));
    add("sent", Some(counted(tx.bytes, tx.packets, tx.errors, tx.dropped)));
    match programs {
        None => add("bpf", Some("not visible without CAP_NET_ADMIN and CAP_SYS_ADMIN".into())),
        Some([]) => add("bpf", Some("none".into())),
        Some(programs) => programs.iter().for_each(|program| add("bpf", Some(program_line(program)))),
    }
    let lines: Vec<String> = lines.iter().map(|(key, value)| format!("{key:<9} {value}\n")).collect();
    lines.concat()
}

fn program_line(program: &Program) -> String {
    let name = program.name.as_deref().unwrap_or("without a name");
    format!("{} {name} (id {})", program.hook, program.id)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::link::Netns;

    #[test]
    fn every_line_has_its_key() {
        let netns = Netns { name: Some("blue".into()), ..Netns::default() };
        let end = |name: &str| End {
            ifname: Some(name.into()),
            ifindex: 2,
            netns: netns.clone(),
            ..End::default()
        };
        let device = Device {
            ifname: "veth0".into(),
            operstate: "UP".into(),
            flags: vec!["BROADCAST".into(), "UP".into()],
            mtu: 1500,
            ..Device::default()
        };
        let program = Program { hook: "tcx/ingress".into(), id: 7, name: Some("guard".into()) };
        let text = text(&device, &end("veth0"), &end("veth1"), Some(&[program]));
        assert!(text.starts_with(
            "device    veth0 (ifindex 2) in netns blue\npeer      veth1 (ifindex 2) in netns blue\n"
        ));
        assert!(text.contains("state     up <BROADCAST,UP>\n"));
        assert!(text.ends_with("bpf       tcx/ingress guard (id 7)\n"));
    }
}
