//! BPF filters on the clsact qdisc.

use futures_util::TryStreamExt;
use netlink_packet_route::tc::{TcAttribute, TcFilterBpfOption, TcMessage, TcOption};

use crate::{model::device::Program, topology::connection::Connection};

/// The cls_bpf filters of both directions; none where there is no clsact qdisc.
pub(super) async fn on(connection: &Connection, ifindex: u32) -> Vec<Program> {
    let Ok(index) = i32::try_from(ifindex) else { return Vec::new() };
    let mut programs = Vec::new();
    for (hook, request) in [
        ("tc/ingress", connection.traffic_filter(index).get().ingress()),
        ("tc/egress", connection.traffic_filter(index).get().egress()),
    ] {
        match request.execute().try_collect::<Vec<TcMessage>>().await {
            Ok(filters) => programs.extend(filters.iter().filter_map(|filter| program(hook, filter))),
            Err(error) => tracing::debug!(hook, "cannot read the filters: {error}"),
        }
    }
    programs
}

fn program(hook: &str, filter: &TcMessage) -> Option<Program> {
    let options = filter.attributes.iter().find_map(|attribute| match attribute {
        TcAttribute::Options(options) => Some(options),
        _ => None,
    })?;
    let mut program = Program { hook: hook.into(), id: 0, name: None };
    for option in options {
        match option {
            TcOption::Bpf(TcFilterBpfOption::ProgId(id)) => program.id = *id,
            TcOption::Bpf(TcFilterBpfOption::ProgName(name)) => program.name = Some(name.clone()),
            _ => {}
        }
    }
    // A classic BPF filter has no program and no id.
    (program.id != 0).then_some(program)
}
