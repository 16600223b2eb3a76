//! Values that are more than a text or a number.

use std::{fmt, marker::PhantomData, str::FromStr, time::Duration};

use serde::{
    Deserialize, Deserializer,
    de::{self, Visitor},
};

use crate::{
    agent::http,
    fault::Fault,
    model::mac::Mac,
    observe::{self, fleet},
    topology::manage,
};

/// A value that is written as text.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Text<T>(pub(super) T);

impl<'de, T> Deserialize<'de> for Text<T>
where
    T: FromStr,
    T::Err: fmt::Display,
{
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_str(Reading(PhantomData)).map(Self)
    }
}

/// What fails in here is known by its place, also in a list.
struct Reading<T>(PhantomData<T>);

impl<T> Visitor<'_> for Reading<T>
where
    T: FromStr,
    T::Err: fmt::Display,
{
    type Value = T;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a string")
    }

    fn visit_str<E: de::Error>(self, text: &str) -> Result<T, E> {
        text.parse().map_err(E::custom)
    }
}

/// From 100 ms to a minute.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct LossTimeout(pub(super) Duration);

impl Default for LossTimeout {
    fn default() -> Self {
        Self(Duration::from_secs(2))
    }
}

impl FromStr for LossTimeout {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let timeout = duration(text)?;
        if !(fleet::Settings::SHORTEST_TIMEOUT..=observe::LONGEST_TIMEOUT).contains(&timeout) {
            return Err("it must lie between 100ms and 1m".into());
        }
        Ok(Self(timeout))
    }
}

impl fmt::Display for LossTimeout {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        humantime::format_duration(self.0).fmt(f)
    }
}

/// From 10 ms on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Interval(pub(super) Duration);

impl FromStr for Interval {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        match duration(text)? {
            short if short < Duration::from_millis(10) => Err("it must be at least 10ms".into()),
            interval => Ok(Self(interval)),
        }
    }
}

impl fmt::Display for Interval {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        humantime::format_duration(self.0).fmt(f)
    }
}

fn duration(text: &str) -> Result<Duration, String> {
    humantime::parse_duration(text).map_err(|_| "it must be a duration, such as 500ms, 2s or 1m 30s".into())
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct TelemetryPath(pub(super) String);

impl FromStr for TelemetryPath {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        http::telemetry_path(text).map(Self)
    }
}

/// What a pair may be called.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Name(pub(super) String);

impl FromStr for Name {
    type Err = &'static str;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        if text.trim().is_empty() || text.chars().any(|c| c.is_control() || "*?".contains(c)) {
            return Err("a name has at least one letter, no control character and neither * nor ?");
        }
        Ok(Self(text.to_owned()))
    }
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Ifname(pub(super) String);

impl FromStr for Ifname {
    type Err = Fault;

    fn from_str(text: &str) -> Result<Self, Fault> {
        manage::check_name(text).map(|()| Self(text.to_owned()))
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct UnicastMac(pub(super) Mac);

impl FromStr for UnicastMac {
    type Err = Fault;

    fn from_str(text: &str) -> Result<Self, Fault> {
        manage::unicast_mac(text).map(Self)
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(try_from = "u32")]
pub(super) struct Mtu(pub(super) u32);

impl TryFrom<u32> for Mtu {
    type Error = Fault;

    fn try_from(mtu: u32) -> Result<Self, Fault> {
        manage::check_mtu(mtu).map(|()| Self(mtu))
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(try_from = "u32")]
pub(super) struct Queues(pub(super) u32);

impl TryFrom<u32> for Queues {
    type Error = Fault;

    fn try_from(queues: u32) -> Result<Self, Fault> {
        manage::check_queues(queues).map(|()| Self(queues))
    }
}
