//! The benchmark's two ends, one thread per connection so that they cost little beside Envoy.
//!
//! ```text
//! driver upstream <port>                                        speaks both wire formats
//! driver load <port> <model> <bytes> <connections> <seconds>    whole answers, as fast as they come
//! driver stream <port> <model> <streams>                        paced streams, side by side
//! ```
//! Each content event of a stream carries the time at which it was sent, so the receiver knows how
//! long it took. Results go to stdout as one line of JSON.

use std::{
    env,
    error::Error,
    io::{self, Read, Write},
    net::{TcpListener, TcpStream},
    thread,
    time::{Duration, Instant, SystemTime, UNIX_EPOCH},
};

const CHUNKS: u32 = 200;
const PACE: Duration = Duration::from_millis(5);

type Outcome<T> = Result<T, Box<dyn Error + Send + Sync>>;

fn main() -> Outcome<()> {
    let words: Vec<String> = env::args().skip(1).collect();
    let words: Vec<&str> = words.iter().map(String::as_str).collect();
    match words.as_slice() {
        ["upstream", port] => upstream(port.parse()?),
        ["load", port, model, bytes, connections, seconds] => load(
            port.parse()?,
            &body(model, bytes.parse()?, false),
            connections.parse()?,
            Duration::from_secs_f64(seconds.parse()?),
        ),
        ["stream", port, model, streams] => {
            stream(port.parse()?, &body(model, 1024, true), streams.parse()?)
        }
        _ => Err("see the first lines of driver.rs".into()),
    }
}

/// A conversation of about `bytes` bytes, with the escapes that real text has.
fn body(model: &str, bytes: usize, stream: bool) -> Vec<u8> {
    const TURN: &str = "Summarise the \\\"quarterly\\\" report below in three points.\\n\\n- Revenue grew by 4.2 % \
        while costs fell; the caf\u{e9} chain was sold.\\n- Headcount is flat, see the appendix for details.\\n";
    let mut out = format!(
        "{{\"model\":\"{model}\",\"temperature\":0.2,\"max_tokens\":512,\"stream\":{stream},\"messages\":[\
         {{\"role\":\"system\",\"content\":\"You are a careful analyst.\"}}"
    );
    let mut user = true;
    while user || out.len() + 2 * TURN.len() < bytes {
        let role = if user { "user" } else { "assistant" };
        out.push_str(&format!(",{{\"role\":\"{role}\",\"content\":\""));
        let end = (out.len() + 2048).min(bytes);
        while out.len() + TURN.len() + 4 < end {
            out.push_str(TURN);
        }
        out.push_str("Thanks.\"}");
        user = !user;
    }
    if !user {
        out.push_str("]}");
    } else {
        out.push_str(",{\"role\":\"user\",\"content\":\"Go on.\"}]}");
    }
    out.into_bytes()
}

// ---- HTTP/1.1, as much of it as Envoy and this file speak ----

struct Connection {
    socket: TcpStream,
    buffer: Vec<u8>,
    start: usize,
    end: usize,
}

struct Message {
    head: String,
    body: Vec<u8>,
}

impl Connection {
    fn new(socket: TcpStream) -> io::Result<Self> {
        socket.set_nodelay(true)?;
        Ok(Self {
            socket,
            buffer: vec![0; 1 << 18],
            start: 0,
            end: 0,
        })
    }

    /// Reads more behind what is left; false at the end of the connection.
    fn fill(&mut self) -> io::Result<bool> {
        self.buffer.copy_within(self.start..self.end, 0);
        (self.start, self.end) = (0, self.end - self.start);
        let read = self.socket.read(&mut self.buffer[self.end..])?;
        self.end += read;
        Ok(read > 0)
    }

    /// Text up to and including `mark`; `None` at the end of the connection.
    fn until(&mut self, mark: &[u8]) -> io::Result<Option<String>> {
        loop {
            let held = &self.buffer[self.start..self.end];
            if let Some(at) = held.windows(mark.len()).position(|w| w == mark) {
                let text = String::from_utf8_lossy(&held[..at + mark.len()]).into_owned();
                self.start += at + mark.len();
                return Ok(Some(text));
            }
            if !self.fill()? {
                return Ok(None);
            }
        }
    }

    /// Hands out exactly `left` bytes in pieces.
    fn take(&mut self, mut left: usize, each: &mut dyn FnMut(&[u8])) -> io::Result<()> {
        while left > 0 {
            if self.start == self.end && !self.fill()? {
                return Err(io::ErrorKind::UnexpectedEof.into());
            }
            let piece = left.min(self.end - self.start);
            each(&self.buffer[self.start..self.start + piece]);
            self.start += piece;
            left -= piece;
        }
        Ok(())
    }

    /// Reads one message; `each` sees its body. `None` when the other side is done.
    fn message(&mut self, each: &mut dyn FnMut(&[u8])) -> Outcome<Option<String>> {
        let Some(head) = self.until(b"\r\n\r\n")? else {
            return Ok(None);
        };
        let lower = head.to_ascii_lowercase();
        let value = |name: &str| Some(lower.split_once(name)?.1.split("\r\n").next()?.trim());
        if value("\r\ntransfer-encoding:") == Some("chunked") {
            loop {
                let line = self.until(b"\r\n")?.ok_or("cut inside a chunk")?;
                let size = usize::from_str_radix(line.trim(), 16)?;
                self.take(size, each)?;
                self.take(2, &mut |_| ())?;
                if size == 0 {
                    return Ok(Some(head));
                }
            }
        }
        self.take(value("\r\ncontent-length:").unwrap_or("0").parse()?, each)?;
        Ok(Some(head))
    }

    fn whole(&mut self, keep: usize) -> Outcome<Option<Message>> {
        let mut body = Vec::new();
        let head = self.message(&mut |piece| {
            let room = keep - body.len();
            body.extend_from_slice(&piece[..piece.len().min(room)]);
        })?;
        Ok(head.map(|head| Message { head, body }))
    }
}

// ---- The provider ----

fn upstream(port: u16) -> Outcome<()> {
    let listener = TcpListener::bind(("127.0.0.1", port))?;
    for socket in listener.incoming() {
        let mut connection = Connection::new(socket?)?;
        thread::spawn(move || while let Ok(true) = answer(&mut connection) {});
    }
    Ok(())
}

fn answer(connection: &mut Connection) -> Outcome<bool> {
    // A stream is asked for by a small body; of a large one nobody looks at the rest.
    let Some(request) = connection.whole(4096)? else {
        return Ok(false);
    };
    let anthropic = request.head.starts_with("POST /v1/messages");
    let body = String::from_utf8_lossy(&request.body).replace(' ', "");
    if request.body.len() < 4096 && body.contains("\"stream\":true") {
        stream_answer(&mut connection.socket, anthropic)?;
        return Ok(true);
    }
    let body = if anthropic {
        ANTHROPIC_WHOLE
    } else {
        OPENAI_WHOLE
    };
    let answer = format!(
        "HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: {}\r\n\r\n{body}",
        body.len()
    );
    connection.socket.write_all(answer.as_bytes())?;
    Ok(true)
}

const OPENAI_WHOLE: &str = r#"{"id":"chatcmpl-1","object":"chat.completion","created":1790000000,"model":"gpt-5-mini-2026-01-01","choices":[{"index":0,"message":{"role":"assistant","content":"Revenue is up, costs are down, and one business was sold. Headcount did not change.","refusal":null},"logprobs":null,"finish_reason":"stop"}],"usage":{"prompt_tokens":212,"completion_tokens":21,"total_tokens":233,"prompt_tokens_details":{"cached_tokens":0},"completion_tokens_details":{"reasoning_tokens":0}},"system_fingerprint":null}"#;
const ANTHROPIC_WHOLE: &str = r#"{"id":"msg_1","type":"message","role":"assistant","model":"claude-sonnet-4-6","content":[{"type":"text","text":"Revenue is up, costs are down, and one business was sold. Headcount did not change."}],"stop_reason":"end_turn","stop_sequence":null,"usage":{"input_tokens":212,"cache_creation_input_tokens":0,"cache_read_input_tokens":0,"output_tokens":21}}"#;

fn stream_answer(socket: &mut TcpStream, anthropic: bool) -> io::Result<()> {
    let mut send = |head: &str, text: &str| {
        let frame = format!("{head}{:x}\r\n{text}\r\n", text.len());
        socket.write_all(frame.as_bytes())
    };
    let head =
        "HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\ntransfer-encoding: chunked\r\n\r\n";
    let chunk = |choices: &str, usage: &str| {
        format!(
            "data: {{\"id\":\"chatcmpl-1\",\"object\":\"chat.completion.chunk\",\"created\":1790000000,\
             \"model\":\"gpt-5-mini-2026-01-01\",\"choices\":[{choices}],\"usage\":{usage}}}\n\n"
        )
    };
    let openai = |delta: &str, finish: &str| {
        chunk(
            &format!("{{\"index\":0,\"delta\":{delta},\"finish_reason\":{finish}}}"),
            "null",
        )
    };
    let event =
        |name: &str, rest: &str| format!("event: {name}\ndata: {{\"type\":\"{name}\",{rest}}}\n\n");
    let first = if anthropic {
        event(
            "message_start",
            "\"message\":{\"id\":\"msg_1\",\"type\":\"message\",\"role\":\"assistant\",\"model\":\"claude-sonnet-4-6\",\
             \"content\":[],\"stop_reason\":null,\"stop_sequence\":null,\"usage\":{\"input_tokens\":212,\"output_tokens\":1}}",
        ) + &event(
            "content_block_start",
            "\"index\":0,\"content_block\":{\"type\":\"text\",\"text\":\"\"}",
        )
    } else {
        openai("{\"role\":\"assistant\",\"content\":\"\"}", "null")
    };
    send(head, &first)?;
    let start = Instant::now();
    for n in 0..CHUNKS {
        thread::sleep((start + PACE * n).saturating_duration_since(Instant::now()));
        let text = format!("t={}; ", now());
        let chunk = if anthropic {
            event(
                "content_block_delta",
                &format!("\"index\":0,\"delta\":{{\"type\":\"text_delta\",\"text\":\"{text}\"}}"),
            )
        } else {
            openai(&format!("{{\"content\":\"{text}\"}}"), "null")
        };
        send("", &chunk)?;
    }
    let last = if anthropic {
        event("content_block_stop", "\"index\":0")
            + &event(
                "message_delta",
                "\"delta\":{\"stop_reason\":\"end_turn\",\"stop_sequence\":null},\"usage\":{\"output_tokens\":200}",
            )
            + "event: message_stop\ndata: {\"type\":\"message_stop\"}\n\n"
    } else {
        openai("{}", "\"stop\"")
            + &chunk(
                "",
                "{\"prompt_tokens\":212,\"completion_tokens\":200,\"total_tokens\":412}",
            )
            + "data: [DONE]\n\n"
    };
    send("", &last)?;
    socket.write_all(b"0\r\n\r\n")
}

// ---- The clients ----

fn request(body: &[u8]) -> Vec<u8> {
    let mut request = format!(
        "POST /v1/chat/completions HTTP/1.1\r\nhost: localhost\r\ncontent-type: application/json\r\ncontent-length: {}\r\n\r\n",
        body.len()
    )
    .into_bytes();
    request.extend_from_slice(body);
    request
}

fn load(port: u16, body: &[u8], connections: usize, time: Duration) -> Outcome<()> {
    let request = request(body);
    let start = Instant::now();
    let client = || -> Outcome<Vec<Duration>> {
        let mut connection = Connection::new(TcpStream::connect(("127.0.0.1", port))?)?;
        let mut waits = Vec::new();
        while start.elapsed() < time {
            let sent = Instant::now();
            connection.socket.write_all(&request)?;
            let answer = connection.whole(4096)?.ok_or("closed by the gateway")?;
            waits.push(sent.elapsed());
            let text = String::from_utf8_lossy(&answer.body);
            if !answer.head.starts_with("HTTP/1.1 200") || !text.contains("Revenue is up") {
                return Err(format!("{}{text}", answer.head).into());
            }
        }
        Ok(waits)
    };
    let mut waits = side_by_side(connections, |_| client())?;
    let seconds = start.elapsed().as_secs_f64();
    println!(
        "{{\"requests\":{},\"seconds\":{seconds:.3},\"p50_us\":{:.1},\"p99_us\":{:.1}}}",
        waits.len(),
        percentile(&mut waits, 50),
        percentile(&mut waits, 99),
    );
    Ok(())
}

fn stream(port: u16, body: &[u8], streams: usize) -> Outcome<()> {
    let request = request(body);
    let client = |n: usize| -> Outcome<Vec<(bool, Duration)>> {
        let mut connection = Connection::new(TcpStream::connect(("127.0.0.1", port))?)?;
        // Apart from each other, as independent clients are.
        thread::sleep(PACE * 4 * n as u32 / streams as u32);
        let sent = Instant::now();
        connection.socket.write_all(&request)?;
        let (mut waits, mut rest) = (Vec::new(), Vec::new());
        let head = connection.message(&mut |piece| {
            rest.extend_from_slice(piece);
            // A stamp may be cut anywhere; what follows the last whole one waits for the next piece.
            while let Some(at) = rest.windows(2).position(|two| two == b"t=") {
                let Some(end) = rest[at..].iter().position(|byte| *byte == b';') else {
                    break;
                };
                let stamp = String::from_utf8_lossy(&rest[at + 2..at + end]).parse::<u64>();
                rest.drain(..at + end);
                let Ok(stamp) = stamp else { continue };
                if waits.is_empty() {
                    waits.push((true, sent.elapsed()));
                }
                waits.push((false, Duration::from_nanos(now().saturating_sub(stamp))));
            }
        })?;
        if waits.len() != CHUNKS as usize + 1 {
            return Err(format!("{} events of {CHUNKS}; {head:?}", waits.len()).into());
        }
        Ok(waits)
    };
    let waits = side_by_side(streams, client)?;
    let pick = |first: bool| -> Vec<Duration> {
        waits.iter().filter(|w| w.0 == first).map(|w| w.1).collect()
    };
    let (mut first, mut each) = (pick(true), pick(false));
    println!(
        "{{\"streams\":{streams},\"first_p50_us\":{:.1},\"first_p99_us\":{:.1},\"chunk_p50_us\":{:.1},\"chunk_p99_us\":{:.1}}}",
        percentile(&mut first, 50),
        percentile(&mut first, 99),
        percentile(&mut each, 50),
        percentile(&mut each, 99),
    );
    Ok(())
}

fn side_by_side<T: Send>(
    threads: usize,
    client: impl Fn(usize) -> Outcome<Vec<T>> + Sync,
) -> Outcome<Vec<T>> {
    thread::scope(|scope| {
        let client = &client;
        let running: Vec<_> = (0..threads)
            .map(|n| scope.spawn(move || client(n)))
            .collect();
        let mut all = Vec::new();
        for thread in running {
            all.extend(thread.join().map_err(|_| "a client died")??);
        }
        Ok(all)
    })
}

fn percentile(waits: &mut [Duration], percent: usize) -> f64 {
    waits.sort_unstable();
    let at = (waits.len() * percent / 100).min(waits.len().saturating_sub(1));
    waits
        .get(at)
        .map_or(f64::NAN, |wait| wait.as_secs_f64() * 1e6)
}

fn now() -> u64 {
    SystemTime::now()
        .duration_since(UNIX_EPOCH)
        .map_or(0, |since| since.as_nanos() as u64)
}
