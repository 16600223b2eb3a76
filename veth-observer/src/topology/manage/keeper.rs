//! Declared pairs: made where they are missing, made again where they go, and taken away at the end where that is asked for.

use std::time::{Duration, Instant};

use anyhow::Result;

use super::{
    declared::{Declared, Found},
    made::delete_link,
};
use crate::netns::{Address, Namespace};

/// Between a failure and the next try, or between two ends of a pair that does not last: doubled each time.
const FIRST: Duration = Duration::from_secs(1);
const LONGEST: Duration = Duration::from_mins(1);

/// A pair that went later than this after it was made is made again at once.
const LASTING: Duration = Duration::from_secs(10);

/// Sees to pairs. It changes none that is there, whosever it is, and deletes only those that bear its mark.
#[derive(Debug)]
pub struct Keeper {
    wards: Vec<Ward>,
    /// Told what was done, and what is not as declared.
    notice: fn(&str),
}

#[derive(Debug)]
struct Ward {
    declared: Declared,
    /// Where its ends shall be, not held: a namespace must be able to go.
    places: [Option<Address>; 2],
    /// What was told last, so as not to say it every second.
    told: Option<String>,
    made: Option<Instant>,
    tries: u32,
    /// Not made before this.
    next: Option<Instant>,
}

impl Keeper {
    /// How often it wants to be tended.
    pub const LOOK: Duration = Duration::from_secs(1);

    pub fn new(notice: fn(&str)) -> Self {
        Self { wards: Vec::new(), notice }
    }

    /// Sees to these from now on. What is not among them any more goes as at the end.
    pub async fn declare(&mut self, all: Vec<Declared>) {
        let mut before = std::mem::take(&mut self.wards);
        for declared in all {
            let known = before.iter().position(|ward| ward.declared.is_same(&declared));
            self.wards.push(match known {
                Some(at) => {
                    let ward = before.swap_remove(at);
                    let told = ward.told.filter(|_| ward.declared == declared);
                    Ward { declared, told, ..ward }
                }
                None => Ward::new(declared),
            });
        }
        for ward in &mut before {
            ward.remove(self.notice).await;
        }
    }

    /// Makes what is missing. Must be called every [`Keeper::LOOK`].
    pub async fn tend(&mut self) {
        for ward in &mut self.wards {
            ward.tend(self.notice).await;
        }
    }

    /// Takes away what is to go with us.
    pub async fn finish(mut self) {
        self.declare(Vec::new()).await;
    }
}

impl Declared {
    /// Whether both mean the same pair, as it is or as it was.
    fn is_same(&self, other: &Self) -> bool {
        let place = |declared: &Self| {
            let [first, second] = &declared.ends;
            [first, second].map(|end| (end.name.clone(), end.netns.clone()))
        };
        place(self) == place(other)
    }

    fn label(&self) -> String {
        let [first, second] = self.ends.each_ref().map(|end| match &end.netns {
            Some(netns) => format!("{} ({netns})", end.name),
            None => end.name.clone(),
        });
        format!("{first} <-> {second}")
    }
}

impl Ward {
    fn new(declared: Declared) -> Self {
        Self { declared, places: [None, None], told: None, made: None, tries: 0, next: None }
    }

    async fn tend(&mut self, notice: fn(&str)) {
        if self.next.is_some_and(|next| next > Instant::now()) {
            return;
        }
        self.next = None;
        let label = self.declared.label();
        let told = match self.see_to(notice).await {
            Ok(None) => None,
            Ok(Some(why)) => Some(format!("the declared pair {label} is left alone: {why}")),
            Err(error) => {
                self.put_off();
                Some(format!("cannot make the declared pair {label}: {error:#}"))
            }
        };
        if let Some(told) = told.as_ref().filter(|told| self.told.as_ref() != Some(told)) {
            notice(told);
        }
        self.told = told;
    }

    /// Why what is there is left alone, if it is not as declared.
    async fn see_to(&mut self, notice: fn(&str)) -> Result<Option<String>> {
        let namespaces = self.namespaces()?;
        let is_young = self.made.is_some_and(|made| made.elapsed() < LASTING);
        match self.declared.look(&namespaces).await? {
            Found::Pair { difference, .. } => {
                if !is_young {
                    self.tries = 0;
                }
                Ok(difference)
            }
            Found::Other(why) => Ok(Some(why)),
            Found::Nothing if is_young => {
                self.made = None;
                self.put_off();
                Ok(None)
            }
            Found::Nothing => {
                self.declared.make(&namespaces).await?;
                self.made = Some(Instant::now());
                notice(&format!("created the declared pair {}", self.declared.label()));
                Ok(None)
            }
        }
    }

    fn put_off(&mut self) {
        self.next = Some(Instant::now() + FIRST.saturating_mul(1 << self.tries.min(16)).min(LONGEST));
        self.tries += 1;
    }

    async fn remove(&mut self, notice: fn(&str)) {
        if !self.declared.remove_at_exit {
            return;
        }
        let label = self.declared.label();
        match self.remove_ours().await {
            Ok(true) => notice(&format!("removed the declared pair {label}")),
            Ok(false) => {}
            Err(error) => notice(&format!("the declared pair {label} is left behind: {error:#}")),
        }
    }

    /// False where nothing is there that we made.
    async fn remove_ours(&mut self) -> Result<bool> {
        // Where a namespace is gone, so is the pair.
        let Ok(namespaces) = self.namespaces() else { return Ok(false) };
        match self.declared.look(&namespaces).await? {
            Found::Pair { indexes: [first, _], is_ours: true, .. } => {
                namespaces[0].run(|| delete_link(first))??;
                Ok(true)
            }
            _ => Ok(false),
        }
    }

    /// Where its ends shall be, found again only where they are not where they were.
    fn namespaces(&mut self) -> Result<[Namespace; 2]> {
        let mut found = Vec::with_capacity(2);
        for (end, place) in self.declared.ends.iter().zip(&mut self.places) {
            let namespace = match place.as_ref().and_then(Address::open) {
                Some(namespace) => namespace,
                None => end.netns.as_deref().map_or_else(Namespace::current, Namespace::by_name)?,
            };
            *place = Some(namespace.address());
            found.push(namespace);
        }
        let [first, second] = found.try_into().map_err(|_| anyhow::anyhow!("a pair has two ends"))?;
        Ok([first, second])
    }
}
