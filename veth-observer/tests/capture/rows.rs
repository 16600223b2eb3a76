//! A row of files, of which the last are kept.

use std::path::{Path, PathBuf};

use super::{File, count, fields_of, numbered};
use crate::support::{
    command::Run,
    netns::eventually,
    wire::{Wire, X},
};

/// A folder of this test's own, gone with the value.
struct Folder(PathBuf);

impl Folder {
    fn new(name: &str) -> Self {
        let File(ref path) = File::new(name);
        std::fs::create_dir(path).unwrap();
        Self(path.clone())
    }

    fn file(&self, name: &str) -> PathBuf {
        self.0.join(name)
    }

    fn names(&self) -> Vec<String> {
        let mut names: Vec<String> = self
            .0
            .read_dir()
            .unwrap()
            .map(|entry| entry.unwrap().file_name().into_string().unwrap())
            .collect();
        names.sort_unstable();
        names
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        let _ = std::fs::remove_dir_all(&self.0);
    }
}

const LEAST: &str = "8KiB";

fn send(wire: &Wire, numbers: std::ops::Range<u32>) {
    wire.lab.send_in_turn(0, X, numbers.map(|number| numbered(number, 100)));
}

#[test]
fn the_last_files_are_kept_and_each_is_whole() {
    let wire = Wire::new();
    let folder = Folder::new("row");
    let pattern = folder.file("web.pcapng");
    let (selector, file) = (wire.selector(), pattern.to_str().unwrap());
    let capture =
        Run::here(&["capture", &selector, "-w", file, "--rotate", LEAST, "--files", "3"]).observing();
    send(&wire, 0..1000);
    let outcome = capture.interrupt();
    assert_eq!(outcome.code, Some(0), "{outcome:?}");

    let names = folder.names();
    assert_eq!(names.len(), 3, "{names:?}");
    let begun: u32 = names[2]["web-".len()..][..4].parse().unwrap();
    let expected: Vec<String> = (begun - 2..=begun).map(|at| format!("web-{at:04}.pcapng")).collect();
    assert_eq!(names, expected);
    assert!(outcome.stderr.contains(&format!(" in {begun} files, of which 3 are kept, ")), "{outcome:?}");
    let mut numbers = Vec::new();
    for (at, name) in names.iter().enumerate() {
        let path = folder.file(name);
        // The last may have just been begun.
        assert!(path.metadata().unwrap().len() <= 8 << 10 && count(&path) > if at < 2 { 10 } else { 0 });
        assert_statistics(&path);
        let path = path.to_str().unwrap();
        numbers.extend(fields_of(path, "frame.interface_name == \"vy\"", &["data.data"]));
    }
    let numbers: Vec<u32> = numbers.iter().map(|hex| u32::from_str_radix(&hex[..8], 16).unwrap()).collect();
    let first = 1000 - u32::try_from(numbers.len()).unwrap();
    assert_eq!(numbers, (first..1000).collect::<Vec<_>>());
}

/// Both interfaces are described and have their statistics.
fn assert_statistics(path: &Path) {
    let text = crate::support::netns::run("capinfos", &["-I", path.to_str().unwrap()]);
    assert_eq!(text.matches("Number of stat entries = 1").count(), 2, "{text}");
}

#[test]
fn a_file_that_another_put_in_the_place_of_ours_stays() {
    let wire = Wire::new();
    let folder = Folder::new("stays");
    let pattern = folder.file("web");
    let (selector, file) = (wire.selector(), pattern.to_str().unwrap());
    let capture =
        Run::here(&["capture", &selector, "-w", file, "--rotate", LEAST, "--files", "2"]).observing();
    let mut sent = 0;
    eventually("a second file", || {
        send(&wire, sent..sent + 1);
        sent += 1;
        folder.file("web-0002").exists()
    });
    // Moved away, not removed: the number of a file that is gone is soon another's.
    std::fs::rename(folder.file("web-0001"), folder.file("kept")).unwrap();
    std::fs::write(folder.file("web-0001"), "not yours").unwrap();
    send(&wire, sent..1000);
    assert_eq!(capture.interrupt().code, Some(0));
    assert_eq!(std::fs::read_to_string(folder.file("web-0001")).unwrap(), "not yours");
    assert!(count(&folder.file("kept")) > 10);
    assert_eq!(folder.names().len(), 4, "{:?}", folder.names());
}
