//! What other parts of the program build on: pairs that go away by themselves, in namespaces that nobody else knows.

use std::future::Future;

use veth_observer::{
    fault::{Fault, Kind},
    netns::Namespace,
    topology::{
        self,
        manage::{self, EndSpec, Made, PairSpec},
    },
};

use crate::support::netns::eventually;

fn block_on<T>(work: impl Future<Output = T>) -> T {
    tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap().block_on(work)
}

fn spec(namespaces: &[Namespace; 2]) -> PairSpec {
    let end = |name, namespace: &Namespace, address: &str| EndSpec {
        addrs: vec![address.parse().unwrap()],
        ..EndSpec::new(name, namespace.clone())
    };
    let ends = [end("here", &namespaces[0], "10.9.0.1/24"), end("there", &namespaces[1], "10.9.0.2/24")];
    PairSpec { ends, mtu: None, queues: None, up: true }
}

fn exists(namespace: &Namespace, name: &str) -> bool {
    let path = format!("/proc/thread-self/net/dev_snmp6/{name}");
    namespace.run(|| std::path::Path::new(&path).exists()).unwrap()
}

fn make() -> ([Namespace; 2], Made) {
    let namespaces = [Namespace::create_unnamed().unwrap(), Namespace::create_unnamed().unwrap()];
    let made = block_on(manage::create(&spec(&namespaces))).unwrap();
    (namespaces, made)
}

#[test]
fn a_pair_between_nameless_namespaces_is_selected_like_any_other() {
    let (namespaces, made) = make();
    assert!(namespaces[0].id.cookie.is_some() && namespaces[0].id.cookie != namespaces[1].id.cookie);
    for (at, name) in ["here", "there"].iter().enumerate() {
        let selector = format!("netns:{}/{name}", namespaces[at].id.inode.unwrap());
        let selected = block_on(topology::select(&selector)).unwrap();
        assert_eq!(selected.pair.ends[0].ifname.as_deref(), Some(*name));
        assert!(selected.namespaces[0].same(&namespaces[at]));
        assert!(selected.namespaces[1].same(&namespaces[1 - at]));
        let names: Vec<_> =
            selected.namespaces.iter().map(|namespace| namespace.run(|| ()).is_ok()).collect();
        assert_eq!(names, [true, true]);
    }
    assert_eq!(made.pair.ends[0].operstate.as_deref(), Some("up"));
}

#[test]
fn a_pair_that_is_not_kept_goes_with_its_guard() {
    let (namespaces, made) = make();
    assert!(exists(&namespaces[0], "here") && exists(&namespaces[1], "there"));
    drop(made);
    assert!(!exists(&namespaces[0], "here") && !exists(&namespaces[1], "there"));

    let made = block_on(manage::create(&spec(&namespaces))).unwrap();
    made.keep();
    assert!(exists(&namespaces[0], "here"));
}

#[test]
fn a_panic_takes_the_pair_along() {
    let namespaces = [Namespace::create_unnamed().unwrap(), Namespace::create_unnamed().unwrap()];
    let spec = spec(&namespaces);
    let panicked = std::thread::spawn(move || {
        let _made = block_on(manage::create(&spec)).unwrap();
        std::panic::resume_unwind(Box::new("on purpose"));
    });
    assert!(panicked.join().is_err());
    assert!(!exists(&namespaces[0], "here"));
}

#[test]
fn a_nameless_namespace_ends_with_its_last_holder() {
    let (namespaces, made) = make();
    let gone = namespaces[1].id.clone();
    made.keep();
    drop(namespaces);
    eventually("no namespace of that cookie", || {
        // Its inode may be another's by now.
        match Namespace::by_name(&gone.inode.unwrap().to_string()) {
            Ok(other) => other.id.cookie != gone.cookie,
            Err(error) => error.downcast_ref::<Fault>().is_some_and(|fault| fault.kind == Kind::NotFound),
        }
    });
}

#[test]
fn work_in_a_namespace_leaves_the_caller_where_it_was() {
    let namespace = Namespace::create_unnamed().unwrap();
    let here = || std::fs::read_link("/proc/thread-self/ns/net").unwrap();
    let before = here();
    let inside = namespace.run(here).unwrap();
    assert_eq!(inside.to_str().unwrap(), format!("net:[{}]", namespace.id.inode.unwrap()));
    assert_eq!(here(), before);
}
