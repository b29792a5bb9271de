use uuid::{Uuid, uuid};

pub(super) const SERVICE: Uuid = uuid!("7a230001-5475-a6a4-654c-8431f6ad49c4");
pub(super) const WRITE: Uuid = uuid!("7a230002-5475-a6a4-654c-8431f6ad49c4");
pub(super) const NOTIFY: Uuid = uuid!("7a230003-5475-a6a4-654c-8431f6ad49c4");

/// A lone byte that ends the program that runs; the prompt is back.
pub(super) const BREAK: u8 = 0x03;
/// Leads what is data and not Lua, both ways.
pub(super) const DATA: u8 = 0x01;

/// What the program of ours takes.
pub(super) const TEXT: u8 = 0x0A;
pub(super) const MICROPHONE: u8 = 0x30;
pub(super) const BATTERY_QUERY: u8 = 0x40;

/// What it sends.
pub(super) const AUDIO: u8 = 0x05;
pub(super) const TAP: u8 = 0x09;
pub(super) const BATTERY: u8 = 0x41;
pub(super) const SHOWN: u8 = 0x42;
pub(super) const LISTENS: u8 = 0x43;
pub(super) const STARTED: u8 = 0x44;

/// A message in packets for `mtu`: the first carries the length of the whole, high byte first.
pub(super) fn message(code: u8, data: &[u8], mtu: usize) -> Vec<Vec<u8>> {
    let room = mtu.saturating_sub(3).max(20);
    let [high, low] = (data.len() as u16).to_be_bytes();
    let first = data.len().min(room - 4);
    let mut packets = vec![[&[DATA, code, high, low], &data[..first]].concat()];
    packets.extend(data[first..].chunks(room - 2).map(|chunk| [&[DATA, code], chunk].concat()));
    packets
}

/// Lua statements that put a program on the glasses, each within `room` bytes and printing its number.
pub(super) fn upload(name: &str, program: &str, room: usize) -> Vec<String> {
    let mut statements = vec![format!("f=frame.file.open('{name}.lua','w')")];
    let overhead = "f:write('');print(000)".len();
    let mut chunk = String::new();
    for character in program.chars() {
        let escaped = match character {
            '\n' => "\\n".to_owned(),
            '\\' => "\\\\".to_owned(),
            '\'' => "\\'".to_owned(),
            other => other.to_string(),
        };
        if chunk.len() + escaped.len() + overhead > room {
            statements.push(format!("f:write('{}')", std::mem::take(&mut chunk)));
        }
        chunk.push_str(&escaped);
    }
    statements.push(format!("f:write('{chunk}')"));
    statements.push("f:close()".to_owned());
    statements.iter().enumerate().map(|(number, statement)| format!("{statement};print({number})")).collect()
}

/// The text of a Lua string literal in single quotes.
pub(super) fn unquote(literal: &str) -> String {
    let mut text = String::new();
    let mut characters = literal.chars();
    while let Some(character) = characters.next() {
        text.push(match character {
            '\\' => match characters.next() {
                Some('n') => '\n',
                Some(other) => other,
                None => '\\',
            },
            other => other,
        });
    }
    text
}
