//! Numbers from a running agent, over its unix socket or HTTP: whoever may open the socket needs no other privilege.
//!
//! * [`Address`]: where the agent is.
//! * [`Client`]: asks it, and opens a new connection where the old one has ended.
//! * [`Lines`]: an answer that goes on.
//! * [`Trouble`]: why it has no answer, with the exit code and what mends it.

mod address;
mod connection;
mod lines;
mod trouble;

use serde::Deserialize;

pub use address::Address;
use connection::{Answer, Connection};
pub use lines::Lines;
pub use trouble::{JOIN, Trouble};

use crate::model::{
    SCHEMA,
    published::{Known, Published, REPORT},
    report::PairReport,
    snapshot::AgentState,
};

/// One moment of an agent, as its client has it.
#[derive(Debug, Clone, PartialEq)]
pub struct Moment {
    /// Each pair with the id of its observation; those that ended of late are among them.
    pub pairs: Vec<(u64, PairReport)>,
    pub agent: AgentState,
}

/// Asks one agent.
#[derive(Debug)]
pub struct Client {
    address: Address,
    connection: Option<Connection>,
}

impl Client {
    /// Opens a connection, and so learns whether anybody is there.
    pub async fn connect(address: Address) -> Result<Self, Trouble> {
        let connection = Some(Connection::open(&address).await?);
        Ok(Self { address, connection })
    }

    pub fn address(&self) -> &Address {
        &self.address
    }

    /// All pairs, buckets of times included.
    pub async fn all(&mut self) -> Result<Moment, Trouble> {
        self.ask(&format!("{REPORT}?buckets=1")).await?.ok_or(Trouble::Foreign)
    }

    /// The pair of one observation; none where the agent has no such observation (any more).
    pub async fn one(&mut self, id: u64) -> Result<Option<Moment>, Trouble> {
        self.ask(&format!("{REPORT}?buckets=1&id={id}")).await
    }

    /// The frames of one observation, as lines of JSON; `query` says which.
    pub async fn frames(self, id: u64, query: &str) -> Result<Lines, Trouble> {
        let connection = Connection::open(&self.address).await?;
        connection.lines(&format!("/api/v1/frames/{id}?{query}")).await
    }

    async fn ask(&mut self, path: &str) -> Result<Option<Moment>, Trouble> {
        match self.get(path).await? {
            Answer { status: 200, body } => read(&body).map(Some),
            Answer { status: 404, body } if body.starts_with(b"no observation") => Ok(None),
            Answer { status: 400 | 404, .. } => Err(Trouble::Foreign),
            Answer { status, body } => Err(Trouble::Refused(status, first_line(&body))),
        }
    }

    /// Asks once more over a new connection where the old one had been closed meanwhile: asking changes nothing.
    async fn get(&mut self, path: &str) -> Result<Answer, Trouble> {
        if let Some(mut connection) = self.connection.take() {
            match connection.get(path).await {
                Ok(answer) => {
                    self.connection = Some(connection);
                    return Ok(answer);
                }
                Err(Trouble::Closed) => {}
                Err(other) => return Err(other),
            }
        }
        let mut connection = Connection::open(&self.address).await?;
        let answer = connection.get(path).await?;
        self.connection = Some(connection);
        Ok(answer)
    }
}

fn read(body: &[u8]) -> Result<Moment, Trouble> {
    #[derive(Deserialize)]
    struct Envelope {
        schema: u32,
    }
    match serde_json::from_slice(body) {
        Ok(Envelope { schema: SCHEMA }) => {}
        Ok(Envelope { schema }) => return Err(Trouble::OtherSchema(schema)),
        Err(_) => return Err(Trouble::Foreign),
    }
    let Published { pairs, agent, .. } = serde_json::from_slice(body).map_err(|_| Trouble::Foreign)?;
    let whole = |known: Known<'_>| Some((known.id, known.whole()?));
    let pairs: Option<Vec<_>> = pairs.into_iter().map(whole).collect();
    Ok(Moment { pairs: pairs.ok_or(Trouble::Foreign)?, agent: agent.into_owned() })
}

/// As much of an answer as a person is to see.
fn first_line(body: &[u8]) -> String {
    String::from_utf8_lossy(body).lines().next().unwrap_or_default().chars().take(200).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_no_report_of_ours_is_told_apart() {
        assert_eq!(read(br#"{"schema":7,"pears":[]}"#), Err(Trouble::OtherSchema(7)));
        for body in ["", "<html>", "{}", r#"{"schema":1}"#, r#"{"schema":1,"pairs":[{}]}"#] {
            assert_eq!(read(body.as_bytes()), Err(Trouble::Foreign), "{body}");
        }
    }

    #[test]
    fn a_field_of_a_later_agent_is_passed_over() {
        let snapshot = crate::model::snapshot::Snapshot {
            report: crate::model::report::Report::new(Vec::new()),
            agent: AgentState::new(5),
        };
        let mut value = serde_json::to_value(Published::of(&snapshot, None)).unwrap();
        (value["colour"], value["agent"]["mood"]) = ("red".into(), "fine".into());
        let read = read(value.to_string().as_bytes()).unwrap();
        assert_eq!((read.pairs.len(), read.agent.taken_ns), (0, 5));
    }
}
