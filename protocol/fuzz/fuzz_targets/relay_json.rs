#![no_main]

#[path = "../../tests/fuzz_entry/relay_json.rs"]
mod entry;

libfuzzer_sys::fuzz_target!(|input: &[u8]| entry::run(input));
