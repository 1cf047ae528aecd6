//! A pool that breaks the protocol, each time in one way, and waits to be dialled again.

use crate::pool::{allocator, greet, Shared, Side, GROUP};
use crate::wire::{Failure, Receiver, PATIENCE};
use common_messages_sv2::SetupConnectionSuccess;
use mining_sv2::*;
use noise_sv2::{ELLSWIFT_ENCODING_SIZE, INITIATOR_EXPECTED_HANDSHAKE_MESSAGE_SIZE};
use std::io::{Error, ErrorKind, Read, Write};
use std::net::{TcpListener, TcpStream};
use std::time::Instant;

/// Return after so many connections how long each client took to come again.
pub fn run(address: &str, kind: &str, times: u32) -> Result<String, Failure> {
    let listener = TcpListener::bind(address)?;
    let mut prefixes = allocator()?;
    let mut waited = Vec::new();
    let mut gone: Option<Instant> = None;
    for _ in 0..times {
        let (stream, _) = listener.accept()?;
        waited.extend(gone.map(|at| at.elapsed().as_millis().to_string()));
        stream.set_read_timeout(Some(PATIENCE))?;
        if kind == "garbage" {
            answer_garbage(stream)?;
        } else {
            let (mut side, mut receiver) = greet(stream, &mut prefixes, Shared::default())?;
            while receiver.receive()?.kind != MESSAGE_TYPE_SUBMIT_SHARES_EXTENDED {}
            spoil(&mut side, kind)?;
            until_hung_up(receiver)?;
        }
        gone = Some(Instant::now());
    }
    Ok(format!(
        "{{\"hung_up\":{times},\"waited_ms\":[{}]}}",
        waited.join(",")
    ))
}

fn spoil(side: &mut Side, kind: &str) -> Result<(), Failure> {
    let sender = &mut side.sender;
    let target = SetTargetOwned {
        channel_id: GROUP,
        maximum_target: [1; 32].into(),
    };
    match kind {
        "cut" => {
            let sealed = sender.sealed(target, MESSAGE_TYPE_SET_TARGET, true)?;
            sender.write(&sealed[..sealed.len() - 1])?;
            sender.write(&[0; 64])
        }
        "changed" => {
            let mut sealed = sender.sealed(target, MESSAGE_TYPE_SET_TARGET, true)?;
            let last = sealed.len() - 1;
            sealed[last] ^= 1;
            sender.write(&sealed)
        }
        "short" => {
            // a message whose fields are cut short inside a frame that is whole
            let few = SetupConnectionSuccess {
                used_version: 2,
                flags: 0,
            };
            sender.send(few, MESSAGE_TYPE_SET_TARGET, true)
        }
        "order" => {
            let early = SetNewPrevHashOwned {
                channel_id: GROUP,
                job_id: 0xffff_ffff, // never sent
                prev_hash: [0xfe; 32].into(),
                min_ntime: 1_700_000_000,
                nbits: 0x1703_a30c,
            };
            sender.send(early, MESSAGE_TYPE_MINING_SET_NEW_PREV_HASH, true)
        }
        _ => Err(format!("no way to break called {kind}").into()),
    }
}

fn answer_garbage(mut stream: TcpStream) -> Result<(), Failure> {
    stream.read_exact(&mut [0; ELLSWIFT_ENCODING_SIZE])?;
    stream.write_all(&[0xfe; INITIATOR_EXPECTED_HANDSHAKE_MESSAGE_SIZE])?;
    match stream.read(&mut [0]) {
        Ok(0) => Ok(()),
        Ok(_) => Err("garbage was answered".into()),
        Err(error) => unless_gone(error),
    }
}

fn until_hung_up(mut receiver: Receiver) -> Result<(), Failure> {
    loop {
        if let Err(error) = receiver.receive() {
            return unless_gone(*error.downcast::<Error>()?);
        }
    }
}

fn unless_gone(error: Error) -> Result<(), Failure> {
    match error.kind() {
        ErrorKind::UnexpectedEof | ErrorKind::ConnectionReset => Ok(()),
        _ => Err(error.into()), // nobody hung up
    }
}
