//! clsact qdiscs and the filters on them, everybody's, in one namespace.

use std::{
    io,
    os::fd::{AsRawFd, BorrowedFd},
};

use netlink_packet_core::{NLM_F_CREATE, NLM_F_EXCL, NlaBuffer, NlasIterator};
use netlink_packet_route::{
    RouteNetlinkMessage,
    link::LinkMessage,
    tc::{TcAttribute, TcBpfFlags, TcFilterBpfOption, TcHandle, TcHeader, TcMessage, TcOption},
};

use super::rtnetlink::Rtnetlink;

/// The two hooks of a clsact qdisc.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Way {
    Ingress,
    Egress,
}

impl Way {
    pub(super) const BOTH: [Self; 2] = [Self::Ingress, Self::Egress];

    fn parent(self) -> TcHandle {
        let minor = match self {
            Self::Ingress => TcHandle::MIN_INGRESS,
            Self::Egress => TcHandle::MIN_EGRESS,
        };
        TcHandle { major: u16::MAX, minor }
    }
}

/// Only what is not there yet.
const CREATE: u16 = NLM_F_CREATE | NLM_F_EXCL;

/// ETH_P_ALL in network byte order, as the lower half of `tcm_info` wants it.
pub(super) const ALL_PROTOCOLS: u16 = 3_u16.to_be();

// include/uapi/linux/rtnetlink.h and pkt_cls.h
const TCA_KIND: u16 = 1;
const TCA_OPTIONS: u16 = 2;
const TCA_CHAIN: u16 = 11;
const TCA_BPF_NAME: u16 = 7;
const TCA_BPF_ID: u16 = 11;

/// A filter as the kernel lists it. The head of each list of filters comes as one with handle 0.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Filter {
    pub(super) kind: String,
    pub(super) chain: u32,
    pub(super) priority: u16,
    pub(super) protocol: u16,
    pub(super) handle: u32,
    /// Of a BPF filter: what its maker called it.
    pub(super) name: String,
    /// Of an eBPF filter: the id of its program, else 0.
    pub(super) program: u32,
}

/// What could not be made.
#[derive(Debug)]
pub(super) enum NotMade {
    Qdisc(io::Error),
    Filter(io::Error),
}

/// What stands at the place of a clsact qdisc.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Place {
    Free,
    Clsact,
    /// The older `ingress` qdisc, or something yet unknown.
    Other,
}

impl Rtnetlink {
    /// False when the namespace has no such device.
    pub(super) fn has_device(&self, ifindex: u32) -> io::Result<bool> {
        let mut message = LinkMessage::default();
        message.header.index = ifindex;
        match self.act(RouteNetlinkMessage::GetLink(message), 0) {
            Ok(()) => Ok(true),
            Err(error) if error.raw_os_error() == Some(libc::ENODEV) => Ok(false),
            Err(error) => Err(error),
        }
    }

    /// The devices with a clsact qdisc.
    pub(super) fn devices_with_clsact(&self) -> io::Result<Vec<u32>> {
        let places = self.places()?;
        Ok(places
            .into_iter()
            .filter(|(_, place)| *place == Place::Clsact)
            .map(|(ifindex, _)| ifindex)
            .collect())
    }

    pub(super) fn place(&self, ifindex: u32) -> io::Result<Place> {
        let found = self.places()?.into_iter().find(|(index, _)| *index == ifindex);
        Ok(found.map_or(Place::Free, |(_, place)| place))
    }

    fn places(&self) -> io::Result<Vec<(u32, Place)>> {
        self.list(RouteNetlinkMessage::GetQueueDiscipline(TcMessage::default()), |payload| {
            let header = TcHeader::parse(payload).ok()?;
            let kind = attributes(payload).find(|nla| nla.kind() == TCA_KIND)?;
            let place = if text(kind.value()) == "clsact" { Place::Clsact } else { Place::Other };
            let here = header.parent == TcHandle::CLSACT;
            here.then(|| Some((u32::try_from(header.index).ok()?, place)))?
        })
    }

    fn delete_clsact(&self, ifindex: u32) -> io::Result<()> {
        self.act(RouteNetlinkMessage::DelQueueDiscipline(clsact(ifindex)?), 0)
    }

    /// All filters of one hook; none where there is no device or no qdisc.
    pub(super) fn filters(&self, ifindex: u32, way: Way) -> io::Result<Vec<Filter>> {
        let mut message = message(ifindex)?;
        message.header.parent = way.parent();
        self.list(RouteNetlinkMessage::GetTrafficFilter(message), filter)
    }

    /// Removes a filter; when `made`, the qdisc with the last one, and says whether it did.
    ///
    /// The qdisc goes in one step with the filter that marks it as ours, so that no kill can leave it unmarked. A filter
    /// that comes between the look and the removal goes too: the kernel has no way to ask for both.
    pub(super) fn remove(&self, ifindex: u32, way: Way, filter: &Filter, made: bool) -> io::Result<bool> {
        let last = made && self.is_last(ifindex, way, filter)?;
        if last { self.delete_clsact(ifindex) } else { self.delete_filter(ifindex, way, filter) }?;
        Ok(last)
    }

    fn is_last(&self, ifindex: u32, way: Way, filter: &Filter) -> io::Result<bool> {
        let head = Filter { handle: 0, name: String::new(), program: 0, ..filter.clone() };
        for any in Way::BOTH {
            let others = self.filters(ifindex, any)?;
            if others.iter().any(|other| any != way || other != filter && *other != head) {
                return Ok(false);
            }
        }
        Ok(true)
    }

    /// Puts a program on a hook that has a clsact qdisc.
    pub(super) fn add_filter(
        &self,
        ifindex: u32,
        way: Way,
        filter: &Filter,
        program: BorrowedFd,
    ) -> io::Result<()> {
        self.act(new_filter(ifindex, way, filter, program)?, CREATE)
    }

    /// Makes the clsact qdisc and puts its first filter on it, in one system call: no kill can leave the qdisc without the
    /// filter that marks it as ours.
    pub(super) fn add_clsact_with_filter(
        &self,
        ifindex: u32,
        way: Way,
        filter: &Filter,
        program: BorrowedFd,
    ) -> Result<(), NotMade> {
        let make = || {
            let qdisc = RouteNetlinkMessage::NewQueueDiscipline(clsact(ifindex)?);
            self.act_together([(qdisc, CREATE), (new_filter(ifindex, way, filter, program)?, CREATE)])
        };
        match make().map_err(NotMade::Qdisc)? {
            [Ok(()), Ok(())] => Ok(()),
            [Ok(()), Err(error)] => {
                self.delete_clsact_if_unused(ifindex).map_err(NotMade::Filter)?;
                Err(NotMade::Filter(error))
            }
            [Err(error), filter_made] => {
                // Somebody made a qdisc since we looked, and the filter, marked as on one of ours, went there.
                if filter_made.is_ok() {
                    self.delete_filter(ifindex, way, filter).map_err(NotMade::Filter)?;
                }
                Err(NotMade::Qdisc(error))
            }
        }
    }

    fn delete_filter(&self, ifindex: u32, way: Way, filter: &Filter) -> io::Result<()> {
        self.act(RouteNetlinkMessage::DelTrafficFilter(named(ifindex, way, filter)?), 0)
    }

    /// Removes the clsact qdisc when nobody has a filter on it.
    fn delete_clsact_if_unused(&self, ifindex: u32) -> io::Result<()> {
        for way in Way::BOTH {
            if !self.filters(ifindex, way)?.is_empty() {
                return Ok(());
            }
        }
        if self.place(ifindex)? == Place::Clsact { self.delete_clsact(ifindex) } else { Ok(()) }
    }
}

fn message(ifindex: u32) -> io::Result<TcMessage> {
    Ok(TcMessage::with_index(i32::try_from(ifindex).map_err(io::Error::other)?))
}

fn clsact(ifindex: u32) -> io::Result<TcMessage> {
    let mut message = message(ifindex)?;
    message.header.parent = TcHandle::CLSACT;
    message.header.handle = TcHandle { major: u16::MAX, minor: 0 };
    message.attributes.push(TcAttribute::Kind("clsact".into()));
    Ok(message)
}

/// The message that names a filter.
fn named(ifindex: u32, way: Way, filter: &Filter) -> io::Result<TcMessage> {
    let mut message = message(ifindex)?;
    message.header.parent = way.parent();
    message.header.handle = filter.handle.into();
    message.header.info = u32::from(filter.priority) << 16 | u32::from(filter.protocol);
    message.attributes.push(TcAttribute::Kind(filter.kind.clone()));
    message.attributes.push(TcAttribute::Chain(filter.chain));
    Ok(message)
}

/// A program as a filter whose verdict is what it returns.
fn new_filter(
    ifindex: u32,
    way: Way,
    filter: &Filter,
    program: BorrowedFd,
) -> io::Result<RouteNetlinkMessage> {
    let mut message = named(ifindex, way, filter)?;
    let options = [
        TcFilterBpfOption::ProgFd(program.as_raw_fd().cast_unsigned()),
        TcFilterBpfOption::ProgName(filter.name.clone()),
        TcFilterBpfOption::Flags(TcBpfFlags::DirectAction),
    ];
    message.attributes.push(TcAttribute::Options(options.map(TcOption::Bpf).to_vec()));
    Ok(RouteNetlinkMessage::NewTrafficFilter(message))
}

fn filter(payload: &[u8]) -> Option<Filter> {
    let header = TcHeader::parse(payload).ok()?;
    let [priority, protocol] = [header.info >> 16, header.info & 0xffff].map(u16::try_from);
    let mut filter = Filter {
        handle: header.handle.into(),
        priority: priority.ok()?,
        protocol: protocol.ok()?,
        ..Filter::default()
    };
    for nla in attributes(payload) {
        match nla.kind() {
            TCA_KIND => filter.kind = text(nla.value()),
            TCA_CHAIN => filter.chain = number(nla.value()),
            TCA_OPTIONS if filter.kind == "bpf" => {
                for option in NlasIterator::new(nla.value()).filter_map(Result::ok) {
                    match option.kind() {
                        TCA_BPF_NAME => filter.name = text(option.value()),
                        TCA_BPF_ID => filter.program = number(option.value()),
                        _ => {}
                    }
                }
            }
            _ => {}
        }
    }
    Some(filter)
}

/// What follows struct tcmsg.
fn attributes(payload: &[u8]) -> impl Iterator<Item = NlaBuffer<&[u8]>> {
    NlasIterator::new(payload.get(20..).unwrap_or_default()).filter_map(Result::ok)
}

fn text(value: &[u8]) -> String {
    String::from_utf8_lossy(value.strip_suffix(&[0]).unwrap_or(value)).into_owned()
}

fn number(value: &[u8]) -> u32 {
    value.first_chunk().map_or(0, |bytes| u32::from_ne_bytes(*bytes))
}
