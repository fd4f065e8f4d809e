//! Leaving in a way that the other end understands: Goodbye, and only then the transport's close.

use crate::over::Over;
use bytes::BytesMut;
use nws_protocol::{LinkCode, wire::Control};
use nws_transports::{Link, SendLane};
use std::{sync::Arc, time::Duration};
use tokio::{io::AsyncWriteExt, sync::mpsc, task::JoinSet, time::timeout};

/// How long a goodbye may take to be written, and again to be heard. A guess: a round trip on a bad radio link.
const FAREWELL: Duration = Duration::from_millis(500);

/// Ends an established link. `patience` is how much longer than usual the other end gets to finish with it.
pub(crate) async fn farewell(
    link: &Arc<dyn Link>,
    over: &Over,
    control: mpsc::Sender<Control>,
    mut writer: JoinSet<Result<(), Over>>,
    patience: Option<Duration>,
) {
    if let Over::Ours(code, why) = over {
        let goodbye = Control::Goodbye { code: *code, reason: why.clone().into_owned() };
        let said = async {
            if control.send(goodbye).await.is_ok() {
                writer.join_next().await;
            }
        };
        let _ = timeout(FAREWELL, said).await;
        let _ = timeout(patience.unwrap_or(FAREWELL).max(FAREWELL), link.closed()).await;
    }
    close(link, over);
}

/// Ends a link that was not established. `lane` is the control lane, if it was opened.
pub(crate) async fn refuse(link: &Arc<dyn Link>, over: &Over, lane: Option<SendLane>) {
    if let (Over::Ours(code, why), Some(mut lane)) = (over, lane) {
        let mut frame = BytesMut::new();
        Control::Goodbye { code: *code, reason: why.clone().into_owned() }.encode(&mut frame);
        let said = async {
            lane.write_all(&frame).await?;
            lane.shutdown().await
        };
        if let Ok(Ok(())) = timeout(FAREWELL, said).await {
            let _ = timeout(FAREWELL, link.closed()).await;
        }
    }
    close(link, over);
}

fn close(link: &Arc<dyn Link>, over: &Over) {
    match over {
        Over::Ours(code, why) => link.close(*code, why),
        Over::Theirs(..) | Over::Lost(_) => link.close(LinkCode::None, ""),
    }
}
