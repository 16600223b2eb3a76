//! cls_bpf filters on clsact qdiscs, for kernels without tcx. They outlive their process and must be taken off by hand.

use std::{
    io,
    os::{
        fd::{AsFd, BorrowedFd},
        linux::net::SocketAddrExt,
        unix::net::{SocketAddr, UnixDatagram},
    },
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
};

use anyhow::{Context, Result, anyhow, bail};
use veth_observer_common::settings::PROGRAMS;

use super::{
    qdisc::{ALL_PROTOCOLS, Filter, NotMade, Place, Way},
    rtnetlink::Rtnetlink,
};
use crate::{
    fault::Fault,
    kernel::{Loaded, features},
    model::link::End,
};

/// Before all filters that are there for a reason.
const PRIORITY: u16 = 1;

/// Major number of the handles of our filters: "vo".
const MAJOR: u16 = 0x766f;

/// Bit of the minor number: the qdisc is of our making. The lane stands above it.
const MADE: u16 = 1;

/// The clsact qdisc of one end: the one that is there, else one that comes with the first filter.
///
/// The netlink socket keeps the namespace alive while we observe, also when its container is gone. That is the price of
/// filters: they can only be removed from inside.
#[derive(Debug)]
pub(super) struct Site {
    netlink: Rtnetlink,
    ifindex: u32,
    label: String,
    /// Nothing is there yet.
    bare: AtomicBool,
    /// We make the qdisc, or another observer did that is still on it: whoever leaves last removes it.
    made: AtomicBool,
}

impl Site {
    /// Runs in the namespace of the end.
    pub(super) fn open(end: &End, notice: fn(&str)) -> Result<Arc<Self>> {
        let (netlink, ifindex, label) = (Rtnetlink::open()?, end.ifindex, end.label());
        let place = netlink.place(ifindex)?;
        let made = match place {
            Place::Free => {
                notice(&format!(
                    "adding a clsact qdisc to {label} may lose some 50 frames of traffic in flight"
                ));
                true
            }
            Place::Clsact => made_by_us(&netlink, ifindex)?,
            Place::Other => {
                bail!(
                    "{label} has an ingress qdisc, which stands where the clsact qdisc must; see `tc qdisc show dev {label}`"
                )
            }
        };
        let (bare, made) = (AtomicBool::new(place == Place::Free), AtomicBool::new(made));
        Ok(Arc::new(Self { netlink, ifindex, label, bare, made }))
    }

    fn add(&self, way: Way, filter: &Filter, program: BorrowedFd) -> Result<()> {
        if !self.bare.load(Ordering::Relaxed) {
            return self
                .netlink
                .add_filter(self.ifindex, way, filter, program)
                .map_err(|error| explain_filter(&error));
        }
        let made = self.netlink.add_clsact_with_filter(self.ifindex, way, filter, program);
        made.map_err(|not_made| match not_made {
            NotMade::Qdisc(error) => explain_qdisc(error, &self.label),
            NotMade::Filter(error) => explain_filter(&error),
        })?;
        self.bare.store(false, Ordering::Relaxed);
        Ok(())
    }
}

/// One program on one hook; taken off when dropped.
#[derive(Debug)]
pub(super) struct Hook {
    pub(super) end: usize,
    site: Arc<Site>,
    way: Way,
    handle: u32,
    /// Id of the program.
    pub(super) program: u32,
    /// Until after the filter is gone: see [`claim`].
    _claim: UnixDatagram,
}

/// How an end was lost.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Lost {
    Device,
    Filter,
}

impl Hook {
    /// What is no longer there, if anything.
    pub(super) fn lost(&self) -> Option<Lost> {
        let netlink = &self.site.netlink;
        // What cannot be asked now is asked again soon.
        let there = self.find(netlink, self.site.ifindex).map_or(true, |filter| filter.is_some());
        if there {
            return None;
        }
        let device = netlink.has_device(self.site.ifindex).unwrap_or(true);
        Some(if device { Lost::Filter } else { Lost::Device })
    }

    pub(super) fn ifindex(&self) -> u32 {
        self.site.ifindex
    }

    /// Whether it is on the device of this index in the namespace of the calling thread.
    pub(super) fn is_on(&self, ifindex: u32) -> bool {
        Rtnetlink::open()
            .and_then(|netlink| self.find(&netlink, ifindex))
            .is_ok_and(|filter| filter.is_some())
    }

    fn find(&self, netlink: &Rtnetlink, ifindex: u32) -> io::Result<Option<Filter>> {
        let filters = netlink.filters(ifindex, self.way)?;
        let ours = |filter: &Filter| filter.handle == self.handle && filter.program == self.program;
        Ok(filters.into_iter().find(ours))
    }
}

impl Drop for Hook {
    fn drop(&mut self) {
        let Site { netlink, ifindex, label, made, .. } = &*self.site;
        let removed = self.find(netlink, *ifindex).and_then(|found| {
            let done = match found {
                Some(filter) => netlink.remove(*ifindex, self.way, &filter, made.load(Ordering::Relaxed))?,
                // Somebody cleared the hook, and the qdisc that is there now may be theirs.
                None => true,
            };
            if done {
                made.store(false, Ordering::Relaxed);
            }
            Ok(())
        });
        if let Err(error) = removed.or_else(unless_gone) {
            tracing::warn!("a filter on {label} is left behind: {error}");
        }
    }
}

/// Runs in the namespace of the end.
pub(super) fn attach(
    loaded: &mut Loaded,
    lane: usize,
    index: usize,
    end: &End,
    site: &Arc<Site>,
    way: Way,
) -> Result<Hook> {
    let filters = site.netlink.filters(end.ifindex, way)?;
    if filters.iter().any(stands_in_our_place) {
        bail!(
            "{} has filters of another kind at priority {PRIORITY}, where the observer's must stand; give them a higher number",
            end.label()
        );
    }
    let minor = u16::try_from(lane << 1)? | if site.made.load(Ordering::Relaxed) { MADE } else { 0 };
    let program = loaded.program(index, way == Way::Ingress)?;
    let info = program.info()?;
    let id = info.id();
    let filter = Filter {
        kind: "bpf".into(),
        chain: 0,
        priority: PRIORITY,
        protocol: ALL_PROTOCOLS,
        handle: u32::from(MAJOR) << 16 | u32::from(minor),
        name: info.name_as_str().unwrap_or_default().to_owned(),
        program: id,
    };
    let claim = claim(id)?.context("another process claims to hold our program")?;
    site.add(way, &filter, program.fd()?.as_fd())?;
    Ok(Hook { end: index, site: site.clone(), way, handle: filter.handle, program: id, _claim: claim })
}

/// Whether a filter at our priority keeps ours from joining it: all of one priority share kind and protocol.
fn stands_in_our_place(filter: &Filter) -> bool {
    let joinable = filter.kind == "bpf" && filter.protocol == ALL_PROTOCOLS;
    filter.priority == PRIORITY && filter.chain == 0 && !joinable
}

/// Whether a filter is an observer's, living or dead.
pub(super) fn is_ours(filter: &Filter) -> bool {
    let named = PROGRAMS.as_flattened().contains(&filter.name.as_str());
    named && filter.program != 0 && filter.handle >> 16 == u32::from(MAJOR)
}

/// Whether the qdisc under one of our filters is of our making.
pub(super) fn marks_made(filter: &Filter) -> bool {
    filter.handle & u32::from(MADE) != 0
}

fn made_by_us(netlink: &Rtnetlink, ifindex: u32) -> io::Result<bool> {
    for way in Way::BOTH {
        if netlink.filters(ifindex, way)?.iter().any(|filter| is_ours(filter) && marks_made(filter)) {
            return Ok(true);
        }
    }
    Ok(false)
}

/// Says that a program is held by a living process: an abstract unix socket, which ends with it. None when it is taken.
///
/// Asking /proc who has the program open would miss an observer in another pid namespace, and its filters would be swept
/// under it. A socket in the namespace of the device is seen by whoever can see the filter. Program ids are not reused
/// before all 2³¹ are. Runs in the namespace of the end.
pub(super) fn claim(program: u32) -> io::Result<Option<UnixDatagram>> {
    let name = SocketAddr::from_abstract_name(format!("veth-observer/program{program}"))?;
    match UnixDatagram::bind_addr(&name) {
        Ok(socket) => Ok(Some(socket)),
        Err(error) if error.kind() == io::ErrorKind::AddrInUse => Ok(None),
        Err(error) => Err(error),
    }
}

/// What is gone already is as good as removed.
pub(super) fn unless_gone(error: io::Error) -> io::Result<()> {
    match error.raw_os_error() {
        Some(libc::ENODEV | libc::ENOENT) => Ok(()),
        _ => Err(error),
    }
}

fn explain_qdisc(error: io::Error, label: &str) -> anyhow::Error {
    match error.raw_os_error() {
        Some(libc::EPERM) => features::missing_privilege("add a clsact qdisc").into(),
        Some(libc::EEXIST) => anyhow!("{label} got a qdisc from someone else meanwhile; try again"),
        Some(libc::ENOENT | libc::EOPNOTSUPP) => {
            Fault::unavailable("this kernel has no clsact qdisc").fix("sudo modprobe sch_ingress").into()
        }
        _ => anyhow!(error).context("cannot add a clsact qdisc"),
    }
}

fn explain_filter(error: &io::Error) -> anyhow::Error {
    match error.raw_os_error() {
        Some(libc::EPERM) => features::missing_privilege("attach programs to a device").into(),
        Some(libc::ENOENT) => {
            Fault::unavailable("this kernel has no BPF filters").fix("sudo modprobe cls_bpf").into()
        }
        _ => anyhow!("cannot add a filter: {error}"),
    }
}
