#![no_main]

#[path = "../../tests/fuzz_entry/wire_decode.rs"]
mod entry;

libfuzzer_sys::fuzz_target!(|input: &[u8]| entry::run(input));
