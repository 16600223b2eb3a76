use clap::Parser;

use super::*;
use crate::cli::{Cli, Command};

fn parse(line: &str) -> Result<Box<Watch>, clap::Error> {
    let words = ["veth-observer", "watch"].into_iter().chain(line.split_whitespace());
    match Cli::try_parse_from(words)?.command {
        Command::Watch(watch) => Ok(watch),
        other => panic!("{other:?}"),
    }
}

#[test]
fn a_pair_a_filter_and_a_command_each_find_their_place() {
    let watch = parse("veth0 -c 3 tcp port 443 --duration 2s -- ping -c 1 10.0.0.2").unwrap();
    assert_eq!(watch.observing.pair, "veth0");
    assert!(watch.sampling.is_filtered());
    assert_eq!(watch.command, ["ping", "-c", "1", "10.0.0.2"]);
    let watch = parse("veth0 -- true").unwrap();
    assert!(!watch.sampling.is_filtered());
    assert_eq!(watch.command, ["true"]);
}

#[test]
fn a_file_takes_the_place_of_a_pair() {
    let watch = parse("--input-file frames.json --matched -c 3 --fields time,network.src -j").unwrap();
    assert_eq!(watch.input_file.unwrap(), PathBuf::from("frames.json"));
    for line in [
        "",
        "-c 3",
        "veth0 --input-file f",
        "--input-file f --duration 3s",
        "--input-file f --hook xdp",
        "--input-file f --loss-timeout 1s",
        "--input-file f --ring-size 1MiB",
        "--input-file f --sample 1/2",
        "--input-file f --snaplen 99",
        "--input-file f --side a",
        "--input-file f -- true",
    ] {
        assert!(parse(line).is_err(), "{line}");
    }
}

#[test]
fn flags_that_contradict_each_other() {
    for line in [
        "veth0 --matched --lost",
        "veth0 --side c",
        "veth0 --fields time -e",
        "veth0 --fields time -x",
        "veth0 -c 0",
        "veth0 --ring-size 1KiB",
    ] {
        assert!(parse(line).is_err(), "{line}");
    }
    for flag in ["--matched", "--lost"] {
        assert!(parse(&format!("veth0 --side both {flag}")).unwrap().choice.contradicts_itself());
        assert!(!parse(&format!("veth0 --side a {flag}")).unwrap().choice.contradicts_itself());
    }
}

#[test]
fn an_unknown_field_is_answered_with_all_there_are() {
    let error = parse("veth0 --fields time,transport.dst_prot").unwrap_err().to_string();
    assert!(error.contains("transport.dst_prot") && error.contains("transport.dst_port"), "{error}");
    for name in crate::view::fields::NAMES {
        assert!(error.contains(name), "{name} in {error}");
    }
}

#[test]
fn the_last_line_says_what_was_left_out() {
    let summary = Summary {
        printed: 3,
        sampled: Some(10),
        skipped: Some(90),
        filtered: Some(5),
        lost: Some(0),
        ended: None,
    };
    assert_eq!(
        sentence(&summary, Some(10)),
        "3 printed of 10 sampled, 90 skipped by --sample, 5 not matching the filter, \
         0 lost because the ring was full"
    );
    let silent = Summary { printed: 3, ..Summary::default() };
    assert_eq!(sentence(&silent, None), "3 printed");
}
