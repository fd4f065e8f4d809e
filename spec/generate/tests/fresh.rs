//! The committed vectors are what this program writes.
#![allow(clippy::unwrap_used, clippy::indexing_slicing, reason = "a test may stop at the first surprise")]

use std::{collections::BTreeSet, fs, path::Path};

#[test]
fn the_committed_vectors_are_what_the_program_writes() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../vectors");
    let files = nws_spec_vectors::files();
    let stale: Vec<_> = files
        .iter()
        .filter(|(name, text)| fs::read_to_string(folder.join(name)).ok().as_ref() != Some(text))
        .map(|(name, _)| name)
        .collect();
    assert!(stale.is_empty(), "{stale:?} are stale: run `cargo run -p nws-spec-vectors` and commit what it writes");
    let written: BTreeSet<_> = files.into_iter().map(|(name, _)| name).collect();
    let committed: BTreeSet<_> = fs::read_dir(&folder)
        .unwrap()
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        .filter(|name| name.ends_with(".json"))
        .collect();
    assert_eq!(committed, written, "nothing else lies in spec/vectors");
}

#[test]
fn two_runs_write_the_same() {
    assert_eq!(nws_spec_vectors::files(), nws_spec_vectors::files());
}

#[test]
fn requirements_are_numbers_of_the_documents() {
    let spec = Path::new(env!("CARGO_MANIFEST_DIR")).join("..");
    let documents: String = fs::read_dir(spec)
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .filter(|path| path.extension().is_some_and(|extension| extension == "md"))
        .map(|path| fs::read_to_string(path).unwrap())
        .collect();
    for (name, text) in nws_spec_vectors::files() {
        let file: serde_json::Value = serde_json::from_str(&text).unwrap();
        for case in file["cases"].as_array().unwrap() {
            for number in case["requirements"].as_array().unwrap() {
                let number = number.as_str().unwrap();
                assert!(documents.contains(&format!("`[{number}]`")), "{name}, {}: no {number}", case["id"]);
            }
        }
    }
}
