//! `nws`, the proxy of Network Web Sockets: reads the settings, puts the parts together, runs them
//! until it is asked to end, and says how that went by its exit code.

mod announce;
mod assembly;
mod exit;
mod links;
mod logging;
mod open_files;
mod settings;
mod signals;

use assembly::Proxy;
use exit::{Exit, Failure};
use nws_protocol::NetworkKey;
use settings::{LoadError, Loaded, Settings, Workers};
use signals::{Signals, Wish};
use std::process::ExitCode;

fn main() -> ExitCode {
    let environment: Vec<_> = std::env::vars_os().collect();
    let loaded = match settings::load(std::env::args_os(), &environment) {
        Ok(loaded) => loaded,
        Err(LoadError::Clap(words)) => {
            let _ = words.print();
            return if words.use_stderr() { Exit::Usage.into() } else { ExitCode::SUCCESS };
        }
        Err(LoadError::Failure(failure)) => return complain(&failure),
    };
    match prepare(&loaded).and_then(|key| if loaded.only_check { show(&loaded) } else { live(&loaded, key) }) {
        Ok(code) => code,
        Err(failure) => complain(&failure),
    }
}

fn complain(failure: &Failure) -> ExitCode {
    use std::io::Write;
    let _ = writeln!(std::io::stderr(), "nws: {failure}");
    failure.exit.into()
}

/// Starts the log, and reads the network key.
fn prepare(loaded: &Loaded) -> Result<NetworkKey, Failure> {
    let settings = &loaded.settings;
    logging::start(&settings.log, settings.log_format);
    for warning in &loaded.warnings {
        tracing::warn!("{warning}");
    }
    let Some(path) = &settings.network_key_file else { return Ok(NetworkKey::default()) };
    let (key, warning) = settings::read_network_key(path)?;
    if let Some(warning) = warning {
        tracing::warn!("{warning}");
    }
    Ok(key)
}

/// Prints the settings that count.
fn show(loaded: &Loaded) -> Result<ExitCode, Failure> {
    for (name, value) in loaded.settings.toml() {
        match value {
            Some(value) => announce::line(format_args!("{name} = {value}")),
            None => announce::line(format_args!("# {name} is not set")),
        }
    }
    Ok(ExitCode::SUCCESS)
}

/// Runs the proxy to its end.
fn live(loaded: &Loaded, network_key: NetworkKey) -> Result<ExitCode, Failure> {
    open_files::make_room(&loaded.settings);
    let mut builder = tokio::runtime::Builder::new_multi_thread();
    if let Workers::Exactly(threads) = loaded.settings.workers {
        builder.worker_threads(threads);
    }
    let runtime = builder
        .enable_all()
        .build()
        .map_err(|error| Failure::new(Exit::System, format!("the threads cannot be had: {error}")))?;
    let end = runtime.block_on(serve(&loaded.settings, network_key));
    // Whatever still computes is of no use to anybody now.
    runtime.shutdown_background();
    end.map(|end| match end {
        End::InOrder => ExitCode::SUCCESS,
        End::AtOnce(wish) => wish.exit_code(),
    })
}

/// How the proxy ended.
enum End {
    InOrder,
    AtOnce(Wish),
}

async fn serve(settings: &Settings, network_key: NetworkKey) -> Result<End, Failure> {
    let mut signals = Signals::listen()?;
    let mut proxy = tokio::select! {
        started = Proxy::start(settings, network_key) => started?,
        _ = signals.next() => return Ok(End::InOrder),
    };
    announce::started(settings, proxy.port, &proxy.links);
    let health = proxy.health();
    let wish = tokio::select! {
        wish = signals.next() => wish,
        failure = proxy.failed() => return Err(failure),
        never = announce::keep_telling(health) => match never {},
    };
    tracing::info!(signal = wish.name(), "saying goodbye; a second signal ends at once");
    tokio::select! {
        () = proxy.stop() => Ok(End::InOrder),
        wish = signals.next() => Ok(End::AtOnce(wish)),
    }
}
