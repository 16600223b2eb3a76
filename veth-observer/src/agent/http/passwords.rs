//! Basic authentication against bcrypt hashes.
//!
//! A hash costs tens of milliseconds of a CPU. One is computed at a time, few may wait for theirs, and who failed holds up the
//! next: guessing takes little from whoever collects. What was right once is recognised at once.

use std::{
    collections::{BTreeMap, VecDeque},
    sync::{
        Mutex, PoisonError,
        atomic::{AtomicUsize, Ordering},
    },
    time::Duration,
};

use anyhow::{Context, Result, ensure};
use base64::{Engine, prelude::BASE64_STANDARD};
use ring::{hmac, rand::SystemRandom};
use tokio::sync::Semaphore;

/// More than this many do not wait for a hash.
const WAITING: usize = 8;

/// How long a wrong password holds up whoever comes next.
const PENANCE: Duration = Duration::from_millis(100);

/// As many headers as are remembered to be right.
const REMEMBERED: usize = 64;

/// For users that there are not, so that they take as long as others. It is of no password that anybody knows.
const NOBODY: &str = "$2b$10$......................eGVaPCTPRwZ8LBTPM2AfMFM2jWOqG2e";

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Verdict {
    Allowed,
    Denied,
    /// Too many ask at once to tell.
    Busy,
}

/// Who may come in.
#[derive(Debug)]
pub(super) struct Passwords {
    /// Hashes by user.
    users: BTreeMap<String, String>,
    key: hmac::Key,
    right: Mutex<VecDeque<Vec<u8>>>,
    waiting: AtomicUsize,
    turn: Semaphore,
}

impl Passwords {
    pub(super) fn new(users: BTreeMap<String, String>) -> Result<Self> {
        for (user, hash) in &users {
            let is_bcrypt = hash.parse::<bcrypt::HashParts>().is_ok();
            ensure!(
                is_bcrypt,
                "the password of `{user}` is no bcrypt hash: `htpasswd -nBC 10 {user}` makes one"
            );
        }
        let key =
            hmac::Key::generate(hmac::HMAC_SHA256, &SystemRandom::new()).ok().context("no randomness")?;
        Ok(Self {
            users,
            key,
            right: Mutex::default(),
            waiting: AtomicUsize::new(0),
            turn: Semaphore::new(1),
        })
    }

    /// What the `Authorization` header of a request earns.
    pub(super) async fn judge(&self, header: Option<&str>) -> Verdict {
        let Some((user, password)) = header.and_then(credentials) else { return Verdict::Denied };
        let tag = hmac::sign(&self.key, format!("{user}:{password}").as_bytes()).as_ref().to_vec();
        if self.right().contains(&tag) {
            return Verdict::Allowed;
        }
        let _waiting = Waiting::new(&self.waiting);
        if self.waiting.load(Ordering::Relaxed) > WAITING {
            return Verdict::Busy;
        }
        let Ok(_turn) = self.turn.acquire().await else { return Verdict::Busy };
        if self.right().contains(&tag) {
            return Verdict::Allowed;
        }
        let known = self.users.get(&user);
        let hash = known.map_or(NOBODY, String::as_str).to_owned();
        let is_right =
            tokio::task::spawn_blocking(move || bcrypt::verify(password, &hash).unwrap_or(false)).await;
        if known.is_some() && is_right.unwrap_or(false) {
            let mut right = self.right();
            right.truncate(REMEMBERED - 1);
            right.push_front(tag);
            return Verdict::Allowed;
        }
        tokio::time::sleep(PENANCE).await;
        Verdict::Denied
    }

    fn right(&self) -> std::sync::MutexGuard<'_, VecDeque<Vec<u8>>> {
        self.right.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// One who waits, counted while this is there.
struct Waiting<'a>(&'a AtomicUsize);

impl<'a> Waiting<'a> {
    fn new(count: &'a AtomicUsize) -> Self {
        count.fetch_add(1, Ordering::Relaxed);
        Self(count)
    }
}

impl Drop for Waiting<'_> {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::Relaxed);
    }
}

/// User and password of a header of the kind `Basic`.
fn credentials(header: &str) -> Option<(String, String)> {
    let (scheme, encoded) = header.split_once(' ')?;
    if !scheme.eq_ignore_ascii_case("basic") {
        return None;
    }
    let decoded = String::from_utf8(BASE64_STANDARD.decode(encoded.trim()).ok()?).ok()?;
    let (user, password) = decoded.split_once(':')?;
    Some((user.to_owned(), password.to_owned()))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn header(text: &str) -> String {
        format!("Basic {}", BASE64_STANDARD.encode(text))
    }

    fn passwords() -> Passwords {
        let hash = bcrypt::hash("open sesame", 4).unwrap();
        Passwords::new([("ali".to_owned(), hash)].into()).unwrap()
    }

    #[test]
    fn the_hash_of_nobody_is_one() {
        assert!(NOBODY.parse::<bcrypt::HashParts>().is_ok());
        assert!(!bcrypt::verify("", NOBODY).unwrap());
    }

    #[tokio::test]
    async fn only_the_right_password_of_the_right_user_opens() {
        let passwords = passwords();
        for (text, verdict) in [
            ("ali:open sesame", Verdict::Allowed),
            ("ali:open", Verdict::Denied),
            ("ali:", Verdict::Denied),
            ("baba:open sesame", Verdict::Denied),
            (":", Verdict::Denied),
            ("ali:open sesame", Verdict::Allowed),
        ] {
            assert_eq!(passwords.judge(Some(&header(text))).await, verdict, "{text}");
        }
        for other in ["", "Basic", "Basic ???", "Bearer YWxpOm9wZW4gc2VzYW1l"] {
            assert_eq!(passwords.judge(Some(other)).await, Verdict::Denied, "{other}");
        }
        assert_eq!(passwords.judge(None).await, Verdict::Denied);
    }

    #[tokio::test]
    async fn many_who_guess_are_turned_away_and_who_is_known_is_not() {
        let passwords = std::sync::Arc::new(passwords());
        let right = header("ali:open sesame");
        assert_eq!(passwords.judge(Some(&right)).await, Verdict::Allowed);
        let guesses: Vec<_> = (0..50)
            .map(|guess| {
                let passwords = std::sync::Arc::clone(&passwords);
                tokio::spawn(async move { passwords.judge(Some(&header(&format!("ali:{guess}")))).await })
            })
            .collect();
        tokio::task::yield_now().await;
        assert_eq!(passwords.judge(Some(&right)).await, Verdict::Allowed);
        let mut verdicts = Vec::new();
        for guess in guesses {
            verdicts.push(guess.await.unwrap());
        }
        assert!(!verdicts.contains(&Verdict::Allowed));
        assert_eq!(verdicts.iter().filter(|verdict| **verdict == Verdict::Denied).count(), WAITING);
    }

    #[tokio::test]
    async fn hashes_of_every_maker_are_known() {
        let hash = bcrypt::hash("open sesame", 4).unwrap();
        for version in ["$2y$", "$2a$", "$2b$"] {
            let hash = hash.replace("$2b$", version);
            let passwords = Passwords::new([("ali".to_owned(), hash)].into()).unwrap();
            assert_eq!(
                passwords.judge(Some(&header("ali:open sesame"))).await,
                Verdict::Allowed,
                "{version}"
            );
        }
    }

    #[test]
    fn a_password_in_the_clear_is_refused() {
        assert!(Passwords::new([("ali".to_owned(), "open sesame".to_owned())].into()).is_err());
    }
}
