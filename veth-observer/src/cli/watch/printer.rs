//! Frames onto standard output, as many as were asked for, in the form that was asked for.

use anyhow::Result;
use clap::{Args, builder::PossibleValuesParser};

use crate::{
    cli::output::Output,
    view::{
        fields,
        line::{self, Shape},
        object::Object,
    },
};

#[derive(Debug, Args)]
pub(super) struct Form {
    /// MAC addresses and EtherType of every frame, as tcpdump -e; else only where no IP or ARP address tells who speaks
    #[arg(short = 'e', long)]
    link_layer: bool,
    /// The bytes that were kept, below each line; with -j as frame_hex
    #[arg(short = 'x', long)]
    hex: bool,
    /// Print only these fields, with a tab between two; with -j, objects that have only these keys. They are the keys of the
    /// JSON, such as time,transport.dst_port,delay_ns; a wrong one is answered with all there are
    #[arg(long, value_name = "LIST", value_delimiter = ',', conflicts_with_all = ["link_layer", "hex"], hide_possible_values = true, value_parser = PossibleValuesParser::new(fields::NAMES.iter().copied()))]
    fields: Vec<String>,
    /// Stop after this many frames
    #[arg(short, long, value_name = "N", value_parser = clap::value_parser!(u64).range(1..))]
    count: Option<u64>,
}

/// Prints until there were enough.
pub(super) struct Printer {
    form: Form,
    point: bool,
    printed: u64,
}

impl Printer {
    /// `point` when departures are printed among arrivals.
    pub(super) fn new(form: Form, point: bool) -> Self {
        Self { form, point, printed: 0 }
    }

    /// How many frames were asked for.
    pub(super) fn count(&self) -> Option<u64> {
        self.form.count
    }

    pub(super) fn printed(&self) -> u64 {
        self.printed
    }

    /// True when there were as many as were asked for.
    pub(super) fn has_enough(&self) -> bool {
        self.form.count.is_some_and(|count| self.printed >= count)
    }

    /// Whether objects are to come with their bytes.
    pub(super) fn wants_bytes(&self) -> bool {
        self.form.hex || self.form.fields.iter().any(|field| field == fields::BYTES)
    }

    /// Prints what comes, up to the number that was asked for, in one go.
    pub(super) fn print<'a>(
        &mut self,
        out: &mut Output,
        objects: impl IntoIterator<Item = Object<'a>>,
    ) -> Result<()> {
        let left = self.form.count.map_or(u64::MAX, |count| count - self.printed);
        let mut text = String::new();
        for object in objects.into_iter().take(usize::try_from(left).unwrap_or(usize::MAX)) {
            text += &self.one(out, object)?;
            self.printed += 1;
        }
        if text.is_empty() { Ok(()) } else { out.text(&text) }
    }

    fn one(&self, out: &Output, mut object: Object) -> Result<String> {
        let Form { fields, hex, link_layer, .. } = &self.form;
        if !self.wants_bytes() {
            object.frame_hex = None;
        }
        match (out.wants_json(), fields.as_slice()) {
            (true, []) => out.as_json(&object),
            (true, fields) => out.as_json(&fields::json(&object, fields)?),
            (false, []) => {
                let shape =
                    Shape { style: out.style(), link_layer: *link_layer, point: self.point, hex: *hex };
                Ok(line::show(&object, shape) + "\n")
            }
            (false, fields) => Ok(fields::text(&object, fields)? + "\n"),
        }
    }
}
