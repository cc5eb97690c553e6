//! The structures that are values, from and to their fields. Each is accepted with the number of
//! fields of 4.x and of 5.x, and written with those of the version that is spoken.

use super::{DecodeError, EncodeError, Found, Reader, Writer, marker};
use crate::{
    Value,
    value::{
        Date, DateTime, DateTimeZoneId, Duration, LocalDateTime, LocalTime, Node, Path, Point2D,
        Point3D, Relationship, Time, TimeForm, UnboundRelationship,
    },
};
use alloc::{boxed::Box, string::String, string::ToString};

impl Reader<'_> {
    /// The structure of so many fields whose signature is next.
    pub(super) fn structure(&mut self, fields: usize) -> Result<Value, DecodeError> {
        let at = self.offset();
        let signature = self.byte("the signature of a structure")?;
        let allowed: &[usize] = match signature {
            marker::NODE => &[3, 4],
            marker::RELATIONSHIP => &[5, 8],
            marker::UNBOUND_RELATIONSHIP => &[3, 4],
            marker::PATH | marker::DATE_TIME | marker::DATE_TIME_LOCAL => &[3],
            marker::DATE_TIME_ZONE | marker::DATE_TIME_ZONE_LOCAL | marker::POINT_2D => &[3],
            marker::DATE | marker::LOCAL_TIME => &[1],
            marker::TIME | marker::LOCAL_DATE_TIME => &[2],
            marker::DURATION | marker::POINT_3D => &[4],
            other => {
                let expected = "the signature of a structure that is a value";
                return Err(self.error(at, expected, Found::Byte(other)));
            }
        };
        if !allowed.contains(&fields) {
            let expected = "as many fields as this structure has";
            return Err(self.error(at, expected, Found::Number(fields as u64)));
        }
        match signature {
            marker::NODE => self.node(fields).map(|node| Value::Node(Box::new(node))),
            marker::RELATIONSHIP => self.relationship(fields),
            marker::UNBOUND_RELATIONSHIP => {
                self.unbound(fields).map(|one| Value::UnboundRelationship(Box::new(one)))
            }
            marker::PATH => self.path(),
            _ => self.plain(signature),
        }
    }

    fn plain(&mut self, signature: u8) -> Result<Value, DecodeError> {
        let form = match signature {
            marker::DATE_TIME_LOCAL | marker::DATE_TIME_ZONE_LOCAL => TimeForm::Local,
            _ => TimeForm::Utc,
        };
        Ok(match signature {
            marker::DATE => Value::Date(Date { days: self.int("days")? }),
            marker::TIME => Value::Time(Time {
                nanoseconds: self.int("nanoseconds of a day")?,
                offset_seconds: self.int("seconds of an offset")?,
            }),
            marker::LOCAL_TIME => {
                Value::LocalTime(LocalTime { nanoseconds: self.int("nanoseconds of a day")? })
            }
            marker::LOCAL_DATE_TIME => Value::LocalDateTime(LocalDateTime {
                seconds: self.int("seconds")?,
                nanoseconds: self.int("nanoseconds")?,
            }),
            marker::DATE_TIME | marker::DATE_TIME_LOCAL => Value::DateTime(Box::new(DateTime {
                seconds: self.int("seconds")?,
                nanoseconds: self.int("nanoseconds")?,
                offset_seconds: self.int("seconds of an offset")?,
                form,
            })),
            marker::DATE_TIME_ZONE | marker::DATE_TIME_ZONE_LOCAL => {
                Value::DateTimeZoneId(Box::new(DateTimeZoneId {
                    seconds: self.int("seconds")?,
                    nanoseconds: self.int("nanoseconds")?,
                    zone: self.text("the name of a time zone")?,
                    form,
                }))
            }
            marker::DURATION => Value::Duration(Box::new(Duration {
                months: self.int("months")?,
                days: self.int("days")?,
                seconds: self.int("seconds")?,
                nanoseconds: self.int("nanoseconds")?,
            })),
            marker::POINT_2D => Value::Point2D(Point2D {
                srid: self.int("the number of a reference system")?,
                x: self.float("a coordinate")?,
                y: self.float("a coordinate")?,
            }),
            _ => Value::Point3D(Box::new(Point3D {
                srid: self.int("the number of a reference system")?,
                x: self.float("a coordinate")?,
                y: self.float("a coordinate")?,
                z: self.float("a coordinate")?,
            })),
        })
    }

    fn node(&mut self, fields: usize) -> Result<Node, DecodeError> {
        Ok(Node {
            id: self.int("the number of a node")?,
            labels: self.each("labels", |reader| reader.text("a label"))?,
            properties: self.map("properties")?,
            element_id: (fields == 4).then(|| self.text("an element id")).transpose()?,
        })
    }

    fn relationship(&mut self, fields: usize) -> Result<Value, DecodeError> {
        let mut one = Relationship {
            id: self.int("the number of a relationship")?,
            start: self.int("the number of a node")?,
            end: self.int("the number of a node")?,
            kind: self.text("the type of a relationship")?,
            properties: self.map("properties")?,
            element_ids: None,
        };
        if fields == 8 {
            let mut id = || self.text("an element id");
            one.element_ids = Some([id()?, id()?, id()?]);
        }
        Ok(Value::Relationship(Box::new(one)))
    }

    fn unbound(&mut self, fields: usize) -> Result<UnboundRelationship, DecodeError> {
        Ok(UnboundRelationship {
            id: self.int("the number of a relationship")?,
            kind: self.text("the type of a relationship")?,
            properties: self.map("properties")?,
            element_id: (fields == 4).then(|| self.text("an element id")).transpose()?,
        })
    }

    fn path(&mut self) -> Result<Value, DecodeError> {
        let nodes = self.each("the nodes of a path", |reader| {
            reader.nested(marker::NODE, "a node", Self::node)
        })?;
        let relationships = self.each("the relationships of a path", |reader| {
            reader.nested(marker::UNBOUND_RELATIONSHIP, "a relationship of a path", Self::unbound)
        })?;
        let indices = self.each("the way of a path", |reader| reader.int("an index"))?;
        Ok(Value::Path(Box::new(Path { nodes, relationships, indices })))
    }

    /// A structure within a path, of 3 or 4 fields.
    fn nested<T>(
        &mut self,
        expected: u8,
        what: &'static str,
        read: impl Fn(&mut Self, usize) -> Result<T, DecodeError>,
    ) -> Result<T, DecodeError> {
        let at = self.offset();
        self.count(at)?;
        let (fields, signature) = self.head()?;
        if signature != expected {
            return Err(self.error(at, what, Found::Byte(signature)));
        }
        if !(3..=4).contains(&fields) {
            return Err(self.error(at, "3 or 4 fields", Found::Number(fields as u64)));
        }
        read(self, fields)
    }
}

impl Writer<'_> {
    pub(super) fn node(&mut self, node: &Node) -> Result<(), EncodeError> {
        self.head(if self.with_element_ids() { 4 } else { 3 }, marker::NODE);
        self.int(node.id);
        self.list_head(node.labels.len())?;
        for label in &node.labels {
            self.text(label)?;
        }
        self.map(&node.properties)?;
        self.element_id(node.id, node.element_id.as_deref())
    }

    pub(super) fn relationship(&mut self, one: &Relationship) -> Result<(), EncodeError> {
        self.head(if self.with_element_ids() { 8 } else { 5 }, marker::RELATIONSHIP);
        self.int(one.id);
        self.int(one.start);
        self.int(one.end);
        self.text(&one.kind)?;
        self.map(&one.properties)?;
        let numbers = [one.id, one.start, one.end];
        for (at, number) in numbers.into_iter().enumerate() {
            let text = one.element_ids.as_ref().and_then(|ids| ids.get(at));
            self.element_id(number, text.map(String::as_str))?;
        }
        Ok(())
    }

    pub(super) fn unbound(&mut self, one: &UnboundRelationship) -> Result<(), EncodeError> {
        self.head(if self.with_element_ids() { 4 } else { 3 }, marker::UNBOUND_RELATIONSHIP);
        self.int(one.id);
        self.text(&one.kind)?;
        self.map(&one.properties)?;
        self.element_id(one.id, one.element_id.as_deref())
    }

    pub(super) fn path(&mut self, path: &Path) -> Result<(), EncodeError> {
        self.head(3, marker::PATH);
        self.list_head(path.nodes.len())?;
        for node in &path.nodes {
            self.node(node)?;
        }
        self.list_head(path.relationships.len())?;
        for one in &path.relationships {
            self.unbound(one)?;
        }
        self.list_head(path.indices.len())?;
        for index in &path.indices {
            self.int(*index);
        }
        Ok(())
    }

    /// A structure of whole numbers only.
    pub(super) fn ints<const N: usize>(&mut self, signature: u8, fields: [i64; N]) {
        self.head(u8::try_from(N).unwrap_or(u8::MAX), signature);
        for field in fields {
            self.int(field);
        }
    }

    pub(super) fn date_time(&mut self, time: &DateTime) {
        let signature = match time.form {
            TimeForm::Utc => marker::DATE_TIME,
            TimeForm::Local => marker::DATE_TIME_LOCAL,
        };
        self.ints(signature, [time.seconds, time.nanoseconds, time.offset_seconds]);
    }

    pub(super) fn date_time_zone(&mut self, time: &DateTimeZoneId) -> Result<(), EncodeError> {
        let signature = match time.form {
            TimeForm::Utc => marker::DATE_TIME_ZONE,
            TimeForm::Local => marker::DATE_TIME_ZONE_LOCAL,
        };
        self.head(3, signature);
        self.int(time.seconds);
        self.int(time.nanoseconds);
        self.text(&time.zone)
    }

    pub(super) fn point<const N: usize>(&mut self, signature: u8, srid: i64, at: [f64; N]) {
        self.head(u8::try_from(N + 1).unwrap_or(u8::MAX), signature);
        self.int(srid);
        for coordinate in at {
            self.float(coordinate);
        }
    }

    fn element_id(&mut self, number: i64, text: Option<&str>) -> Result<(), EncodeError> {
        if !self.with_element_ids() {
            return Ok(());
        }
        match text {
            Some(text) => self.text(text),
            None => self.text(&number.to_string()),
        }
    }
}
