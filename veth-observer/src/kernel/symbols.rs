//! tmp
use anyhow::Result;
pub fn functions(addresses: &[u64]) -> Result<Vec<Option<String>>> {
    let text = std::fs::read_to_string("/proc/kallsyms")?;
    let mut best: Vec<(u64, Option<String>)> = vec![(0, None); addresses.len()];
    for line in text.lines() {
        let mut w = line.split_whitespace();
        let a = u64::from_str_radix(w.next().unwrap_or("0"), 16)?;
        let n = w.nth(1).unwrap_or("");
        for (i, &x) in addresses.iter().enumerate() {
            if a <= x && a > best[i].0 {
                best[i] = (a, Some(n.to_owned()));
            }
        }
    }
    Ok(best.into_iter().map(|b| b.1).collect())
}
