//! The programs of a pair on their hooks, by either kind of hook.

use std::{fmt, sync::Arc};

use anyhow::{Context, Result, bail};

use super::{clsact, qdisc::Way, tcx, xdp};
use crate::{
    fault::Fault,
    kernel::{Hook as At, Loaded},
    model::link::End,
    netns::Namespace,
};

/// How programs are tied to devices.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Method {
    /// tcx where the kernel has it, else clsact.
    #[default]
    Auto,
    /// Links of Linux 6.6: no frame is lost over them, and they end with the process.
    Tcx,
    /// Filters on a clsact qdisc.
    Clsact,
}

/// How to attach.
#[derive(Debug, Clone, Copy)]
pub struct Options {
    pub method: Method,
    /// Where arrivals are counted and timed: what the programs were loaded for.
    pub hook: At,
    /// Which lane of the control block the programs use.
    pub lane: usize,
    /// Told before something is done that traffic may feel.
    pub notice: fn(&str),
}

/// The programs of a pair on their hooks; they come off in the right order when this is dropped.
#[derive(Debug)]
pub struct Attachment {
    // Dropped first: what is still under way is counted as it arrives.
    egress: Vec<Hook>,
    xdp: Vec<xdp::Hook>,
    ingress: Vec<Hook>,
    method: Method,
}

#[derive(Debug)]
enum Hook {
    Tcx(tcx::Hook),
    Clsact(clsact::Hook),
}

/// What ended an attachment from outside.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Gone {
    /// 0 or 1.
    pub end: usize,
    why: Why,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Why {
    DeletedOrMoved,
    Removed,
    XdpRemoved,
    /// A tcx link knows its device no more: that was deleted, or somebody detached the link.
    LinkCut,
}

impl Gone {
    /// The sentence for it; `is_there` looks whether the end is where it was last seen.
    pub fn sentence(self, end: &End, is_there: impl FnOnce() -> bool) -> String {
        let label = end.label();
        match self.why {
            Why::LinkCut if is_there() => {
                format!("a tcx program on {label} was taken off by someone else")
            }
            Why::LinkCut => format!("{label} was deleted"),
            Why::DeletedOrMoved => format!("{label} was deleted or moved out of {}", end.netns),
            Why::XdpRemoved => format!("the XDP program on {label} was taken off by someone else"),
            Why::Removed => format!("the filters on {label} were removed by someone else"),
        }
    }
}

impl fmt::Display for Method {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Auto => "auto",
            Self::Tcx => "tcx",
            Self::Clsact => "clsact",
        })
    }
}

impl Attachment {
    /// Attaches ingress at both ends before egress, so that no counted departure meets an end that does not count. An end
    /// without a namespace is left out.
    pub fn new(
        loaded: &mut Loaded,
        ends: &[End; 2],
        namespaces: [Option<&Namespace>; 2],
        options: Options,
    ) -> Result<Self> {
        if let At::Xdp { generic } = options.hook {
            let [Some(first), Some(second)] = namespaces else { bail!("XDP takes both ends") };
            let namespaces = [first, second];
            xdp::check(ends, namespaces, generic)?;
            (options.notice)(&xdp::cost(ends, generic));
        }
        if options.method != Method::Clsact {
            if let Some(this) = Self::tcx(loaded, ends, namespaces, options)? {
                return Ok(this);
            }
            if options.method == Method::Tcx {
                return Err(Fault::unavailable("this kernel has no tcx hooks, which --attach tcx asks for")
                    .fix("leave the flag out, or boot Linux 6.6 or later with CONFIG_NET_XGRESS")
                    .into());
            }
            tracing::info!("this kernel has no tcx hooks: using clsact filters");
        }
        Self::clsact(loaded, ends, namespaces, options)
    }

    fn none(method: Method) -> Self {
        Self { egress: Vec::new(), xdp: Vec::new(), ingress: Vec::new(), method }
    }

    fn tcx(
        loaded: &mut Loaded,
        ends: &[End; 2],
        namespaces: [Option<&Namespace>; 2],
        options: Options,
    ) -> Result<Option<Self>> {
        let mut this = Self::none(Method::Tcx);
        for way in Way::BOTH {
            for index in 0..2 {
                let Some(namespace) = namespaces[index] else { continue };
                let end = &ends[index];
                let hook = namespace
                    .run(|| tcx::attach(loaded, index, end, way))?
                    .with_context(|| cannot_observe(end))?;
                let Some(hook) = hook else { return Ok(None) };
                this.push(way, Hook::Tcx(hook));
            }
            if way == Way::Ingress {
                this.attach_xdp(loaded, ends, namespaces, options.hook)?;
            }
        }
        Ok(Some(this))
    }

    fn clsact(
        loaded: &mut Loaded,
        ends: &[End; 2],
        namespaces: [Option<&Namespace>; 2],
        options: Options,
    ) -> Result<Self> {
        let mut this = Self::none(Method::Clsact);
        let mut sites: [Option<Arc<clsact::Site>>; 2] = [None, None];
        for way in Way::BOTH {
            for index in 0..2 {
                let Some(namespace) = namespaces[index] else { continue };
                let (end, site) = (&ends[index], &mut sites[index]);
                let attach = || {
                    let site = match site {
                        Some(site) => site,
                        None => site.insert(clsact::Site::open(end, options.notice)?),
                    };
                    clsact::attach(loaded, options.lane, index, end, site, way)
                };
                let hook = namespace.run(attach)?.with_context(|| cannot_observe(end))?;
                this.push(way, Hook::Clsact(hook));
            }
            if way == Way::Ingress {
                this.attach_xdp(loaded, ends, namespaces, options.hook)?;
            }
        }
        Ok(this)
    }

    /// After ingress, which takes off the stamps of what comes by, and before egress.
    fn attach_xdp(
        &mut self,
        loaded: &mut Loaded,
        ends: &[End; 2],
        namespaces: [Option<&Namespace>; 2],
        hook: At,
    ) -> Result<()> {
        let At::Xdp { generic } = hook else { return Ok(()) };
        for (index, namespace) in namespaces.into_iter().enumerate() {
            let Some(namespace) = namespace else { continue };
            let hook = namespace.run(|| xdp::attach(loaded, index, ends, generic))?;
            self.xdp.push(hook.with_context(|| cannot_observe(&ends[index]))?);
        }
        Ok(())
    }

    /// Which kind of hook it is, never [`Method::Auto`].
    pub fn method(&self) -> Method {
        self.method
    }

    /// Ids of the programs at tc: those at egress, and those at ingress.
    pub fn programs(&self) -> [Vec<u32>; 2] {
        [&self.egress, &self.ingress].map(|hooks| hooks.iter().map(Hook::program).collect())
    }

    /// What ended it from outside, if anything did.
    pub fn gone(&self) -> Option<Gone> {
        let tc = self.ingress.iter().chain(&self.egress).find_map(Hook::gone);
        tc.or_else(|| {
            let off = self.xdp.iter().find(|hook| !hook.is_on())?;
            Some(Gone { end: off.end, why: Why::XdpRemoved })
        })
    }

    /// Index of an end now; none once it is gone. tcx links go with their device when it moves.
    pub fn ifindex(&self, end: usize) -> Option<u32> {
        match self.ingress_of(end)? {
            Hook::Tcx(hook) => hook.ifindex(),
            Hook::Clsact(hook) => hook.lost().is_none().then(|| hook.ifindex()),
        }
    }

    /// Whether the device of this index, in the namespace of the calling thread, is that end.
    pub fn is_on(&self, end: usize, ifindex: u32) -> bool {
        self.ingress_of(end).is_some_and(|hook| match hook {
            Hook::Tcx(hook) => hook.is_on(ifindex),
            Hook::Clsact(hook) => hook.is_on(ifindex),
        })
    }

    fn ingress_of(&self, end: usize) -> Option<&Hook> {
        self.ingress.iter().find(|hook| hook.end() == end)
    }

    fn push(&mut self, way: Way, hook: Hook) {
        match way {
            Way::Ingress => self.ingress.push(hook),
            Way::Egress => self.egress.push(hook),
        }
    }
}

impl Hook {
    fn end(&self) -> usize {
        match self {
            Self::Tcx(hook) => hook.end,
            Self::Clsact(hook) => hook.end,
        }
    }

    fn program(&self) -> u32 {
        match self {
            Self::Tcx(hook) => hook.program,
            Self::Clsact(hook) => hook.program,
        }
    }

    fn gone(&self) -> Option<Gone> {
        match self {
            Self::Tcx(hook) => hook.ifindex().is_none().then_some(Gone { end: hook.end, why: Why::LinkCut }),
            Self::Clsact(hook) => hook.lost().map(|lost| {
                let why = match lost {
                    clsact::Lost::Device => Why::DeletedOrMoved,
                    clsact::Lost::Filter => Why::Removed,
                };
                Gone { end: hook.end, why }
            }),
        }
    }
}

fn cannot_observe(end: &End) -> String {
    format!("cannot observe {} in {}", end.label(), end.netns)
}
