//! `config print` and `config check`.

use serde_json::Value;

use super::Folder;
use crate::support::command::Run;

#[test]
fn what_is_printed_is_in_order_and_what_is_packaged() {
    let printed = Run::here(&["config", "print"]).outcome().ok();
    let packaged = concat!(env!("CARGO_MANIFEST_DIR"), "/../packaging/config.toml");
    assert_eq!(printed, std::fs::read_to_string(packaged).unwrap());
    let folder = Folder::new();
    folder.write(&printed);
    let path = folder.path("agent.toml");
    assert_eq!(Run::here(&["config", "check", &path]).outcome().ok(), format!("{path} is in order\n"));
    let checked = Run::here(&["config", "check", "-j", &path]).outcome().json();
    assert_eq!(checked["problems"], Value::Array(Vec::new()));
    assert_eq!(Run::here(&["config", "print", "-j"]).outcome().json()["template"], printed);
}

#[test]
fn all_that_is_wrong_is_said_with_its_place() {
    let folder = Folder::new();
    folder.write("max_pair = 1\n\n[web]\ndrop_locations = 2\n");
    let path = folder.path("agent.toml");
    let outcome = Run::here(&["config", "check", &path]).outcome();
    assert_eq!(outcome.code, Some(2));
    let expected = format!(
        "{path}:1:1: max_pair: there is no such key; did you mean max_pairs?\n\
         {path}:4:18: web.drop_locations: it must be true or false, not integer `2`\n"
    );
    assert_eq!(outcome.stdout, expected);
    assert_eq!(outcome.stderr, format!("veth-observer: there are 2 mistakes in {path}\n"));
    let outcome = Run::here(&["config", "check", "-j", &path]).outcome();
    let checked: Value = serde_json::from_str(&outcome.stdout).unwrap();
    assert_eq!((&checked["schema"], &checked["file"]), (&1.into(), &path.clone().into()));
    let places: Vec<Value> = checked["problems"]
        .as_array()
        .unwrap()
        .iter()
        .map(|problem| serde_json::json!([problem["line"], problem["column"], problem["key"]]))
        .collect();
    assert_eq!(Value::from(places), serde_json::json!([[1, 1, "max_pair"], [4, 18, "web.drop_locations"]]));
    // An agent does not begin with it.
    let sentence = Run::here(&["agent", "--once", "--config", &path]).outcome().fails(2);
    let first =
        format!("{path}:1:1: max_pair: there is no such key; did you mean max_pairs?, and one more mistake");
    assert_eq!(sentence, first);
    let sentence = Run::here(&["agent", "--once", "--config", "/nowhere/x.toml"]).outcome().fails(2);
    assert_eq!(sentence, "cannot read /nowhere/x.toml: no such file or directory");
    Run::here(&["config", "check", "/nowhere/x.toml"]).outcome().fails(2);
    Run::here(&["config", "print", "--max-pairs", "3"]).outcome().fails(2);
}

/// Runs it with these variables, and gives the value of a setting and where it comes from.
fn effective(variables: &str, flags: &[&str], key: &str) -> (Value, String) {
    let script = format!(r#"{variables} exec "$0" config print --effective -j "$@""#);
    let effective = Run::shell(&script, flags).outcome().json();
    let row = effective["settings"].as_array().unwrap().iter().find(|row| row["key"] == key).unwrap();
    (row["value"].clone(), row["from"].as_str().unwrap().to_owned())
}

#[test]
fn flags_variables_file_and_default_in_that_order() {
    let folder = Folder::new();
    folder.write("# one\nmax_pairs = 1\n[web]\ncoarse_histograms = true");
    let path = folder.path("agent.toml");
    let (of_file, variable) = (["--config", &path], "VETH_OBSERVER_MAX_PAIRS=2");
    let is = |value: i64, from: &str| (Value::from(value), from.to_owned());
    let key = "max_pairs";
    assert_eq!(effective("", &["--config", "/dev/null"], key), is(1000, "default"));
    assert_eq!(effective("", &of_file, key), is(1, "line 2"));
    assert_eq!(effective(&format!("VETH_OBSERVER_CONFIG={path}"), &[], key), is(1, "line 2"));
    assert_eq!(effective(variable, &of_file, key), is(2, "VETH_OBSERVER_MAX_PAIRS"));
    let flags = [&of_file[..], &["--max-pairs", "3"]].concat();
    assert_eq!(effective(variable, &flags, key), is(3, "--max-pairs"));
    let pairs = "VETH_OBSERVER_PAIRS=veth0,pair:web";
    let expected = (serde_json::json!(["veth0", "pair:web"]), "VETH_OBSERVER_PAIRS".to_owned());
    assert_eq!(effective(pairs, &of_file, "pairs"), expected);
    let coarse = "web.coarse_histograms";
    assert_eq!(effective("", &of_file, coarse), (true.into(), "line 4".into()));
    let not = "VETH_OBSERVER_WEB_COARSE_HISTOGRAMS=false";
    assert_eq!(effective(not, &of_file, coarse), (false.into(), not.trim_end_matches("=false").into()));
    // What is printed for people says the same to whoever reads it.
    let printed =
        Run::here(&["config", "print", "--effective", "--config", &path, "--max-pairs", "3"]).outcome().ok();
    assert!(printed.contains("\nmax_pairs = 3 # --max-pairs\n"), "{printed}");
    folder.write(&printed);
    assert_eq!(effective("", &of_file, key).0, Value::from(3));
}

/// In a view of the files where /etc is another.
#[test]
fn the_file_of_the_machine_is_read_where_none_is_named() {
    let folder = Folder::new();
    std::fs::create_dir(folder.path("veth-observer")).unwrap();
    let effective = || {
        let script = r#"mount --bind "$1" /etc && exec "$0" config print --effective -j"#;
        Run::mounting(script, &[&folder.path("")]).outcome()
    };
    assert_eq!(effective().json()["file"], Value::Null);
    std::fs::write(folder.path("veth-observer/config.toml"), "max_pairs = 4").unwrap();
    let found = effective().json();
    assert_eq!(
        (&found["file"], &found["settings"][2]["value"]),
        (&"/etc/veth-observer/config.toml".into(), &4.into())
    );
    std::fs::write(folder.path("veth-observer/config.toml"), "max_pairs = x").unwrap();
    assert!(effective().fails(2).starts_with("/etc/veth-observer/config.toml:1:"));
}

#[test]
fn an_alias_is_a_name_for_every_command() {
    let lab = crate::fleet::quiet(2);
    crate::fleet::make(&lab, 0..1);
    let folder = Folder::new();
    folder.write(&format!("[[alias]]\nname = 'front'\npair = 'netns:{}/p0'", lab.name(0)));
    let run = |args: &[&str]| {
        let script = format!(r#"VETH_OBSERVER_CONFIG={} exec "$0" "$@""#, folder.path("agent.toml"));
        Run::shell(&script, args).outcome()
    };
    let peer = |pair: &str| run(&["peer", "--name-only", pair]);
    let listed = run(&["list", "-j"]).json();
    let is_ours = |pair: &&Value| {
        pair["ends"][0]["netns"]["name"] == lab.name(0) || pair["ends"][1]["netns"]["name"] == lab.name(0)
    };
    assert_eq!(listed["pairs"].as_array().unwrap().iter().find(is_ours).unwrap()["pair"], "front");
    let listed = run(&["list", "--fields", "pair"]).ok();
    assert!(listed.lines().any(|line| line == "front"), "{listed}");
    assert_eq!(peer("pair:front").ok(), "q0\n");
    // What the pair is called without is no other pair's name, and still asks for it.
    let plain = format!("pair:{}/p0", lab.name(0)).min(format!("pair:{}/q0", lab.name(1)));
    assert!(["p0\n", "q0\n"].contains(&peer(&plain).ok().as_str()));
    peer("pair:back").fails(4);
    folder.write("[[alias]]");
    assert_eq!(peer("pair:front").code, Some(2));
    assert_eq!(peer(&format!("netns:{}/p0", lab.name(0))).ok(), "q0\n", "which needs no file");
}
