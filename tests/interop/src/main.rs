//! A Stratum V2 peer that shares no code with Baseload.
//!
//! interop miner ADDRESS KEY SHARES [IDENTITY]   mine until so many shares are accepted
//! interop pool ADDRESS SHARES                   serve until so many are accepted
//! interop broken ADDRESS KEY KIND               break the protocol; KIND: see `broken`
//! interop broken-pool ADDRESS KIND TIMES        the same as a pool, until hung up on so often
//!
//! KEY is 64 hex digits: the x-only authority key. Each prints one JSON object.

mod broken;
mod broken_pool;
mod miner;
mod pool;
mod wire;

use std::process::exit;

fn main() {
    let words: Vec<String> = std::env::args().skip(1).collect();
    let words: Vec<&str> = words.iter().map(String::as_str).collect();
    let done = match words.as_slice() {
        ["miner", address, key, shares] => {
            miner::run(address, &wire::key(key), number(shares), "rust")
        }
        ["miner", address, key, shares, name] => {
            miner::run(address, &wire::key(key), number(shares), name)
        }
        ["pool", address, shares] => pool::run(address, number(shares)),
        ["broken", address, key, kind] => broken::run(address, &wire::key(key), kind),
        ["broken-pool", address, kind, times] => broken_pool::run(address, kind, number(times)),
        _ => Err("usage: interop miner|pool|broken|broken-pool ...".into()),
    };
    match done {
        Ok(summary) => println!("{summary}"),
        Err(error) => {
            println!("{{\"error\":\"{}\"}}", error.to_string().replace('"', "'"));
            exit(1);
        }
    }
}

fn number(text: &str) -> u32 {
    text.parse().expect("a number")
}
