//! A run: which checks, in which order, and how many at a time.

use crate::{
    check::{Check, Running, When},
    checks,
    client::{Client, ClientTarget},
    context::{Context, NOT_OFFERED, random_id},
    dialled::Dialled,
    link::Kind,
    patience::Patience,
    reach::reach,
    report::{Line, Outcome, Report},
    verdict::{Trouble, Verdict, failed, not_run},
};
use nws_protocol::{ChannelName, NetworkKey};
use std::{
    net::{IpAddr, Ipv4Addr, SocketAddr},
    sync::Arc,
    time::{Duration, Instant},
};
use tokio::{sync::Semaphore, task::JoinSet, time::timeout};

/// Checks that run beside each other. A proxy may refuse more than 16 links of one address that are not established.
const BESIDE: usize = 6;

/// No check takes longer, the slow ones excepted.
const LONGEST: Duration = Duration::from_secs(50);

/// Time in which a target gets guesses enough for any check but those that use its budgets up: 64, as the documents have it.
const RESERVE: Duration = Duration::from_secs(16);

/// Where clients join the target.
#[derive(Debug, Clone)]
pub struct ClientAddress {
    /// Where to connect.
    pub address: SocketAddr,
    /// `HOST:PORT` for the header of that name.
    pub host: String,
}

/// What to test.
#[derive(Debug, Clone)]
pub struct Options {
    /// The target's transport.
    pub kind: Kind,
    /// Where it accepts links.
    pub address: SocketAddr,
    /// A channel of kind `network` that it holds; the runner joins it by itself when there is a client address.
    pub channel: ChannelName,
    /// The target's network key, if it has one.
    pub network_key: NetworkKey,
    /// Where clients join.
    pub client: Option<ClientAddress>,
    /// Addresses at which the runner waits for the target to dial; none leaves those checks out.
    pub listen: Vec<SocketAddr>,
    /// How long to wait for a dial.
    pub dial_wait: Duration,
    /// Numbers (`L-12`), letters of documents (`M`) or names of checks; none stands for all.
    pub only: Vec<String>,
    /// Runs the checks that take more than a minute too.
    pub slow: bool,
    /// How long to wait, all in all, for budgets of guesses that earlier runs have used up.
    pub busy_wait: Duration,
    /// Told what the user should know while the run goes on.
    pub note: fn(&str),
}

/// Why there is no report.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum RunError {
    /// Nobody answers as a proxy at the address.
    #[error("the target cannot be reached: {0}")]
    Unreachable(String),
    /// No client can join the channel.
    #[error("no client can join the channel at --client: {0}")]
    Client(String),
    /// An address to listen on can't be had.
    #[error("{0}")]
    Listen(String),
    /// `only` names nothing.
    #[error("--only {0:?} names no requirement, document or check")]
    NoSuchCheck(String),
}

/// A run that is ready: the runner listens.
#[derive(Debug)]
pub struct Started {
    context: Context,
    chosen: Vec<Check>,
    /// Where the target can dial.
    pub listening: Vec<SocketAddr>,
    target: String,
    note: fn(&str),
    began: Instant,
}

fn chosen(only: &[String]) -> Result<Vec<Check>, RunError> {
    let fits = |check: &Check, wanted: &str| {
        check.id == wanted
            || check.proves.iter().any(|number| {
                number.eq_ignore_ascii_case(wanted)
                    || number.split('-').next().is_some_and(|letter| letter.eq_ignore_ascii_case(wanted))
            })
    };
    for wanted in only {
        let known = crate::spec::numbers().iter().any(|number| number.eq_ignore_ascii_case(wanted));
        if !known && !checks::all().any(|check| fits(check, wanted)) {
            return Err(RunError::NoSuchCheck(wanted.clone()));
        }
    }
    let all = checks::all().filter(|check| only.is_empty() || only.iter().any(|wanted| fits(check, wanted)));
    Ok(all.copied().collect())
}

/// Makes ready: listens where it is to.
///
/// # Errors
/// When `only` names nothing, or an address can't be had.
pub async fn start(options: &Options) -> Result<Started, RunError> {
    let chosen = chosen(&options.only)?;
    let (dialled, listening) = if options.listen.is_empty() {
        (None, Vec::new())
    } else {
        let listen = Dialled::listen(options.kind, &options.listen, options.dial_wait).await;
        let (dialled, listening) = listen.map_err(RunError::Listen)?;
        (Some(dialled), listening)
    };
    let context = Context {
        kind: options.kind,
        address: options.address,
        from: another_loopback(options.address.ip()),
        name: options.channel.clone(),
        network_key: options.network_key.clone(),
        client: options
            .client
            .as_ref()
            .map(|client| ClientTarget { address: client.address, host: client.host.clone() }),
        dialled: dialled.map(Arc::new),
        target_id: Arc::default(),
        slow: options.slow,
        is_offered: true,
        patience: Patience::new(options.busy_wait, options.note),
    };
    let target = format!("{}://{}", options.kind, options.address);
    let note = options.note;
    Ok(Started { context, chosen, listening, target, note, began: Instant::now() })
}

/// An address of loopback that no run before this one had, so that the target's budget for it is full. Not every system has more
/// than one of them.
fn another_loopback(target: IpAddr) -> Option<IpAddr> {
    let [a, b, c, ..] = random_id();
    let drawn = IpAddr::from(Ipv4Addr::new(127, a, b, c.clamp(2, 254)));
    let usable = target.is_ipv4() && target.is_loopback() && std::net::UdpSocket::bind((drawn, 0)).is_ok();
    usable.then_some(drawn)
}

impl Started {
    /// Runs the checks. Each that ends is told to `tell`, as it ends.
    ///
    /// # Errors
    /// When nobody answers as a proxy.
    pub async fn run(mut self, mut tell: impl FnMut(&Line)) -> Result<Report, RunError> {
        let agent = reach(&self.context).await.map_err(RunError::Unreachable)?;
        // The target holds the channel as long as somebody of its own is in it.
        let mut keeper = JoinSet::new();
        if self.context.client.is_some() {
            let joined = self.context.client(self.context.name.reveal()).await;
            let joined = joined.map_err(|trouble| RunError::Client(words(&trouble)))?;
            keeper.spawn(stay(joined));
        }
        if self.matches() {
            // A fault on the way there is found by the checks.
            self.context.is_offered = self.context.sees_channel().await.unwrap_or(true);
            if !self.context.is_offered {
                (self.note)(NOT_OFFERED);
            }
        }
        let mut lines = Vec::new();
        let beside = Arc::new(Semaphore::new(BESIDE));
        let mut running = JoinSet::new();
        let mut at_once: Vec<&Check> =
            self.chosen.iter().filter(|check| !matches!(check.when, When::Alone | When::Last)).collect();
        at_once.sort_by_key(|check| !matches!(check.when, When::Long | When::Slow));
        for check in at_once {
            running.spawn(one(*check, self.context.clone(), Arc::clone(&beside)));
        }
        let mut anew = Vec::new();
        while let Some(done) = running.join_next().await {
            // A check that stops with a panic is a fault of the runner, and must not look like a pass.
            let done = done.unwrap_or_else(|error| Done { line: fault(&error), in_vain: false });
            if done.in_vain {
                anew.push(done.line.id);
            } else {
                tell(&done.line);
                lines.push(done.line);
            }
        }
        let when = |when| self.chosen.iter().filter(move |check| check.when == when);
        let again = self.chosen.iter().filter(|check| anew.iter().any(|id| id == check.id));
        let alone = when(When::Alone).chain(when(When::Last));
        for (check, was_busy) in again.map(|check| (check, true)).chain(alone.map(|check| (check, false))) {
            let line = self.alone(*check, was_busy).await;
            tell(&line);
            lines.push(line);
        }
        drop(keeper);
        let place = |line: &Line| self.chosen.iter().position(|check| check.id == line.id);
        lines.sort_by_key(place);
        let waited = self.context.patience.of_run();
        Ok(Report { target: self.target, agent, lines, waited, took: self.began.elapsed() })
    }

    /// Runs a check when nothing else runs; anew, when it failed for want of guesses.
    async fn alone(&self, check: Check, mut wants_guesses: bool) -> Line {
        let mut tries = 0;
        loop {
            if wants_guesses && self.context.patience.allow(RESERVE).is_ok() {
                tokio::time::sleep(RESERVE).await;
            }
            let done = tokio::spawn(one(check, self.context.clone(), Arc::new(Semaphore::new(1)))).await;
            let done = done.unwrap_or_else(|error| Done { line: fault(&error), in_vain: false });
            tries += 1;
            if !done.in_vain || tries == 4 {
                return done.line;
            }
            wants_guesses = true;
        }
    }

    /// Whether there are checks of matching, or of what comes after it.
    fn matches(&self) -> bool {
        self.chosen.iter().any(|check| check.proves.iter().any(|number| number.starts_with(['P', 'M'])))
    }
}

/// Stays in its channel as long as this goes on: reads all that comes, and answers pings.
async fn stay(mut client: Client) {
    while client.message_within(Duration::from_secs(60)).await.is_ok() {}
}

fn words(trouble: &Trouble) -> String {
    match trouble {
        Trouble::Failed { expected, seen } => format!("expected: {expected}; seen: {seen}"),
        Trouble::NotRun(why) | Trouble::Lacking(why) => why.clone(),
    }
}

fn fault(error: &tokio::task::JoinError) -> Line {
    Line {
        id: "runner".to_owned(),
        title: "the runner itself".to_owned(),
        numbers: Vec::new(),
        outcome: Outcome::Failed { expected: "no fault of the runner".to_owned(), seen: error.to_string() },
        took: Duration::ZERO,
    }
}

/// A check that is done.
struct Done {
    line: Line,
    /// It failed, and it was told Busy meanwhile, so that things took longer than it expects: it says nothing.
    in_vain: bool,
}

async fn one(check: Check, run: Context, beside: Arc<Semaphore>) -> Done {
    // Who waits for a dial, or for time to pass, takes no place away.
    let free = check.dialled || matches!(check.when, When::Long | When::Slow);
    let _place = if free { None } else { beside.acquire().await.ok() };
    let began = Instant::now();
    let longest = if check.when == When::Slow { Duration::from_secs(150) } else { LONGEST };
    let patience = run.patience.of_another_check();
    let verdict = if check.when == When::Slow && !run.slow {
        Err(not_run("it takes more than a minute: give --slow"))
    } else if check.dialled && run.dialled.is_none() {
        Err(not_run("the target is not to dial"))
    } else {
        let context = Context { patience: patience.clone(), ..run };
        ended((check.run)(Arc::new(context)), longest, &patience).await
    };
    let in_vain = matches!(verdict, Err(Trouble::Failed { .. })) && patience.was_busy();
    let outcome = match verdict {
        Ok(()) => Outcome::Passed,
        Err(Trouble::Failed { expected, seen }) => Outcome::Failed { expected, seen },
        Err(Trouble::NotRun(reason)) => Outcome::NotRun { reason, lacking: false },
        Err(Trouble::Lacking(reason)) => Outcome::NotRun { reason, lacking: true },
    };
    let line = Line {
        id: check.id.to_owned(),
        title: check.title.to_owned(),
        numbers: check.proves.iter().map(|&number| number.to_owned()).collect(),
        outcome,
        took: began.elapsed(),
    };
    Done { line, in_vain }
}

/// The verdict of a check, which has so long, and as long again as it waited for dials and for the target's budgets.
async fn ended(mut running: Running, longest: Duration, patience: &Patience) -> Verdict {
    let began = Instant::now();
    loop {
        let allowed = longest + patience.of_check();
        let left = allowed.saturating_sub(began.elapsed()).max(Duration::from_millis(100));
        match timeout(left, &mut running).await {
            Ok(verdict) => return verdict,
            Err(_) if patience.of_check() + longest > allowed => {}
            Err(_) => return Err(failed(format!("an end of the check within {} s", allowed.as_secs()), "it goes on")),
        }
    }
}
