//! Who counts when nobody said who should.

use super::Host;
use crate::support::command::{Outcome, Run};

/// In a place of its own where the host's folder is the one in which agents put their socket. What is mounted is seen by
/// nobody else, and gone with the command.
const AS_PACKAGED: &str = r#"set -e; folder=$1; shift
mkdir "$folder/netns"; mount --rbind /run/netns "$folder/netns"
mount -t tmpfs none /run; mkdir /run/netns /run/veth-observer
mount --rbind "$folder/netns" /run/netns; mount --bind "$folder" /run/veth-observer
umount -l "$folder/netns"; rmdir "$folder/netns"
exec "$0" "$@""#;

fn here(host: &Host, command: &str, flags: &[&str]) -> Run {
    let (folder, selector) = (host.folder.display().to_string(), host.wire.selector());
    Run::mounting(
        AS_PACKAGED,
        &[&[&folder, command, &selector, "-j", "--duration", "200ms"][..], flags].concat(),
    )
}

/// Who counted, by the report, and as it was told on standard error.
#[track_caller]
fn counted_by(outcome: &Outcome) -> String {
    assert_eq!(outcome.code, Some(0), "{outcome:?}");
    let report: serde_json::Value = serde_json::from_str(&outcome.stdout).unwrap();
    let source = report["source"].as_str().unwrap().to_owned();
    assert_eq!(outcome.stderr.contains("counted by the agent at /"), source == "agent", "{outcome:?}");
    source
}

#[test]
fn the_agent_counts_where_it_can_and_else_we_do() {
    let host = Host::new();
    assert_eq!(counted_by(&here(&host, "stats", &[]).outcome()), "direct", "there is none");
    let agent = host.agent(&[]);
    let elsewhere = Run::here(&["stats", &host.wire.selector(), "-j", "--duration", "100ms"]);
    assert_eq!(counted_by(&elsewhere.variable("VETH_OBSERVER_AGENT", &host.socket()).outcome()), "agent");
    for (command, flags, by) in [
        ("stats", &[][..], "agent"),
        ("latency", &[], "agent"),
        ("stats", &["--agent"], "agent"),
        ("stats", &["--loss-timeout", "2s"], "agent"),
        ("stats", &["--direct"], "direct"),
        ("stats", &["--loss-timeout", "1s"], "direct"),
        ("stats", &["--attach", "clsact"], "direct"),
        ("latency", &["--max-delay", "max=1m", "--stages"], "direct"),
    ] {
        let outcome = here(&host, command, flags).outcome();
        // Nothing is sent, so that no threshold can be met.
        let outcome = Outcome { code: outcome.code.filter(|code| *code != 5).or(Some(0)), ..outcome };
        assert_eq!(counted_by(&outcome), by, "{command} {flags:?}");
    }
    agent.kill();
    assert_eq!(counted_by(&here(&host, "stats", &[]).outcome()), "direct", "it left its socket");
}
