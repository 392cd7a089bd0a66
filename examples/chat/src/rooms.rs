//! The state of the chat without its sockets: the people, the rooms, and the messages.

use std::collections::{BTreeMap, VecDeque};

use bytes::Bytes;
use serde::Serialize;

/// All rooms.
#[derive(Debug)]
pub(crate) struct Rooms {
    rooms: BTreeMap<String, Room>,
    last_id: u64,
}

#[derive(Debug, Default)]
struct Room {
    /// In the order of their lower-cased names.
    users: Vec<String>,
    history: VecDeque<Message>,
}

/// Something that was said, as clients see it in a history: without the bytes of a picture.
#[derive(Clone, Debug, Serialize)]
pub(crate) struct Message {
    pub(crate) id: u64,
    /// Milliseconds since the Unix epoch.
    pub(crate) at: u64,
    pub(crate) name: String,
    #[serde(flatten)]
    pub(crate) content: Content,
    #[serde(skip)]
    pub(crate) data: Option<Bytes>,
}

#[derive(Clone, Debug, Serialize)]
#[serde(rename_all = "lowercase")]
pub(crate) enum Content {
    Text(String),
    Picture {
        #[serde(rename = "type")]
        kind: String,
        caption: String,
        size: usize,
    },
}

/// A room in the list of rooms.
#[derive(Debug, Eq, PartialEq, Serialize)]
pub(crate) struct Listed<'a> {
    name: &'a str,
    users: usize,
}

const FIXED: [&str; 3] = ["lobby", "random", "pictures"];
const MAX_ROOMS: usize = 50;
const HISTORY: usize = 50;
const PICTURES_KEPT: usize = 10;

impl Default for Rooms {
    fn default() -> Self {
        let rooms = FIXED.map(|name| (name.to_owned(), Room::default()));
        Self {
            rooms: rooms.into(),
            last_id: 0,
        }
    }
}

impl Rooms {
    /// Moves a user from one room to another. Nothing changes if that would be too many rooms.
    pub(crate) fn enter(
        &mut self,
        user: &str,
        from: Option<&str>,
        to: &str,
    ) -> Result<(), &'static str> {
        if !is_room_name(to) {
            return Err("invalid room");
        }
        let freed = from.is_some_and(|from| !is_fixed(from) && self.users(from).len() == 1);
        if !self.rooms.contains_key(to) && self.rooms.len() - usize::from(freed) >= MAX_ROOMS {
            return Err("too many rooms");
        }
        if let Some(from) = from {
            self.leave(user, from);
        }
        let users = &mut self.rooms.entry(to.to_owned()).or_default().users;
        let place = users.partition_point(|other| other.to_lowercase() < user.to_lowercase());
        users.insert(place, user.to_owned());
        Ok(())
    }

    /// Takes a user out of a room, which goes with its last user unless it is one of the fixed ones.
    pub(crate) fn leave(&mut self, user: &str, from: &str) {
        let Some(room) = self.rooms.get_mut(from) else {
            return;
        };
        room.users.retain(|other| other != user);
        if room.users.is_empty() && !is_fixed(from) {
            self.rooms.remove(from);
        }
    }

    /// Keeps a message in the history of a room, and gives it its number.
    pub(crate) fn post(
        &mut self,
        room: &str,
        name: &str,
        at: u64,
        content: Content,
        data: Option<Bytes>,
    ) -> Message {
        self.last_id += 1;
        let message = Message {
            id: self.last_id,
            at,
            name: name.to_owned(),
            content,
            data,
        };
        if let Some(room) = self.rooms.get_mut(room) {
            room.history.push_back(message.clone());
            if room.history.len() > HISTORY {
                room.history.pop_front();
            }
            let pictures = room
                .history
                .iter_mut()
                .rev()
                .filter(|kept| kept.data.is_some());
            for oldest in pictures.skip(PICTURES_KEPT) {
                oldest.data = None;
            }
        }
        message
    }

    pub(crate) fn users(&self, room: &str) -> &[String] {
        self.rooms.get(room).map_or(&[], |room| &room.users)
    }

    /// The last messages of a room, oldest first.
    pub(crate) fn history(&self, room: &str) -> Vec<&Message> {
        let room = self.rooms.get(room);
        room.map_or_else(Vec::new, |room| room.history.iter().collect())
    }

    /// The fixed rooms, and the others by name.
    pub(crate) fn list(&self) -> Vec<Listed<'_>> {
        let others = self
            .rooms
            .keys()
            .map(String::as_str)
            .filter(|name| !is_fixed(name));
        FIXED
            .into_iter()
            .chain(others)
            .map(|name| Listed {
                name,
                users: self.users(name).len(),
            })
            .collect()
    }
}

fn is_fixed(room: &str) -> bool {
    FIXED.contains(&room)
}

fn is_room_name(name: &str) -> bool {
    let valid = |byte: u8| matches!(byte, b'a'..=b'z' | b'0'..=b'9' | b'-');
    (1..=24).contains(&name.len()) && name.bytes().all(valid)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn say(rooms: &mut Rooms, text: &str) -> u64 {
        rooms
            .post("lobby", "Ann", 0, Content::Text(text.into()), None)
            .id
    }

    #[test]
    fn a_room_exists_while_someone_is_in_it() {
        let mut rooms = Rooms::default();
        rooms.enter("bob", None, "den").unwrap();
        rooms.enter("Ann", None, "den").unwrap();
        assert_eq!(rooms.users("den"), ["Ann", "bob"]);
        assert_eq!(rooms.list().len(), 4);
        rooms.leave("Ann", "den");
        rooms.enter("bob", Some("den"), "lobby").unwrap();
        let names: Vec<_> = rooms
            .list()
            .iter()
            .map(|room| (room.name, room.users))
            .collect();
        assert_eq!(names, [("lobby", 1), ("random", 0), ("pictures", 0)]);
    }

    #[test]
    fn rooms_are_limited_and_moving_on_makes_room() {
        let mut rooms = Rooms::default();
        for number in 3..MAX_ROOMS {
            rooms.enter("Ann", None, &format!("r{number}")).unwrap();
        }
        assert_eq!(rooms.enter("Ben", None, "more"), Err("too many rooms"));
        assert_eq!(rooms.enter("Ben", None, "No"), Err("invalid room"));
        rooms.enter("Ann", Some("r3"), "more").unwrap();
        assert_eq!(rooms.list().len(), MAX_ROOMS);
    }

    #[test]
    fn the_last_fifty_messages_are_kept_and_the_bytes_of_ten_pictures() {
        let mut rooms = Rooms::default();
        for _ in 0..12 {
            let picture = Content::Picture {
                kind: "image/png".into(),
                caption: String::new(),
                size: 1,
            };
            rooms.post("lobby", "Ann", 0, picture, Some(Bytes::from_static(b"x")));
        }
        let kept = |rooms: &Rooms| {
            let history = rooms.history("lobby");
            let bytes = history.iter().filter(|message| message.data.is_some());
            (history.len(), bytes.count())
        };
        assert_eq!(kept(&rooms), (12, 10));
        for _ in 0..45 {
            say(&mut rooms, "x");
        }
        assert_eq!(kept(&rooms), (50, 5));
        assert_eq!(say(&mut rooms, "y"), 58);
    }

    #[test]
    fn a_message_is_written_as_the_protocol_says() {
        let mut rooms = Rooms::default();
        say(&mut rooms, "hello");
        let json = serde_json::to_string(&rooms.history("lobby")).unwrap();
        assert_eq!(json, r#"[{"id":1,"at":0,"name":"Ann","text":"hello"}]"#);
    }
}
