//! How events are written down (<https://html.spec.whatwg.org/multipage/server-sent-events.html>).

use actix_web::web::Bytes;
use serde::Serialize;
use std::{fmt::Display, io::Write as _};

/// One event. Its data is one line, because JSON is written without line breaks.
pub(crate) fn event(name: &str, id: Option<impl Display>, data: &impl Serialize) -> Bytes {
    let mut text = Vec::with_capacity(1_024);
    let written = write(&mut text, name, id, data);
    if let Err(error) = written {
        tracing::error!(%error, name, "an event was not written");
        text.clear();
    }
    text.into()
}

fn write(
    text: &mut Vec<u8>,
    name: &str,
    id: Option<impl Display>,
    data: &impl Serialize,
) -> Result<(), serde_json::Error> {
    if let Some(id) = id {
        writeln!(text, "id: {id}").map_err(serde_json::Error::io)?;
    }
    write!(text, "event: {name}\ndata: ").map_err(serde_json::Error::io)?;
    serde_json::to_writer(&mut *text, data)?;
    text.extend_from_slice(b"\n\n");
    Ok(())
}

/// Tells the client how long to wait before it comes back when the stream breaks.
pub(crate) fn come_back_after(millis: u64) -> Bytes {
    format!("retry: {millis}\n\n").into()
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn an_event_is_a_name_an_id_and_a_line_of_data() {
        let data = json!({ "label": "A-1-\n\r7" });
        assert_eq!(
            event("seats", Some(12), &data),
            "id: 12\nevent: seats\ndata: {\"label\":\"A-1-\\n\\r7\"}\n\n"
        );
        assert_eq!(event("end", None::<u32>, &1), "event: end\ndata: 1\n\n");
        assert_eq!(come_back_after(1_500), "retry: 1500\n\n");
    }
}
