//! Twenty agents on twenty hosts, one Prometheus over them, and the fleet queries of docs/operating.md on top.

use std::{collections::BTreeMap, os::fd::OwnedFd, path::PathBuf, process::Stdio, thread, time::Duration};

use rustix::net::{AddressFamily, SocketType, netdevice::name_to_index, socket};
use serde_json::Value;
use veth_observer::{netns::Namespace, wire::PacketSocket};

use super::{FRAME, quiet};
use crate::support::{
    bpf::{self, Hook},
    command::PROGRAM,
    engine::Host,
    netns::{Background, Lab, run, within},
    prometheus::Prometheus,
};

const HOSTS: u64 = 20;

/// Until twenty agents have done something on a busy machine.
const PATIENCE: Duration = Duration::from_mins(1);

const PODS: [&str; 2] = ["web", "db"];

/// As a Deployment and a StatefulSet would call it.
fn name(host: u64, pod: &str) -> String {
    if pod == "web" { format!("web-5d4f8c7b9-x{host:04}") } else { format!("{pod}-{host}") }
}

/// Of `web` on every fourth host, so many of the frames are dropped; of nobody else any.
fn dropped(host: u64) -> u64 {
    if host % 4 == 3 { 10 * (host + 1) } else { 0 }
}

/// Towards each pod.
fn sent(host: u64, pod: &str) -> u64 {
    if pod == "web" { 200 + 10 * host } else { 100 + host }
}

/// Whose `db` is behind a queue that lets a frame through each 0.8 ms.
const SLOW: u64 = 5;

/// Makes two pods, whose names stand where the kubelet keeps the logs.
const MAKE: &str = "
mount -t tmpfs tmpfs /var/log && mkdir /var/log/containers
for pod in web db; do
    ip netns add $pod
    ip netns exec $pod sysctl -q -w net.ipv6.conf.default.disable_ipv6=1
    ip link add $pod type veth peer name eth0 netns $pod
    ip -n $pod link set eth0 up
    ip link set $pod up
done";

/// A host with two pods and an agent, and the way to it.
struct Node {
    agent: Option<Background>,
    pods: Vec<Background>,
    // Last, and with it ends whatever runs inside.
    host: Host,
    address: String,
}

impl Node {
    fn new(number: u64, monitoring: &Lab) -> Self {
        let host = Host::new();
        host.run("sh", &["-ec", MAKE]);
        if number == SLOW {
            host.run(
                "tc",
                &"qdisc add dev db root tbf rate 1mbit burst 200 limit 100kb".split(' ').collect::<Vec<_>>(),
            );
        }
        // Prometheus comes by a pair that the agent is told to leave out.
        let (near, inside) = (format!("host{number}"), host.inside().to_string());
        let peer = ["type", "veth", "peer", "name", "uplink", "netns", &inside];
        monitoring.ip(0, &[&["link", "add", &near][..], &peer].concat());
        monitoring.ip(0, &["address", "add", &format!("10.88.{number}.1/30"), "dev", &near]);
        monitoring.ip(0, &["link", "set", &near, "up"]);
        host.run("ip", &["address", "add", &format!("10.88.{number}.2/30"), "dev", "uplink"]);
        host.run("ip", &["link", "set", "uplink", "up"]);
        let mut node =
            Self { agent: None, pods: Vec::new(), host, address: format!("10.88.{number}.2:10435") };
        node.pods = PODS.iter().map(|pod| node.start(pod, &name(number, pod))).collect();
        let flags = ["agent", "--exclude", "uplink", "--web.listen-address", &node.address];
        let mut agent = node.host.command(PROGRAM, &flags);
        node.agent = Some(Background::start(agent.stderr(Stdio::null())));
        node
    }

    /// A process in the namespace of a pod, in a cgroup such as a container has.
    fn start(&self, pod: &str, name: &str) -> Background {
        let digits = |len: usize| {
            let number = pod.bytes().fold(0, |number: u64, byte| number << 8 | u64::from(byte));
            format!("{number:0<len$x}")
        };
        let (id, uid) = (digits(64), format!("00000000-0000-4000-8000-{}", digits(12)));
        let cgroup = self.unified().join(format!("kubepods/burstable/pod{uid}/{id}"));
        std::fs::create_dir_all(&cgroup).unwrap();
        let log = format!("/var/log/containers/{name}_shop_{pod}-{id}.log");
        let script = format!("touch {log}; echo 0 >{}/cgroup.procs && exec sleep 1000", cgroup.display());
        let netns = format!("--net=/run/netns/{pod}");
        Background::start(&mut self.host.command("nsenter", &[&netns, "--", "sh", "-c", &script]))
    }

    /// Its cgroup in the hierarchy of version 2.
    fn unified(&self) -> PathBuf {
        let is_unified = |cgroup: &PathBuf| cgroup.parent().unwrap().join("cgroup.controllers").exists();
        self.host.cgroups().into_iter().find(is_unified).expect("cgroups of version 2")
    }

    /// The namespace of a pod, or of the host.
    fn namespace(&self, pod: Option<&str>) -> Namespace {
        let process = format!("/proc/{}", self.host.inside());
        let path = pod.map_or(format!("{process}/ns/net"), |pod| format!("{process}/root/run/netns/{pod}"));
        Namespace::by_name(&path).unwrap()
    }

    fn send(&self, pod: &str, count: u64) {
        let socket = || PacketSocket::open(index(pod));
        let socket = self.namespace(None).run(socket).unwrap().unwrap();
        for _ in 0..count {
            socket.send(&FRAME).unwrap();
        }
    }

    /// All that arrives at a pod from now on is dropped.
    fn drop_all(&self, pod: &str) -> OwnedFd {
        let dropper = bpf::load(Hook::XdpGeneric, "dropper", 1);
        self.namespace(Some(pod)).run(|| bpf::attach(&dropper, index("eth0"), Hook::XdpGeneric)).unwrap()
    }

    fn get(&self, monitoring: &Lab, path: &str) -> Value {
        let url = format!("http://{}/api/v1/{path}", self.address);
        let netns = format!("--net=/run/netns/{}", monitoring.name(0));
        serde_json::from_str(&run("nsenter", &[&netns, "--", "curl", "-sf", "--noproxy", "*", &url])).unwrap()
    }
}

fn index(ifname: &str) -> u32 {
    let socket = socket(AddressFamily::INET, SocketType::DGRAM, None).unwrap();
    name_to_index(socket, ifname).unwrap()
}

/// What the page tells operators to ask, in its order.
fn queries() -> Vec<String> {
    let page = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../docs/operating.md");
    let page = std::fs::read_to_string(page).unwrap();
    let section = page.split_once("\n## Fleet queries\n").expect("the section").1;
    let section = section.split_once("\n## ").map_or(section, |(section, _)| section);
    section.split("```promql\n").skip(1).map(|rest| rest.split_once("```").unwrap().0.to_owned()).collect()
}

/// The bounds of the bucket that holds the 99th of a hundred (nearest rank), of all these agents' histograms together.
fn bucket_of_p99<'a>(nodes: impl IntoIterator<Item = &'a Node>, monitoring: &Lab) -> (f64, f64, u64) {
    let mut bins: BTreeMap<u64, (u64, u64)> = BTreeMap::new();
    for node in nodes {
        for pair in node.get(monitoring, "report")["pairs"].as_array().unwrap() {
            let histograms = node.get(monitoring, &format!("histograms/{}", pair["id"]));
            for direction in histograms["directions"].as_array().unwrap() {
                for bin in direction["delay"].as_array().unwrap() {
                    let number = |key: &str| bin[key].as_u64().unwrap();
                    bins.entry(number("above_ns")).or_insert((number("upto_ns"), 0)).1 += number("count");
                }
            }
        }
    }
    let all: u64 = bins.values().map(|(_, count)| count).sum();
    let mut upto = 0;
    let seconds = |ns: u64| Duration::from_nanos(ns).as_secs_f64();
    for (above, (bound, count)) in bins {
        upto += count;
        if upto * 100 >= all * 99 {
            return (seconds(above), seconds(bound), all);
        }
    }
    panic!("no delays")
}

#[track_caller]
fn assert_in_bucket(value: f64, (above, upto, _): (f64, f64, u64)) {
    // Bounds are whole nanoseconds here, and powers of two there.
    assert!(value >= above - 2e-9 && value <= upto + 2e-9, "{value} is not in {above}..{upto}");
}

#[test]
#[expect(
    clippy::cast_precision_loss,
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "the numbers are small"
)]
fn one_prometheus_over_twenty_hosts_answers_what_was_sent() {
    let monitoring = &quiet(1);
    let nodes: Vec<Node> = thread::scope(|scope| {
        let starting: Vec<_> =
            (0..HOSTS).map(|number| scope.spawn(move || Node::new(number, monitoring))).collect();
        starting.into_iter().map(|node| node.join().unwrap()).collect()
    });
    let targets: Vec<&str> = nodes.iter().map(|node| node.address.as_str()).collect();
    let prometheus = Prometheus::within(monitoring.name(0), &targets);
    let value = |query: &str| prometheus.value(query).unwrap_or_default();
    let is = |query: &str, count: u64| (value(query) - count as f64).abs() < 0.5;
    // A scrape that came too late leaves a hole.
    let ask = |query: &str| {
        let mut found = Vec::new();
        within(PATIENCE, "all hosts answer", || {
            let all_answer = || is("sum(up)", HOSTS);
            all_answer() && {
                found = prometheus.query(query);
                all_answer()
            }
        });
        found
    };
    within(PATIENCE, "all hosts are ready", || is("sum(veth_observer_ready)", HOSTS));
    within(PATIENCE, "all pods are known", || is(r#"count(veth_pair_info{namespace="shop"})"#, 2 * HOSTS));
    assert_eq!(ask("count(veth_observer_pairs == 2)")[0].1 as u64, HOSTS, "none sees the pairs of another");

    let links: Vec<OwnedFd> = (0..HOSTS)
        .zip(&nodes)
        .filter_map(|(host, node)| {
            for pod in PODS {
                node.send(pod, sent(host, pod));
            }
            let lost = dropped(host);
            (lost > 0).then(|| {
                // What is on its way is not to be dropped.
                let all = format!("sum(veth_frames_received_total{{instance=\"{}\"}})", node.address);
                within(PATIENCE, "the first have arrived", || is(&all, sent(host, "web") + sent(host, "db")));
                let link = node.drop_all("web");
                node.send("web", lost);
                link
            })
        })
        .collect();
    let arrived: u64 = (0..HOSTS).flat_map(|host| PODS.map(|pod| sent(host, pod))).sum();
    let gone: u64 = (0..HOSTS).map(dropped).sum();
    within(PATIENCE, "all that arrives is stored", || is("sum(veth_frames_received_total)", arrived));
    within(PATIENCE, "all that does not is stored", || is("sum(veth_dropped_frames_total)", gone));
    assert_eq!(ask("sum(veth_frames_sent_total)")[0].1 as u64, arrived + gone);
    drop(links);

    let [worst_pairs, by_workload, by_host, of_all] = queries().try_into().expect("four queries");
    let found = ask(&worst_pairs);
    let mut expected: Vec<(String, f64)> = (0..HOSTS)
        .zip(&nodes)
        .filter(|(host, _)| dropped(*host) > 0)
        .map(|(host, node)| {
            let (lost, arrived) = (dropped(host) as f64, sent(host, "web") as f64);
            (node.address.clone(), lost / (lost + arrived))
        })
        .collect();
    expected.sort_by(|(_, one), (_, other)| other.total_cmp(one));
    assert_eq!(found.len(), 5, "{found:?}");
    for ((labels, value), (address, exact)) in found.iter().zip(&expected) {
        assert_eq!(
            (&labels["instance"], &labels["direction"]),
            (&address.as_str().into(), &"to_peer".into())
        );
        assert!(labels["pair"].as_str().is_some_and(|pair| pair.contains("web")), "{labels}");
        assert!((value - exact).abs() < 1e-12, "{labels}: {value}, exactly {exact}");
    }

    let found = ask(&by_workload);
    let of = |workload: &str| {
        let mut all = found.iter().filter(|(labels, _)| labels["workload"] == workload);
        let (labels, value) = all.next().unwrap_or_else(|| panic!("no {workload} in {found:?}"));
        assert_eq!((&labels["namespace"], all.count()), (&"shop".into(), 0));
        *value
    };
    let to_web: u64 = (0..HOSTS).map(|host| sent(host, "web")).sum();
    assert!((of("web") - gone as f64 / (gone + to_web) as f64).abs() < 1e-12, "{found:?}");
    assert!(of("db").abs() < 1e-12 && found.len() == 2, "{found:?}");

    let found = ask(&by_host);
    let slow = &nodes[usize::try_from(SLOW).unwrap()];
    assert_eq!(found[0].0["instance"], slow.address.as_str(), "{found:?}");
    assert_in_bucket(found[0].1, bucket_of_p99([slow], monitoring));
    let bucket = bucket_of_p99(&nodes, monitoring);
    assert_eq!(bucket.2, arrived);
    assert_in_bucket(ask(&of_all)[0].1, bucket);
}
