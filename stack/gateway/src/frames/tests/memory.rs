//! What the reader holds and copies, where it stops, and the mask that it takes off in place.

use super::{super::mask, *};

#[test]
fn a_whole_message_is_not_copied_and_an_idle_reader_holds_nothing() {
    assert!(size_of::<Reader>() < 100, "{}", size_of::<Reader>());
    let mut reader = Reader::new(LIMIT);
    let mut input = [frame(FIN | TEXT, b"one"), frame_with(FIN | BINARY, b"two", [0; 4])].concat();
    let inside = input.as_ptr_range();
    let mut seen = 0;
    reader
        .feed(&mut input, &mut |incoming| {
            let start = match incoming {
                Incoming::Text(text) => text.as_ptr(),
                Incoming::Binary(data) => data.as_ptr(),
                _ => std::ptr::null(),
            };
            assert!(inside.contains(&start));
            seen += 1;
            ControlFlow::Continue(())
        })
        .unwrap();
    assert_eq!(seen, 2);
    let big = frame(FIN | BINARY, &[7; 200_000]);
    for (index, piece) in big.chunks(1000).enumerate() {
        reader.feed(&mut piece.to_vec(), &mut |_| ControlFlow::Continue(())).unwrap();
        let arrived = (index + 1) * 1000;
        assert!(reader.held_bytes() <= (2 * arrived).max(64 * 1024), "{arrived}: {}", reader.held_bytes());
    }
    assert_eq!(reader.held_bytes(), 0);
    assert!(!reader.is_partial());
}

#[test]
fn a_promise_alone_reserves_little() {
    let mut reader = Reader::new(1 << 30);
    let mut input = vec![FIN | BINARY, 0x80 | 127, 0, 0, 0, 0, 0x40, 0, 0, 0, 1, 2, 3, 4, 5];
    reader.feed(&mut input, &mut |_| ControlFlow::Continue(())).unwrap();
    assert!(reader.is_partial());
    assert!(reader.held_bytes() <= 64 * 1024);
    // Fragments of one byte each: no more than doubling, and not one allocation for each.
    let mut reader = Reader::new(1 << 20);
    let (mut grown, mut last) = (0, 0);
    let firsts = std::iter::once(BINARY).chain(std::iter::repeat_n(CONT, 100_000));
    for (index, first) in firsts.enumerate() {
        reader.feed(&mut frame(first, b"x"), &mut |_| ControlFlow::Continue(())).unwrap();
        if reader.held_bytes() != last {
            (grown, last) = (grown + 1, reader.held_bytes());
        }
        assert!(reader.held_bytes() <= 2 * (index + 1));
    }
    assert!(grown < 20, "{grown}");
}

#[test]
fn a_break_leaves_the_rest_as_it_was() {
    let frames = [frame(FIN | TEXT, b"one"), frame(FIN | TEXT, b"two"), frame(FIN | TEXT, b"three")];
    let mut input = frames.concat();
    let mut reader = Reader::new(LIMIT);
    let mut got = Vec::new();
    let mut used = 0;
    while used < input.len() {
        used += reader
            .feed(&mut input[used..], &mut |incoming| {
                got.push(Got::from(incoming));
                ControlFlow::Break(())
            })
            .unwrap();
    }
    assert_eq!(got, [text("one"), text("two"), text("three")]);
    assert_eq!(input.len(), frames.concat().len());
}

#[test]
fn masking_is_its_own_reverse_at_every_phase() {
    let plain: Vec<u8> = (0..100).collect();
    for cut in 0..plain.len() {
        let mut data = plain.clone();
        let (front, back) = data.split_at_mut(cut);
        mask::apply(front, KEY);
        mask::apply(back, mask::advance(KEY, cut));
        let expected: Vec<u8> = plain.iter().zip(KEY.iter().cycle()).map(|(byte, key)| byte ^ key).collect();
        assert_eq!(data, expected);
    }
}
