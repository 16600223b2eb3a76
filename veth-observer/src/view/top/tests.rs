use ratatui::{Terminal, backend::TestBackend, buffer::Cell};
use veth_observer_common::buckets;

use super::*;
use crate::model::{
    drop::Stage,
    link::{End, Netns, Owner},
    report::{Distribution, Dropped, Hook, SeenAt, Traffic},
};

const STYLE: Style = Style { unicode: true };

fn delays(ns: u64, count: u64) -> Distribution {
    let mut counts = vec![0; buckets::COUNT];
    counts[buckets::index(ns)] = count;
    Distribution {
        count,
        mean_ns: Some(ns),
        p50_ns: Some(ns),
        p99_ns: Some(2 * ns),
        max_ns: Some(3 * ns),
        buckets: counts,
        ..Distribution::default()
    }
}

fn direction(from: &str, to: &str, sent: u64, dropped: u64, ns: u64) -> DirectionReport {
    let of = |frames| Traffic { skbs: frames, frames, bytes: 100 * frames };
    let place = Dropped {
        stage: Stage::Qdisc,
        reason: Some("QDISC_DROP".into()),
        location: "__dev_queue_xmit".into(),
        frames: dropped,
    };
    DirectionReport {
        matched: sent - dropped,
        sent: of(sent),
        received: of(sent - dropped),
        dropped: if dropped > 0 { vec![place] } else { Vec::new() },
        delay: delays(ns, sent - dropped),
        ..DirectionReport::new(from, to)
    }
}

/// Two rows of a pair with a container.
fn pair(id: u64, name: &str, sent: u64, dropped: u64, ns: u64) -> [Row; 2] {
    let host = Netns { name: Some("host".into()), ..Netns::default() };
    let owner = Owner { name: Some(name.into()), ..Owner::default() };
    let device = format!("veth{id}");
    let near = End { ifname: Some(device.clone()), netns: host, ..End::default() };
    let far = End { ifname: Some("eth0".into()), owner: Some(owner), ..End::default() };
    let pair = Arc::new(PairReport {
        pair: name.into(),
        started_ns: 0,
        elapsed_ns: 1,
        ended: None,
        limits: Vec::new(),
        hook: Hook::Tc,
        ends: [near, far],
        directions: [direction(&device, "eth0", sent, dropped, ns), direction("eth0", &device, 10, 0, 900)],
    });
    [0, 1].map(|way| {
        let frames_per_second = pair.directions[way].received.frames;
        Row {
            id,
            way,
            pair: Arc::clone(&pair),
            rate: Rate { frames_per_second, bits_per_second: 800 * frames_per_second },
            course: vec![0, 1, 4, 8],
            is_losing: way == 0 && dropped > 10,
        }
    })
}

fn state() -> State {
    let mut state = State::new("the agent".into(), Sort::Rate, Filter::default(), STYLE, true);
    let rows =
        [pair(1, "web", 12_345, 100, 2_000), pair(2, "db", 500_000, 1, 70_000), pair(3, "cache", 20, 0, 500)];
    state.take(rows.concat(), 14_000_000_000);
    state
}

fn screen(state: &State, width: u16, height: u16) -> Vec<String> {
    let mut terminal = Terminal::new(TestBackend::new(width, height)).unwrap();
    terminal.draw(|frame| render(frame, state)).unwrap();
    let buffer = terminal.backend().buffer();
    let rows = buffer.content.chunks(usize::from(width));
    rows.map(|cells| cells.iter().map(Cell::symbol).collect::<String>().trim_end().to_owned()).collect()
}

fn press(state: &mut State, keys: &str) {
    for key in keys.chars() {
        let key = match key {
            '\n' => Key::Enter,
            '\u{1b}' => Key::Escape,
            other => Key::Char(other),
        };
        assert_eq!(state.press(key), Outcome::Draw, "{key:?}");
    }
}

#[test]
fn each_width_has_what_it_has_room_for() {
    let state = state();
    let narrow = screen(&state, 80, 9);
    let expected = [
        "top  6 of 6 directions, sorted by rate, 14.0 s, from the agent",
        "    PAIR                TO        FRAMES/S  BITS/S     LOSS   LOST     P50     P99",
        "> - db                  eth0          500k    400M  <0.001%      1  70.0µs   140µs",
    ];
    assert_eq!(narrow[0], expected[0]);
    let columns = |row: &str| row.split_whitespace().map(str::to_owned).collect::<Vec<_>>();
    assert_eq!((columns(&narrow[1]), columns(&narrow[2])), (columns(expected[1]), columns(expected[2])));
    assert_eq!(columns(&narrow[3]).join(" "), "! web eth0 12.2k 9.80M 0.810% 100 2.00µs 4.00µs");
    assert_eq!(columns(&narrow[7]).join(" "), "web veth1 10 8.00k 0% 0 900ns 1.80µs");
    assert!(narrow[8].starts_with("Enter details") && narrow[8].contains("q quit"), "{narrow:#?}");
    for (width, words, bars) in [
        (120, "PAIR FROM TO FRAMES/S BITS/S LOSS LOST P50 P99 COURSE", " ▁▄█"),
        (160, "PAIR FROM TO FRAMES/S BITS/S LOSS DROPPED LOST FLIGHT P50 P99 MAX COURSE", " ▁▄█"),
    ] {
        let wide = screen(&state, width, 9);
        assert_eq!(columns(&wide[1]).join(" "), words);
        assert!(wide[3].ends_with(&bars[1..]) && wide[3].contains("veth1"), "{wide:#?}");
    }
    for (width, height) in [(1, 1), (20, 3), (79, 2), (300, 80)] {
        assert_eq!(screen(&state, width, height).len(), usize::from(height));
    }
    let ascii = State { style: Style { unicode: false }, ..state };
    assert!(screen(&ascii, 160, 9).iter().all(|line| line.is_ascii()), "{:#?}", screen(&ascii, 160, 9));
}

#[test]
fn keys_choose_sort_filter_and_freeze() {
    let mut state = state();
    let first = |state: &State| screen(state, 80, 9)[2].clone();
    let chosen =
        |state: &State| screen(state, 80, 9).into_iter().find(|line| line.starts_with("> ")).unwrap();
    assert!(chosen(&state).contains("db"));
    press(&mut state, "j");
    assert!(chosen(&state).contains("web"));
    press(&mut state, "s");
    assert!(first(&state).contains("web") && chosen(&state).contains("web"), "by loss");
    press(&mut state, "s");
    assert!(first(&state).contains("db"), "by p99");
    press(&mut state, "/loss>0 eth0 p99>50us\n");
    let lines = screen(&state, 80, 9);
    assert!(lines[0].starts_with("top  1 of 6 directions"), "{lines:#?}");
    assert!(lines[8].starts_with("filter: loss>0 eth0 p99>50us"), "{lines:#?}");
    press(&mut state, "/ x>1\n");
    assert!(screen(&state, 80, 9)[8].contains("\"x\" is none of loss, lost"));
    press(&mut state, "\u{1b}f");
    state.take(Vec::new(), 0);
    let frozen = screen(&state, 80, 9);
    assert!(frozen[0].starts_with("top  FROZEN  1 of 6") && frozen[2].contains("db"), "{frozen:#?}");
    press(&mut state, "f");
    state.take(Vec::new(), 0);
    assert!(screen(&state, 80, 9)[0].starts_with("top  0 of 0"));
    assert_eq!((state.press(Key::Char('r')), state.press(Key::Char('q'))), (Outcome::SetBack, Outcome::Quit));
}

#[test]
fn a_pair_opens_with_both_ledgers_and_its_delays() {
    let mut state = state();
    press(&mut state, "j\n");
    let lines = screen(&state, 80, 40);
    let has = |words: &str| {
        lines.iter().any(|line| line.split_whitespace().collect::<Vec<_>>().join(" ").starts_with(words))
    };
    for words in [
        "web: veth1 (host) <-> eth0 (container:web)",
        "veth1 > eth0 eth0 > veth1",
        "sent 12345 10",
        "received 12245 10",
        "dropped 100 0",
        "loss 0.810% 0%",
        "veth1 > eth0 100 qdisc QDISC_DROP __dev_queue_xmit",
        "DELAY veth1 > eth0 COUNT SHARE",
    ] {
        assert!(has(words), "{words}: {lines:#?}");
    }
    assert!(lines.iter().any(|line| line.contains("12245  100.000%  █")), "{lines:#?}");
    let top = lines[1].clone();
    for _ in 0..200 {
        state.press(Key::Down);
    }
    let end = screen(&state, 80, 20);
    assert!(end[1] != top && !end[18].is_empty(), "{end:#?}");
    press(&mut state, "\u{1b}?");
    assert!(screen(&state, 80, 30)[1].starts_with("Up, Down, j, k"));
    press(&mut state, "x");
    assert!(screen(&state, 80, 9)[0].starts_with("top"));
}

#[test]
fn an_agent_that_is_gone_is_said_in_words_and_its_return_too() {
    let mut state = state();
    state.set_status(Status::Gone { why: "there is no agent at /x".into(), seconds: 7 });
    let lines = screen(&state, 80, 9);
    assert_eq!(lines[0], "GONE FOR 7 s, NUMBERS ARE OLD: there is no agent at /x");
    assert!(lines[2].contains("db"), "they stay");
    state.take(pair(9, "new", 5, 0, 100).to_vec(), 1);
    assert!(screen(&state, 80, 9)[0].starts_with("top  2 of 2"));
}

#[test]
fn names_cannot_steer_the_terminal() {
    let mut state = state();
    state.take(pair(1, "a\u{1b}[2J\u{202e}b", 5, 0, 100).to_vec(), 1);
    press(&mut state, "\n");
    for state in [&state, &State { page: Page::Table, ..state.clone() }] {
        let text = screen(state, 160, 30).concat();
        assert!(!text.contains(['\u{1b}', '\u{202e}']) && text.contains("a\\u{1b}[2J"), "{text}");
    }
}

#[test]
fn conditions_hold_against_numbers_in_their_units() {
    let [row, back] = pair(1, "web", 10_000, 100, 60_000);
    for (filter, passes) in [
        ("", true),
        ("WEB container:we", true),
        ("db", false),
        ("loss>=1%", true),
        ("loss>0.01", false),
        ("dropped=100 lost=0", true),
        ("rate>9k rate<=9.9k", true),
        ("bits>1M bits<10M", true),
        ("p50>=60us p99>100us max<1ms", true),
        ("p99>1ms", false),
        ("p50>0", true),
    ] {
        assert_eq!(filter.parse::<Filter>().unwrap().passes(&row), passes, "{filter}");
    }
    assert!(!"loss>0".parse::<Filter>().unwrap().passes(&back));
    for wrong in ["pears>1", "loss>2", "loss>x", "p99>5", "rate>-1", "rate>1x", "lost>inf"] {
        assert!(wrong.parse::<Filter>().is_err(), "{wrong}");
    }
}

#[test]
fn what_one_end_does_not_tell_has_no_number_and_meets_no_condition() {
    let mut state = state();
    let mut lone = pair(4, "lone", 700, 0, 500);
    let mut report = (*lone[0].pair).clone();
    for (direction, seen_at) in report.directions.iter_mut().zip([SeenAt::Departure, SeenAt::Arrival]) {
        (direction.seen_at, direction.delay) = (seen_at, Distribution::default());
    }
    for row in &mut lone {
        row.pair = Arc::new(report.clone());
    }
    state.take(lone.to_vec(), 1);
    let row: Vec<String> = screen(&state, 80, 9)[2].split_whitespace().skip(1).map(str::to_owned).collect();
    assert_eq!(row.join(" "), "lone eth0 700 560k - - - -");
    for condition in ["loss<1%", "lost=0", "dropped=0"] {
        assert!(!condition.parse::<Filter>().unwrap().passes(&lone[0]), "{condition}");
    }
}
