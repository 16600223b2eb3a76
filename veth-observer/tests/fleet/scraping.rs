//! A Prometheus that cannot wait.

use std::time::{Duration, Instant};

use super::{Agent, FRAME, make, quiet};
use crate::support::{
    netns::{apart, eventually, within},
    prometheus::Prometheus,
};

const PAIRS: usize = 20;

#[test]
fn scraped_ten_times_a_second_it_takes_a_part_of_one_cpu_and_counts_on() {
    if !apart("fleet::scraping::scraped_ten_times_a_second_it_takes_a_part_of_one_cpu_and_counts_on") {
        return;
    }
    let lab = quiet(2);
    make(&lab, 0..PAIRS);
    let port = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    let agent = Agent::start(&lab, &["--web.listen-address", &port.to_string()]);
    agent.observing(PAIRS);
    let prometheus = Prometheus::hurried(port);
    let (began, before) = (Instant::now(), agent.process().cpu());
    // On a busy machine some take longer than they may.
    let scrapes = || prometheus.value("sum_over_time(up[1m])").unwrap_or_default();
    let mut sent = 0;
    within(Duration::from_secs(40), "thirty scrapes", || {
        lab.send_frames(0, "p0", &FRAME, 10);
        sent += 10;
        scrapes() >= 30.0
    });
    let share = agent.process().cpu().saturating_sub(before).as_secs_f64() / began.elapsed().as_secs_f64();
    // A build without optimisation takes some 0.2, with the test's own reports ten times a second.
    assert!(share < 0.6, "{share} of a CPU");
    let way = r#"direction="to_peer""#;
    eventually("all frames are stored", || {
        let received = prometheus.value(&format!("sum(veth_frames_received_total{{{way}}})"));
        received.is_some_and(|received| received.to_string() == sent.to_string())
    });
}
