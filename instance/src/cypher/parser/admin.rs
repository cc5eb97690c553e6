//! Statements that ask or change the instance, with Memgraph's own refusals (MR 1.1). They take
//! no parameters.

use super::{Parsed, Parser};
use crate::cypher::ast::{Address, Admin, StorageInfo, StorageMode};
use crate::cypher::error::SyntaxError;
use crate::cypher::token::{Sign, TokenKind};
use crate::graph::Index;
use crate::value::Name;
use shell_sim::memgraph::SyncMode;

const MAIN_WITH_PORT: &str = "Main can't set a port!";
const REPLICA_WITHOUT_PORT: &str = "Replica must set a port!";
const PORT_NO_INTEGER: &str = "Port must be an integer literal!";
const PORT_INVALID: &str = "Port number invalid!";
const ADDRESS_NO_TEXT: &str = "Socket address should be a string literal!";
const ADDRESS_INVALID: &str = "Invalid socket address. The socket address must be a string \
     defining the address and port, delimited by a single colon. The address must be valid and \
     the port must be an integer.";

/// The replication port of an address without one (MR 1.1).
const DEFAULT_PORT: u16 = 10_000;

impl Parser<'_> {
    /// A statement that is no query; none if it is one.
    pub(super) fn admin(&mut self) -> Parsed<Option<Admin>> {
        if let Some(admin) = self.fixed() {
            return Ok(Some(admin));
        }
        let admin = if self.take_words(&["SHOW", "STORAGE", "INFO"]) {
            Admin::ShowStorageInfo(self.storage_info()?)
        } else if self.take_words(&["SET", "REPLICATION", "ROLE", "TO"]) {
            self.set_role()?
        } else if self.take_words(&["REGISTER", "REPLICA"]) {
            self.register()?
        } else if self.take_words(&["DROP", "REPLICA"]) {
            Admin::DropReplica { name: self.name("the name of a replica")? }
        } else if self.take_words(&["USE", "DATABASE"]) {
            Admin::UseDatabase { name: self.name("the name of a database")? }
        } else if self.take_words(&["STORAGE", "MODE"]) {
            Admin::StorageMode(self.storage_mode()?)
        } else if self.take_words(&["CREATE", "INDEX"]) {
            Admin::CreateIndex(self.indexed_label()?)
        } else if self.take_words(&["DROP", "INDEX"]) {
            Admin::DropIndex(self.indexed_label()?)
        } else if self.take_words(&["CREATE", "USER"]) {
            self.create_user()?
        } else if self.take_words(&["DROP", "USER"]) {
            Admin::DropUser { name: self.name("the name of a user")? }
        } else {
            return self.foreign_admin();
        };
        Ok(Some(admin))
    }

    /// Statements without any choice.
    fn fixed(&mut self) -> Option<Admin> {
        let fixed: [(&[&str], Admin); 13] = [
            (&["SHOW", "REPLICATION", "ROLE"], Admin::ShowReplicationRole),
            (&["SHOW", "REPLICAS"], Admin::ShowReplicas),
            (&["SHOW", "VERSION"], Admin::ShowVersion),
            (&["SHOW", "CONFIG"], Admin::ShowConfig),
            (&["SHOW", "INDEX", "INFO"], Admin::ShowIndexInfo),
            (&["SHOW", "INDEXES"], Admin::ShowIndexInfo),
            (&["SHOW", "CONSTRAINT", "INFO"], Admin::ShowConstraintInfo),
            (&["SHOW", "CONSTRAINTS"], Admin::ShowConstraintInfo),
            (&["SHOW", "TRIGGERS"], Admin::ShowTriggers),
            (&["SHOW", "DATABASES"], Admin::ShowDatabases),
            (&["SHOW", "DATABASE"], Admin::ShowDatabase),
            (&["SHOW", "USERS"], Admin::ShowUsers),
            (&["CREATE", "SNAPSHOT"], Admin::CreateSnapshot),
        ];
        let found = fixed.into_iter().find(|(words, _)| self.sees_words(words));
        found.map(|(words, admin)| {
            self.take_words(words);
            admin
        })
    }

    /// What begins as no query of ours does.
    fn foreign_admin(&self) -> Parsed<Option<Admin>> {
        let first = self.word_at(0).unwrap_or_default().to_ascii_uppercase();
        let starts = match first.as_str() {
            "SHOW" | "DROP" | "REGISTER" | "USE" | "STORAGE" => true,
            "CREATE" => {
                let second = self.word_at(1).unwrap_or_default().to_ascii_uppercase();
                let follows = self.peek_at(2) != &TokenKind::Sign(Sign::Equal);
                !second.is_empty() && follows
            }
            "SET" => self.word_at(2).is_some(),
            _ => false,
        };
        if !starts {
            return Ok(None);
        }
        let words = (0..2).map_while(|ahead| self.word_at(ahead));
        let words: Vec<_> = words.map(str::to_ascii_uppercase).collect();
        Err(self.unsupported(words.join(" ")))
    }

    fn storage_info(&mut self) -> Parsed<StorageInfo> {
        if self.take_words(&["ON", "CURRENT", "DATABASE"]) {
            Ok(StorageInfo::Current)
        } else if self.take_words(&["ON", "DATABASE"]) {
            Ok(StorageInfo::Database(self.name("the name of a database")?))
        } else {
            Ok(StorageInfo::Plain)
        }
    }

    fn set_role(&mut self) -> Parsed<Admin> {
        if self.take_words(&["MAIN"]) {
            let refused = self.sees_words(&["WITH", "PORT"]);
            let main = Ok(Admin::SetRoleMain);
            return if refused { Err(SyntaxError::Refused(MAIN_WITH_PORT)) } else { main };
        }
        if !self.take_words(&["REPLICA"]) {
            return Err(self.unexpected("MAIN or REPLICA"));
        }
        if !self.take_words(&["WITH", "PORT"]) {
            return Err(SyntaxError::Refused(REPLICA_WITHOUT_PORT));
        }
        let TokenKind::Int(port) = *self.peek() else {
            return Err(SyntaxError::Refused(PORT_NO_INTEGER));
        };
        self.skip();
        let port = u16::try_from(port).map_err(|_| SyntaxError::Refused(PORT_INVALID))?;
        Ok(Admin::SetRoleReplica { port })
    }

    fn register(&mut self) -> Parsed<Admin> {
        let name = self.name("the name of a replica")?;
        let modes = [SyncMode::StrictSync, SyncMode::Sync, SyncMode::Async];
        let mode = modes.into_iter().find(|mode| self.take_words(&[mode.keyword()]));
        let Some(mode) = mode else {
            return Err(self.unexpected("SYNC, ASYNC or STRICT_SYNC"));
        };
        self.expect_word("TO")?;
        let TokenKind::Text(text) = self.peek() else {
            return Err(SyntaxError::Refused(ADDRESS_NO_TEXT));
        };
        let address = address(text)?;
        self.skip();
        Ok(Admin::RegisterReplica { name, mode, address })
    }

    fn storage_mode(&mut self) -> Parsed<StorageMode> {
        let modes = [
            ("IN_MEMORY_TRANSACTIONAL", StorageMode::InMemoryTransactional),
            ("IN_MEMORY_ANALYTICAL", StorageMode::InMemoryAnalytical),
            ("ON_DISK_TRANSACTIONAL", StorageMode::OnDiskTransactional),
        ];
        let mode = modes.into_iter().find(|(word, _)| self.take_words(&[word]));
        mode.map(|(_, mode)| mode).ok_or_else(|| {
            let modes = modes.map(|(word, _)| word).join(", ");
            self.unexpected(&format!("one of {modes}"))
        })
    }

    fn indexed_label(&mut self) -> Parsed<Index> {
        self.expect_word("ON")?;
        self.expect(Sign::Colon)?;
        let label = self.name("a label")?;
        let mut property = None;
        if self.take(Sign::Open) {
            property = Some(self.name("the name of a property")?);
            if self.sees(Sign::Comma) || self.sees(Sign::Dot) {
                return Err(self.unsupported("an index on more than one property"));
            }
            self.expect(Sign::Close)?;
        }
        Ok(Index { label, property })
    }

    fn create_user(&mut self) -> Parsed<Admin> {
        let if_absent = self.take_words(&["IF", "NOT", "EXISTS"]);
        let name = self.name("the name of a user")?;
        let mut password = None;
        if self.take_words(&["IDENTIFIED", "BY"]) {
            let TokenKind::Text(text) = self.peek() else {
                return Err(self.unexpected("a password in quotes"));
            };
            password = Some(Name::from(text.as_str()));
            self.skip();
        }
        Ok(Admin::CreateUser { name, password, if_absent })
    }
}

/// Reads a host with or without a port.
fn address(text: &str) -> Parsed<Address> {
    let invalid = || SyntaxError::Refused(ADDRESS_INVALID);
    let (host, port) = text.split_once(':').map_or((text, None), |(host, port)| (host, Some(port)));
    let port = match port {
        None => DEFAULT_PORT,
        Some(port) if port.bytes().all(|byte| byte.is_ascii_digit()) => {
            port.parse().map_err(|_| invalid())?
        }
        Some(_) => return Err(invalid()),
    };
    if host.is_empty() || host.chars().any(char::is_whitespace) {
        return Err(invalid());
    }
    Ok(Address { host: host.into(), port })
}
