//! The client of our own commands: it has what the collector had, or says why not.

use std::{
    io::{Read, Write},
    os::unix::net::UnixListener,
    path::{Path, PathBuf},
    sync::atomic::{AtomicU32, Ordering},
    thread,
};

use tokio::runtime::{Builder, Runtime};
use veth_observer::{
    agent::http::Limits,
    client::{Address, Client, Trouble},
    fault::Fault,
    model::snapshot::{AgentState, Snapshot},
};

use super::{Agent, client::get, fake, flags};

fn socket() -> PathBuf {
    static NEXT: AtomicU32 = AtomicU32::new(0);
    let next = NEXT.fetch_add(1, Ordering::Relaxed);
    std::env::temp_dir().join(format!("vo-asked-{}-{next}.sock", std::process::id()))
}

/// Numbers that change with every look.
fn moving(taken: u64) -> Snapshot {
    let mut snapshot = fake::many(taken, 3);
    snapshot.report.pairs[1].directions[0].sent.frames += taken;
    (snapshot.agent.started_ns, snapshot.agent.loss_timeout_ns) = (5, 7);
    snapshot
}

fn serving(path: &Path) -> Agent {
    let address = format!("unix:{}", path.display());
    Agent::with(&flags(&["127.0.0.1:0", &address]), Limits::default(), moving)
}

/// What the client runs on; not beside a server, which must not end where others wait.
fn runtime() -> Runtime {
    Builder::new_current_thread().enable_all().build().unwrap()
}

#[test]
fn a_client_has_what_the_collector_had() {
    let path = socket();
    let (agent, runtime) = (serving(&path), runtime());
    let over_http = Address::Http(agent.address().to_string());
    for address in [Address::Unix(path), over_http] {
        let mut client = runtime.block_on(Client::connect(address)).unwrap();
        for _ in 0..2 {
            let moment = runtime.block_on(client.all()).unwrap();
            let Snapshot { report, agent } = moving(moment.agent.taken_ns);
            let ids: Vec<u64> = agent.observed.iter().map(|state| state.id).collect();
            let pairs: Vec<_> = ids.into_iter().zip(report.pairs).collect();
            assert_eq!(moment.pairs, pairs);
            assert_eq!(moment.agent, AgentState { observed: Vec::new(), ..agent });
            let one = runtime.block_on(client.one(1)).unwrap().expect("it is there");
            assert_eq!(one.pairs[0].1, moving(one.agent.taken_ns).report.pairs[1]);
            assert_eq!(one.pairs.len(), 1);
            assert_eq!(runtime.block_on(client.one(9)).unwrap(), None);
        }
    }
    for query in ["buckets=2", "id=1", "buckets=1&id=x", "all"] {
        assert_eq!(get(agent.address(), &format!("/api/v1/report?{query}"), &[]).status, 400, "{query}");
    }
}

#[test]
fn a_client_survives_the_end_of_its_connection_but_not_of_the_agent() {
    let path = socket();
    let (agent, runtime) = (serving(&path), runtime());
    let mut client = runtime.block_on(Client::connect(Address::Unix(path.clone()))).unwrap();
    runtime.block_on(client.all()).unwrap();
    drop(agent);
    let agent = serving(&path);
    assert_eq!(runtime.block_on(client.all()).unwrap().pairs.len(), 3);
    drop(agent);
    assert_eq!(runtime.block_on(client.all()), Err(Trouble::Absent));
    let again = runtime.block_on(Client::connect(Address::Unix(path)));
    assert_eq!(again.unwrap_err(), Trouble::Absent);
}

/// Answers once with these bytes, and closes.
fn answering(answer: &'static str) -> (PathBuf, thread::JoinHandle<()>) {
    let path = socket();
    let listener = UnixListener::bind(&path).unwrap();
    let server = thread::spawn(move || {
        let (mut stream, _) = listener.accept().unwrap();
        drop(listener);
        let mut request = [0; 4096];
        assert!(stream.read(&mut request).unwrap() > 0);
        stream.write_all(answer.as_bytes()).unwrap();
    });
    (path, server)
}

#[tokio::test]
async fn an_answer_of_somebody_else_is_none() {
    for (answer, trouble) in [
        ("HTTP/1.1 200 OK\r\ncontent-length: 23\r\n\r\n{\"schema\":2,\"pears\":[]}", Trouble::OtherSchema(2)),
        ("HTTP/1.1 200 OK\r\ncontent-length: 6\r\n\r\n<html>", Trouble::Foreign),
        ("HTTP/1.1 404 Not Found\r\ncontent-length: 0\r\n\r\n", Trouble::Foreign),
        (
            "HTTP/1.1 503 Service Unavailable\r\ncontent-length: 8\r\n\r\nno room\n",
            Trouble::Refused(503, "no room".into()),
        ),
        // Cut short, and no HTTP at all.
        ("HTTP/1.1 200 OK\r\ncontent-length: 23\r\n\r\n{\"schema\"", Trouble::Closed),
        ("220 mail.example.org ESMTP\r\n", Trouble::Closed),
    ] {
        let (path, server) = answering(answer);
        let mut client = Client::connect(Address::Unix(path.clone())).await.unwrap();
        // Whoever closes without an answer is asked again, and by then nobody is there.
        let expected = if trouble == Trouble::Closed { Trouble::Absent } else { trouble };
        let had = client.all().await.unwrap_err();
        server.join().unwrap();
        std::fs::remove_file(&path).unwrap();
        assert_eq!(had, expected, "{answer}");
        let Fault { message, fix, .. } = had.at(&Address::Unix(path));
        assert!(message.contains("/vo-asked-") && fix.is_some(), "{message}");
    }
}
