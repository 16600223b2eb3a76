//! Accepting connections and serving them.

use std::{sync::Arc, time::Duration};

use anyhow::Result;
use axum::{Router, body::Body, extract::Request};
use hyper::{body::Incoming, server::conn::http1, service::service_fn};
use hyper_util::rt::{TokioIo, TokioTimer};
use rustls::ServerConfig;
use tokio::{
    io::{AsyncRead, AsyncWrite, AsyncWriteExt},
    task::JoinSet,
};
use tokio_rustls::TlsAcceptor;
use tower_service::Service;
use tracing::{debug, info};

use super::{
    Address, Flags, Limits,
    connections::{Activity, Connections, Place},
    gate::Entry,
    listen::{Listener, accept_tcp},
    patience::{Answer, Patient},
    routes::{self, Shared},
    stream,
    web_config::{self, WebConfig},
};
use crate::{
    agent::{exporter::Exporter, source::Source},
    view::metrics::{Detail, Versions},
};

/// Between a failure to accept and the next try: descriptors may have run out.
const RESPITE: Duration = Duration::from_millis(50);

/// For a connection that there is no place for.
const FULL: &[u8] = b"HTTP/1.1 503 Service Unavailable\r\nConnection: close\r\nContent-Length: 0\r\n\r\n";

/// A server whose sockets listen, and that is yet to run.
#[derive(Debug)]
pub(super) struct Server {
    listeners: Vec<Listener>,
    config: Arc<WebConfig>,
    telemetry_path: String,
    detail: Detail,
    frames: bool,
    limits: Limits,
}

impl Server {
    /// Reads the configuration and listens; whatever keeps us from it fails here.
    ///
    /// Must be called within a runtime.
    pub(super) fn bind(flags: &Flags, limits: Limits) -> Result<Self> {
        let config = Arc::new(WebConfig::load(flags.config_file.clone())?);
        let listeners = flags.listen.iter().map(Listener::bind).collect::<Result<Vec<_>>>()?;
        let detail = Detail { coarse: flags.coarse_histograms, drop_locations: flags.drop_locations };
        let (telemetry_path, frames) = (flags.telemetry_path.clone(), flags.frames);
        Ok(Self { listeners, config, telemetry_path, detail, frames, limits })
    }

    /// Where it listens, ports that the kernel chose included.
    pub(super) fn addresses(&self) -> Result<Vec<Address>> {
        self.listeners.iter().map(Listener::address).collect()
    }

    /// Serves until dropped.
    pub(super) async fn run(self, source: Source, versions: Versions) {
        let connections = Connections::new(self.limits.connections);
        let exporter = Exporter::new(versions, self.detail);
        let (limits, config) = (self.limits, Arc::clone(&self.config));
        let shared = Arc::new(Shared::new(source, exporter, limits, connections, config, self.frames));
        let router = routes::router(&shared, &self.telemetry_path);
        // Dropping the set ends all of them, and with them the connections they serve.
        let mut tasks = JoinSet::new();
        tasks.spawn(stream::broadcast(Arc::clone(&shared)));
        tasks.spawn(follow(Arc::clone(&self.config)));
        for listener in self.listeners {
            tasks.spawn(accept(listener, Arc::clone(&shared), router.clone()));
        }
        while tasks.join_next().await.is_some() {}
    }
}

/// Notices changes of the configuration.
async fn follow(config: Arc<WebConfig>) {
    let mut looks = tokio::time::interval(web_config::LOOK);
    loop {
        looks.tick().await;
        let config = Arc::clone(&config);
        let _ = tokio::task::spawn_blocking(move || config.look()).await;
    }
}

async fn accept(listener: Listener, shared: Arc<Shared>, router: Router) {
    if let Ok(address) = listener.address() {
        info!(%address, "listening");
    }
    let entry = listener.entry();
    // Made when there is one, by the configuration of that moment.
    let connection = || Connection {
        router: router.clone(),
        limits: shared.limits,
        entry,
        tls: shared.config.security().tls.clone().filter(|_| entry != Entry::Unix),
    };
    let mut tasks = JoinSet::new();
    loop {
        let accepted = match &listener {
            Listener::Tcp(tcp) => accept_tcp(tcp)
                .await
                .map(|stream| connection().admit(&mut tasks, &shared.connections, stream)),
            Listener::Unix(unix) => unix
                .listener()
                .accept()
                .await
                .map(|(stream, _)| connection().admit(&mut tasks, &shared.connections, stream)),
        };
        if let Err(error) = accepted {
            debug!("cannot accept a connection: {error}");
            tokio::time::sleep(RESPITE).await;
        }
        while tasks.try_join_next().is_some() {}
    }
}

/// One that was accepted.
struct Connection {
    router: Router,
    limits: Limits,
    entry: Entry,
    tls: Option<Arc<ServerConfig>>,
}

impl Connection {
    /// Serves it if there is a place for it.
    fn admit<S>(self, tasks: &mut JoinSet<()>, connections: &Arc<Connections>, mut stream: S)
    where
        S: AsyncRead + AsyncWrite + Send + Unpin + 'static,
    {
        match connections.admit() {
            Some(place) => tasks.spawn(self.serve(stream, place)),
            None => tasks.spawn(async move {
                // As much as fits without waiting.
                let _ = tokio::time::timeout(RESPITE, stream.write_all(FULL)).await;
            }),
        };
    }

    async fn serve<S>(self, stream: S, place: Place)
    where
        S: AsyncRead + AsyncWrite + Send + Unpin + 'static,
    {
        let activity = Arc::clone(&place.activity);
        let stream = Patient::new(stream, self.limits.writing, Arc::clone(&activity));
        tokio::select! {
            served = self.speak(stream, Arc::clone(&activity)) => if let Err(error) = served {
                debug!("{error:#}");
            },
            () = activity.evicted() => debug!("a connection made room for another"),
        }
        drop(place);
    }

    async fn speak<S>(self, stream: Patient<S>, activity: Arc<Activity>) -> Result<()>
    where
        S: AsyncRead + AsyncWrite + Send + Unpin + 'static,
    {
        match self.tls.clone() {
            None => self.speak_http(stream, activity).await,
            Some(tls) => {
                let handshake = TlsAcceptor::from(tls).accept(stream);
                let stream = tokio::time::timeout(self.limits.reading, handshake).await??;
                self.speak_http(stream, activity).await
            }
        }
    }

    async fn speak_http<S>(self, stream: S, activity: Arc<Activity>) -> Result<()>
    where
        S: AsyncRead + AsyncWrite + Send + Unpin + 'static,
    {
        let Self { router, limits, entry, .. } = self;
        let service = service_fn(move |request: hyper::Request<Incoming>| {
            activity.request();
            // Counted as answered when it is dropped, here or with the body.
            let answer = Answer::new(Body::empty(), Arc::clone(&activity));
            let mut router = router.clone();
            let mut request: Request = request.map(Body::new);
            request.extensions_mut().insert(entry);
            async move { router.call(request).await.map(|response| response.map(|body| answer.with(body))) }
        });
        http1::Builder::new()
            .timer(TokioTimer::new())
            .header_read_timeout(limits.reading)
            .max_buf_size(limits.head)
            .serve_connection(TokioIo::new(stream), service)
            .await?;
        Ok(())
    }
}
