//! What is sent: a flood of small datagrams, a faster one of frames that nobody reads, datagrams to and fro, and a stream. Each
//! in a process of its own, on one CPU.

use std::{
    hint,
    io::{Read as _, Write as _},
    net::{TcpListener, TcpStream, UdpSocket},
    process::Command,
    thread,
    time::{Duration, Instant},
};

use anyhow::{Context as _, Result, bail};
use clap::{Args, ValueEnum};
use rustix::{
    net::sockopt::{set_socket_recv_buffer_size, set_socket_send_buffer_size},
    process::setpriority_process,
    thread::{CpuSet, sched_setaffinity},
    time::{ClockId, clock_gettime},
};

use super::{
    lab::{FAR_IP, Lab, NEAR, NEAR_IP, inside},
    packets::Sender,
};
use crate::command::read;

/// Bytes; the kernel doubles it, up to its limit.
const BULK_BUFFER: usize = 200_000;

/// Of a datagram in an Ethernet frame of 64 bytes.
const PAYLOAD: [u8; 22] = [0x5a; 64 - 14 - 20 - 8];

/// Datagrams that any receive buffer has room for.
const TURN: u64 = 64;

/// Frames a second that taking every frame is to keep up with.
const STEADY: f64 = 500_000.0;

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(super) enum Workload {
    Flood,
    Discard,
    Blast,
    Steady,
    PingPong,
    Bulk,
}

impl Workload {
    /// All that are compared; [`Self::Discard`] is for the statistics of the kernel alone.
    pub(super) const ALL: [Self; 5] = [Self::Flood, Self::Blast, Self::Steady, Self::PingPong, Self::Bulk];

    pub(super) fn name(self) -> &'static str {
        match self {
            Self::Flood => "flood",
            Self::Discard => "discard",
            Self::Blast => "blast",
            Self::Steady => "steady",
            Self::PingPong => "ping-pong",
            Self::Bulk => "bulk",
        }
    }

    /// False where the load waits for its time on the CPU, so that its time there says nothing.
    pub(super) fn tells_cost(self) -> bool {
        self != Self::Steady
    }

    /// What `Run::units` counts, one of them.
    pub(super) fn unit(self) -> &'static str {
        match self {
            Self::Flood | Self::Discard | Self::Blast | Self::Steady => "frame",
            Self::PingPong => "round trip",
            Self::Bulk => "byte",
        }
    }

    /// Sends for so long, in another process.
    pub(super) fn run(self, lab: &Lab, cpu: usize, time: Duration) -> Result<Run> {
        let mut load = Command::new(std::env::current_exe()?);
        load.args(["bench-load", self.name(), &lab.names[0], &lab.names[1]]);
        load.args([cpu.to_string(), time.as_millis().to_string()]);
        let answer = read(&mut load)?;
        let numbers: Vec<u64> = answer.split(' ').map(str::parse).collect::<Result<_, _>>()?;
        let [units, elapsed_ns, cpu_ns, p50_ns] = numbers[..] else { bail!("the load said `{answer}`") };
        Ok(Run { units, elapsed_ns, cpu_ns, p50_ns })
    }
}

/// What came of one run.
#[derive(Debug, Clone, Copy)]
pub(super) struct Run {
    /// Frames, round trips or bytes.
    pub(super) units: u64,
    pub(super) elapsed_ns: u64,
    /// User and system time of the whole process, softirqs that ran in its context included.
    pub(super) cpu_ns: u64,
    /// Median of a round trip; 0 where there are none.
    pub(super) p50_ns: u64,
}

#[derive(Debug, Args)]
pub(crate) struct Load {
    workload: Workload,
    near: String,
    far: String,
    cpu: usize,
    millis: u64,
}

impl Load {
    pub(crate) fn run(&self) -> Result<()> {
        let mut cpus = CpuSet::new();
        cpus.set(self.cpu);
        sched_setaffinity(None, &cpus).context("cannot stay on one CPU")?;
        setpriority_process(None, -20).context("cannot go before other work")?;
        let time = Duration::from_millis(self.millis);
        let run = match self.workload {
            Workload::Flood => self.flood(time)?,
            Workload::Discard => self.discard(time)?,
            Workload::Blast => self.blast(time, f64::INFINITY)?,
            Workload::Steady => self.blast(time, STEADY)?,
            Workload::PingPong => self.ping_pong(time)?,
            Workload::Bulk => self.bulk(time)?,
        };
        println!("{} {} {} {}", run.units, run.elapsed_ns, run.cpu_ns, run.p50_ns);
        Ok(())
    }

    /// Frames of 64 bytes, sent and read in turns of [`TURN`].
    fn flood(&self, time: Duration) -> Result<Run> {
        let (near, far) = self.datagram_sockets()?;
        far.set_read_timeout(Some(Duration::from_secs(5)))?;
        let (mut units, mut scratch, clock) = (0, PAYLOAD, Clock::start()?);
        while clock.elapsed() < time {
            for _ in 0..TURN {
                near.send(&PAYLOAD)?;
            }
            for _ in 0..TURN {
                far.recv(&mut scratch).context("a datagram did not arrive")?;
            }
            units += TURN;
        }
        clock.stop(units, 0)
    }

    /// The same to a socket that nobody reads: all arrive, and most are dropped there, by `kfree_skb`.
    fn discard(&self, time: Duration) -> Result<Run> {
        let (near, far) = self.datagram_sockets()?;
        set_socket_recv_buffer_size(&far, 0)?;
        let (mut units, clock) = (0, Clock::start()?);
        while clock.elapsed() < time {
            for _ in 0..TURN {
                near.send(&PAYLOAD)?;
            }
            units += TURN;
        }
        clock.stop(units, 0)
    }

    /// Frames for nobody, as many as there can be up to `rate` a second.
    #[expect(clippy::cast_precision_loss, reason = "frames of one run lie far below 2^52")]
    fn blast(&self, time: Duration, rate: f64) -> Result<Run> {
        let near = inside(&self.near, || Sender::open(NEAR))?;
        let (mut units, clock) = (0, Clock::start()?);
        while clock.elapsed() < time {
            units += near.send()?;
            let due = Duration::from_secs_f64(units as f64 / rate);
            while clock.elapsed() < due {
                hint::spin_loop();
            }
        }
        clock.stop(units, 0)
    }

    fn ping_pong(&self, time: Duration) -> Result<Run> {
        let (near, far) = self.datagram_sockets()?;
        // Ends with the process.
        thread::spawn(move || {
            let mut scratch = [0; 64];
            while let Ok((len, from)) = far.recv_from(&mut scratch) {
                let _ = far.send_to(&scratch[..len], from);
            }
        });
        near.set_read_timeout(Some(Duration::from_secs(5)))?;
        let (mut trips, mut scratch, clock) = (Vec::with_capacity(1 << 20), PAYLOAD, Clock::start()?);
        while clock.elapsed() < time {
            let start = Instant::now();
            near.send(&scratch)?;
            near.recv(&mut scratch).context("a datagram did not come back")?;
            trips.push(u64::try_from(start.elapsed().as_nanos())?);
        }
        let mut run = clock.stop(trips.len() as u64, 0)?;
        trips.sort_unstable();
        run.p50_ns = trips[trips.len() / 2];
        Ok(run)
    }

    fn bulk(&self, time: Duration) -> Result<Run> {
        let listener = inside(&self.far, || Ok(TcpListener::bind((FAR_IP, 5001))?))?;
        // Fixed, since a window that grows by itself grows differently from run to run.
        set_socket_recv_buffer_size(&listener, BULK_BUFFER)?;
        let mut near = inside(&self.near, || Ok(TcpStream::connect((FAR_IP, 5001))?))?;
        set_socket_send_buffer_size(&near, BULK_BUFFER)?;
        let (mut far, _) = listener.accept()?;
        let reader = thread::spawn(move || {
            let (mut scratch, mut total) = (vec![0; 1 << 18], 0);
            loop {
                match far.read(&mut scratch) {
                    Ok(0) => return Ok(total),
                    Ok(read) => total += read as u64,
                    Err(error) => return Err(error),
                }
            }
        });
        let (chunk, clock) = (vec![0x5a; 1 << 17], Clock::start()?);
        while clock.elapsed() < time {
            near.write_all(&chunk)?;
        }
        drop(near);
        let units = reader.join().unwrap_or_else(|panic| std::panic::resume_unwind(panic))?;
        clock.stop(units, 0)
    }

    fn datagram_sockets(&self) -> Result<(UdpSocket, UdpSocket)> {
        let far = inside(&self.far, || Ok(UdpSocket::bind((FAR_IP, 5001))?))?;
        let near = inside(&self.near, || Ok(UdpSocket::bind((NEAR_IP, 0))?))?;
        near.connect((FAR_IP, 5001))?;
        Ok((near, far))
    }
}

struct Clock {
    start: Instant,
    cpu_ns: u64,
}

impl Clock {
    fn start() -> Result<Self> {
        Ok(Self { start: Instant::now(), cpu_ns: cpu_ns()? })
    }

    fn elapsed(&self) -> Duration {
        self.start.elapsed()
    }

    fn stop(&self, units: u64, p50_ns: u64) -> Result<Run> {
        let elapsed_ns = u64::try_from(self.elapsed().as_nanos())?;
        Ok(Run { units, elapsed_ns, cpu_ns: cpu_ns()? - self.cpu_ns, p50_ns })
    }
}

fn cpu_ns() -> Result<u64> {
    let time = clock_gettime(ClockId::ProcessCPUTime);
    Ok(u64::try_from(time.tv_sec)? * 1_000_000_000 + u64::try_from(time.tv_nsec)?)
}
