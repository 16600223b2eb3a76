//! A frame that was seen, as JSON has it: written by `watch -j`, and read back.

use std::{borrow::Cow, time::Duration, time::UNIX_EPOCH};

use serde::{Deserialize, Serialize};

use crate::{
    frame::{
        describe::{Description, describe},
        hex,
    },
    model::{
        SCHEMA,
        drop::Stage,
        sample::{Fate, Point, Sample},
    },
};

/// A frame as JSON gives it: one object per line.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Object<'a> {
    pub schema: u32,
    /// When it was seen, in nanoseconds since the Unix epoch.
    pub ts_ns: u64,
    /// The same in RFC 3339, UTC, nine digits.
    #[serde(skip_deserializing)]
    pub time: String,
    pub point: Point,
    /// The end that saw it.
    pub end: Cow<'a, str>,
    pub from: Cow<'a, str>,
    pub to: Cow<'a, str>,
    pub number: Option<u64>,
    pub fate: Outcome,
    /// `null` unless it was delivered.
    pub delay_ns: Option<u64>,
    #[serde(flatten)]
    pub place: Option<Place>,
    /// Bytes before the sample was cut.
    pub len: u32,
    /// Frames the buffer stands for.
    pub frames: u32,
    #[serde(flatten)]
    pub description: Description,
    /// The bytes that were kept, when they were asked for.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub frame_hex: Option<String>,
}

/// A [`Fate`] in one word.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Outcome {
    Delivered,
    Dropped,
    Lost,
    Unmatched,
    Unknown,
}

/// Where a frame was dropped.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Place {
    pub stage: Stage,
    /// `null` where the kernel gives none.
    pub reason: Option<String>,
    pub location: String,
}

/// The JSON form of a sample; `names` are those of the ends, in the order of the pair.
pub fn object<'a>(sample: &Sample, names: [&'a str; 2]) -> Object<'a> {
    Object {
        schema: SCHEMA,
        ts_ns: sample.at_ns,
        time: rfc3339(sample.at_ns),
        point: sample.point,
        end: names[sample.end()].into(),
        from: names[sample.from].into(),
        to: names[1 - sample.from].into(),
        number: sample.number,
        fate: Outcome::of(&sample.fate),
        delay_ns: sample.delay_ns(),
        place: match &sample.fate {
            Fate::Dropped { stage, reason, location, .. } => {
                Some(Place { stage: *stage, reason: reason.clone(), location: location.clone() })
            }
            _ => None,
        },
        len: sample.len,
        frames: sample.frames,
        description: describe(&sample.bytes, usize::try_from(sample.len).unwrap_or(usize::MAX)),
        frame_hex: None,
    }
}

impl Object<'_> {
    /// With the bytes that were kept.
    #[must_use]
    pub fn with_bytes(mut self, bytes: &[u8]) -> Self {
        self.frame_hex = Some(hex::digits(bytes));
        self
    }
}

impl Outcome {
    pub const fn of(fate: &Fate) -> Self {
        match fate {
            Fate::Delivered { .. } => Self::Delivered,
            Fate::Dropped { .. } => Self::Dropped,
            Fate::Lost { .. } => Self::Lost,
            Fate::Unmatched => Self::Unmatched,
            Fate::Unknown => Self::Unknown,
        }
    }
}

/// What a line of a file turned out to be.
#[derive(Debug, Clone, PartialEq)]
pub enum Line {
    Frame(Box<Object<'static>>),
    Summary(Summary),
    /// What it would be now: an agent tells it while frames go on.
    Progress(Summary),
    /// Nothing that `watch -j` writes.
    Foreign,
}

/// The last object of `watch -j`: buffers at both ends together.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Summary {
    pub printed: u64,
    /// `null`, like the next three, where what was read did not say.
    pub sampled: Option<u64>,
    /// By `--sample`.
    pub skipped: Option<u64>,
    /// Not matching the filter.
    pub filtered: Option<u64>,
    /// Because the ring was full.
    pub lost: Option<u64>,
    pub ended: Option<String>,
}

#[derive(Deserialize)]
struct Envelope {
    schema: Option<u64>,
    summary: Option<Summary>,
    progress: Option<Summary>,
}

/// The object was written to another schema than ours.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct OtherSchema(pub u64);

/// Reads a line that `watch -j` may have written.
pub fn read(line: &[u8]) -> Result<Line, OtherSchema> {
    match serde_json::from_slice::<Object>(line) {
        Ok(frame) if frame.schema == SCHEMA && has_bytes_or_none(&frame) => {
            let time = rfc3339(frame.ts_ns);
            return Ok(Line::Frame(Box::new(Object { time, ..frame })));
        }
        _ => {}
    }
    let Ok(Envelope { schema: Some(schema), summary, progress }) = serde_json::from_slice(line) else {
        return Ok(Line::Foreign);
    };
    if schema != u64::from(SCHEMA) {
        return Err(OtherSchema(schema));
    }
    Ok(match (summary, progress) {
        (Some(summary), _) => Line::Summary(summary),
        (None, Some(summary)) => Line::Progress(summary),
        (None, None) => Line::Foreign,
    })
}

fn has_bytes_or_none(frame: &Object) -> bool {
    frame.frame_hex.as_deref().is_none_or(|digits| hex::parse(digits).is_ok())
}

pub(super) fn rfc3339(ns: u64) -> String {
    humantime::format_rfc3339_nanos(UNIX_EPOCH + Duration::from_nanos(ns)).to_string()
}

#[cfg(test)]
pub(super) mod tests {
    use super::*;
    use crate::frame::specimen::{self, SCAPY};

    pub(crate) const NAMES: [&str; 2] = ["vethX", "vethY"];

    pub(crate) fn sample(bytes: Vec<u8>) -> Sample {
        let len = u32::try_from(bytes.len()).unwrap();
        // 2026-01-02T12:00:01.123456789Z
        Sample {
            from: 0,
            point: Point::Received,
            number: None,
            at_ns: 1_767_355_201_123_456_789,
            fate: Fate::Delivered { delay_ns: 2420 },
            len,
            frames: 1,
            bytes,
        }
    }

    /// One of each fate, with the reason and without.
    pub(crate) fn fates() -> Vec<Fate> {
        let location = "__dev_queue_xmit".to_owned();
        vec![
            Fate::Delivered { delay_ns: 2420 },
            Fate::Dropped {
                stage: Stage::Qdisc,
                reason: Some("QDISC_DROP".into()),
                location: location.clone(),
                frames: 1,
            },
            Fate::Dropped { stage: Stage::Veth, reason: None, location, frames: 1 },
            Fate::Lost { frames: 1 },
            Fate::Unmatched,
            Fate::Unknown,
        ]
    }

    #[test]
    fn json_is_one_flat_object() {
        let text = serde_json::to_string(&object(&sample(specimen::frame("arp")), NAMES)).unwrap();
        assert_eq!(
            text,
            concat!(
                r#"{"schema":1,"ts_ns":1767355201123456789,"time":"2026-01-02T12:00:01.123456789Z","#,
                r#""point":"received","end":"vethY","from":"vethX","to":"vethY","number":null,"#,
                r#""fate":"delivered","delay_ns":2420,"len":42,"frames":1,"#,
                r#""src_mac":"22:11:11:11:11:11","dst_mac":"ff:ff:ff:ff:ff:ff","ethertype":"0x0806","#,
                r#""arp":{"operation":1,"sender":{"mac":"22:11:11:11:11:11","ip":"10.0.0.1"},"#,
                r#""target":{"mac":"00:00:00:00:00:00","ip":"10.0.0.2"}},"cut":false,"malformed":false}"#
            )
        );
        let unmatched = Sample { fate: Fate::Unmatched, ..sample(vec![]) };
        let text = serde_json::to_string(&object(&unmatched, NAMES).with_bytes(&[0x1b, 0xff])).unwrap();
        assert!(text.contains(r#""fate":"unmatched","delay_ns":null,"len""#), "{text}");
        assert!(text.ends_with(r#","frame_hex":"1bff"}"#), "{text}");
    }

    #[test]
    fn a_drop_says_where_and_why() {
        let [_, known, nameless, ..] = &fates()[..] else { panic!("there are more") };
        let text = |fate: &Fate| {
            let sent =
                Sample { point: Point::Sent, number: Some(7), fate: fate.clone(), ..sample(vec![0; 14]) };
            serde_json::to_string(&object(&sent, NAMES)).unwrap()
        };
        assert!(
            text(known).contains(
                r#""point":"sent","end":"vethX","from":"vethX","to":"vethY","number":7,"fate":"dropped","delay_ns":null,"stage":"qdisc","reason":"QDISC_DROP","location":"__dev_queue_xmit","#
            ),
            "{}",
            text(known)
        );
        assert!(text(nameless).contains(r#""stage":"veth","reason":null,"location":"#), "{}", text(nameless));
    }

    #[test]
    fn what_was_written_is_read_back_the_same() {
        for (name, _) in SCAPY {
            for fate in fates() {
                for point in [Point::Sent, Point::Received] {
                    let bytes = specimen::frame(name);
                    let sample = Sample { point, fate: fate.clone(), ..sample(bytes.clone()) };
                    for object in [object(&sample, NAMES), object(&sample, NAMES).with_bytes(&bytes)] {
                        let line = serde_json::to_string(&object).unwrap();
                        assert_eq!(read(line.as_bytes()), Ok(Line::Frame(Box::new(object))), "{line}");
                    }
                }
            }
        }
        let cut = object(&Sample { len: 900, ..sample(specimen::frame("tcp4")[..34].to_vec()) }, NAMES);
        assert_eq!(read(&serde_json::to_vec(&cut).unwrap()), Ok(Line::Frame(Box::new(cut))));
    }

    #[test]
    fn fields_of_a_later_version_are_passed_over() {
        let object = object(&sample(specimen::frame("icmp6")), NAMES);
        let mut value = serde_json::to_value(&object).unwrap();
        value["colour"] = "red".into();
        assert_eq!(read(value.to_string().as_bytes()), Ok(Line::Frame(Box::new(object))));
    }

    #[test]
    fn a_summary_and_what_is_not_ours() {
        let summary = Summary { printed: 3, sampled: Some(4), ..Summary::default() };
        let line = serde_json::json!({ "schema": SCHEMA, "summary": summary }).to_string();
        assert_eq!(read(line.as_bytes()), Ok(Line::Summary(summary)));
        let foreign = [
            "",
            "no JSON",
            "{",
            "[]",
            "7",
            "{}",
            r#"{"schema":1}"#,
            r#"{"schema":1,"pairs":[]}"#,
            r#"{"schema":"1"}"#,
            "\u{1b}[2J",
        ];
        for line in foreign {
            assert_eq!(read(line.as_bytes()), Ok(Line::Foreign), "{line}");
        }
        assert_eq!(read(&[0xff, 0xfe]), Ok(Line::Foreign));
        let frame = object(&sample(specimen::frame("arp")), NAMES);
        let odd = Object { frame_hex: Some("1b2".into()), ..frame.clone() };
        assert_eq!(read(&serde_json::to_vec(&odd).unwrap()), Ok(Line::Foreign));
        let later = Object { schema: 2, ..frame };
        assert_eq!(read(&serde_json::to_vec(&later).unwrap()), Err(OtherSchema(2)));
        assert_eq!(read(br#"{"schema":3,"frame":{}}"#), Err(OtherSchema(3)));
    }
}
