//! The program itself, and traffic that the test sent.

use super::{Program, receiver::Receiver, unix_ns};
use crate::support::wire::{Wire, X, X_MAC, Y, Y_MAC};

/// Of a protocol that nobody speaks, from the first end to the second.
fn frame(length: usize) -> Vec<u8> {
    let mut frame = [&Y_MAC[..], &X_MAC, &[0x88, 0xb5]].concat();
    frame.resize(length, 0);
    frame
}

#[test]
fn what_a_pair_carried_is_what_the_receiver_is_told() {
    let wire = Wire::new();
    let receiver = Receiver::start();
    let began = unix_ns();
    let variables = [
        ("OTEL_EXPORTER_OTLP_ENDPOINT", &*receiver.url()),
        ("OTEL_METRIC_EXPORT_INTERVAL", "200"),
        ("OTEL_EXPORTER_OTLP_PROTOCOL", "http/protobuf"),
        ("OTEL_SERVICE_NAME", "ledger"),
        ("OTEL_RESOURCE_ATTRIBUTES", "service.name=other,deployment.environment.name=test%20bed"),
    ];
    let agent = Program::start(wire.lab.name(0), &variables, &[]);
    let out = [("direction", "to_peer")];
    receiver.wait_for("it observes", |export| export.value("veth.frames.sent", &out) == Some(0.0));
    let before = unix_ns();
    wire.lab.send_frames(0, X, &frame(100), 1000);
    let export = receiver
        .wait_for("all have arrived", |export| export.value("veth.frames.received", &out) == Some(1000.0));
    let after = unix_ns();
    for (name, value) in [
        ("veth.frames.sent", 1000.0),
        ("veth.skbs.sent", 1000.0),
        ("veth.sent", 100_000.0),
        ("veth.received", 100_000.0),
        ("veth.frames.matched", 1000.0),
        ("veth.frames.lost", 0.0),
        ("veth.frames.in_flight", 0.0),
        ("veth.frames.unexplained", 0.0),
    ] {
        assert_eq!(export.value(name, &out), Some(value), "{name}");
    }
    for (device, word, bytes) in
        [(X, "transmit", 100_000.0), (Y, "receive", 100_000.0), (X, "receive", 0.0), (Y, "transmit", 0.0)]
    {
        let at = [("network.interface.name", device), ("network.io.direction", word)];
        assert_eq!(export.value("system.network.io", &at), Some(bytes), "{at:?}");
        assert_eq!(export.value("system.network.packet.dropped", &at), Some(0.0), "{at:?}");
    }
    let delay = export.histogram("veth.one_way_delay", &out).expect("delays");
    let positive = delay.positive.as_ref().expect("buckets");
    assert_eq!((delay.count, delay.scale), (1000, 3));
    assert_eq!(delay.zero_count + positive.bucket_counts.iter().sum::<u64>(), 1000);
    let (shortest, longest, sum) = (delay.min.unwrap(), delay.max.unwrap(), delay.sum.unwrap());
    assert!(0.0 < shortest && shortest * 1000.0 <= sum && sum <= longest * 1000.0, "{delay:?}");
    // The ends of the buckets are where the shortest and the longest delay are.
    let bound = |index: usize| (f64::from(positive.offset + i32::try_from(index).unwrap()) / 8.0).exp2();
    let count = positive.bucket_counts.len();
    let near = 1.0 + 1e-6;
    assert!(bound(0) < shortest * near && shortest < bound(1) * near, "{delay:?}");
    assert!(bound(count - 1) < longest * near && longest < bound(count) * near, "{delay:?}");

    let start = export.point("veth.frames.sent", &out).unwrap().start_time_unix_nano;
    assert!((began..before).contains(&start) && (before..after).contains(&export.time()));
    assert_eq!(delay.start_time_unix_nano, start);
    let resource = export.resource();
    assert_eq!(
        (&*resource["service.name"], &*resource["deployment.environment.name"]),
        ("ledger", "test bed")
    );
    assert_eq!(resource["host.name"], rustix::system::uname().nodename().to_str().unwrap());

    let said = agent.interrupt();
    assert!(
        said.contains(&format!("pushing metrics to {}/v1/metrics every 200ms", receiver.url())),
        "{said}"
    );
    let last = receiver.latest().expect("exports");
    assert_eq!(last.point("veth.frames.sent", &out).unwrap().start_time_unix_nano, start);
}

#[test]
fn the_end_of_the_program_brings_what_was_counted_since_the_last_export() {
    let wire = Wire::new();
    let receiver = Receiver::start();
    let flags = ["--otlp-endpoint", &*receiver.url(), "--otlp-interval", "1h", "--interval", "100ms", "-j"];
    let mut agent = Program::start(wire.lab.name(0), &[], &flags);
    let mut reports = agent.reports();
    let frames =
        |report: &serde_json::Value| report["pairs"][0]["directions"][0]["received"]["frames"].as_u64();
    reports.find(|report| frames(report) == Some(0)).expect("the pair");
    wire.lab.send_frames(0, X, &frame(60), 7);
    reports.find(|report| frames(report) == Some(7)).expect("the frames");
    assert_eq!(receiver.count(), 0);
    agent.interrupt();
    let export = receiver.first(1).remove(0);
    assert_eq!(export.value("veth.frames.received", &[("direction", "to_peer")]), Some(7.0));
}
