//! A peer that breaks the protocol, each time in one way.

use crate::miner::setup;
use crate::wire::{connect, dialled, Failure};
use common_messages_sv2::{SetupConnectionSuccess, MESSAGE_TYPE_SETUP_CONNECTION};
use mining_sv2::{SetTargetOwned, MESSAGE_TYPE_SET_TARGET};
use std::io::{Read, Write};

/// Return whether the server hung up, as it must.
pub fn run(address: &str, key: &[u8; 32], kind: &str) -> Result<String, Failure> {
    if kind == "garbage" {
        return hung_up_on_garbage(address);
    }
    let (mut sender, mut receiver) = connect(address, key)?;
    match kind {
        "cut" => {
            let sealed = sender.sealed(setup(), MESSAGE_TYPE_SETUP_CONNECTION, false)?;
            sender.write(&sealed[..sealed.len() - 1])?;
            sender.write(&[0; 64])?;
        }
        "changed" => {
            let mut sealed = sender.sealed(setup(), MESSAGE_TYPE_SETUP_CONNECTION, false)?;
            let last = sealed.len() - 1;
            sealed[last] ^= 1;
            sender.write(&sealed)?;
        }
        "short" => {
            // a message whose fields are cut short inside a frame that is whole
            let few = SetupConnectionSuccess {
                used_version: 2,
                flags: 0,
            };
            sender.send(few, MESSAGE_TYPE_SETUP_CONNECTION, false)?;
        }
        "order" => {
            let early = SetTargetOwned {
                channel_id: 1,
                maximum_target: [1; 32].into(),
            };
            sender.send(early, MESSAGE_TYPE_SET_TARGET, true)?;
        }
        _ => return Err(format!("no way to break called {kind}").into()),
    }
    match receiver.receive() {
        Ok(frame) => Err(format!("answered by {:#x}", frame.kind).into()),
        Err(error) => Ok(format!(
            "{{\"hung_up\":\"{}\"}}",
            error.to_string().replace('"', "'")
        )),
    }
}

fn hung_up_on_garbage(address: &str) -> Result<String, Failure> {
    let mut stream = dialled(address)?;
    stream.write_all(&[0xfe; 200])?;
    let mut answer = Vec::new();
    match stream.read_to_end(&mut answer) {
        Ok(_) => Ok(format!("{{\"hung_up\":\"after {} B\"}}", answer.len())),
        Err(error) if error.kind() == std::io::ErrorKind::ConnectionReset => {
            Ok("{\"hung_up\":\"reset\"}".into())
        }
        Err(error) => Err(error.into()),
    }
}
