//! WebSocket: websockets asks websockets, and a caller of our own sends what no library would.

use intercept_inspect::decode::{Content, Half, Opcode, SocketMessage};
use intercept_inspect::exchange::Exchange;

use crate::recorded::{Recorded, read};
use crate::world::World;

/// Lengths of the messages that are sent in each run, as text and as bytes.
const SIZES: [u64; 8] = [0, 1, 125, 126, 127, 65_535, 65_536, 1024 * 1024];
/// The flood has 80 MiB. What we keep of it is a MiB; the rest of this allowance is what allocators keep.
const GROWTH: u64 = 40 * 1024 * 1024;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn websockets_pass_unchanged_and_are_recorded() {
    let Some(world) = World::start("websocket_facts", "ws").await else {
        return;
    };
    let before = peak_memory();
    world.ask().await;
    let grown = peak_memory().saturating_sub(before);
    assert!(grown < GROWTH, "{grown} bytes more than before");
    let (recorded, _folder) = world.stop().await;
    switched(&recorded);
    lengths(&recorded);
    parts_and_pings(&recorded);
    closes(&recorded);
    let flood = recorded.one("path:/flood/held");
    let body = &flood.response.as_ref().unwrap().message.body;
    assert!(body.size > 80 * 1024 * 1024 && !body.is_whole());
}

/// The most that this process ever had in memory.
fn peak_memory() -> u64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap();
    let line = status.lines().find(|line| line.starts_with("VmHWM:")).unwrap();
    let kilobytes: u64 = line.split_whitespace().nth(1).unwrap().parse().unwrap();
    kilobytes * 1024
}

fn messages(exchange: &Exchange) -> Vec<SocketMessage> {
    match read(exchange, Half::Response).content {
        Content::WebSocket { messages } => messages,
        other => panic!("no WebSocket: {other:?}"),
    }
}

fn of(messages: &[SocketMessage], from: Half, opcode: Opcode) -> Vec<&SocketMessage> {
    let found = messages
        .iter()
        .filter(|one| one.from == from && one.opcode == opcode);
    found.collect()
}

fn switched(recorded: &Recorded) {
    recorded.none("-is:answered");
    // One was refused.
    recorded.none("-status:101 -status:426 -status:400");
    recorded.some("-status:101", 1);
    recorded.none("status:101 -protocol:ws");
}

/// Both sides said the same, as far as it was kept.
fn lengths(recorded: &Recorded) {
    for (path, is_deflated) in [("plain", false), ("deflated", true)] {
        let one = recorded.one(&format!("path:=/{path}"));
        let said = messages(&one);
        for opcode in [Opcode::Binary, Opcode::Text] {
            let (asked, answered) = (
                of(&said, Half::Request, opcode),
                of(&said, Half::Response, opcode),
            );
            for (index, size) in SIZES.iter().take(7).enumerate() {
                for message in [asked[index], answered[index]] {
                    assert_eq!(message.content.unpacked, *size, "{path}");
                    assert_eq!(message.compressed, is_deflated, "{path}");
                    assert!(message.complete, "{path}");
                }
                assert_eq!(
                    asked[index].content.content, answered[index].content.content,
                    "{path}"
                );
            }
        }
        let total: u64 = SIZES.iter().map(|size| size * 2).sum();
        let body = &one.response.as_ref().unwrap().message.body;
        // Random bytes do not shrink; texts of one letter do.
        assert!(
            if is_deflated {
                body.size > total / 2
            } else {
                body.size > total
            },
            "{}",
            body.size
        );
    }
}

fn parts_and_pings(recorded: &Recorded) {
    let said = messages(&recorded.one("path:=/parts"));
    let texts = of(&said, Half::Request, Opcode::Text);
    assert!(matches!(&texts[0].content.content, Content::Text { text, .. } if text == "zerstückelt"));
    assert!(texts[0].frames >= 4, "{}", texts[0].frames);
    assert!(of(&said, Half::Request, Opcode::Binary)[0].frames >= 100);
    assert_eq!(of(&said, Half::Response, Opcode::Binary)[0].frames, 1);
    let said = messages(&recorded.one("path:=/ping"));
    assert_eq!(of(&said, Half::Request, Opcode::Ping).len(), 2);
    assert_eq!(of(&said, Half::Response, Opcode::Pong)[1].content.unpacked, 125);
}

fn closes(recorded: &Recorded) {
    let code = |one: &Exchange, from| {
        let said = messages(one);
        let close = of(&said, from, Opcode::Close)[0].close.clone();
        close.map(|close| (close.code, close.reason))
    };
    let mine: Vec<_> = recorded
        .some("path:=/close-mine", 4)
        .iter()
        .filter_map(|one| code(one, Half::Request))
        .collect();
    assert_eq!(
        mine,
        [1000, 1001, 3000, 4999].map(|code| (code, "gehört".to_owned()))
    );
    for wanted in [1000, 1001, 1011, 1012, 3000, 4999] {
        let one = recorded.one(&format!("path:=/close/{wanted}"));
        assert_eq!(
            code(&one, Half::Response),
            Some((wanted, "as you wish".to_owned()))
        );
    }
    // Each strange case went through once.
    let strange = recorded.find("path:=/hush status:101");
    assert!(strange.len() > 50, "{}", strange.len());
    let by_error = strange
        .iter()
        .filter(|one| code(one, Half::Response).is_some_and(|(code, _)| code == 1002));
    assert!(by_error.count() > 20);
}
