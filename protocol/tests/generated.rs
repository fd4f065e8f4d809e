//! The checked-in code of the wire messages is what the `.proto` files give. `UPDATE_GENERATED=1` writes it anew.
//! So that a build needs neither `protoc` nor a build script.

use std::{error::Error, fs, path::Path};

#[test]
#[expect(clippy::disallowed_methods, reason = "a test may be told by the environment what to do")]
fn checked_in_code_is_what_the_proto_files_give() -> Result<(), Box<dyn Error>> {
    let room = Path::new(env!("CARGO_MANIFEST_DIR"));
    let proto = room.join("../spec/proto");
    let checked_in = room.join("src/gen/nws.v1.rs");
    let fresh = tempfile::tempdir()?;

    let files = protox::compile(["nws/v1/control.proto", "nws/v1/data.proto"], [&proto])?;
    prost_build::Config::new().bytes(["."]).out_dir(fresh.path()).compile_fds(files)?;
    let generated = fs::read_to_string(fresh.path().join("nws.v1.rs"))?;

    if std::env::var_os("UPDATE_GENERATED").is_some_and(|value| value == "1") {
        fs::write(&checked_in, &generated)?;
    }
    assert!(
        fs::read_to_string(&checked_in).is_ok_and(|old| old == generated),
        "{} differs from what spec/proto gives: run `UPDATE_GENERATED=1 cargo test -p nws-protocol --test generated`",
        checked_in.display()
    );
    Ok(())
}
