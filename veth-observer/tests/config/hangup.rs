//! A terminal that goes away ends the agent; with nohup, and without a terminal, SIGHUP only has it read its file.

use std::{
    io::{BufRead, BufReader},
    process::{Command, Stdio},
};

use super::{Folder, base, of};
use crate::{
    fleet::{make, quiet},
    support::{
        bpf::{Hook, tcx_programs},
        command::PROGRAM,
        netns::{Background, Lab, eventually},
    },
};

fn programs(lab: &Lab) -> usize {
    let ifindex = lab.ifindex(0, "p0");
    lab.namespace(0).run(|| tcx_programs(ifindex, Hook::TcxIngress).len()).unwrap()
}

#[test]
fn the_end_of_its_terminal_is_the_end_of_the_agent() {
    let lab = quiet(2);
    make(&lab, 0..1);
    let folder = Folder::new();
    folder.write(&base(&folder, &[of(&lab, "p0")]));
    let command = format!("{PROGRAM} agent -j --config {}", folder.path("agent.toml"));
    let mut terminal = Command::new("script");
    terminal.args(["-qec", &command, "/dev/null"]).stdin(Stdio::piped()).stdout(Stdio::piped());
    let mut terminal = Background::start(&mut terminal);
    let mut lines = BufReader::new(terminal.0.stdout.take().unwrap()).lines();
    assert!(lines.any(|line| line.unwrap().contains("\"p0\"")));
    assert_eq!(programs(&lab), 1);
    drop(lines);
    drop(terminal);
    eventually("everything is given back", || programs(&lab) == 0);
    eventually("its socket is gone", || !std::fs::exists(folder.path("agent.sock")).unwrap());
}
