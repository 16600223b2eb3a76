//! Which container a process is in, from its /proc/PID/cgroup. Pure.
//!
//! Every runtime puts the container's id into the path, and so does every driver of cgroups, each in a way of its own. In a
//! container within a container there are several; the last one is the one that the process is in.

use super::details::text;

/// A container as the path of its cgroup tells it.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(super) struct Trace {
    /// None where the path has nothing but the id.
    pub(super) runtime: Option<&'static str>,
    /// Sixty-four hexadecimal digits, or the name where the runtime has no other id.
    pub(super) id: String,
    /// The uid of a Kubernetes pod, or the id of a Podman one.
    pub(super) pod: Option<String>,
    /// How many containers it is in, itself included.
    pub(super) depth: usize,
}

/// The container of a process, from the text of its /proc/PID/cgroup.
pub(super) fn container(text: &str) -> Option<Trace> {
    let mut paths: Vec<(&str, &str)> = text.lines().filter_map(path).collect();
    // The unified hierarchy, then systemd's, then any: not every runtime makes a cgroup in all of them.
    paths.sort_by_key(|(controllers, _)| match *controllers {
        "" => 0,
        "name=systemd" => 1,
        _ => 2,
    });
    paths.into_iter().find_map(|(_, path)| of_path(path))
}

/// All paths that are not the root.
pub(super) fn paths(text: &str) -> impl Iterator<Item = &str> {
    text.lines().filter_map(|line| Some(path(line)?.1)).filter(|path| *path != "/")
}

/// Controllers and path of a line, cgroups(7): `4:memory:/docker/…`.
fn path(line: &str) -> Option<(&str, &str)> {
    let mut fields = line.splitn(3, ':').skip(1);
    Some((fields.next()?, fields.next()?))
}

fn of_path(path: &str) -> Option<Trace> {
    let parts: Vec<&str> = path.split('/').filter(|part| !part.is_empty()).collect();
    if parts.last() == Some(&"conmon") {
        // Podman's monitor of a pod's containers, beside them.
        return None;
    }
    let mut found: Option<Trace> = None;
    let mut pod = None;
    for (at, &part) in parts.iter().enumerate() {
        if let Some(uid) = pod_of(part) {
            pod = Some(uid);
        }
        let before = at.checked_sub(1).map(|before| parts[before]);
        let Some((runtime, id)) = named(part).or_else(|| below(before, part)) else { continue };
        let is_pod = runtime.is_none() && parts.get(at + 1).is_some_and(|next| next.starts_with("libpod-"));
        if is_pod {
            pod = Some(id);
            continue;
        }
        let depth = found.as_ref().map_or(1, |outer| outer.depth + 1);
        found = Some(Trace { runtime, id, pod: pod.take(), depth });
    }
    found
}

/// `docker-ID.scope` and its kin.
const PREFIXES: [(&str, &str); 9] = [
    ("docker-", "docker"),
    ("cri-containerd-", "containerd"),
    ("nerdctl-", "containerd"),
    ("crio-", "cri-o"),
    ("libpod-payload-", "podman"),
    ("libpod-", "podman"),
    ("podman-", "podman"),
    ("containerd-", "containerd"),
    ("runc-", "runc"),
];

/// A part of a path that names its runtime.
fn named(part: &str) -> Option<(Option<&'static str>, String)> {
    if let Some(name) = part.strip_prefix("lxc.payload.") {
        return Some((Some("lxc"), text(name)?));
    }
    let unit = part.strip_suffix(".scope").unwrap_or(part);
    if let Some((_, id)) = unit.rsplit_once(':') {
        // The driver for systemd's slices where there is no systemd: `SLICE:cri-containerd:ID`.
        let (rest, _) = unit.rsplit_once(':')?;
        let (_, prefix) = rest.rsplit_once(':')?;
        return of_prefix(&format!("{prefix}-{id}"));
    }
    if let Some(found) = of_prefix(unit) {
        return Some(found);
    }
    let machine = part.strip_prefix("machine-").and_then(|rest| rest.strip_suffix(".scope"));
    let service = || part.strip_prefix("systemd-nspawn@")?.strip_suffix(".service");
    let name = unescape(machine.or_else(service)?);
    // What libvirt registers is a virtual machine, or a container of its own kind.
    let libvirt = ["qemu-", "lxc-"].iter().any(|kind| name.starts_with(kind));
    Some((Some("systemd-nspawn"), text(&name).filter(|_| !libvirt)?))
}

fn of_prefix(unit: &str) -> Option<(Option<&'static str>, String)> {
    let (prefix, runtime) = PREFIXES.iter().find(|(prefix, _)| {
        unit.strip_prefix(prefix).is_some_and(|id| is_id(id) || (*prefix == "runc-" && text(id).is_some()))
    })?;
    Some((Some(*runtime), unit[prefix.len()..].to_owned()))
}

/// A part that is named by the one before it.
fn below(before: Option<&str>, part: &str) -> Option<(Option<&'static str>, String)> {
    if is_id(part) {
        return Some((before.filter(|before| *before == "docker").map(|_| "docker"), part.to_owned()));
    }
    let is_lxc = matches!(before, Some("lxc" | "lxc.payload"));
    Some((Some("lxc"), text(part).filter(|_| is_lxc)?))
}

/// Sixty-four hexadecimal digits, as all runtimes but LXC and nspawn make them.
pub(super) fn is_id(text: &str) -> bool {
    text.len() == 64 && text.bytes().all(|byte| matches!(byte, b'0'..=b'9' | b'a'..=b'f'))
}

/// `pod<uid>`, `kubepods-burstable-pod<uid>.slice`, `machine-libpod_pod_<id>.slice`.
fn pod_of(part: &str) -> Option<String> {
    // With the driver for slices where there is no systemd, more follows.
    let part = part.split(':').next()?;
    let slice = part.strip_suffix(".slice");
    if let Some((_, id)) = slice.and_then(|slice| slice.split_once("libpod_pod_")) {
        return is_id(id).then(|| id.to_owned());
    }
    let uid = match slice {
        Some(slice) if slice.contains("kubepods") => slice.rsplit_once("-pod")?.1,
        Some(_) => return None,
        None => part.strip_prefix("pod")?,
    };
    let is_uid = uid.len() >= 32 && uid.bytes().all(|byte| byte.is_ascii_hexdigit() || b"-_".contains(&byte));
    is_uid.then(|| uid.replace('_', "-"))
}

/// systemd writes a character that a unit may not have as `\x2d`, systemd.unit(5).
fn unescape(unit: &str) -> String {
    let mut rest = unit;
    let mut out = String::with_capacity(unit.len());
    while let Some((before, after)) = rest.split_once("\\x") {
        out.push_str(before);
        let code = after.get(..2).and_then(|digits| u8::from_str_radix(digits, 16).ok());
        if let Some(code) = code.filter(u8::is_ascii) {
            out.push(char::from(code));
            rest = &after[2..];
        } else {
            out.push_str("\\x");
            rest = after;
        }
    }
    out + rest
}

#[cfg(test)]
mod tests;
