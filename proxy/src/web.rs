//! The files of the proxy's own pages, inside the program: what lies in `web/` when it is built. The library is
//! built beforehand and checked in, so that building the program needs Rust alone.

use nws_gateway::Assets;
use rust_embed::{EmbeddedFile, RustEmbed};
use std::borrow::Cow;

#[derive(RustEmbed)]
#[folder = "web/console"]
#[prefix = "console/"]
struct Console;

/// The JavaScript library as pages load it.
#[derive(RustEmbed)]
#[folder = "web/dist"]
#[prefix = "dist/"]
struct Library;

#[derive(RustEmbed)]
#[folder = "web/examples"]
#[prefix = "examples/"]
#[allow_missing = true]
struct Examples;

/// All of them.
pub(crate) fn assets() -> Assets {
    files::<Console>().chain(files::<Library>()).chain(files::<Examples>()).collect()
}

fn files<E: RustEmbed>() -> impl Iterator<Item = (String, Cow<'static, [u8]>)> {
    E::iter().filter_map(|name| E::get(&name).map(|EmbeddedFile { data, .. }| (name.into_owned(), data)))
}
