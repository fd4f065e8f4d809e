//! Matching, played in both roles.

use super::{Heard, Player, Role, SOON, name, seen};
use crate::{
    bytes::data,
    link::{Next, Reader, Sender},
    oprf::{Blinded, Element},
    verdict::{Trouble, Verdict, ensure, failed},
};
use nws_protocol::{
    ChannelKey, PeerId,
    matching::{Secrets, dummy_input},
    wire::{Control, Data, Tag},
};
use rand_core::{OsRng, RngCore};
use std::{collections::BTreeSet, time::Duration};
use tokio::time::Instant;

/// A channel that both ends hold, with the target's lane for it.
#[derive(Debug)]
pub(crate) struct Matched {
    pub(crate) secrets: Secrets,
    pub(crate) lane: Reader,
    pub(crate) members: BTreeSet<PeerId>,
}

fn shuffle<T>(list: &mut [T]) {
    for last in (1..list.len()).rev() {
        let draw = (u128::from(OsRng.next_u64()) * (last as u128 + 1)) >> 64;
        list.swap(last, usize::try_from(draw).unwrap_or(0));
    }
}

fn random_tag() -> Tag {
    crate::context::random_id()
}

impl Player {
    /// A Query of these inputs, not said yet.
    pub(crate) fn blind(inputs: &[Vec<u8>]) -> Vec<Blinded> {
        inputs.iter().map(|input| Blinded::new(input)).collect()
    }

    /// Says the next Query.
    pub(crate) async fn query(&mut self, elements: Vec<Element>) -> Verdict {
        self.seq += 1;
        self.said.clone_from(&elements);
        self.say(&Control::Query { seq: self.seq, blinded: elements }).await
    }

    /// Waits for the Answer to the last Query, which is said again after Busy.
    pub(crate) async fn answer(&mut self, count: usize) -> Result<Vec<Element>, Trouble> {
        loop {
            let seq = self.seq;
            match self.hear(SOON).await? {
                Heard::Message(Control::Answer { seq: got, evaluated, .. }) => {
                    ensure(got == seq, format!("Answer {seq}"), format!("Answer {got}"))?;
                    let counts = format!("{} for {count}", evaluated.len());
                    ensure(evaluated.len() == count, "as many evaluated elements as were asked", counts)?;
                    return Ok(evaluated);
                }
                // They may come at any time, after the first Answer.
                Heard::Message(Control::Offer(_) | Control::Revoke(_)) => {}
                // Every guess of one address counts, also those of a run before.
                Heard::Message(Control::Busy { seq: got, retry_after }) => {
                    ensure(got == seq, format!("Busy {seq}"), format!("Busy {got}"))?;
                    self.after_busy(retry_after, Duration::ZERO).await?;
                    self.query(self.said.clone()).await?;
                }
                Heard::Message(other) => return Err(failed(format!("Answer {seq}"), name(&other))),
                Heard::Nothing => return Err(failed(format!("Answer {seq} within {SOON:?}"), "nothing")),
                Heard::Over(ending) => return Err(failed(format!("Answer {seq}"), ending.to_string())),
            }
        }
    }

    /// Lets the time pass that Busy named; nothing may follow Busy by itself. It takes patience when the wait is longer than
    /// what checks use up by themselves.
    pub(crate) async fn after_busy(&mut self, retry_after: Duration, own: Duration) -> Verdict {
        if retry_after > own {
            self.context.patience.allow(retry_after)?;
        }
        self.never("nothing follows Busy by itself", retry_after, |message| {
            matches!(message, Control::Answer { .. } | Control::Busy { .. })
        })
        .await
    }

    /// Asks for channels, with dummies up to the size, and finds their secrets on this link.
    pub(crate) async fn ask(&mut self, keys: &[ChannelKey]) -> Result<Vec<Secrets>, Trouble> {
        let fewest = if self.seq == 0 { 8 } else { 4 };
        let size = keys.len().max(fewest).next_power_of_two();
        let mut inputs: Vec<(Option<usize>, Vec<u8>)> = Vec::new();
        for (at, key) in keys.iter().enumerate() {
            let input = self.secret.channel_input(key).map(|input| input.to_vec());
            inputs.push((Some(at), input.unwrap_or_else(|| self.local_input(key))));
        }
        inputs.resize_with(size, || (None, dummy_input(&mut OsRng).to_vec()));
        shuffle(&mut inputs);
        let blinded: Vec<_> = inputs.iter().map(|(at, input)| (*at, Blinded::new(input))).collect();
        self.query(blinded.iter().map(|(_, blinded)| blinded.element).collect()).await?;
        let evaluated = self.answer(size).await?;
        let mut found: Vec<(usize, Secrets)> = Vec::new();
        for ((at, blinded), evaluated) in blinded.iter().zip(&evaluated) {
            let y = blinded.finalize(evaluated)?;
            if let Some(at) = at {
                found.push((*at, Secrets::derive(&self.secret, &y)));
            }
        }
        found.sort_by_key(|(at, _)| *at);
        Ok(found.into_iter().map(|(_, secrets)| secrets).collect())
    }

    /// The input that a channel of kind `local` would have, if there were one.
    fn local_input(&self, key: &ChannelKey) -> Vec<u8> {
        let mut input = Vec::new();
        for part in [b"nws/1 channel".as_slice(), self.secret.reveal(), b"local", key.name.reveal().as_bytes()] {
            input.extend(u16::try_from(part.len()).unwrap_or(u16::MAX).to_be_bytes());
            input.extend(part);
        }
        input
    }

    /// Accepts, with random tags up to the size.
    pub(crate) async fn accept(&mut self, tags: &[Tag], fewest: usize) -> Verdict {
        let size = tags.len().max(fewest).next_power_of_two();
        let mut tags = tags.to_vec();
        tags.resize_with(size, random_tag);
        shuffle(&mut tags);
        self.say(&Control::Accept(tags)).await
    }

    /// As initiator: asks for the channel, which must be on offer, or be so soon; accepts it.
    pub(crate) async fn accept_channel(&mut self, key: &ChannelKey) -> Result<Secrets, Trouble> {
        let first = self.seq == 0;
        let mut found = self.ask(std::slice::from_ref(key)).await?;
        let Some(secrets) = found.pop() else { return Err(failed("an evaluation", "none")) };
        self.wait_offer(&secrets).await?;
        self.accept(&[secrets.tag_i], if first { 8 } else { 4 }).await?;
        Ok(secrets)
    }

    /// Waits until the channel's `tag_R` is on offer.
    pub(crate) async fn wait_offer(&mut self, secrets: &Secrets) -> Verdict {
        self.context.ensure_offered()?;
        let deadline = Instant::now() + SOON;
        while !self.on_offer.contains(&secrets.tag_r) {
            let left = deadline.saturating_duration_since(Instant::now());
            match self.hear(left).await? {
                Heard::Message(_) => {}
                Heard::Nothing => {
                    let words =
                        "it is not among the tags on offer (does the target hold it? is the network key the same?)";
                    return Err(failed("tag_R of the channel is on offer", words));
                }
                Heard::Over(ending) => return Err(failed("tag_R of the channel is on offer", ending.to_string())),
            }
        }
        Ok(())
    }

    /// The channel matched, and the target's lane read up to the end of its list.
    pub(crate) async fn matched(&mut self, key: &ChannelKey) -> Result<Matched, Trouble> {
        let secrets = match self.role {
            Role::Initiator => self.accept_channel(key).await?,
            Role::Responder => self.offer_channel(key).await?,
        };
        let mut lane = self.lane(secrets.channel_id, SOON).await?;
        let members = read_members(&mut lane).await?;
        Ok(Matched { secrets, lane, members })
    }

    /// Opens a data lane with this list.
    pub(crate) async fn open(&self, secrets: &Secrets, members: &[PeerId]) -> Result<Sender, Trouble> {
        let mut lane = self.conn.open_lane().await?;
        let mut bytes = data(&Data::Open(secrets.channel_id));
        bytes.extend(data(&Data::Members { peers: members.to_vec(), more: false }));
        lane.write(&bytes).await?;
        Ok(lane)
    }

    // As responder.

    /// Reads the first Query.
    pub(crate) async fn first_query(&mut self) -> Verdict {
        self.wait("the first Query", SOON, |message| matches!(message, Control::Query { .. }).then_some(())).await
    }

    /// Answers the last Query.
    pub(crate) async fn evaluate(&mut self, offer: Vec<Tag>) -> Verdict {
        let mut evaluated = Vec::new();
        for element in &self.asked {
            evaluated.push(self.key.evaluate_blinded(element)?);
        }
        let seq = self.seq;
        self.say(&Control::Answer { seq, evaluated, offer }).await?;
        self.answered = true;
        Ok(())
    }

    /// The secrets of a channel, by R's key.
    pub(crate) fn secrets(&self, key: &ChannelKey) -> Secrets {
        let input = self.secret.channel_input(key).map(|input| input.to_vec()).unwrap_or_default();
        Secrets::derive(&self.secret, &self.key.evaluate(&input))
    }

    /// Tags to offer: these, and dummies up to the size.
    pub(crate) fn offer_of(&self, tags: &[Tag], fewest: usize) -> Vec<Tag> {
        let size = tags.len().max(fewest).next_power_of_two();
        let mut offer = tags.to_vec();
        let dummy = || {
            let y = self.key.evaluate(&dummy_input(&mut OsRng));
            Secrets::derive(&self.secret, &y).tag_r
        };
        offer.resize_with(size, dummy);
        shuffle(&mut offer);
        offer
    }

    /// As responder: reads the Query, if it was not read, offers the channel in the Answer, and waits for its `tag_I`.
    pub(crate) async fn offer_channel(&mut self, key: &ChannelKey) -> Result<Secrets, Trouble> {
        self.context.ensure_offered()?;
        if self.seq == 0 {
            self.first_query().await?;
        }
        let secrets = self.secrets(key);
        let offer = self.offer_of(&[secrets.tag_r], 8);
        self.evaluate(offer).await?;
        self.wait_accept(&secrets).await?;
        Ok(secrets)
    }

    /// Waits until the channel's `tag_I` is accepted; Queries meanwhile are answered.
    pub(crate) async fn wait_accept(&mut self, secrets: &Secrets) -> Verdict {
        while !self.next_accept("Accept with tag_I of the channel").await?.contains(&secrets.tag_i) {}
        Ok(())
    }

    /// The tags of the next Accept; Queries meanwhile are answered.
    pub(crate) async fn next_accept(&mut self, what: &str) -> Result<Vec<Tag>, Trouble> {
        let mut deadline = Instant::now() + SOON;
        loop {
            match self.hear(deadline.saturating_duration_since(Instant::now())).await? {
                Heard::Message(Control::Accept(tags)) => return Ok(tags),
                Heard::Message(Control::Query { .. }) => self.evaluate(Vec::new()).await?,
                Heard::Message(_) => {}
                // Tags that wait for a budget are owed no Accept yet.
                Heard::Nothing => match self.context.shortage().await {
                    Some(wait) => {
                        self.context.patience.allow(wait)?;
                        deadline = Instant::now() + wait + SOON;
                    }
                    None => return Err(failed(what, "none within 5 s")),
                },
                Heard::Over(ending) => return Err(failed(what, ending.to_string())),
            }
        }
    }
}

/// The member list at the head of a lane, after Open.
pub(crate) async fn read_members(lane: &mut Reader) -> Result<BTreeSet<PeerId>, Trouble> {
    let mut members = BTreeSet::new();
    loop {
        match next_data(lane, SOON).await? {
            Data::Members { peers, more } => {
                for peer in peers {
                    ensure(members.insert(peer), "no peer is listed twice", format!("{peer:?} twice"))?;
                }
                if !more {
                    return Ok(members);
                }
            }
            other => return Err(failed("the full member list after Open", data_name(&other))),
        }
    }
}

/// The next message of a lane.
pub(crate) async fn next_data(lane: &mut Reader, within: Duration) -> Result<Data, Trouble> {
    match lane.next(within).await {
        Next::Frame(frame) => Data::decode(frame)
            .map_err(|error| failed("only messages of the documents on a data lane", error.to_string())),
        other => Err(failed(format!("a message on the data lane within {within:?}"), seen(&other))),
    }
}

/// Names a message.
pub(crate) fn data_name(message: &Data) -> String {
    match message {
        Data::Open(_) => "Open".to_owned(),
        Data::Members { peers, more } => format!("Members of {} ids, more = {more}", peers.len()),
        Data::Join(peer) => format!("Join {peer:?}"),
        Data::Part(peer) => format!("Part {peer:?}"),
        Data::Broadcast { source, payload } => format!("Broadcast of {source:?}: {} bytes", payload.bytes().len()),
        Data::Direct { source, target, .. } => format!("Direct of {source:?} to {target:?}"),
        Data::Undeliverable { source, target } => format!("Undeliverable of {source:?} to {target:?}"),
    }
}
