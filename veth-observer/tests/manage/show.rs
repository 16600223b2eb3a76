//! `show` against `ip -d -j link show`.

use serde_json::Value;

use veth_observer::netns::Namespace;

use crate::support::{
    bpf::{Hook, attach, load},
    command::Run,
    netns::Lab,
};

/// Every key that `ip` prints is there and has the same value.
#[track_caller]
fn as_ip_shows_it(lab: &Lab, at: usize, name: &str) -> Value {
    let ip = lab.ip_json(at, &["link", "show", name]);
    let ours = Run::within(lab.name(at), &["show", name, "-j"]).outcome().json();
    assert_contains(&ours, &ip[0], name);
    ours
}

#[track_caller]
fn assert_contains(ours: &Value, theirs: &Value, path: &str) {
    match theirs {
        Value::Object(map) => {
            for (key, value) in map {
                assert_contains(&ours[key], value, &format!("{path}.{key}"));
            }
        }
        // Ticking clocks of a bridge port.
        Value::Number(number) if number.is_f64() && path.ends_with("_timer") => {
            assert!(ours.is_f64(), "{path}: {ours}");
        }
        _ => assert_eq!(ours, theirs, "{path}"),
    }
}

#[test]
fn in_one_namespace_down_and_up() {
    let lab = Lab::new(1);
    lab.ip(0, &["link", "add", "v0", "type", "veth", "peer", "name", "v1"]);
    as_ip_shows_it(&lab, 0, "v0");
    lab.ip(0, &["link", "set", "v0", "up"]);
    as_ip_shows_it(&lab, 0, "v0");
    as_ip_shows_it(&lab, 0, "v1");
    lab.ip(0, &["link", "set", "v1", "up"]);
    let shown = as_ip_shows_it(&lab, 0, "v0");
    assert_eq!(shown["peer"]["ifname"], "v1");
    assert_eq!(shown["bpf"], serde_json::json!([]));
}

#[test]
fn across_namespaces_with_everything_altered() {
    let lab = Lab::new(2);
    let add = "link add v0 mtu 1400 numtxqueues 3 numrxqueues 5 txqueuelen 7 type veth peer name v1 netns";
    lab.ip(0, &[&add.split(' ').collect::<Vec<_>>()[..], &[lab.name(1)]].concat());
    lab.ip(0, &["link", "set", "v0", "alias", "the near end"]);
    lab.ip(0, &["link", "set", "v0", "group", "9"]);
    lab.ip(0, &["link", "set", "v0", "promisc", "on"]);
    lab.ip(0, &["link", "set", "v0", "allmulticast", "on"]);
    lab.ip(0, &["link", "set", "v0", "arp", "off"]);
    lab.ip(0, &["link", "set", "v0", "mode", "dormant"]);
    lab.ip(0, &["link", "set", "v0", "addrgenmode", "random"]);
    lab.ip(0, &["link", "set", "v0", "gso_max_size", "30000", "gso_max_segs", "20"]);
    lab.ip(0, &["link", "property", "add", "dev", "v0", "altname", "another-name", "altname", "one-more"]);
    lab.ip(0, &["link", "set", "v0", "up"]);
    lab.ip(1, &["link", "set", "v1", "up"]);
    let shown = as_ip_shows_it(&lab, 0, "v0");
    assert_eq!(shown["peer"]["netns"]["name"], lab.name(1));
    as_ip_shows_it(&lab, 1, "v1");
}

#[test]
fn as_a_bridge_port() {
    let lab = Lab::new(2);
    lab.ip(0, &["link", "add", "br0", "type", "bridge"]);
    lab.ip(0, &["link", "add", "v0", "type", "veth", "peer", "name", "v1", "netns", lab.name(1)]);
    lab.ip(0, &["link", "set", "v0", "master", "br0", "up"]);
    as_ip_shows_it(&lab, 0, "v0");
    for settings in
        ["guard on", "cost 9", "group_fwd_mask 0x4008", "learning off", "isolated on", "mcast_router 2"]
    {
        let set = ["link", "set", "v0", "type", "bridge_slave"];
        lab.ip(0, &[&set[..], &settings.split(' ').collect::<Vec<_>>()].concat());
        as_ip_shows_it(&lab, 0, "v0");
    }
}

#[test]
fn counters_are_those_of_ip() {
    let lab = Lab::new(1);
    lab.ip(0, &["link", "add", "v0", "type", "veth", "peer", "name", "v1"]);
    lab.ip(0, &["link", "set", "v0", "up"]);
    lab.ip(0, &["link", "set", "v1", "up"]);
    // Two ARP requests that nobody answers.
    lab.ip(0, &["address", "add", "10.9.0.1/24", "dev", "v0"]);
    let ping = ["-c", "ping -c 2 -i 0.2 -W 1 10.9.0.9 || arping -c 2 -I v0 10.9.0.9 || true"];
    lab.exec(0, &[&["sh"], &ping[..]].concat());
    let ours = Run::within(lab.name(0), &["show", "v1", "-j"]).outcome().json();
    let ip = lab.ip_json(0, &["-s", "link", "show", "v1"]);
    assert_eq!(ours["stats64"], ip[0]["stats64"]);
}

#[test]
fn the_text_names_both_ends() {
    let lab = Lab::new(1);
    lab.ip(0, &["link", "add", "v0", "type", "veth", "peer", "name", "v1"]);
    let said = Run::within(lab.name(0), &["show", "v0"]).outcome().ok();
    assert!(
        said.starts_with(&format!(
            "device    v0 (ifindex 3) in netns {}\npeer      v1 (ifindex 2)",
            lab.name(0)
        )),
        "{said}"
    );
    assert!(said.ends_with("bpf       none\n"), "{said}");
}

#[test]
fn the_programs_on_it_whoever_put_them_there() {
    let lab = Lab::new(1);
    lab.ip(0, &["link", "add", "v0", "index", "9", "type", "veth", "peer", "name", "v1"]);
    lab.exec(0, &["tc", "qdisc", "add", "dev", "v0", "clsact"]);
    let namespace = Namespace::by_name(lab.name(0)).unwrap();
    let links = namespace.run(|| {
        [
            (Hook::TcxIngress, "first", -1),
            (Hook::TcxIngress, "second", -1),
            (Hook::TcxEgress, "out", -1),
            (Hook::Xdp, "fast", 2),
        ]
        .map(|(hook, name, code)| attach(&load(hook, name, code), 9, hook))
    });
    let filter = load(Hook::TcxIngress, "filter", -1);
    add_filter(&namespace, &filter);

    let mut ip = lab.ip_json(0, &["link", "show", "v0"]);
    let shown = Run::within(lab.name(0), &["show", "v0", "-j"]).outcome().json();
    let hooks: Vec<(&str, &str)> = shown["bpf"]
        .as_array()
        .unwrap()
        .iter()
        .map(|program| (program["hook"].as_str().unwrap(), program["name"].as_str().unwrap()))
        .collect();
    let expected = [
        ("xdp/native", "fast"),
        ("tcx/ingress", "first"),
        ("tcx/ingress", "second"),
        ("tcx/egress", "out"),
        ("tc/egress", "filter"),
    ];
    assert_eq!(hooks, expected);
    // The one thing of ip's that we leave out: when the program was loaded.
    let xdp = &mut ip[0]["xdp"];
    xdp["prog"].as_object_mut().unwrap().remove("load_time");
    xdp["attached"][0]["prog"].as_object_mut().unwrap().remove("load_time");
    assert_contains(&shown, &ip[0], "v0");
    assert_eq!(shown["bpf"][0]["id"], ip[0]["xdp"]["prog"]["id"]);
    drop(links);
    let text = Run::within(lab.name(0), &["show", "v0"]).outcome().ok();
    assert_eq!(text.lines().filter(|line| line.starts_with("bpf ")).count(), 1, "{text}");
}

/// A cls_bpf filter on egress, as an agent without tcx would put it there.
fn add_filter(namespace: &Namespace, program: &std::os::fd::OwnedFd) {
    use futures_util::StreamExt;
    use netlink_packet_core::{NLM_F_ACK, NLM_F_CREATE, NLM_F_REQUEST, NetlinkMessage, NetlinkPayload};
    use netlink_packet_route::{
        RouteNetlinkMessage,
        tc::{TcAttribute, TcBpfFlags, TcFilterBpfOption, TcHandle, TcMessage, TcOption},
    };
    use std::os::fd::AsRawFd;
    let mut message = TcMessage::default();
    message.header.index = 9;
    message.header.parent = TcHandle { major: 0xffff, minor: TcHandle::MIN_EGRESS };
    // Priority 1, all protocols: ETH_P_ALL in network order.
    message.header.info = (1 << 16) | u32::from(3_u16.to_be());
    message.attributes = vec![
        TcAttribute::Kind("bpf".into()),
        TcAttribute::Options(vec![
            TcOption::Bpf(TcFilterBpfOption::ProgFd(u32::try_from(program.as_raw_fd()).unwrap())),
            TcOption::Bpf(TcFilterBpfOption::ProgName("object:[section]".into())),
            TcOption::Bpf(TcFilterBpfOption::Flags(TcBpfFlags::DirectAction)),
        ]),
    ];
    let mut request = NetlinkMessage::from(RouteNetlinkMessage::NewTrafficFilter(message));
    request.header.flags = NLM_F_REQUEST | NLM_F_ACK | NLM_F_CREATE;
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    runtime.block_on(async {
        let connection = veth_observer::topology::Connection::open(namespace).unwrap();
        let mut answers = rtnetlink::Handle::clone(&connection).request(request).unwrap();
        while let Some(answer) = answers.next().await {
            if let NetlinkPayload::Error(error) = answer.payload {
                assert_eq!(error.code, None, "{error}");
            }
        }
    });
}
