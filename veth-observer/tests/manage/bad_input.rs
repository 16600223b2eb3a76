//! Mistakes: one sentence each, the right exit code, and nothing changed.

use crate::support::{command::Run, netns::Lab};

#[test]
fn what_cannot_be_is_refused_before_the_kernel_is_asked() {
    let lab = Lab::new(1);
    let cases: [(&[&str], &str); 21] = [
        (&["create", "sixteen-bytes-xx"], "it has 16 bytes, at most 15 fit"),
        (&["create", "ten-bytes-"], "it has 15"),
        (&["create", "a/b"], "it cannot contain a slash"),
        (&["create", "a b"], "it cannot contain white space"),
        (&["create", "a:b"], "it cannot contain a colon"),
        (&["create", ""], "it is empty"),
        (&["create", ".."], "it cannot be a dot or two"),
        (&["create", "a", "b/c"], "it cannot contain a slash"),
        (&["create", "a", "a"], "both ends would be called a"),
        (&["create", "a", "--mtu", "67"], "a veth device takes 68 to 65535 bytes"),
        (&["create", "a", "--mtu", "65536"], "a veth device takes 68 to 65535 bytes"),
        (&["create", "a", "--mtu", "big"], "it must be a whole number"),
        (
            &["create", "a", "--mac", "02:00:00:00:00"],
            "02:00:00:00:00: a MAC address is six bytes in hex, such as 02:00:00:00:00:01",
        ),
        (&["create", "a", "--peer-mac", "01:00:00:00:00:00"], "it is a multicast address"),
        (&["create", "a", "--addr", "10.0.0.1"], "it must look like 10.0.0.1/24"),
        (&["create", "a", "--queues", "0"], "a veth device takes 1 to 4096"),
        (&["peer", "docker:web"], "there is no kind of selector called docker"),
        (&["peer", "container:"], "it must look like container:web"),
        (&["peer", "pod:shop/"], "it must look like pod:db-0, pod:shop/db-0 or"),
        (&["list", "--fields", "device", "-j"], "--fields is for the table"),
        (&["peer", "netns:blue"], "it must look like netns:blue/eth0"),
    ];
    for (args, expected) in cases {
        if args[1] == "ten-bytes-" {
            // With -peer after it, it is just short enough.
            Run::within(lab.name(0), args).outcome().ok();
            Run::within(lab.name(0), &["delete", args[1]]).outcome().ok();
            continue;
        }
        let said = Run::within(lab.name(0), args).outcome().fails(2);
        assert!(said.contains(expected), "{args:?}: {said}");
    }
    assert_eq!(lab.ip_json(0, &["link", "show"]).as_array().unwrap().len(), 1, "only lo");
}

#[test]
fn what_is_not_there_exits_with_4() {
    let lab = Lab::new(1);
    lab.ip(0, &["link", "add", "v0", "type", "veth", "peer", "name", "v1"]);
    lab.ip(0, &["link", "add", "br0", "type", "bridge"]);
    let cases: [(&[&str], String); 7] = [
        (&["peer", "nonesuch"], "there is no veth end nonesuch".into()),
        (&["show", "ifindex:9999"], "there is no veth end ifindex:9999".into()),
        (&["delete", "netns:nonesuch/eth0"], "there is no network namespace nonesuch".into()),
        (&["create", "a", "--netns", "nonesuch"], "there is no network namespace nonesuch".into()),
        (&["create", "a", "--peer-netns", "pid:4194305"], "there is no network namespace pid:4194305".into()),
        (&["show", "lo"], format!("lo in netns {} is not a veth device but loopback", lab.name(0))),
        (&["delete", "br0"], format!("br0 in netns {} is not a veth device but bridge", lab.name(0))),
    ];
    for (args, expected) in cases {
        assert_eq!(Run::within(lab.name(0), args).outcome().fails(4), expected, "{args:?}");
    }
    let outcome = Run::within(lab.name(0), &["create", "a", "--netns", "nonesuch"]).outcome();
    assert!(outcome.stderr.contains(lab.name(0)), "the namespaces that exist: {}", outcome.stderr);
    let near = Run::within(lab.name(0), &["peer", "vo0"]).outcome();
    assert!(near.stderr.contains(&format!("did you mean netns:{}/v0", lab.name(0))), "{}", near.stderr);
    assert!(lab.has(0, "br0") && lab.has(0, "v0"));
}

#[test]
fn a_card_that_is_called_like_an_end_elsewhere_points_there() {
    let lab = Lab::new(2);
    let name = format!("c{}", std::process::id());
    lab.ip(0, &["link", "add", &name, "type", "bridge"]);
    lab.ip(1, &["link", "add", &name, "type", "veth", "peer", "name", "other"]);
    let outcome = Run::within(lab.name(0), &["peer", &name]).outcome();
    assert!(outcome.stderr.contains(&format!("did you mean netns:{}/{name}", lab.name(1))), "{outcome:?}");
    assert_eq!(outcome.fails(4), format!("{name} in netns {} is not a veth device but bridge", lab.name(0)));
}

#[test]
fn an_ambiguous_name_lists_the_candidates() {
    let lab = Lab::new(3);
    let name = format!("d{}", std::process::id());
    for at in [1, 2] {
        lab.ip(at, &["link", "add", &name, "type", "veth", "peer", "name", "other"]);
    }
    let said = Run::within(lab.name(0), &["peer", &name]).outcome().fails(4);
    let [one, two] = [format!("netns:{}/{name}", lab.name(1)), format!("netns:{}/{name}", lab.name(2))];
    assert_eq!(said, format!("{name} names 2 veth ends: {one}, {two}"));
    for selector in [one, two] {
        assert_eq!(Run::within(lab.name(0), &["peer", &selector, "--name-only"]).outcome().ok(), "other\n");
    }
    // Where one is at home, that one is meant.
    assert_eq!(Run::within(lab.name(1), &["peer", &name, "--name-only"]).outcome().ok(), "other\n");
}

#[test]
fn a_reader_that_went_away_is_no_error() {
    let lab = Lab::new(1);
    lab.ip(0, &["link", "add", "v0", "type", "veth", "peer", "name", "v1"]);
    let script = format!(
        "{{ {} list -p -j; echo $? >&3; }} 3>&1 >&2 2>/dev/null | cat; ",
        crate::support::command::PROGRAM
    );
    assert_eq!(lab.exec(0, &["sh", "-c", &script]).trim(), "0");
    let script = format!("{{ {} list -j; echo $? >&2; }} | true", crate::support::command::PROGRAM);
    let output = std::process::Command::new("ip")
        .args(["netns", "exec", lab.name(0), "sh", "-c", &script])
        .output()
        .unwrap();
    assert_eq!(String::from_utf8_lossy(&output.stderr).trim(), "0");
}
