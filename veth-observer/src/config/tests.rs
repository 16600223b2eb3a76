use std::{collections::BTreeSet, fs};

use clap::{Args, Command, Parser};

use super::*;

#[derive(Debug, Parser)]
struct Line {
    #[command(flatten)]
    flags: Flags,
}

fn flags(line: &[&str]) -> Flags {
    Line::try_parse_from([&["agent"], line].concat()).unwrap().flags
}

/// What a file with this text comes to.
fn settings(text: &str, line: &[&str]) -> Result<Settings, Fault> {
    let path = std::env::temp_dir().join(format!(
        "vo-config-{}-{:?}.toml",
        std::process::id(),
        std::thread::current().id()
    ));
    fs::write(&path, text).unwrap();
    let settings = Settings::read(&flags(&[&["--config", path.to_str().unwrap()], line].concat()));
    fs::remove_file(path).unwrap();
    settings
}

fn problems(text: &str) -> Vec<String> {
    parse(text).err().unwrap_or_default().iter().map(ToString::to_string).collect()
}

/// The template with everything that it has commented out.
fn whole() -> String {
    let line = |line: &str| match line.strip_prefix('#') {
        Some(setting) if setting.starts_with(|c: char| c.is_ascii_lowercase() || c == '[') => {
            setting.to_owned()
        }
        _ => line.to_owned(),
    };
    TEMPLATE.lines().map(|text| line(text) + "\n").collect()
}

/// The keys of a section, as serde lists them to who misses one.
fn keys(section: &str) -> Vec<String> {
    let text = format!("{section}\nzzzzzzzzzzzzzzzz = 1");
    let found = parse(&text).unwrap_err();
    let listed =
        found.iter().find_map(|problem| problem.message.split_once("only ")).expect("a list of keys");
    listed.1.split(", ").map(str::to_owned).collect()
}

#[test]
fn the_template_is_in_order_and_shows_every_key() {
    assert_eq!(problems(TEMPLATE), [""; 0]);
    let whole = whole();
    assert_eq!(problems(&whole), [""; 0]);
    let table: toml::Table = whole.parse().unwrap();
    let shown = |table: &toml::Table| table.keys().cloned().collect::<BTreeSet<_>>();
    let expected = |section: &str| keys(section).into_iter().collect::<BTreeSet<_>>();
    assert_eq!(shown(&table), expected(""));
    assert_eq!(shown(table["web"].as_table().unwrap()), expected("[web]"));
    for list in ["alias", "pair"] {
        assert_eq!(shown(table[list][0].as_table().unwrap()), expected(&format!("[[{list}]]")), "{list}");
    }
}

#[test]
fn the_template_shows_the_defaults() {
    let (template, default) = (settings(&whole(), &[]).unwrap(), settings("", &[]).unwrap());
    assert_eq!((&template.pairs, &template.exclude), (&default.pairs, &default.exclude));
    assert_eq!((template.max_pairs, template.loss_timeout), (default.max_pairs, default.loss_timeout));
    let mut web = template.web.clone();
    web.config_file = None;
    assert_eq!(web, default.web);
    let mut short = settings("[[pair]]\nname = 'veth0'", &[]).unwrap().declared.swap_remove(0);
    let long = &template.declared[0];
    assert_eq!((short.up, short.remove_at_exit), (long.up, long.remove_at_exit));
    assert_eq!(short.ends[1].name, long.ends[1].name);
    for (end, other) in short.ends.iter_mut().zip(&long.ends) {
        (end.netns, end.addresses, end.mac) = (other.netns.clone(), other.addresses.clone(), other.mac);
    }
    (short.mtu, short.queues) = (long.mtu, long.queues);
    assert_eq!(short, *long);
}

#[test]
fn what_is_wrong_is_named_with_its_place_and_what_was_expected() {
    for (text, expected) in [
        ("max_pair = 1", "1:1: max_pair: there is no such key; did you mean max_pairs?"),
        (
            "\n[web]\nlisten-address = ':1'",
            "3:1: web.listen-address: there is no such key; did you mean listen_address?",
        ),
        (
            "[web]\nport = 1",
            "2:1: web.port: there is no such key, only listen_address, telemetry_path, config_file, coarse_histograms, drop_locations, frames",
        ),
        (
            "web.config = 'x'",
            "1:5: web.config: there is no such key, only listen_address, telemetry_path, config_file, coarse_histograms, drop_locations, frames",
        ),
        ("max_pairs = 'x'", "1:13: max_pairs: it must be a whole number, not string \"x\""),
        ("max_pairs = -1", "1:13: max_pairs: it must be a whole number, not integer `-1`"),
        ("pairs = 'web'", "1:9: pairs: it must be a list, not string \"web\""),
        (
            "pairs = ['a', 'docker:b']",
            "1:15: pairs: selector docker:b: there is no kind of selector called docker, only NAME, ifindex:N, container:NAME, pod:NAMESPACE/NAME, netns:NS/NAME and pair:NAME",
        ),
        ("loss_timeout = 2", "1:16: loss_timeout: it must be a string, not integer `2`"),
        ("loss_timeout = 'soon'", "1:16: loss_timeout: it must be a duration, such as 500ms, 2s or 1m 30s"),
        ("loss_timeout = '2m'", "1:16: loss_timeout: it must lie between 100ms and 1m"),
        ("interval = '0s'", "1:12: interval: it must be at least 10ms"),
        (
            "[web]\n  drop_locations = 'yes'",
            "2:20: web.drop_locations: it must be true or false, not string \"yes\"",
        ),
        ("[web]\ntelemetry_path = '/'", "2:18: web.telemetry_path: that path serves something else"),
        (
            "[web]\nlisten_address = ['x']",
            "2:19: web.listen_address: give ADDRESS:PORT with a number for the address, as 127.0.0.1:10435 or [::]:10435, or unix:PATH",
        ),
        ("web = 1", "1:7: web: it must be a table, [web], not integer `1`"),
        ("[[alias]]\nname = 'a'", "1:1: alias: the key pair is missing"),
        (
            "[[alias]]\nname = 'a*'\npair = 'b'",
            "2:8: alias.name: a name has at least one letter, no control character and neither * nor ?",
        ),
        (
            "[[alias]]\nname = 'a'\npair = 'b*'",
            "2:8: alias.pair: b* may mean several pairs, and they need different names",
        ),
        ("[[pair]]\npeer = 'a'", "1:1: pair: the key name is missing"),
        ("[[pair]]\nname = 'a'\nmtu = 10", "3:7: pair.mtu: MTU 10: a veth device takes 68 to 65535 bytes"),
        ("[[pair]]\nname = 'a'\nqueues = 0", "3:10: pair.queues: 0 queues: a veth device takes 1 to 4096"),
        (
            "[[pair]]\nname = 'a'\npeer = 'a'",
            "2:8: pair.name: there is an end a in the same namespace in line 2",
        ),
        (
            "[[pair]]\nname = 'a'\naddresses = ['1.2.3.4']",
            "3:14: pair.addresses: address 1.2.3.4: it must look like 10.0.0.1/24 or fd00::1/64",
        ),
        (
            "[[pair]]\nname = 'a'\nmac = '01:00:00:00:00:00'",
            "3:7: pair.mac: MAC address 01:00:00:00:00:00: it is a multicast address, an interface needs a unicast one",
        ),
        ("max_pairs = 1\nmax_pairs = 2", "2:1: duplicate key"),
    ] {
        assert_eq!(problems(text), [expected], "{text}");
    }
    // Characters, not bytes.
    assert_eq!(problems("# ü\npairs = ['ü', 1]"), ["2:15: pairs: it must be a string, not integer `1`"]);
    assert!(problems("pairs = [")[0].starts_with("1:"));
    assert!(!problems("\u{0}").is_empty() && !problems("[").is_empty());
}

#[test]
fn all_that_is_wrong_is_named_in_the_order_of_the_lines() {
    let text = "max_pair = 1
pairs = ['docker:a', 'b', 'docker:c']
[web]
drop_locations = 1
[[alias]]
name = ''
pair = 'b'
[[alias]]
pair = 'c'
[[pair]]
name = 'a/b'
mtus = 1
[[pair]]
name = 'ok'
mtu = 1";
    let places: Vec<String> = parse(text)
        .unwrap_err()
        .iter()
        .map(|problem| format!("{} {}", problem.line, problem.key.as_deref().unwrap_or_default()))
        .collect();
    let expected = [
        "1 max_pair",
        "2 pairs",
        "2 pairs",
        "4 web.drop_locations",
        "6 alias.name",
        "8 alias",
        "11 pair.name",
        "12 pair.mtus",
        "15 pair.mtu",
    ];
    assert_eq!(places, expected);
}

#[test]
fn two_of_a_name_are_refused() {
    let pairs = "[[pair]]\nname = 'a'\npeer = 'b'\n[[pair]]\nname = 'c'\npeer = 'b'\n";
    assert_eq!(problems(pairs), ["5:8: pair.name: there is an end b in the same namespace in line 2"]);
    let elsewhere = pairs.replacen("peer = 'b'", "peer = 'b'\npeer_netns = 'blue'", 1);
    assert_eq!(problems(&elsewhere), [""; 0]);
    let aliases = "[[alias]]\nname = 'a'\npair = 'x'\n[[alias]]\nname = 'a'\npair = 'y'\n";
    assert_eq!(problems(aliases), ["5:8: alias.name: there is an alias of that name in line 2"]);
}

#[test]
fn a_flag_comes_before_the_file_and_the_file_before_the_default() {
    let text = "max_pairs = 7\ninterval = '5s'\n[web]\ndrop_locations = true\nconfig_file = 'web.yml'";
    let of_file = settings(text, &[]).unwrap();
    assert_eq!((of_file.max_pairs, of_file.web.drop_locations), (7, true));
    assert_eq!(of_file.origin("max_pairs"), &Origin::File(1));
    assert_eq!(of_file.origin("loss_timeout"), &Origin::Default);
    assert_eq!(of_file.web.config_file, Some(std::env::temp_dir().join("web.yml")), "beside the file");
    assert_eq!(of_file.shadowed().count(), 0);
    let of_flags =
        settings(text, &["--max-pairs=1000", "--web.drop-locations=false", "--interval", "1s"]).unwrap();
    assert_eq!((of_flags.max_pairs, of_flags.web.drop_locations), (1000, false));
    assert_eq!(of_flags.interval, Some(std::time::Duration::from_secs(1)));
    let shadowed: Vec<String> =
        of_flags.shadowed().map(|(key, line, origin)| format!("{key} {line} {origin}")).collect();
    let expected =
        ["interval 2 --interval", "max_pairs 1 --max-pairs", "web.drop_locations 4 --web.drop-locations"];
    assert_eq!(shadowed, expected);
}

#[test]
fn variables_are_called_after_their_flags() {
    let flags = Flags::augment_args(Command::new(""));
    let mut seen = 0;
    for flag in flags.get_arguments() {
        let expected =
            format!("VETH_OBSERVER_{}", flag.get_long().unwrap().replace(['-', '.'], "_").to_uppercase());
        assert_eq!(flag.get_env().and_then(|name| name.to_str()), Some(expected.as_str()));
        seen += 1;
    }
    assert_eq!(seen, 12, "those of the file, and the file");
    // Each setting of the file has its flag: without one its value could not be told from a default.
    for (section, keys) in [("", keys("")), ("web.", keys("[web]"))] {
        for key in keys.iter().filter(|key| !["web", "alias", "pair"].contains(&key.as_str())) {
            assert!(flags.get_arguments().any(|flag| flag.get_id() == key.as_str()), "{section}{key}");
        }
    }
}

#[test]
fn what_holds_is_printed_as_a_file_that_says_the_same() {
    let text = whole()
        .replace("max_pairs = 1000", "max_pairs = 3")
        .replace("pairs = []", "pairs = ['a\"b', 'pair:front']");
    for text in [&text, ""] {
        let first = settings(text, &["--exclude", "c,d"]).unwrap();
        let printed = Effective::of(&first).to_toml();
        let second = settings(&printed, &[]).unwrap_or_else(|fault| panic!("{fault}: {printed}"));
        assert_eq!((&first.pairs, &first.exclude), (&second.pairs, &second.exclude));
        assert_eq!((&first.aliases, &first.declared), (&second.aliases, &second.declared));
        assert_eq!((first.max_pairs, first.loss_timeout), (second.max_pairs, second.loss_timeout));
        assert_eq!((first.interval, first.web), (second.interval, second.web));
    }
}

#[test]
fn only_what_can_change_while_it_runs_does() {
    let before = settings("", &[]).unwrap();
    let mut after =
        settings("max_pairs = 1\nloss_timeout = '1s'\n[web]\nlisten_address = [':1']", &[]).unwrap();
    assert_eq!(after.keep(&before), ["loss_timeout", "web.listen_address"]);
    assert_eq!((after.max_pairs, after.loss_timeout, &after.web), (1, before.loss_timeout, &before.web));
    assert_eq!(settings("", &[]).unwrap().keep(&before), [""; 0]);
}

#[test]
fn a_file_that_is_asked_for_must_be_there_and_right() {
    let fault = Settings::read(&flags(&["--config", "/nowhere/agent.toml"])).unwrap_err();
    assert_eq!(fault.message, "cannot read /nowhere/agent.toml: no such file or directory");
    let fault = settings("a = 1\nb = 2\nc = 3", &[]).unwrap_err();
    assert!(
        fault.message.contains(".toml:1:1: a: ") && fault.message.ends_with(", and 2 more mistakes"),
        "{fault}"
    );
}

proptest::proptest! {
    /// Whatever is in the file, and whatever was damaged in it: an answer, with places that are in the file.
    #[test]
    fn rubbish_is_refused_or_read(text in r#"[a-z_\[\]={}"'.,0-9# \nü]{0,80}"#, at in 0_usize..4000, typed in r#"[\[\]="',#x\n]{0,2}"#) {
        let mut damaged = whole();
        let at = (0..=at.min(damaged.len())).rev().find(|at| damaged.is_char_boundary(*at)).unwrap();
        damaged.insert_str(at, &typed);
        for text in [text, damaged] {
            for problem in parse(&text).err().unwrap_or_default() {
                let line = text.split('\n').nth(problem.line - 1).unwrap_or_else(|| panic!("{problem}: {text}"));
                assert!(problem.column <= line.chars().count() + 1, "{problem}: {text}");
            }
        }
    }
}
