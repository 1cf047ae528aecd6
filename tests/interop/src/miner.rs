//! A miner with a standard and an extended channel that the reference crates keep.

use std::collections::BTreeMap;
use std::convert::TryInto;
use std::sync::mpsc::{channel, Receiver as Inbox, TryRecvError};
use std::thread;
use std::time::{Duration, Instant};

use binary_sv2::from_bytes;
use bitcoin::Target;
use channels_sv2::client::extended::ExtendedChannel;
use channels_sv2::client::share_accounting::{ShareValidationError, ShareValidationResult};
use channels_sv2::client::standard::StandardChannel;
use channels_sv2::extranonce_manager::ExtranoncePrefix;
use common_messages_sv2::*;
use mining_sv2::*;

use crate::wire::{connect, told, Failure, Frame, Sender};

const LONGEST: Duration = Duration::from_secs(100);
const TRIES: u32 = 400;

struct Miner {
    sender: Sender,
    extended: Option<ExtendedChannel>,
    standard: Option<StandardChannel>,
    nonce: u32,
    sequence: u32,
    accepted: u32,
    sent: u32,
    counts: BTreeMap<String, u32>,
}

pub fn run(address: &str, key: &[u8; 32], shares: u32, name: &str) -> Result<String, Failure> {
    let (mut sender, mut receiver) = connect(address, key)?;
    sender.send(setup(), MESSAGE_TYPE_SETUP_CONNECTION, false)?;
    let first = receiver.receive()?;
    if first.kind != MESSAGE_TYPE_SETUP_CONNECTION_SUCCESS {
        return Err(format!("setup answered by {:#x}", first.kind).into());
    }
    let (tell, inbox) = channel();
    thread::spawn(move || {
        while let Ok(frame) = receiver.receive() {
            if tell.send(frame).is_err() {
                return;
            }
        }
    });
    open(&mut sender, name)?;
    let mut miner = Miner {
        sender,
        extended: None,
        standard: None,
        nonce: 0,
        sequence: 0,
        accepted: 0,
        sent: 0,
        counts: BTreeMap::new(),
    };
    miner.mine(&inbox, shares)?;
    miner.sender.close();
    Ok(miner.summary())
}

pub fn setup() -> SetupConnectionOwned {
    SetupConnectionOwned {
        protocol: Protocol::MiningProtocol,
        min_version: 2,
        max_version: 2,
        flags: 0b100,
        endpoint_host: text("baseload"),
        endpoint_port: 3336,
        vendor: text("interop"),
        hardware_version: text("1"),
        firmware: text("1"),
        device_id: text(""),
    }
}

fn text(plain: &str) -> binary_sv2::Str0255Owned {
    plain.to_string().try_into().expect("a short text")
}

fn open(sender: &mut Sender, name: &str) -> Result<(), Failure> {
    let extended = OpenExtendedMiningChannelOwned {
        request_id: 1,
        user_identity: text(&format!("{name}.extended")),
        nominal_hash_rate: 0.0,
        max_target: [0xff; 32].into(),
        min_extranonce_size: 4,
    };
    sender.send(extended, MESSAGE_TYPE_OPEN_EXTENDED_MINING_CHANNEL, false)?;
    let standard = OpenStandardMiningChannelOwned {
        request_id: 2,
        user_identity: text(&format!("{name}.standard")),
        nominal_hash_rate: 0.0,
        max_target: [0xff; 32].into(),
    };
    sender.send(standard, MESSAGE_TYPE_OPEN_STANDARD_MINING_CHANNEL, false)
}

impl Miner {
    fn mine(&mut self, inbox: &Inbox<Frame>, shares: u32) -> Result<(), Failure> {
        let begun = Instant::now();
        while self.accepted < shares {
            loop {
                match inbox.try_recv() {
                    Ok(frame) => self.take(frame)?,
                    Err(TryRecvError::Empty) => break,
                    Err(TryRecvError::Disconnected) => return Err("the server hung up".into()),
                }
            }
            if begun.elapsed() > LONGEST {
                return Err(format!("out of time: {}", self.summary()).into());
            }
            self.hash_extended()?;
            self.hash_standard()?;
            thread::sleep(Duration::from_millis(1));
        }
        Ok(())
    }

    fn count(&mut self, what: &str) {
        *self.counts.entry(what.to_string()).or_default() += 1;
    }

    fn summary(&self) -> String {
        let counts: Vec<String> = self
            .counts
            .iter()
            .map(|(name, number)| format!("\"{name}\":{number}"))
            .collect();
        format!(
            "{{\"accepted\":{},\"sent\":{},\"counts\":{{{}}}}}",
            self.accepted,
            self.sent,
            counts.join(",")
        )
    }

    fn take(&mut self, mut frame: Frame) -> Result<(), Failure> {
        let raw = &mut frame.payload[..];
        match frame.kind {
            MESSAGE_TYPE_OPEN_EXTENDED_MINING_CHANNEL_SUCCESS => self.opened_extended(raw),
            MESSAGE_TYPE_OPEN_STANDARD_MINING_CHANNEL_SUCCESS => self.opened_standard(raw),
            MESSAGE_TYPE_NEW_EXTENDED_MINING_JOB => {
                let job: NewExtendedMiningJob = from_bytes(raw).map_err(told)?;
                self.count(if job.is_future() {
                    "future_jobs"
                } else {
                    "jobs"
                });
                let channel = self.extended.as_mut().ok_or("a job before its channel")?;
                channel
                    .on_new_extended_mining_job(job.into_owned())
                    .map_err(told)
            }
            MESSAGE_TYPE_NEW_MINING_JOB => {
                let job: NewMiningJob = from_bytes(raw).map_err(told)?;
                self.count(if job.is_future() {
                    "future_jobs"
                } else {
                    "jobs"
                });
                let channel = self.standard.as_mut().ok_or("a job before its channel")?;
                channel.on_new_mining_job(job.into_owned()).map_err(told)
            }
            MESSAGE_TYPE_MINING_SET_NEW_PREV_HASH => self.new_block(raw),
            MESSAGE_TYPE_SET_TARGET => self.new_target(raw),
            MESSAGE_TYPE_SUBMIT_SHARES_SUCCESS => {
                let answer: SubmitSharesSuccess = from_bytes(raw).map_err(told)?;
                self.accepted += answer.new_submits_accepted_count;
                Ok(())
            }
            MESSAGE_TYPE_SUBMIT_SHARES_ERROR => {
                let answer: SubmitSharesError = from_bytes(raw).map_err(told)?;
                let code = String::from_utf8_lossy(answer.error_code.as_bytes()).to_string();
                self.count(&code);
                Ok(())
            }
            kind => Err(format!("unexpected message {kind:#x} of {}", frame.extension).into()),
        }
    }

    fn opened_extended(&mut self, raw: &mut [u8]) -> Result<(), Failure> {
        let answer: OpenExtendedMiningChannelSuccess = from_bytes(raw).map_err(told)?;
        let prefix = answer.extranonce_prefix.as_bytes().to_vec();
        let channel = ExtendedChannel::new(
            answer.channel_id,
            "extended".into(),
            ExtranoncePrefix::from_wire(prefix).map_err(told)?,
            target(answer.target.as_bytes())?,
            1.0,
            true,
            answer.extranonce_size,
            None,
        );
        self.extended = Some(channel.map_err(told)?);
        Ok(())
    }

    fn opened_standard(&mut self, raw: &mut [u8]) -> Result<(), Failure> {
        let answer: OpenStandardMiningChannelSuccess = from_bytes(raw).map_err(told)?;
        let prefix = answer.extranonce_prefix.as_bytes().to_vec();
        let channel = StandardChannel::new(
            answer.channel_id,
            "standard".into(),
            ExtranoncePrefix::from_wire(prefix).map_err(told)?,
            target(answer.target.as_bytes())?,
            1.0,
            None,
        );
        self.standard = Some(channel.map_err(told)?);
        Ok(())
    }

    fn new_block(&mut self, raw: &mut [u8]) -> Result<(), Failure> {
        let tip: SetNewPrevHash = from_bytes(raw).map_err(told)?;
        let tip = tip.into_owned();
        self.count("blocks");
        match (&mut self.extended, &mut self.standard) {
            (Some(channel), _) if channel.get_channel_id() == tip.channel_id => {
                channel.on_set_new_prev_hash(tip).map_err(told)
            }
            (_, Some(channel)) if channel.get_channel_id() == tip.channel_id => {
                channel.on_set_new_prev_hash(tip).map_err(told)
            }
            _ => Err("a block of no channel".into()),
        }
    }

    fn new_target(&mut self, raw: &mut [u8]) -> Result<(), Failure> {
        let told_us: SetTarget = from_bytes(raw).map_err(told)?;
        let found = target(told_us.maximum_target.as_bytes())?;
        let id = told_us.channel_id;
        self.count("targets");
        match (&mut self.extended, &mut self.standard) {
            (Some(channel), _) if channel.get_channel_id() == id => {
                channel.set_target(found).map_err(told)
            }
            (_, Some(channel)) if channel.get_channel_id() == id => {
                channel.set_target(found).map_err(told)
            }
            _ => Err("a target of no channel".into()),
        }
    }

    fn hash_extended(&mut self) -> Result<(), Failure> {
        let Some(channel) = self.extended.as_mut() else {
            return Ok(());
        };
        let Some(job) = channel.get_active_job() else {
            return Ok(());
        };
        let job = job.job_message.clone();
        for _ in 0..TRIES {
            self.nonce = self.nonce.wrapping_add(1);
            let size = channel.get_rollable_extranonce_size() as usize;
            let mut extranonce = vec![0; size];
            extranonce[size - 1] = (self.nonce >> 8) as u8;
            let share = SubmitSharesExtendedOwned {
                channel_id: channel.get_channel_id(),
                sequence_number: self.sequence,
                job_id: job.job_id,
                nonce: self.nonce,
                ntime: job
                    .min_ntime
                    .as_ref()
                    .copied()
                    .ok_or("an active job without time")?,
                version: rolled(job.version, job.version_rolling_allowed, self.nonce),
                extranonce: extranonce.try_into().map_err(told)?,
            };
            match channel.validate_share(share.clone()) {
                Ok(ShareValidationResult::Valid(_) | ShareValidationResult::BlockFound(_)) => {
                    self.sequence += 1;
                    self.sent += 1;
                    return self
                        .sender
                        .send(share, MESSAGE_TYPE_SUBMIT_SHARES_EXTENDED, true);
                }
                Err(ShareValidationError::DoesNotMeetTarget(_)) => (),
                Err(error) => return Err(told(error)),
            }
        }
        Ok(())
    }

    fn hash_standard(&mut self) -> Result<(), Failure> {
        let Some(channel) = self.standard.as_mut() else {
            return Ok(());
        };
        let Some(job) = channel.get_active_job() else {
            return Ok(());
        };
        let job = job.job_message.clone();
        for _ in 0..TRIES {
            self.nonce = self.nonce.wrapping_add(1);
            let share = SubmitSharesStandard {
                channel_id: channel.get_channel_id(),
                sequence_number: self.sequence,
                job_id: job.job_id,
                nonce: self.nonce,
                ntime: job
                    .min_ntime
                    .as_ref()
                    .copied()
                    .ok_or("an active job without time")?,
                version: rolled(job.version, true, self.nonce),
            };
            match channel.validate_share(share.clone()) {
                Ok(ShareValidationResult::Valid(_) | ShareValidationResult::BlockFound(_)) => {
                    self.sequence += 1;
                    self.sent += 1;
                    return self
                        .sender
                        .send(share, MESSAGE_TYPE_SUBMIT_SHARES_STANDARD, true);
                }
                Err(ShareValidationError::DoesNotMeetTarget(_)) => (),
                Err(error) => return Err(told(error)),
            }
        }
        Ok(())
    }
}

/// Roll bits that shipped firmware rolls (BIP 320).
fn rolled(version: u32, is_allowed: bool, number: u32) -> u32 {
    if is_allowed {
        version ^ ((number & 0x7) << 13)
    } else {
        version
    }
}

fn target(raw: &[u8]) -> Result<Target, Failure> {
    Ok(Target::from_le_bytes(raw.try_into().map_err(told)?))
}
