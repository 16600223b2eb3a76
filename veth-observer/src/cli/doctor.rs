//! `doctor`: whether this machine and this user can observe, and what mends it.

use std::{io, path::Path};

use anyhow::Result;
use clap::Args;
use serde::Serialize;

use super::output::Output;
use crate::{
    attach::{
        Method,
        leftovers::{self, Found},
    },
    fault::{Fault, privilege_fix},
    kernel::{features, symbols},
    model::SCHEMA,
    netns::Namespace,
    observe::{Observation, Sampling, Settings},
    topology::manage::{self, EndSpec, PairSpec},
};

/// Check that this machine can observe veth pairs, and say how to mend what is missing
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  sudo veth-observer doctor
  veth-observer doctor -j | jq '.checks[] | select(.ok | not)'

Exits with 5 when a check fails. The checks try the real thing, on a pair in namespaces of their own.")]
pub struct Doctor {}

/// The oldest kernel that the programs are built for.
const OLDEST: (u32, u32) = (5, 15);

#[derive(Debug, Serialize)]
struct Check {
    name: &'static str,
    ok: bool,
    detail: String,
    /// The command that mends it.
    fix: Option<String>,
}

impl Check {
    fn new(name: &'static str, outcome: Result<String>, fix: impl FnOnce() -> String) -> Self {
        match outcome {
            Ok(detail) => Self { name, ok: true, detail, fix: None },
            Err(error) => {
                let known = error.downcast_ref::<Fault>().and_then(|fault| fault.fix.clone());
                let fix = known.unwrap_or_else(|| if denied(&error) { privilege_fix() } else { fix() });
                Self { name, ok: false, detail: format!("{error:#}"), fix: Some(fix) }
            }
        }
    }
}

impl Doctor {
    pub(super) async fn run(self, out: &mut Output) -> Result<()> {
        let newer = || "boot Linux 5.15 or later, better 6.6 or later".to_owned();
        let checks = [
            Check::new("kernel", kernel(), newer),
            Check::new("BTF", btf(), || "boot a kernel built with CONFIG_DEBUG_INFO_BTF=y".to_owned()),
            Check::new("capabilities", capabilities(), privilege_fix),
            Check::new("symbols", symbols(), symbols_fix),
            Check::new("ring buffer", ring_buffer(), newer),
            Check::new("tcx", attaching().await, newer),
            Check::new("leftovers", nothing_left(), || "sudo veth-observer cleanup".to_owned()),
        ];
        print(out, &checks)?;
        match checks.iter().filter(|check| !check.ok).count() {
            0 => Ok(()),
            failed => Err(Fault::breached(format!("{failed} of {} checks failed", checks.len())).into()),
        }
    }
}

fn print(out: &mut Output, checks: &[Check]) -> Result<()> {
    if out.wants_json() {
        return out.json(&serde_json::json!({ "schema": SCHEMA, "checks": checks }));
    }
    for Check { name, ok, detail, fix } in checks {
        out.line(format!("{:<4}  {name:<12}  {detail}", if *ok { "ok" } else { "FAIL" }))?;
        if let Some(fix) = fix {
            out.line(format!("      fix: {fix}"))?;
        }
    }
    Ok(())
}

fn denied(error: &anyhow::Error) -> bool {
    error.chain().any(|cause| cause.downcast_ref::<io::Error>().is_some_and(features::denied))
}

fn kernel() -> Result<String> {
    let release = features::kernel_release();
    let mut numbers = release.split(['.', '-']).map_while(|number| number.parse::<u32>().ok());
    let version = (numbers.next().unwrap_or(0), numbers.next().unwrap_or(0));
    anyhow::ensure!(version >= OLDEST, "Linux {release}; the programs take {}.{}", OLDEST.0, OLDEST.1);
    Ok(format!("Linux {release}"))
}

fn btf() -> Result<String> {
    anyhow::ensure!(Path::new(features::BTF).exists(), "{} is not there", features::BTF);
    Ok(features::BTF.into())
}

fn capabilities() -> Result<String> {
    let missing = features::missing_capabilities()?;
    if missing.is_empty() {
        return Ok("all that observing containers takes".into());
    }
    let missing: Vec<String> = missing.iter().map(|(name, purpose)| format!("{name} ({purpose})")).collect();
    Err(anyhow::anyhow!("missing: {}", missing.join(", ")))
}

/// Without them it observes all the same, and reports say so in `limits`.
fn symbols() -> Result<String> {
    anyhow::ensure!(
        !symbols::are_hidden(),
        "the kernel hides where its functions are: places of drops have no names"
    );
    Ok("places of drops can be named".into())
}

fn symbols_fix() -> String {
    match std::fs::read_to_string("/proc/sys/kernel/kptr_restrict") {
        Ok(level) if level.trim() == "2" => "sudo sysctl kernel.kptr_restrict=1".to_owned(),
        _ => privilege_fix(),
    }
}

fn ring_buffer() -> Result<String> {
    anyhow::ensure!(features::has_ring_buffer()?, "this kernel has no BPF ring buffer");
    Ok("can be made".into())
}

/// Attaches to a pair that nobody else sees.
async fn attaching() -> Result<String> {
    let end = |name: &str| -> Result<EndSpec> { Ok(EndSpec::new(name, Namespace::create_unnamed()?)) };
    let ends = [end("vo-doctor-a")?, end("vo-doctor-b")?];
    let made = manage::create(&PairSpec { ends, mtu: None, queues: None, up: true }).await?;
    // Nobody's traffic is on this pair.
    let sampling = Some(Sampling { ring_bytes: 4096, ..Sampling::default() });
    let settings = Settings { notice: |_| (), sampling, ..Settings::default() };
    let observation = Observation::start(&made.selected(), settings).await?;
    let method = observation.method();
    drop(observation);
    made.delete()?;
    Ok(match method {
        Method::Clsact => "clsact filters; this kernel has no tcx".into(),
        _ => "tcx links".into(),
    })
}

fn nothing_left() -> Result<String> {
    let Found { leftovers, unseen } = leftovers::find()?;
    let list = leftovers.iter().map(ToString::to_string).collect::<Vec<_>>().join("; ");
    anyhow::ensure!(leftovers.is_empty(), "{list}");
    Ok(match unseen {
        0 => "nothing of an earlier run".into(),
        _ => format!("nothing of an earlier run, but {unseen} namespaces cannot be looked into"),
    })
}
