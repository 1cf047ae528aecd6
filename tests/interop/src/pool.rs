//! A pool whose channels, jobs and judgement are the reference crates'.

use std::collections::BTreeMap;
use std::convert::TryInto;
use std::net::{TcpListener, TcpStream};
use std::sync::{Arc, Mutex};
use std::thread;

use binary_sv2::from_bytes;
use bitcoin::{Amount, ScriptBuf, Target, TxOut};
use channels_sv2::extranonce_manager::ExtranonceAllocator;
use channels_sv2::server::extended::ExtendedChannel;
use channels_sv2::server::share_accounting::{ShareValidationError, ShareValidationResult};
use common_messages_sv2::*;
use mining_sv2::*;
use template_distribution_sv2::{NewTemplateOwned, SetNewPrevHashOwned as NewTip};

use crate::wire::{accept, told, Failure, Sender};

pub const GROUP: u32 = 100;
const SATS: u64 = 5_000_000_000;
const HASHES_A_SHARE: f32 = 250.0;
const EVERY: u32 = 100;

/// What all connections of a run came to.
#[derive(Default)]
pub struct Tally {
    accepted: u32,
    connections: u32,
    counts: BTreeMap<String, u32>,
}

pub type Shared = Arc<Mutex<Tally>>;

pub struct Side {
    pub sender: Sender,
    channel: ExtendedChannel,
    template: u64,
    height: u8,
    ntime: u32,
    batch: u32,
    last: u32,
    tally: Shared,
}

pub fn run(address: &str, shares: u32) -> Result<String, Failure> {
    let listener = TcpListener::bind(address)?;
    let tally = Shared::default();
    let mut allocator = allocator()?;
    for stream in listener.incoming() {
        let side = greet(stream?, &mut allocator, tally.clone());
        let wanted = match side {
            Ok((side, receiver)) => {
                let done = thread::spawn(move || serve(side, receiver, shares));
                done.join().map_err(|_| "a thread died")?
            }
            Err(error) => Err(error),
        };
        let mut tally = tally.lock().map_err(|_| "poisoned")?;
        if let Err(error) = wanted {
            *tally.counts.entry(error.to_string()).or_default() += 1;
        }
        if tally.accepted >= shares {
            return Ok(summary(&tally));
        }
    }
    Err("nobody listens".into())
}

pub fn allocator() -> Result<ExtranonceAllocator, Failure> {
    ExtranonceAllocator::new(vec![0xab], 20, 1000).map_err(told)
}

fn summary(tally: &Tally) -> String {
    let counts: Vec<String> = tally
        .counts
        .iter()
        .map(|(name, number)| format!("\"{}\":{number}", name.replace('"', "'")))
        .collect();
    format!(
        "{{\"accepted\":{},\"connections\":{},\"counts\":{{{}}}}}",
        tally.accepted,
        tally.connections,
        counts.join(",")
    )
}

pub fn greet(
    stream: TcpStream,
    allocator: &mut ExtranonceAllocator,
    tally: Shared,
) -> Result<(Side, crate::wire::Receiver), Failure> {
    let (mut sender, mut receiver) = accept(stream)?;
    let first = receiver.receive()?;
    if first.kind != MESSAGE_TYPE_SETUP_CONNECTION {
        return Err(format!("{:#x} before setup", first.kind).into());
    }
    let success = SetupConnectionSuccess {
        used_version: 2,
        flags: 0,
    };
    sender.send(success, MESSAGE_TYPE_SETUP_CONNECTION_SUCCESS, false)?;
    loop {
        let mut frame = receiver.receive()?;
        if frame.extension != 0 {
            continue; // an extension that we do not have
        }
        if frame.kind != MESSAGE_TYPE_OPEN_EXTENDED_MINING_CHANNEL {
            return Err(format!("{:#x} before a channel", frame.kind).into());
        }
        let asked: OpenExtendedMiningChannel = from_bytes(&mut frame.payload).map_err(told)?;
        let size = asked.min_extranonce_size;
        let prefix = allocator.allocate_extended(size as usize).map_err(told)?;
        let channel = ExtendedChannel::new_for_pool(
            7,
            String::from_utf8_lossy(asked.user_identity.as_bytes()).to_string(),
            prefix,
            Target::from_le_bytes(asked.max_target.as_bytes().try_into().map_err(told)?),
            asked.nominal_hash_rate,
            true,
            size,
            10,
            asked.nominal_hash_rate * 60.0 / HASHES_A_SHARE,
            "interop".into(),
            None,
        )
        .map_err(told)?;
        let success = OpenExtendedMiningChannelSuccessOwned {
            request_id: asked.request_id,
            channel_id: 7,
            target: channel.get_target().to_le_bytes().into(),
            extranonce_size: channel.get_rollable_extranonce_size(),
            extranonce_prefix: channel
                .get_extranonce_prefix()
                .to_vec()
                .try_into()
                .map_err(told)?,
            group_channel_id: GROUP,
        };
        sender.send(
            success,
            MESSAGE_TYPE_OPEN_EXTENDED_MINING_CHANNEL_SUCCESS,
            false,
        )?;
        tally.lock().map_err(|_| "poisoned")?.connections += 1;
        let mut side = Side {
            sender,
            channel,
            template: 0,
            height: 0,
            ntime: 1_700_000_000,
            batch: 0,
            last: 0,
            tally,
        };
        side.new_block()?;
        return Ok((side, receiver));
    }
}

/// Serve a connection until it ends; after half of the shares it is cut off.
fn serve(mut side: Side, mut receiver: crate::wire::Receiver, shares: u32) -> Result<(), Failure> {
    let mut here = 0;
    loop {
        let mut frame = receiver.receive()?;
        match frame.kind {
            MESSAGE_TYPE_SUBMIT_SHARES_EXTENDED => {
                let share: SubmitSharesExtended = from_bytes(&mut frame.payload).map_err(told)?;
                if side.judge(share.into_owned())? {
                    here += 1;
                    if here % EVERY == 0 {
                        side.change(here / EVERY)?;
                    }
                }
            }
            MESSAGE_TYPE_UPDATE_CHANNEL => side.count("updates"),
            kind => side.count(&format!("message {kind:#x}")),
        }
        let accepted = side.tally.lock().map_err(|_| "poisoned")?.accepted;
        if accepted >= shares || here == shares / 2 {
            side.sender.close();
            return Ok(());
        }
    }
}

impl Side {
    fn count(&self, what: &str) {
        let mut tally = self.tally.lock().expect("no thread has died");
        *tally.counts.entry(what.to_string()).or_default() += 1;
    }

    fn judge(&mut self, share: SubmitSharesExtendedOwned) -> Result<bool, Failure> {
        let number = share.sequence_number;
        match self.channel.validate_share(share) {
            Ok(ShareValidationResult::Valid(_) | ShareValidationResult::BlockFound(..)) => {
                self.tally.lock().map_err(|_| "poisoned")?.accepted += 1;
                self.last = number;
                self.batch += 1;
                if self.batch == 10 {
                    self.acknowledge()?;
                }
                Ok(true)
            }
            Err(error) => {
                let code = code_of(&error);
                self.count(code);
                let refusal = SubmitSharesErrorOwned {
                    channel_id: 7,
                    sequence_number: number,
                    error_code: code.to_string().try_into().map_err(told)?,
                };
                self.sender
                    .send(refusal, MESSAGE_TYPE_SUBMIT_SHARES_ERROR, true)?;
                Ok(false)
            }
        }
    }

    fn acknowledge(&mut self) -> Result<(), Failure> {
        let success = SubmitSharesSuccess {
            channel_id: 7,
            last_sequence_number: self.last,
            new_submits_accepted_count: self.batch,
            new_shares_sum: u64::from(self.batch),
        };
        self.batch = 0;
        self.sender
            .send(success, MESSAGE_TYPE_SUBMIT_SHARES_SUCCESS, true)
    }

    /// A job, a block, a target: in turns.
    fn change(&mut self, turn: u32) -> Result<(), Failure> {
        match turn % 3 {
            0 => self.new_job(),
            1 => self.new_block(),
            _ => self.new_target(1 + (turn & 1)),
        }
    }

    fn new_target(&mut self, factor: u32) -> Result<(), Failure> {
        let mut raw = [0xff; 32];
        raw[31] = 0;
        raw[30] = (0xff / factor) as u8;
        let harder = Target::from_le_bytes(raw);
        self.channel.set_target(harder).map_err(told)?;
        let message = SetTargetOwned {
            channel_id: GROUP,
            maximum_target: raw.into(),
        };
        self.sender.send(message, MESSAGE_TYPE_SET_TARGET, true)?;
        self.new_job()
    }

    fn template(&mut self, is_future: bool) -> Result<NewTemplateOwned, Failure> {
        self.template += 1;
        let mut commitment = vec![0; 8];
        commitment.extend([38, 0x6a, 0x24, 0xaa, 0x21, 0xa9, 0xed]);
        commitment.extend([self.template as u8; 32]);
        Ok(NewTemplateOwned {
            template_id: self.template,
            future_template: is_future,
            version: 0x2000_0000,
            coinbase_tx_version: 2,
            coinbase_prefix: vec![0x01, 100].try_into().map_err(told)?,
            coinbase_tx_input_sequence: 0xffff_ffff,
            coinbase_tx_value_remaining: SATS,
            coinbase_tx_outputs_count: 1,
            coinbase_tx_outputs: commitment.try_into().map_err(told)?,
            coinbase_tx_locktime: 0,
            merkle_path: vec![[self.template as u8; 32].into()]
                .try_into()
                .map_err(told)?,
        })
    }

    fn new_block(&mut self) -> Result<(), Failure> {
        let template = self.template(true)?;
        self.channel
            .on_new_template(template, rewards())
            .map_err(told)?;
        let job_id = self
            .channel
            .get_future_job_id_from_template_id(self.template)
            .ok_or("no future job")?;
        let future = self.channel.get_future_job(job_id).ok_or("no future job")?;
        let mut job = future.get_job_message().clone();
        job.channel_id = GROUP;
        self.sender
            .send(job, MESSAGE_TYPE_NEW_EXTENDED_MINING_JOB, true)?;
        self.height += 1;
        self.ntime += 30;
        let tip = NewTip {
            template_id: self.template,
            prev_hash: [self.height; 32].into(),
            header_timestamp: self.ntime,
            n_bits: 0x1703_a30c,
            target: [0; 32].into(),
        };
        self.channel.on_set_new_prev_hash(tip).map_err(told)?;
        let started = SetNewPrevHashOwned {
            channel_id: GROUP,
            job_id,
            prev_hash: [self.height; 32].into(),
            min_ntime: self.ntime,
            nbits: 0x1703_a30c,
        };
        self.sender
            .send(started, MESSAGE_TYPE_MINING_SET_NEW_PREV_HASH, true)
    }

    fn new_job(&mut self) -> Result<(), Failure> {
        let template = self.template(false)?;
        self.channel
            .on_new_template(template, rewards())
            .map_err(told)?;
        let active = self.channel.get_active_job().ok_or("no job")?;
        let mut job = active.get_job_message().clone();
        job.channel_id = GROUP;
        self.sender
            .send(job, MESSAGE_TYPE_NEW_EXTENDED_MINING_JOB, true)
    }
}

fn rewards() -> Vec<TxOut> {
    let mut script = vec![0, 20];
    script.extend([7; 20]);
    vec![TxOut {
        value: Amount::from_sat(SATS),
        script_pubkey: ScriptBuf::from(script),
    }]
}

fn code_of(error: &ShareValidationError) -> &'static str {
    use ShareValidationError::*;
    match error {
        Invalid(code)
        | Stale(code)
        | InvalidJobId(code)
        | DoesNotMeetTarget(code)
        | VersionRollingNotAllowed(code)
        | DuplicateShare(code)
        | BadExtranonceSize(code) => code,
        _ => "invalid-share",
    }
}
