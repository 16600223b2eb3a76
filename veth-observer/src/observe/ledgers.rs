//! Reading the counters and balancing the ledgers, from the first look to the last.

use std::time::Duration;

use anyhow::Result;
use tracing::debug;
use veth_observer_common::matching;

use super::{Hook, Observation};
use crate::{
    collect,
    delivery::{Ledger, of_one_end},
    model::{
        reading::Reading,
        report::{self, DirectionReport, Matching, PairReport, Report, SeenAt},
    },
};

/// How often to look whether what was in flight has landed.
pub(super) const LANDING: Duration = Duration::from_millis(5);

/// How often to look whether an end was renamed or moved.
const FOLLOW: Duration = Duration::from_secs(1);

impl Observation {
    /// How often it wants to be tended.
    pub const LOOK: Duration = Duration::from_millis(100);

    /// The ledger as it stands.
    pub fn report(&mut self) -> Result<Report> {
        let readings = self.read()?;
        if let Some(sampler) = &mut self.sampler {
            sampler.notice(&readings);
        }
        self.report_from(&readings)
    }

    /// The ledger as it stood when it was read.
    pub(super) fn report_from(&mut self, readings: &[Reading; 2]) -> Result<Report> {
        self.notice_end();
        let report = self.report_of(readings);
        self.tell()?;
        Ok(report)
    }

    /// What must be done at least every [`Observation::LOOK`]: tells what is lost in time, changes the way of recognising
    /// frames where the path asks for it, follows the ends, and forwards what the kernel programs logged. True while there
    /// is something to observe.
    pub async fn tend(&mut self) -> Result<bool> {
        self.flush_log();
        if self.followed.elapsed() >= FOLLOW {
            self.follow().await;
        }
        self.report()?;
        Ok(self.ended.is_none())
    }

    /// Stops counting departures, waits until what is in flight has landed or is lost, and gives the final report.
    /// Samples that are still in the ring can be taken afterwards.
    pub async fn finish(&mut self) -> Result<Report> {
        self.part()?;
        let deadline = tokio::time::Instant::now() + self.settings.loss_timeout;
        loop {
            // The first time for programs that had begun before they were told.
            tokio::time::sleep(LANDING).await;
            if self.has_landed()? || self.ended.is_some() || tokio::time::Instant::now() >= deadline {
                break;
            }
        }
        self.follow().await;
        let readings = self.read()?;
        for (ledger, reading) in self.ledgers.iter_mut().zip(readings.iter()) {
            ledger.close(reading);
        }
        self.finished = true;
        Ok(self.report_of(&readings))
    }

    /// What leaves from here on does not count; what is in flight may yet land.
    pub(super) fn part(&mut self) -> Result<()> {
        self.phase = matching::AFTER;
        self.tell()?;
        self.ledgers.iter_mut().for_each(Ledger::end);
        Ok(())
    }

    /// Whether nothing is in flight any more.
    pub(super) fn has_landed(&mut self) -> Result<bool> {
        let readings = self.read()?;
        self.notice_end();
        Ok(self.report_of(&readings).pairs[0].directions.iter().all(has_landed))
    }

    /// The final report of a pair of which nothing can land any more: it ended by itself, or was waited for.
    pub(super) fn conclude(&mut self) -> Result<Report> {
        self.ledgers.iter_mut().for_each(Ledger::end);
        let readings = self.read()?;
        for (ledger, reading) in self.ledgers.iter_mut().zip(readings.iter()) {
            ledger.close(reading);
        }
        self.finished = true;
        Ok(self.report_of(&readings))
    }

    pub(super) fn read(&mut self) -> Result<Box<[Reading; 2]>> {
        let mut readings = {
            let mut deaths = self.deaths();
            // Of many pairs they are looked at together, by whoever collects them.
            if let Some(deaths) = deaths.as_mut().filter(|_| self.loaded.is_alone()) {
                deaths.look()?;
            }
            collect::read(self.loaded.maps(), deaths.as_deref(), self.loaded.pair())?
        };
        if let Some(probing) = &self.loaded.probing {
            collect::read_probes(probing, &mut readings, self.loaded.pair())?;
        }
        if let Some(stages) = &self.loaded.stages {
            collect::read_stages(stages, &mut readings)?;
        }
        for (reading, driver) in readings.iter_mut().zip(self.drivers.iter().rev()) {
            reading.driver = driver.since_first();
        }
        self.notice_dead(&readings)?;
        Ok(readings)
    }

    /// Tells the programs what the ledgers have come to, and whether to count.
    pub(super) fn tell(&mut self) -> Result<()> {
        let words = self.ledgers.each_ref().map(|ledger| {
            self.phase
                | match ledger.matching() {
                    Matching::Stamp => matching::STAMP,
                    Matching::Address => matching::ADDRESS,
                    Matching::Digest => matching::DIGEST,
                }
        });
        if words != self.told {
            debug!(?words, "what the programs are told of each direction");
            self.loaded.maps().tell(self.loaded.pair(), words)?;
            self.told = words;
        }
        Ok(())
    }

    fn report_of(&mut self, readings: &[Reading; 2]) -> Report {
        let names = self.names();
        let directions: [DirectionReport; 2] = [(0, 1), (1, 0)].map(|(from, to)| match self.seen_at(from) {
            SeenAt::Both => self.ledgers[from].report(&readings[from], &names[from], &names[to]),
            one => of_one_end(&readings[from], one, &names[from], &names[to]),
        });
        Report::new(vec![PairReport {
            pair: self.pair.clone(),
            started_ns: self.started_ns,
            elapsed_ns: readings[0].before_ns.saturating_sub(self.started_ns),
            ended: self.ended.clone(),
            limits: self.limits.clone(),
            hook: match self.settings.hook {
                Hook::Tc => report::Hook::Tc,
                Hook::Xdp { generic: false } => report::Hook::XdpNative,
                Hook::Xdp { generic: true } => report::Hook::XdpGeneric,
            },
            ends: self.ends.clone(),
            directions,
        }])
    }
}

fn has_landed(direction: &DirectionReport) -> bool {
    direction.in_flight == 0 && direction.probes.as_ref().is_none_or(|probes| probes.in_flight == 0)
}
