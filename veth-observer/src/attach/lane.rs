//! Which words of the control block are ours: two observers on one pair must not write over each other's stamps.

use std::{
    fmt, io,
    os::{
        linux::net::SocketAddrExt,
        unix::net::{SocketAddr, UnixDatagram},
    },
    sync::OnceLock,
};

use anyhow::Result;
use veth_observer_common::settings::LANES;

use crate::{
    model::link::End,
    netns::{HOST, Namespace},
};

/// A lane of the control block, ours on both ends of a pair as long as this lives.
///
/// The claim is an abstract unix socket per end: the kernel makes it exclusive and drops it with the process, SIGKILL
/// included. It lies in the namespace of pid 1, where every observer that may enter it looks, and not in that of the end,
/// which a socket would keep alive after its container.
#[derive(Debug)]
pub struct Lane {
    pub index: usize,
    claims: Vec<UnixDatagram>,
}

/// Why there is no lane.
#[derive(Debug)]
pub struct Taken(String);

impl fmt::Display for Taken {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl std::error::Error for Taken {}

impl Lane {
    /// Takes the first lane that is free on all these ends: both, or one that is observed alone, which takes the last, since
    /// it writes no stamp.
    pub fn claim(ends: &[&End]) -> Result<Self> {
        let mut lanes: Vec<usize> = (0..LANES.len()).collect();
        if ends.len() == 1 {
            lanes.reverse();
        }
        let claim = || -> io::Result<_> {
            for &index in &lanes {
                let claims: Option<Vec<_>> =
                    ends.iter().map(|end| claim_end(index, end)).collect::<io::Result<_>>()?;
                if let Some(claims) = claims {
                    return Ok(Some((index, claims)));
                }
            }
            Ok(None)
        };
        let claims = match meeting_place()?.run(claim) {
            // Without stamps it is only in the way of its like.
            Err(_) if ends.len() == 1 => Namespace::current()?.run(claim)?,
            claims => claims?,
        };
        match claims? {
            Some((index, claims)) => Ok(Self { index, claims }),
            None => Err(Taken(format!(
                "{} observers are already on {}, which is as many as a pair can carry; stop one of them",
                LANES.len(),
                ends.iter().map(|end| end.label()).collect::<Vec<_>>().join(" and ")
            ))
            .into()),
        }
    }

    /// Takes the same lane of an end that moved, also where it is now; false when somebody has it there.
    pub fn follow(&mut self, end: &End) -> Result<bool> {
        let claim = meeting_place()?.run(|| claim_end(self.index, end))??;
        let is_ours = claim.is_some();
        self.claims.extend(claim);
        Ok(is_ours)
    }
}

/// Found once, since that is a look at every process. It cannot die: pid 1 lives in it, or this process does.
fn meeting_place() -> Result<&'static Namespace> {
    static PLACE: OnceLock<Namespace> = OnceLock::new();
    if let Some(place) = PLACE.get() {
        return Ok(place);
    }
    let place = Namespace::by_name(HOST).or_else(|_| Namespace::current())?;
    Ok(PLACE.get_or_init(|| place))
}

fn claim_end(lane: usize, end: &End) -> io::Result<Option<UnixDatagram>> {
    let netns = end.netns.cookie.or(end.netns.inode).unwrap_or_default();
    let name = format!("veth-observer/netns{netns}/ifindex{}/lane{lane}", end.ifindex);
    match UnixDatagram::bind_addr(&SocketAddr::from_abstract_name(name)?) {
        Ok(socket) => Ok(Some(socket)),
        Err(error) if error.kind() == io::ErrorKind::AddrInUse => Ok(None),
        Err(error) => Err(error),
    }
}
