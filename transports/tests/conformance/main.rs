//! What every transport promises, written once and run for each, and what each must stand from strangers.

#![allow(clippy::unwrap_used, clippy::indexing_slicing, reason = "a test may stop at the first surprise")]

mod ends;
mod harness;
mod hostile_quic;
mod hostile_tcp;
mod lanes;
mod stranger;

/// Runs each of the named functions for one harness.
macro_rules! conformance {
    ($transport:ident, $harness:ty, $($room:ident :: { $($promise:ident),* $(,)? }),* $(,)?) => {
        mod $transport {
            $($(
                #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
                async fn $promise() {
                    crate::harness::within(crate::$room::$promise::<$harness>()).await;
                }
            )*)*
        }
    };
}

macro_rules! each_promise {
    ($transport:ident, $harness:ty) => {
        conformance!($transport, $harness,
            lanes::{
                order_holds_within_a_lane, control_lane_goes_both_ways, a_lane_nobody_reads_holds_up_no_other,
                large_frames_pass, half_close_leaves_the_other_direction, back_pressure_reaches_the_sender,
                a_thousand_lanes, lanes_can_be_opened_again_and_again, a_frame_over_the_limit_costs_only_its_lane,
                a_reset_reaches_the_reader, a_dropped_writer_is_a_reset, a_stop_reaches_the_writer,
                a_stop_reaches_a_writer_that_has_nothing_to_say,
                vectored_writes_arrive_in_order, open_and_accept_are_cancel_safe, both_ends_open_lanes,
            },
            ends::{
                exporters_agree_and_differ, abrupt_death_is_seen_at_once, close_tells_the_other_end,
                close_wakes_whoever_waits, goodbye_arrives_before_the_close, a_dropped_link_is_closed,
                a_dead_port_is_unreachable, a_dial_can_be_cancelled, a_closed_listener_accepts_no_more,
                a_dropped_listener_leaves_its_links, a_taken_port_is_told, round_trips_are_estimated,
                roles_and_addresses, drained_waits_for_goodbyes,
            },
        );
    };
}

each_promise!(quic, crate::harness::Quic);
each_promise!(tcp, crate::harness::Tcp);
each_promise!(memory, crate::harness::Memory);
