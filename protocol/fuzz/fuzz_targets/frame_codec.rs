#![no_main]

#[path = "../../tests/fuzz_entry/frame_codec.rs"]
mod entry;

libfuzzer_sys::fuzz_target!(|input: &[u8]| entry::run(input));
