//! Base64 as OpenSSH reads and writes it.

const ALPHABET: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

/// Writes bytes, padded.
pub(super) fn encode(bytes: &[u8]) -> String {
    let mut text = String::with_capacity(bytes.len().div_ceil(3) * 4);
    for chunk in bytes.chunks(3) {
        let group = chunk.iter().fold(0u32, |group, byte| group << 8 | u32::from(*byte));
        let group = group << (8 * (3 - chunk.len()));
        for place in 0..4 {
            let index = (group >> (18 - 6 * place)) & 63;
            let letter = ALPHABET.get(index as usize).copied().unwrap_or(b'=');
            text.push(if place > chunk.len() { '=' } else { char::from(letter) });
        }
    }
    text
}

/// Reads a text; white space counts for nothing, everything else must be as it would be written.
pub(super) fn decode(text: &[u8]) -> Option<Vec<u8>> {
    let mut bytes = Vec::with_capacity(text.len() / 4 * 3);
    let mut letters = text.iter().copied().filter(|letter| !is_space(*letter));
    let (mut group, mut filled) = (0u32, 0usize);
    while let Some(letter) = letters.next() {
        if letter == b'=' {
            let rest: Vec<u8> = letters.collect();
            let tail = match (filled, rest.as_slice()) {
                (2, b"=") => group << 4,
                (3, b"") => group << 6 >> 8,
                _ => return None,
            };
            // The bits that stand for nothing are zero.
            let idle = if filled == 2 { group & 15 } else { group & 3 };
            if idle != 0 {
                return None;
            }
            let tail = if filled == 2 { tail >> 8 } else { tail };
            let tail = tail.to_be_bytes();
            bytes.extend(tail.get(4 - (filled - 1)..)?);
            return Some(bytes);
        }
        let value = match letter {
            b'A'..=b'Z' => letter - b'A',
            b'a'..=b'z' => letter - b'a' + 26,
            b'0'..=b'9' => letter - b'0' + 52,
            b'+' => 62,
            b'/' => 63,
            _ => return None,
        };
        group = group << 6 | u32::from(value);
        filled += 1;
        if filled == 4 {
            bytes.extend(group.to_be_bytes().get(1..)?);
            (group, filled) = (0, 0);
        }
    }
    (filled == 0).then_some(bytes)
}

fn is_space(letter: u8) -> bool {
    matches!(letter, b' ' | b'\t' | b'\n' | b'\r' | 0x0b | 0x0c)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_written_is_read_back() {
        for length in 0..70u8 {
            let bytes: Vec<u8> = (0..length).map(|n| n.wrapping_mul(151)).collect();
            assert_eq!(decode(encode(&bytes).as_bytes()), Some(bytes));
        }
        assert_eq!(encode(b"portcullis"), "cG9ydGN1bGxpcw==");
        assert_eq!(decode(b" cG9y dGN1bGxp\r\ncw==\n"), Some(b"portcullis".to_vec()));
    }

    #[test]
    fn what_would_not_be_written_is_refused() {
        for text in ["cG9ydGN1bGxpcw=", "cG9ydGN1bGxpcw", "cG9ydGN1bGxpcx==", "cG9y=", "c-9y"] {
            assert_eq!(decode(text.as_bytes()), None, "{text}");
        }
    }
}
