//! What to type to get the same pair from `ip`.

use super::spec::{EndSpec, PairSpec};
use crate::netns::{self, Namespace};

/// The commands, one a line, that make what [`create`](super::create) would make.
pub fn commands(spec: &PairSpec) -> Vec<String> {
    let [first, second] = &spec.ends;
    let elsewhere = !second.namespace.same(&first.namespace);
    let add = format!(
        "{} link add {}{} type veth peer name {}{}{}",
        ip(&first.namespace),
        quoted(&first.name),
        options(first, spec),
        quoted(&second.name),
        options(second, spec),
        if elsewhere { format!(" netns {}", place(&second.namespace)) } else { String::new() },
    );
    let mut commands = vec![add];
    for end in &spec.ends {
        for address in &end.addrs {
            commands.push(format!("{} address add {address} dev {}", ip(&end.namespace), quoted(&end.name)));
        }
    }
    if spec.up {
        for end in &spec.ends {
            commands.push(format!("{} link set {} up", ip(&end.namespace), quoted(&end.name)));
        }
    }
    commands
}

fn options(end: &EndSpec, spec: &PairSpec) -> String {
    let options = [
        end.mac.map(|mac| format!(" address {mac}")),
        spec.mtu.map(|mtu| format!(" mtu {mtu}")),
        spec.queues.map(|queues| format!(" numtxqueues {queues} numrxqueues {queues}")),
    ];
    options.into_iter().flatten().collect()
}

/// `ip` as it has to be called to work in that namespace.
fn ip(namespace: &Namespace) -> String {
    if Namespace::current().is_ok_and(|here| here.same(namespace)) {
        return "ip".into();
    }
    match named(namespace) {
        Some(name) => format!("ip -n {}", quoted(&name)),
        None => format!("nsenter --net={} ip", quoted(&namespace.path().to_string_lossy())),
    }
}

fn place(namespace: &Namespace) -> String {
    quoted(&named(namespace).unwrap_or_else(|| namespace.path().to_string_lossy().into_owned()))
}

fn named(namespace: &Namespace) -> Option<String> {
    let name = namespace.id.name.clone()?;
    netns::names().contains(&name).then_some(name)
}

/// As a shell takes it for one word.
fn quoted(word: &str) -> String {
    let plain = |c: char| c.is_ascii_alphanumeric() || "-_./@:+,".contains(c);
    if word.chars().all(plain) { word.into() } else { format!("'{}'", word.replace('\'', r"'\''")) }
}

#[cfg(test)]
mod tests {
    use super::quoted;

    #[test]
    fn words_survive_the_shell() {
        assert_eq!(quoted("veth0"), "veth0");
        assert_eq!(quoted("a$b"), "'a$b'");
        assert_eq!(quoted("it's"), r"'it'\''s'");
    }
}
