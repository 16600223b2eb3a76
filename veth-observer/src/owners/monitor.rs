//! The process that a runtime leaves beside a container, and what its command line says.

use super::{cgroup, processes::Processes};

/// What the monitor of a container says of it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Monitor {
    pub(super) pid: u32,
    pub(super) said: Said,
}

#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Said {
    pub(super) runtime: Option<&'static str>,
    /// Of the container, or of the first one of a pod.
    pub(super) id: Option<String>,
    /// Directory of config.json; none where it is beside the working directory of the monitor.
    pub(super) bundle: Option<String>,
    /// Where Podman and CRI-O keep what goes with the next boot.
    pub(super) run: Option<String>,
}

/// How far above the process it may be: a shell that was started in a container, and its children.
const STEPS: usize = 16;

/// How their short names begin.
const NAMES: [&str; 2] = ["conmon", "containerd-shim"];

/// The monitor above a process. `id` is the container's, where its cgroup tells.
///
/// What runs in the container may call itself anything, so nothing counts that is in the container's cgroup or above it.
pub(super) fn above(processes: &Processes, pid: u32, id: Option<&str>) -> Option<Monitor> {
    let own = processes.cgroup(pid)?;
    let mut at = pid;
    for _ in 0..STEPS {
        at = processes.parent(at)?;
        let name = processes.comm(at)?;
        if !NAMES.iter().any(|monitor| name.starts_with(monitor)) {
            continue;
        }
        let arguments = processes.arguments(at)?;
        let Some(said) = said(&arguments.iter().map(String::as_str).collect::<Vec<_>>()) else { continue };
        let there = processes.cgroup(at)?;
        if id.is_none_or(|id| said.is_of(id)) && is_outside(&there, &own, id) {
            return Some(Monitor { pid: at, said });
        }
    }
    None
}

impl Said {
    /// Whether it may be the monitor of this container: containerd's is that of a whole pod.
    fn is_of(&self, id: &str) -> bool {
        self.runtime == Some("containerd") || self.id.as_deref() == Some(id)
    }
}

/// Whether a process with the cgroups `there` is in no cgroup of a container with the cgroups `own`.
fn is_outside(there: &str, own: &str, id: Option<&str>) -> bool {
    match id {
        Some(id) => !cgroup::paths(there).any(|path| path.split('/').any(|part| is_of(part, id))),
        None => !cgroup::paths(there).any(|above| {
            cgroup::paths(own).any(|path| path == above || path.starts_with(&format!("{above}/")))
        }),
    }
}

/// Whether a part of a path is the container's own; `libpod-conmon-ID.scope` is not.
fn is_of(part: &str, id: &str) -> bool {
    part.contains(id) && !part.contains("conmon")
}

fn said(arguments: &[&str]) -> Option<Said> {
    let program = arguments.first()?.rsplit('/').next()?;
    let one_of = |names: &[&str]| -> Option<String> {
        let mut rest = arguments.iter().skip(1);
        while let Some(argument) = rest.next() {
            if names.contains(argument) {
                return rest.next().map(|value| (*value).to_owned());
            }
            let joined = argument.split_once('=').filter(|(name, _)| names.contains(name));
            if let Some((_, value)) = joined {
                return Some(value.to_owned());
            }
        }
        None
    };
    if program == "conmon" || program == "conmonrs" {
        let run = one_of(&["-p", "--container-pidfile"]);
        let run =
            run.and_then(|pidfile| Some(pidfile.rsplit_once("/userdata/")?.0.rsplit_once('/')?.0.to_owned()));
        // Podman and CRI-O both; config.json tells which.
        return Some(Said {
            runtime: None,
            id: one_of(&["-c", "--cid"]),
            bundle: one_of(&["-b", "--bundle"]),
            run,
        });
    }
    if program.starts_with("containerd-shim") {
        let docker = one_of(&["-namespace", "--namespace"]).is_some_and(|namespace| namespace == "moby");
        let runtime = Some(if docker { "docker" } else { "containerd" });
        return Some(Said { runtime, id: one_of(&["-id", "--id"]), ..Said::default() });
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    const ID: &str = "3f9c1d2a77b04c5c8f1e6a2b9d0e7f3a4b5c6d7e8f90a1b2c3d4e5f607182930";

    #[test]
    fn conmon_says_where_everything_is() {
        let root = format!("/var/lib/containers/storage/overlay-containers/{ID}/userdata");
        let run = format!("/run/containers/storage/overlay-containers/{ID}/userdata/pidfile");
        let line = format!(
            "/usr/bin/conmon --api-version 1 -c {ID} -u {ID} -r /usr/bin/runc -b {root} -p {run} -n web \
             --exit-dir /run/libpod/exits --full-attach -l journald --exit-command-arg --root"
        );
        let expected = Said {
            runtime: None,
            id: Some(ID.into()),
            bundle: Some(root.clone()),
            run: Some("/run/containers/storage/overlay-containers".into()),
        };
        assert_eq!(said(&line.split(' ').collect::<Vec<_>>()), Some(expected));
        let joined = ["conmon", "--cid=a", "--bundle=/b"];
        let expected = Said { id: Some("a".into()), bundle: Some("/b".into()), ..Said::default() };
        assert_eq!(said(&joined), Some(expected));
    }

    #[test]
    fn a_shim_says_whose_it_is() {
        let shim = |namespace: &str| {
            let line = format!(
                "/usr/bin/containerd-shim-runc-v2 -namespace {namespace} -id {ID} -address /run/containerd/containerd.sock"
            );
            said(&line.split(' ').collect::<Vec<_>>()).unwrap()
        };
        assert_eq!(shim("moby").runtime, Some("docker"));
        assert_eq!(shim("k8s.io").runtime, Some("containerd"));
        assert_eq!(shim("default").id.as_deref(), Some(ID));
    }

    #[test]
    fn a_monitor_is_that_of_its_container_or_of_its_pod() {
        let said = |runtime, id: &str| Said { runtime, id: Some(id.into()), ..Said::default() };
        assert!(said(None, ID).is_of(ID) && said(Some("docker"), ID).is_of(ID));
        assert!(!said(None, "other").is_of(ID) && !said(Some("docker"), "other").is_of(ID));
        assert!(said(Some("containerd"), "sandbox").is_of(ID));
        assert!(!Said::default().is_of(ID));
    }

    #[test]
    fn others_say_nothing() {
        for line in ["", "sleep 300", "conmonitor -c x", "/bin/sh conmon -c x", "dockerd"] {
            assert_eq!(said(&line.split(' ').collect::<Vec<_>>()), None, "{line}");
        }
        assert_eq!(said(&["conmon", "-c"]), Some(Said::default()), "cut off");
    }

    #[test]
    fn what_is_in_the_container_is_no_monitor() {
        let own = format!("4:memory:/docker/{ID}/sub\n0::/docker/{ID}/sub\n");
        assert!(!is_outside(&format!("4:memory:/docker/{ID}\n0::/\n"), &own, Some(ID)));
        assert!(is_outside("4:memory:/system.slice/docker.service\n0::/\n", &own, Some(ID)));
        let conmon = format!("0::/machine.slice/libpod-conmon-{ID}.scope\n");
        assert!(is_outside(&conmon, &format!("0::/machine.slice/libpod-{ID}.scope/container\n"), Some(ID)));
        // Where the path tells no id.
        assert!(!is_outside("0::/default/t1\n", "0::/default/t1/sub\n", None));
        assert!(!is_outside("0::/default/t1\n", "0::/default/t1\n", None));
        assert!(is_outside("0::/default/t10\n", "0::/default/t1\n", None));
        assert!(is_outside("0::/\n", "0::/default/t1\n", None));
    }
}
