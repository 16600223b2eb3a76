//! The ends of a pair that can be entered, and what is said of one that cannot.

use super::failure::Failure;
use crate::{
    model::link::Netns,
    netns::{Address, Namespace},
    topology::Seen,
};

/// The namespaces of the ends; none where it cannot be entered, but at least one.
pub(super) fn namespaces(seen: &Seen) -> Result<[Option<Namespace>; 2], Failure> {
    let mut namespaces = [None, None];
    for (at, can_be_entered) in seen.can_be_entered().into_iter().enumerate() {
        if can_be_entered {
            let namespace = seen.addresses[at].as_ref().and_then(Address::open).ok_or(Failure::Gone)?;
            // An inode may by now be another namespace's.
            if namespace.cookie() != seen.pair.ends[at].netns.cookie {
                return Err(Failure::Gone);
            }
            namespaces[at] = Some(namespace);
        }
    }
    if namespaces.iter().all(Option::is_none) { Err(Failure::Unreachable) } else { Ok(namespaces) }
}

/// What the numbers of a pair do not tell of which one end is out of reach, and what would mend it.
pub(super) fn limit(seen: &Seen) -> Option<String> {
    let at = seen.can_be_entered().into_iter().position(|can_be_entered| !can_be_entered)?;
    let (far, near) = (&seen.pair.ends[at], &seen.pair.ends[1 - at]);
    let why = match (&seen.addresses[at], &far.netns) {
        (Some(_), netns) => format!("{netns} cannot be entered (CAP_SYS_ADMIN lets the agent)"),
        (None, Netns { name: None, inode: None, .. }) => {
            "no process, name or file that can be seen leads to its namespace (CAP_SYS_PTRACE shows those of other users, \
             and in a container the pid namespace of the host those of all)"
                .to_owned()
        }
        (None, netns) => format!("{netns} cannot be opened (CAP_SYS_PTRACE lets the agent)"),
    };
    Some(format!(
        "{} is not observed: {why}. Only what leaves {} and what arrives there is told, and nothing of the way between them; \
         bytes that arrive lack the headers that the frames of a buffer share",
        far.label(),
        near.label()
    ))
}
