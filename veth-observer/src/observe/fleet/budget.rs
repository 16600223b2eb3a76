//! How many pairs there are open files for.

use tracing::warn;

use super::Selection;
use crate::netns;

/// What a pair keeps open over tcx are four links and the two sockets of its lane. While it is attached to, and over clsact, it
/// is more.
const FILES: u64 = 8;

/// With no more pairs than half of the open files are enough for. The rest is for looking at namespaces and for clients: an
/// agent that has none left can neither find nor tell anything.
pub(super) fn affordable(selection: Selection) -> Selection {
    let (files, asked) = (netns::most_files(), selection.max_pairs);
    let most = usize::try_from(files / 2 / FILES).unwrap_or(usize::MAX);
    if most < asked {
        warn!(
            "observing at most {most} pairs, since at most {files} files may be open (`ulimit -Hn`, LimitNOFILE)"
        );
    }
    Selection { max_pairs: asked.min(most), ..selection }
}
