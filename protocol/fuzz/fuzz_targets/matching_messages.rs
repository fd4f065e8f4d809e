#![no_main]

#[path = "../../tests/fuzz_entry/matching_messages.rs"]
mod entry;

libfuzzer_sys::fuzz_target!(|input: &[u8]| entry::run(input));
