use super::*;
use crate::model::link::Owner;

fn end(ifname: &str, ifindex: u32, netns: &str, inode: u64) -> End {
    let netns = Netns { inode: Some(inode), name: Some(netns.into()), cookie: None };
    End { ifname: Some(ifname.into()), ifindex, netns, ..End::default() }
}

fn pair(one: End, two: End) -> Pair {
    Pair { ends: [one, two] }
}

#[test]
fn a_pair_is_named_by_the_end_whose_name_lasts() {
    let across = pair(end("veth1a2b", 7, "host", 1), end("eth0", 2, "blue", 2));
    let here = pair(end("x", 3, "host", 1), end("y", 4, "host", 1));
    let nameless = pair(end("eth0", 2, "pid 7 (sleep)", 3), end("veth9", 8, "host", 1));
    let all = interfaces(&[across, here, nameless]);
    let shown: Vec<(&str, &str)> = all.iter().map(|one| (&*one.value, &*one.display)).collect();
    assert_eq!(
        shown,
        [
            ("vo-blue-eth0", "veth-observer: blue eth0 ↔ host veth1a2b"),
            ("vo-host-x", "veth-observer: host x ↔ y"),
            ("vo-host-veth9", "veth-observer: host veth9 ↔ pid 7 (sleep) eth0"),
        ]
    );
    assert_eq!(find(&all, "vo-host-veth1a2b"), Some(&all[0]), "by the other end");
    assert_eq!(find(&all, "vo-3-eth0"), Some(&all[2]));
    assert_eq!(find(&all, "vo-host-z"), None);
}

#[test]
fn a_container_names_its_pair() {
    let owner = Owner { runtime: Some("docker".into()), name: Some("web".into()), ..Owner::default() };
    let inside = End { owner: Some(owner), ..end("eth0", 2, "pid 9 (nginx)", 5) };
    let pod = Owner { pod: Some("web-0".into()), namespace: Some("shop".into()), ..Owner::default() };
    let of_pod = End { owner: Some(pod), ..end("eth0", 2, "pid 8 (nginx)", 6) };
    let all =
        interfaces(&[pair(end("veth1a2b", 7, "host", 1), inside), pair(of_pod, end("veth3", 8, "host", 1))]);
    assert_eq!(
        (&*all[0].value, &*all[0].display),
        ("vo-web-eth0", "veth-observer: web (docker) eth0 ↔ veth1a2b")
    );
    assert_eq!(
        (&*all[1].value, &*all[1].display),
        ("vo-web-0-eth0", "veth-observer: shop/web-0 eth0 ↔ veth3")
    );
}

#[test]
fn no_two_pairs_have_one_name() {
    let all = interfaces(&[
        pair(end("a@", 1, "host", 1), end("b", 2, "host", 1)),
        pair(end("a!", 3, "host", 1), end("c", 4, "host", 1)),
    ]);
    assert_eq!((&*all[0].value, &*all[1].value), ("vo-host-a_-1-1", "vo-host-a_-1-3"));
    assert_eq!(find(&all, "vo-host-a_"), None, "it would be either");
    assert_eq!(find(&all, "vo-host-a_-1-3"), Some(&all[1]));
}

#[test]
fn sentences_stay_whole_whatever_names_hold() {
    let odd = pair(end("a}{\nb", 1, "host", 1), End { ifindex: 5, ..End::default() });
    assert_eq!(
        list(&interfaces(&[odd]), "1.2.3"),
        format!(
            "extcap {{version=1.2.3}}{{help={}}}\ninterface {{value=vo-host-a___b}}{{display=veth-observer: host a)(?b ↔ \
             another namespace ifindex 5}}\n",
            env!("CARGO_PKG_REPOSITORY")
        )
    );
    assert_eq!(link_types(), "dlt {number=1}{name=EN10MB}{display=Ethernet}\n");
    let args = options([14, 65_553]);
    assert!(args.starts_with("arg {number=0}{call=--snaplen}{display=Snap length}"), "{args}");
    assert!(
        args.contains("{type=unsigned}{range=14,65553}{default=65553}\narg {number=1}{call=--sample}"),
        "{args}"
    );
}
