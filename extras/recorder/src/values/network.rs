//! The values of HTTP and of connections.

use bytes::Bytes;
use socketio_proto::engine::Frame;
use socketio_proto::engine::http::{Answer, RequestHead};

use crate::wire::{Fault, Reader, Wire, Writer};

impl<'a> Wire<'a> for RequestHead<'a> {
    fn write(&self, out: &mut Writer) {
        for text in [self.method, self.path, self.query] {
            text.write(out);
        }
        self.upgrade.write(out);
        for header in [
            self.content_type,
            self.origin,
            self.user_agent,
            self.host,
            self.referer,
            self.sec_fetch_site,
            self.access_control_request_headers,
        ] {
            header.write(out);
        }
    }

    fn read(input: &mut Reader<'a>) -> Result<Self, Fault> {
        let (method, path, query) = (Wire::read(input)?, Wire::read(input)?, Wire::read(input)?);
        let mut head = Self::new(method, path, query);
        head.upgrade = Wire::read(input)?;
        head.content_type = Wire::read(input)?;
        head.origin = Wire::read(input)?;
        head.user_agent = Wire::read(input)?;
        head.host = Wire::read(input)?;
        head.referer = Wire::read(input)?;
        head.sec_fetch_site = Wire::read(input)?;
        head.access_control_request_headers = Wire::read(input)?;
        Ok(head)
    }

    fn show(&self) -> String {
        format!("{} {}?{}", self.method, self.path, self.query)
    }
}

impl Wire<'_> for Answer {
    fn write(&self, out: &mut Writer) {
        self.status.write(out);
        self.set_cookies.write(out);
        self.date.write(out);
        self.content_type.write(out);
        self.body.write(out);
    }

    fn read(input: &mut Reader<'_>) -> Result<Self, Fault> {
        let (status, cookies) = (u16::read(input)?, Wire::read(input)?);
        let (date, content_type) = (Wire::read(input)?, Wire::read(input)?);
        let mut answer = Self::new(status, Bytes::read(input)?);
        answer.content_type = content_type;
        answer.set_cookies = cookies;
        answer.date = date;
        Ok(answer)
    }

    fn show(&self) -> String {
        format!("{} {}", self.status, self.body.show())
    }
}

impl Wire<'_> for Frame {
    fn write(&self, out: &mut Writer) {
        match self {
            Self::Text(text) => (false, text.clone()).write(out),
            Self::Binary(data) => (true, data.clone()).write(out),
        }
    }

    fn read(input: &mut Reader<'_>) -> Result<Self, Fault> {
        Ok(if bool::read(input)? {
            Self::Binary(Wire::read(input)?)
        } else {
            Self::Text(Wire::read(input)?)
        })
    }

    fn show(&self) -> String {
        match self {
            Self::Text(text) => text.to_string(),
            Self::Binary(data) => format!("{} bytes", data.len()),
        }
    }
}
