//! `nws`, the proxy of Network Web Sockets: reads the settings, puts the parts together, runs them
//! until it is asked to end, and says how that went by its exit code.

mod announce;
mod assembly;
mod beside;
mod bootstrap;
mod command_line;
mod conformance;
mod exit;
mod links;
mod logging;
mod open_files;
mod programs;
mod relay;
mod service;
mod settings;
mod signals;
mod status;
mod tls;
mod tunnel;
mod web;

use assembly::{Files, Proxy};
use exit::{Exit, Failure};
use nws_gateway::Folder;
use settings::{LoadError, Loaded, Settings, Workers};
use signals::{Hangups, Signals, Wish};
use std::process::ExitCode;
use tls::Tls;

fn main() -> ExitCode {
    let words: Vec<_> = std::env::args_os().skip(1).collect();
    if let Some(run) = programs::named(words.first()) {
        return run(words).unwrap_or_else(|failure| complain(&failure));
    }
    let environment: Vec<_> = std::env::vars_os().collect();
    let loaded = match settings::load(std::env::args_os(), &environment) {
        Ok(loaded) => loaded,
        Err(LoadError::Clap(words)) => {
            let _ = words.print();
            return if words.use_stderr() { Exit::Usage.into() } else { ExitCode::SUCCESS };
        }
        Err(LoadError::Failure(failure)) => return complain(&failure),
    };
    match prepare(&loaded).and_then(|files| if loaded.only_check { show(&loaded) } else { live(&loaded, files) }) {
        Ok(code) => code,
        Err(failure) => complain(&failure),
    }
}

fn complain(failure: &Failure) -> ExitCode {
    use std::io::Write;
    let _ = writeln!(std::io::stderr(), "nws: {failure}");
    failure.exit.into()
}

/// Starts the log, and reads what the settings name.
fn prepare(loaded: &Loaded) -> Result<Files, Failure> {
    let settings = &loaded.settings;
    logging::start(&settings.log, settings.log_format);
    for warning in &loaded.warnings {
        tracing::warn!("{warning}");
    }
    let mut files = Files::default();
    if let Some(path) = &settings.network_key_file {
        let (key, warning) = settings::read_network_key(path)?;
        if let Some(warning) = warning {
            tracing::warn!("{warning}");
        }
        files.network_key = key;
    }
    if let Some(path) = &settings.www {
        let folder = Folder::open(path).map_err(|error| {
            Failure::new(Exit::Input, format!("the folder {} (--www) cannot be served: {error}", path.display()))
        })?;
        files.www = Some(folder);
    }
    files.tls = Tls::open(settings)?;
    files.beside = loaded.beside.clone().prepare()?;
    Ok(files)
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
fn live(loaded: &Loaded, files: Files) -> Result<ExitCode, Failure> {
    open_files::make_room(&loaded.settings, &loaded.beside);
    let mut builder = tokio::runtime::Builder::new_multi_thread();
    if let Workers::Exactly(threads) = loaded.settings.workers {
        builder.worker_threads(threads);
    }
    let runtime = builder
        .enable_all()
        .build()
        .map_err(|error| Failure::new(Exit::System, format!("the threads cannot be had: {error}")))?;
    let end = runtime.block_on(serve(&loaded.settings, files));
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

async fn serve(settings: &Settings, files: Files) -> Result<End, Failure> {
    let mut signals = Signals::listen()?;
    let tls = files.tls.clone();
    let mut hangups = Hangups::listen(tls.is_some() || files.beside.has_any())?;
    let mut proxy = tokio::select! {
        started = Proxy::start(settings, files) => started?,
        _ = signals.next() => return Ok(End::InOrder),
    };
    proxy.handles.announce();
    announce::started(settings, proxy.port, proxy.tls_port, &proxy.links);
    let beside = proxy.handles.clone();
    let health = proxy.health();
    let wish = tokio::select! {
        wish = signals.next() => wish,
        failure = proxy.failed() => return Err(failure),
        never = announce::keep_telling(health) => match never {},
        never = tls::keep_fresh(tls, beside, &mut hangups) => match never {},
    };
    tracing::info!(signal = wish.name(), "saying goodbye; a second signal ends at once");
    tokio::select! {
        () = proxy.stop() => Ok(End::InOrder),
        wish = signals.next() => Ok(End::AtOnce(wish)),
    }
}
