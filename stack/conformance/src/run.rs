//! A run: which checks, in which order, and how many at a time.

use crate::{
    check::{Check, When},
    checks,
    client::ClientTarget,
    context::Context,
    dialled::Dialled,
    link::Kind,
    report::{Line, Outcome, Report},
    verdict::{Trouble, not_run},
};
use nws_protocol::{ChannelName, NetworkKey};
use std::{
    net::SocketAddr,
    sync::{Arc, OnceLock},
    time::{Duration, Instant},
};
use tokio::{sync::Semaphore, task::JoinSet, time::timeout};

/// Checks that run beside each other. A proxy may refuse more than 16 links of one address that are not established.
const BESIDE: usize = 6;

/// No check takes longer, the slow ones excepted.
const LONGEST: Duration = Duration::from_secs(50);

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
}

/// Why there is no report.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum RunError {
    /// Nobody answers as a proxy at the address.
    #[error("the target cannot be reached: {0}")]
    Unreachable(String),
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
    context: Arc<Context>,
    chosen: Vec<Check>,
    /// Where the target can dial.
    pub listening: Vec<SocketAddr>,
    target: String,
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
        name: options.channel.clone(),
        network_key: options.network_key.clone(),
        client: options
            .client
            .as_ref()
            .map(|client| ClientTarget { address: client.address, host: client.host.clone() }),
        dialled,
        target_id: OnceLock::new(),
        slow: options.slow,
    };
    let target = format!("{}://{}", options.kind, options.address);
    Ok(Started { context: Arc::new(context), chosen, listening, target, began: Instant::now() })
}

impl Started {
    /// Runs the checks. Each that ends is told to `tell`, as it ends.
    ///
    /// # Errors
    /// When nobody answers as a proxy.
    pub async fn run(self, mut tell: impl FnMut(&Line)) -> Result<Report, RunError> {
        let agent = self.reach().await?;
        // The target holds the channel as long as somebody of its own is in it.
        let mut keeper = None;
        if self.context.client.is_some() {
            let joined = self.context.client(self.context.name.reveal()).await;
            keeper = Some(joined.map_err(|trouble| RunError::Unreachable(words(&trouble)))?);
        }
        let mut lines = Vec::new();
        let beside = Arc::new(Semaphore::new(BESIDE));
        let mut running = JoinSet::new();
        let mut at_once: Vec<&Check> =
            self.chosen.iter().filter(|check| !matches!(check.when, When::Alone | When::Last)).collect();
        at_once.sort_by_key(|check| !matches!(check.when, When::Long | When::Slow));
        for check in at_once {
            running.spawn(one(*check, Arc::clone(&self.context), Arc::clone(&beside)));
        }
        while let Some(done) = running.join_next().await {
            // A check that stops with a panic is a fault of the runner, and must not look like a pass.
            let line = done.unwrap_or_else(|error| fault(&error));
            tell(&line);
            lines.push(line);
        }
        let when = |when| self.chosen.iter().filter(move |check| check.when == when);
        for check in when(When::Alone).chain(when(When::Last)) {
            let alone = tokio::spawn(one(*check, Arc::clone(&self.context), Arc::clone(&beside)));
            let line = alone.await.unwrap_or_else(|error| fault(&error));
            tell(&line);
            lines.push(line);
        }
        drop(keeper);
        let place = |line: &Line| self.chosen.iter().position(|check| check.id == line.id);
        lines.sort_by_key(place);
        Ok(Report { target: self.target, agent, lines, took: self.began.elapsed() })
    }

    /// Says Hello, and finds out who answers.
    async fn reach(&self) -> Result<String, RunError> {
        let player = self.context.greeted().await.map_err(|trouble| RunError::Unreachable(words(&trouble)))?;
        Ok(player.their_hello.agent.clone())
    }
}

fn words(trouble: &Trouble) -> String {
    match trouble {
        Trouble::Failed { expected, seen } => format!("expected: {expected}; seen: {seen}"),
        Trouble::NotRun(why) => why.clone(),
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

async fn one(check: Check, context: Arc<Context>, beside: Arc<Semaphore>) -> Line {
    // Who waits for a dial, or for time to pass, takes no place away.
    let free = check.dialled || matches!(check.when, When::Long | When::Slow);
    let _place = if free { None } else { beside.acquire().await.ok() };
    let began = Instant::now();
    let longest = match check.when {
        When::Slow => Duration::from_secs(150),
        // The time until the target dials is not bounded by the check.
        _ if check.dialled => Duration::from_secs(150),
        _ => LONGEST,
    };
    let verdict = if check.when == When::Slow && !context.slow {
        Err(not_run("it takes more than a minute: give --slow"))
    } else if check.dialled && context.dialled.is_none() {
        Err(not_run("the target is not to dial"))
    } else {
        let run = timeout(longest, (check.run)(context));
        run.await.unwrap_or_else(|_| {
            Err(crate::verdict::failed(format!("an end of the check within {} s", longest.as_secs()), "it goes on"))
        })
    };
    let outcome = match verdict {
        Ok(()) => Outcome::Passed,
        Err(Trouble::Failed { expected, seen }) => Outcome::Failed { expected, seen },
        Err(Trouble::NotRun(reason)) => Outcome::NotRun { reason },
    };
    Line {
        id: check.id.to_owned(),
        title: check.title.to_owned(),
        numbers: check.proves.iter().map(|&number| number.to_owned()).collect(),
        outcome,
        took: began.elapsed(),
    }
}
