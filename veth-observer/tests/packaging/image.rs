//! The image of the container.

use veth_observer::agent::http::{Address, PORT};

use super::{listens, packaged, read};

#[test]
fn it_is_built_by_the_oldest_rust_that_we_promise_from_files_that_are_there() {
    let file = read("container/Containerfile");
    let rust = env!("CARGO_PKG_RUST_VERSION");
    assert!(file.contains(&format!("FROM docker.io/library/rust:{rust}-")), "{file}");
    for line in
        file.lines().filter_map(|line| line.strip_prefix("COPY ")).filter(|line| !line.starts_with("--"))
    {
        let mut sources: Vec<&str> = line.split(' ').collect();
        sources.pop();
        for source in sources {
            assert!(packaged("..").join(source).exists(), "{source}");
        }
    }
    assert!(file.contains(&format!("\nEXPOSE {PORT}\n")));
    let (_, command) = file.split_once("\nCMD ").unwrap();
    let command: Vec<String> = serde_json::from_str(command).unwrap();
    let command: Vec<&str> = command.iter().map(String::as_str).collect();
    assert_eq!(listens(&command), [format!(":{PORT}").parse::<Address>().unwrap()]);
}
