//! Where an agent is.

use std::{fmt, path::PathBuf, str::FromStr};

use crate::model::published::SOCKET;

#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Address {
    Unix(PathBuf),
    /// `HOST:PORT`
    Http(String),
}

impl Default for Address {
    /// Where the packaged agent listens.
    fn default() -> Self {
        Self::Unix(SOCKET.into())
    }
}

impl FromStr for Address {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        if let Some(authority) = text.strip_prefix("http://") {
            let authority = authority.strip_suffix('/').unwrap_or(authority);
            let port = authority.rsplit_once(':').map(|(_, port)| port.parse::<u16>());
            return match port {
                Some(Ok(_)) if !authority.contains(['/', '@', ' ']) => Ok(Self::Http(authority.to_owned())),
                _ => Err("give it as http://HOST:PORT".into()),
            };
        }
        let path = text.strip_prefix("unix:").unwrap_or(text);
        if path.is_empty() || text.contains("://") {
            return Err(format!("give the path of a socket, such as {SOCKET}, or http://HOST:PORT"));
        }
        Ok(Self::Unix(path.into()))
    }
}

impl fmt::Display for Address {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Unix(path) => path.display().fmt(f),
            Self::Http(authority) => write!(f, "http://{authority}"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_agent_is_at_a_path_or_a_port() {
        for (text, shown) in [
            ("/run/x.sock", "/run/x.sock"),
            ("unix:/run/x.sock", "/run/x.sock"),
            ("x.sock", "x.sock"),
            ("http://127.0.0.1:10435", "http://127.0.0.1:10435"),
            ("http://[::1]:1/", "http://[::1]:1"),
        ] {
            assert_eq!(text.parse::<Address>().unwrap().to_string(), shown);
        }
        for text in
            ["", "unix:", "https://x:1", "http://", "http://x", "http://x:y", "http://x:1/y", "http://u@x:1"]
        {
            assert!(text.parse::<Address>().is_err(), "{text}");
        }
        assert_eq!(Address::default().to_string(), SOCKET);
    }
}
