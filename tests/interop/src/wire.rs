//! An encrypted connection: the reference crates' handshake, framing and codec.

use std::error::Error;
use std::io::{Read, Write};
use std::net::{Shutdown, TcpStream};
use std::time::Duration;

use binary_sv2::{GetSize, Serialize};
use codec_sv2::{
    Decrypted, Handshake, MessageFrame, NoiseDecoder, NoiseEncoder, Transport,
    TransportDecryptState, TransportEncryptState,
};
use noise_sv2::{
    Initiator, Responder, ELLSWIFT_ENCODING_SIZE, INITIATOR_EXPECTED_HANDSHAKE_MESSAGE_SIZE,
};

pub type Failure = Box<dyn Error + Send + Sync>;

/// The authority of the reference implementation's own tests.
pub const PUBLIC: &str = "24ee3c3804a1aaa4c03b80ea19f7a5863c916e8994b7db94a3bad7ee092b6ce7";
const SECRET: &str = "65995eb19631f478a46ffa5cf1e545091efe950eaeac7482ffdc06eb6a89f697";
pub const PATIENCE: Duration = Duration::from_secs(20);

/// A frame as it came in.
pub struct Frame {
    pub extension: u16,
    pub kind: u8,
    pub payload: Vec<u8>,
}

/// The way out.
pub struct Sender {
    stream: TcpStream,
    state: TransportEncryptState,
}

/// The way in.
pub struct Receiver {
    stream: TcpStream,
    decoder: NoiseDecoder,
    state: Option<TransportDecryptState>,
}

pub fn key(text: &str) -> [u8; 32] {
    let mut raw = [0; 32];
    for (at, byte) in raw.iter_mut().enumerate() {
        *byte = u8::from_str_radix(&text[2 * at..2 * at + 2], 16).expect("64 hex digits");
    }
    raw
}

/// Connect as a client; the server must be of the authority `key`.
pub fn connect(address: &str, key: &[u8; 32]) -> Result<(Sender, Receiver), Failure> {
    let mut stream = dialled(address)?;
    let (first, handshake) = Handshake::initiator(Initiator::from_raw_k(*key).map_err(told)?)
        .step_0()
        .map_err(told)?;
    stream.write_all(first.payload())?;
    let mut second = [0; INITIATOR_EXPECTED_HANDSHAKE_MESSAGE_SIZE];
    stream.read_exact(&mut second)?;
    halves(stream, handshake.step_2(second).map_err(told)?)
}

/// Answer a client as the test authority's server.
pub fn accept(mut stream: TcpStream) -> Result<(Sender, Receiver), Failure> {
    stream.set_nodelay(true)?;
    let role = Responder::from_authority_kp(&key(PUBLIC), &key(SECRET), Duration::from_secs(3600))
        .map_err(told)?;
    let mut first = [0; ELLSWIFT_ENCODING_SIZE];
    stream.read_exact(&mut first)?;
    let (second, transport) = Handshake::responder(role).step_1(first).map_err(told)?;
    stream.write_all(second.payload())?;
    halves(stream, transport)
}

pub fn dialled(address: &str) -> Result<TcpStream, Failure> {
    let stream = TcpStream::connect(address)?;
    stream.set_nodelay(true)?;
    stream.set_read_timeout(Some(PATIENCE))?;
    Ok(stream)
}

fn halves(stream: TcpStream, transport: Transport) -> Result<(Sender, Receiver), Failure> {
    let (encrypt, decrypt) = transport.split();
    let receiver = Receiver {
        stream: stream.try_clone()?,
        decoder: NoiseDecoder::new(),
        state: Some(decrypt),
    };
    Ok((
        Sender {
            stream,
            state: encrypt,
        },
        receiver,
    ))
}

impl Sender {
    pub fn send<T: Serialize + GetSize>(
        &mut self,
        message: T,
        kind: u8,
        is_channel: bool,
    ) -> Result<(), Failure> {
        let sealed = self.sealed(message, kind, is_channel)?;
        Ok(self.stream.write_all(&sealed)?)
    }

    pub fn sealed<T: Serialize + GetSize>(
        &mut self,
        message: T,
        kind: u8,
        is_channel: bool,
    ) -> Result<Vec<u8>, Failure> {
        let frame = MessageFrame::from_message(message, kind, 0, is_channel).map_err(told)?;
        let sealed = NoiseEncoder::new()
            .encode_transport(frame, &mut self.state)
            .map_err(told)?;
        Ok(sealed[..].to_vec())
    }

    /// Write bytes that may be anything.
    pub fn write(&mut self, raw: &[u8]) -> Result<(), Failure> {
        Ok(self.stream.write_all(raw)?)
    }

    pub fn close(&self) {
        let _ = self.stream.shutdown(Shutdown::Both);
    }
}

impl Receiver {
    pub fn receive(&mut self) -> Result<Frame, Failure> {
        loop {
            self.stream.read_exact(self.decoder.writable())?;
            let state = self.state.take().ok_or("the line is broken")?;
            match self.decoder.next_transport_frame(state).map_err(told)? {
                Decrypted::Frame(mut frame, state) => {
                    self.state = Some(state);
                    let header = frame.header();
                    return Ok(Frame {
                        extension: header.ext_type_without_channel_msg(),
                        kind: header.msg_type(),
                        payload: frame.payload().to_vec(),
                    });
                }
                Decrypted::Incomplete(_, state) => self.state = Some(state),
            }
        }
    }
}

pub fn told<E: std::fmt::Debug>(error: E) -> Failure {
    format!("{error:?}").into()
}
