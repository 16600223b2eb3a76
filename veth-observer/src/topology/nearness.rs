//! Slips of the fingers. Pure.

/// Whether one may have been typed for the other: at most one letter too many, missing, wrong or in another case.
pub(super) fn near(typed: &str, name: &str) -> bool {
    let (typed, name) = (typed.to_lowercase().into_bytes(), name.to_lowercase().into_bytes());
    let same_start = typed.iter().zip(&name).take_while(|(a, b)| a == b).count();
    let (typed, name) = (&typed[same_start..], &name[same_start..]);
    let same_end = typed.iter().rev().zip(name.iter().rev()).take_while(|(a, b)| a == b).count();
    typed.len().max(name.len()) - same_end <= 1
}

#[cfg(test)]
mod tests {
    use super::near;

    #[test]
    fn near_names_are_one_slip_apart() {
        assert!(near("veth0", "veth1"));
        assert!(near("veth", "veth0"));
        assert!(near("Veth0", "veth0"));
        assert!(near("vth0", "veth0"));
        assert!(!near("eth0", "br-lan"));
        assert!(!near("v0", "veth0"));
    }
}
