//! The first words on a link: Hello both ways, and the secret that both ends draw from them.

use crate::{activity::Activity, config::MeshConfig, control::ControlReader, over::Over};
use bytes::{Bytes, BytesMut};
use nws_protocol::{
    LinkCode,
    frame::FrameCodec,
    limits::{MAX_AGENT_BYTES, MAX_FRAME_BYTES_CEILING, MAX_HELLO_FRAME_BYTES, MIN_FRAME_BYTES},
    matching::LinkSecret,
    wire::{Control, Hello, PROTOCOL_VERSION},
};
use nws_transports::{Link, Role, SendLane};
use std::sync::Arc;
use tokio::io::AsyncWriteExt;
use tokio_util::codec::Decoder;

/// The exporter's label and context (RFC 8446 section 7.5; the label is one for private use, RFC 5705 section 4).
const EXPORTER_LABEL: &[u8] = b"EXPERIMENTAL-nws-link";
const EXPORTER_CONTEXT: &[u8] = b"nws/1";

/// A link whose ends know each other's ids.
#[derive(Debug)]
pub(crate) struct Greeted {
    pub(crate) hello: Hello,
    pub(crate) secret: LinkSecret,
}

/// Says Hello and hears the other's. `lane` and `reader` are the control lane's halves; they stay the caller's, who
/// says goodbye there if this fails.
pub(crate) async fn greet(
    config: &MeshConfig,
    link: &dyn Link,
    lane: &mut SendLane,
    reader: &mut ControlReader,
) -> Result<Greeted, Over> {
    let (frame, mine) = own_hello(config).ok_or_else(|| Over::ours(LinkCode::Internal))?;
    // Neither waits for the other.
    let send = async {
        lane.write_all(&frame).await?;
        lane.flush().await
    };
    let send = async { send.await.map_err(|error| Over::of_io(&error)) };
    let ((), theirs) = tokio::try_join!(send, reader.frame())?;
    let hello = match Control::decode(theirs.clone()) {
        Ok(Control::Hello(hello)) => hello,
        Ok(_) => return Err(Over::Ours(LinkCode::Malformed, "the first message was no Hello".into())),
        Err(error) => return Err(Over::of_wire(&error)),
    };
    reader.set_max_frame_bytes(max_frame_bytes(config));
    let exported = link.exporter(EXPORTER_LABEL, EXPORTER_CONTEXT).map_err(Over::of_link)?;
    let (of_initiator, of_responder) = match link.role() {
        Role::Initiator => (&mine, &theirs),
        Role::Responder => (&theirs, &mine),
    };
    let secret = LinkSecret::derive(&config.network_key, &exported, of_initiator, of_responder);
    Ok(Greeted { hello, secret })
}

/// A reader that accepts no more than a Hello.
pub(crate) fn first_reader(lane: nws_transports::RecvLane, activity: &Arc<Activity>) -> ControlReader {
    ControlReader::new(lane, MAX_HELLO_FRAME_BYTES, Arc::clone(activity))
}

/// The largest frame that this side accepts, within what the protocol allows.
pub(crate) fn max_frame_bytes(config: &MeshConfig) -> usize {
    config.max_frame_bytes.clamp(MIN_FRAME_BYTES, MAX_FRAME_BYTES_CEILING)
}

/// Our Hello as the frame that travels, and as the bytes in it that both sides hash.
fn own_hello(config: &MeshConfig) -> Option<(Bytes, Bytes)> {
    let mut agent = config.agent.clone();
    let mut end = agent.len().min(MAX_AGENT_BYTES);
    while !agent.is_char_boundary(end) {
        end -= 1;
    }
    agent.truncate(end);
    let hello = Hello {
        version: PROTOCOL_VERSION,
        instance_id: config.instance,
        capabilities: Vec::new(),
        agent,
        max_frame_bytes: max_frame_bytes(config),
    };
    let mut frame = BytesMut::new();
    Control::Hello(hello).encode(&mut frame);
    let payload = FrameCodec::new(MAX_HELLO_FRAME_BYTES).decode(&mut frame.clone()).ok()??;
    Some((frame.freeze(), payload))
}
