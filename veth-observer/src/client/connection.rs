//! One connection, and questions over it. Nothing runs while nobody asks.

use std::{
    fmt,
    future::{Future, poll_fn},
    pin::Pin,
    task::Poll,
    time::Duration,
};

use hyper::{
    Request,
    body::{Body, Incoming},
    client::conn::http1::{self, SendRequest},
    header,
};
use hyper_util::rt::TokioIo;
use tokio::{
    io::{AsyncRead, AsyncWrite},
    net::{TcpStream, UnixStream},
    time::timeout,
};

use super::{Address, Lines, Trouble, first_line};

/// An agent answers in 10 s, or says that it does not.
const PATIENCE: Duration = Duration::from_secs(12);

/// Bytes of an answer; the report of a thousand pairs has about ten million.
const LONGEST: usize = 256 << 20;

pub(super) struct Answer {
    pub(super) status: u16,
    pub(super) body: Vec<u8>,
}

pub(super) struct Connection {
    host: String,
    sender: SendRequest<String>,
    carrier: Carrier,
}

/// Moves the bytes; none once the other side has closed.
pub(super) struct Carrier(Option<Pin<Box<dyn Future<Output = hyper::Result<()>> + Send>>>);

impl Connection {
    pub(super) async fn open(address: &Address) -> Result<Self, Trouble> {
        let opened = timeout(PATIENCE, async {
            match address {
                Address::Unix(path) => match UnixStream::connect(path).await {
                    Ok(stream) => Self::over(stream, "agent").await,
                    Err(error) => Err(Trouble::of_opening(&error)),
                },
                Address::Http(authority) => match TcpStream::connect(authority).await {
                    Ok(stream) => Self::over(stream, authority).await,
                    Err(error) => Err(Trouble::of_opening(&error)),
                },
            }
        });
        opened.await.map_err(|_| Trouble::Silent)?
    }

    async fn over(
        stream: impl AsyncRead + AsyncWrite + Send + Unpin + 'static,
        host: &str,
    ) -> Result<Self, Trouble> {
        let (sender, carrier) = http1::handshake(TokioIo::new(stream)).await.map_err(|_| Trouble::Closed)?;
        Ok(Self { host: host.to_owned(), sender, carrier: Carrier(Some(Box::pin(carrier))) })
    }

    pub(super) async fn get(&mut self, path: &str) -> Result<Answer, Trouble> {
        let Self { host, sender, carrier } = self;
        let request = request(host, path)?;
        let answer = carrier.carry(async {
            let response = sender.send_request(request).await.map_err(|_| Trouble::Closed)?;
            let status = response.status().as_u16();
            Ok(Answer { status, body: whole(response.into_body()).await? })
        });
        timeout(PATIENCE, answer).await.map_err(|_| Trouble::Silent)?
    }

    /// Asks for what goes on.
    pub(super) async fn lines(self, path: &str) -> Result<Lines, Trouble> {
        let Self { host, mut sender, mut carrier } = self;
        let request = request(&host, path)?;
        let answer = carrier.carry(async {
            let response = sender.send_request(request).await.map_err(|_| Trouble::Closed)?;
            match response.status().as_u16() {
                200 => Ok(response.into_body()),
                status => Err(Trouble::Refused(status, first_line(&whole(response.into_body()).await?))),
            }
        });
        let body = timeout(PATIENCE, answer).await.map_err(|_| Trouble::Silent)??;
        Ok(Lines::new(sender, carrier, body))
    }
}

impl Carrier {
    /// What comes of `answer` while bytes are moved.
    pub(super) async fn carry<T>(
        &mut self,
        answer: impl Future<Output = Result<T, Trouble>>,
    ) -> Result<T, Trouble> {
        let mut answer = Box::pin(answer);
        poll_fn(|cx| {
            // What has come before the other side closed is still to be read.
            if let Some(running) = &mut self.0
                && running.as_mut().poll(cx).is_ready()
            {
                self.0 = None;
            }
            match answer.as_mut().poll(cx) {
                Poll::Pending if self.0.is_none() => Poll::Ready(Err(Trouble::Closed)),
                polled => polled,
            }
        })
        .await
    }
}

fn request(host: &str, path: &str) -> Result<Request<String>, Trouble> {
    let request = Request::get(path).header(header::HOST, host).body(String::new());
    request.map_err(|error| Trouble::Unreachable(error.to_string()))
}

async fn whole(mut body: Incoming) -> Result<Vec<u8>, Trouble> {
    let mut bytes = Vec::new();
    while let Some(frame) = poll_fn(|cx| Pin::new(&mut body).poll_frame(cx)).await {
        let frame = frame.map_err(|_| Trouble::Closed)?;
        bytes.extend_from_slice(frame.data_ref().map_or(&[][..], |data| data.as_ref()));
        if bytes.len() > LONGEST {
            return Err(Trouble::Foreign);
        }
    }
    Ok(bytes)
}

impl fmt::Debug for Connection {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Connection").field("host", &self.host).finish_non_exhaustive()
    }
}
