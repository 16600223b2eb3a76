//! Each run against the two runs of nothing beside it.

use super::{
    account::Account,
    cases::Case,
    statistics::{Estimate, estimate, median},
    usage::Usage,
    workloads::{Run, Workload},
};

/// One run, as it stands in `raw.csv`.
#[derive(Debug, Clone)]
pub(super) struct Row {
    pub(super) round: usize,
    /// Place in the sequence of its round and workload.
    pub(super) position: usize,
    pub(super) workload: Workload,
    pub(super) case: Case,
    pub(super) run: Run,
    /// What the observer's own process used meanwhile.
    pub(super) observer: Usage,
    /// What became of the frames, of an observer who takes frames.
    pub(super) account: Option<Account>,
}

#[derive(Debug, Clone, Copy)]
pub(super) enum Measure {
    /// Units per second.
    Rate,
    /// Nanoseconds of CPU of the load per unit.
    Cpu,
    /// The same with those of the observer's own process.
    AllCpu,
    /// Median round trip in nanoseconds.
    P50,
}

impl Measure {
    #[expect(clippy::cast_precision_loss, reason = "counts and nanoseconds of one run lie far below 2^52")]
    pub(super) fn of(self, row: &Row) -> f64 {
        let run = &row.run;
        match self {
            Self::Rate => run.units as f64 * 1e9 / run.elapsed_ns as f64,
            Self::Cpu => run.cpu_ns as f64 / run.units as f64,
            Self::AllCpu => (run.cpu_ns + row.observer.cpu_ns) as f64 / run.units as f64,
            Self::P50 => run.p50_ns as f64,
        }
    }
}

/// All rows of one benchmark, and what follows from them.
#[derive(Debug, Default)]
pub(super) struct Rows(pub(super) Vec<Row>);

impl Rows {
    /// Value and its neighbouring nothing, round by round.
    fn pairs(&self, workload: Workload, case: Case, measure: Measure) -> Vec<(usize, f64, f64)> {
        let at = |row: &Row, position: usize| {
            let found = self.0.iter().find(|other| {
                (other.round, other.workload, other.position) == (row.round, workload, position)
                    && other.case == Case::Nothing
            });
            found.map(|other| measure.of(other))
        };
        let of_case = self.0.iter().filter(|row| (row.workload, row.case) == (workload, case));
        of_case
            .filter_map(|row| {
                let (before, after) = (at(row, row.position.checked_sub(1)?)?, at(row, row.position + 1)?);
                Some((row.round, measure.of(row), f64::midpoint(before, after)))
            })
            .collect()
    }

    pub(super) fn ratio(&self, workload: Workload, case: Case, measure: Measure) -> Option<Estimate> {
        let pairs = self.pairs(workload, case, measure);
        estimate(&pairs.iter().map(|(_, value, nothing)| value / nothing).collect::<Vec<_>>())
    }

    /// What the case adds to nothing.
    pub(super) fn added(&self, workload: Workload, case: Case, measure: Measure) -> Option<Estimate> {
        let added: Vec<f64> =
            self.added_by_round(workload, case, measure).iter().map(|(_, ns)| *ns).collect();
        estimate(&added)
    }

    /// What the case adds beyond what another added in the same round.
    pub(super) fn over(
        &self,
        workload: Workload,
        case: Case,
        base: Case,
        measure: Measure,
    ) -> Option<Estimate> {
        let base = self.added_by_round(workload, base, measure);
        let over = |(round, ns): &(usize, f64)| {
            base.iter().find(|(other, _)| other == round).map(|(_, base)| ns - base)
        };
        let added = self.added_by_round(workload, case, measure);
        estimate(&added.iter().filter_map(over).collect::<Vec<_>>())
    }

    /// The median over all runs of a case: of nothing it says how fast the machine is, and compares with nothing else.
    pub(super) fn median(&self, workload: Workload, case: Case, measure: Measure) -> Option<f64> {
        let rows = self.0.iter().filter(|row| (row.workload, row.case) == (workload, case));
        median(rows.map(|row| measure.of(row)).collect())
    }

    /// Medians of what the observer's process used: share of one CPU, and KiB resident.
    #[expect(clippy::cast_precision_loss, reason = "nanoseconds of one run and KiB lie far below 2^52")]
    pub(super) fn usage(&self, workload: Workload, case: Case) -> (Option<f64>, Option<f64>) {
        let rows = || self.0.iter().filter(|row| (row.workload, row.case) == (workload, case));
        let share = rows().map(|row| row.observer.cpu_ns as f64 / row.run.elapsed_ns as f64);
        (median(share.collect()), median(rows().map(|row| row.observer.rss_kib as f64).collect()))
    }

    /// The account of all rounds together; none of a case that takes no frames.
    pub(super) fn account(&self, workload: Workload, case: Case) -> Option<Account> {
        let rows = self.0.iter().filter(|row| (row.workload, row.case) == (workload, case));
        rows.filter_map(|row| row.account).reduce(Account::plus)
    }

    fn added_by_round(&self, workload: Workload, case: Case, measure: Measure) -> Vec<(usize, f64)> {
        let pairs = self.pairs(workload, case, measure);
        pairs.into_iter().map(|(round, value, nothing)| (round, value - nothing)).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn rows(round: usize, cpu_ns: &[(Case, u64)]) -> Vec<Row> {
        let row = |(position, (case, cpu_ns)): (usize, &(Case, u64))| Row {
            round,
            position,
            workload: Workload::Flood,
            case: *case,
            run: Run { units: 10, elapsed_ns: 1000, cpu_ns: *cpu_ns, p50_ns: 0 },
            observer: Usage::default(),
            account: None,
        };
        cpu_ns.iter().enumerate().map(row).collect()
    }

    #[test]
    fn a_run_is_compared_with_its_neighbours_and_with_the_floor_of_its_round() {
        use Case::{Floor, Nothing, Stats};
        let mut all =
            rows(0, &[(Nothing, 1000), (Floor, 1200), (Nothing, 1000), (Stats, 2400), (Nothing, 3000)]);
        all.extend(rows(
            1,
            &[(Nothing, 1000), (Stats, 1200), (Nothing, 1000), (Floor, 1000), (Nothing, 1000)],
        ));
        let rows = Rows(all);
        let ratio = rows.ratio(Workload::Flood, Stats, Measure::Cpu).unwrap();
        assert!((ratio.median - 1.2).abs() < 1e-9);
        let added = rows.added(Workload::Flood, Floor, Measure::Cpu).unwrap();
        assert!((added.median - 10.0).abs() < 1e-9);
        let over = rows.over(Workload::Flood, Stats, Floor, Measure::Cpu).unwrap();
        assert!((over.median - 20.0).abs() < 1e-9);
        assert!(rows.ratio(Workload::Bulk, Stats, Measure::Cpu).is_none());
    }
}
