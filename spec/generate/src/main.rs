//! Writes the test vectors into `spec/vectors`, or into the folder that is named.

use std::{env, fs, io, path::PathBuf};

fn main() -> io::Result<()> {
    let folder = env::args_os()
        .nth(1)
        .map_or_else(|| PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../vectors"), PathBuf::from);
    for (name, text) in nws_spec_vectors::files() {
        fs::write(folder.join(&name), &text)?;
        println!("{name}: {} KiB", text.len().div_ceil(1024));
    }
    Ok(())
}
