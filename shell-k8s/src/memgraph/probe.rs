//! A look at one instance: everything on one connection, which is kept from look to look, so that its
//! end is noticed at once and its statements need no new login.

use super::{
    access::Access,
    connection::{Connection, Failed},
    identity::Life,
    moment::{self, Moment},
    names::Endpoints,
    rows,
};
use ha_core::{
    observation::{BoltView, Content, Engine, RoleView, VolumeView},
    reading::Why,
};
use std::{net::SocketAddr, time::Duration};
use tokio::time::{Instant, sleep, timeout};

const ROLE: &str = "SHOW REPLICATION ROLE";
const REPLICAS: &str = "SHOW REPLICAS";
const VERSION: &str = "SHOW VERSION";
const CONFIG: &str = "SHOW CONFIG";
/// Whether there is anything; cheaper than a count.
const CONTENT: &str = "MATCH (n) RETURN id(n) AS id LIMIT 1";
/// The storage of the database: from 3.11 on the plain form is of the whole instance (MR 1.5).
const STORAGE: &str = "SHOW STORAGE INFO";
const STORAGE_OF_DATABASE: &str = "SHOW STORAGE INFO ON CURRENT DATABASE";
const ON_CURRENT_DATABASE_FROM: (u16, u16) = (3, 11);
const TRANSACTIONAL: &str = "IN_MEMORY_TRANSACTIONAL";

/// What a look found.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Look {
    /// The answers.
    pub view: BoltView,
    /// Whether the volume was ever part of a cluster.
    pub volume: VolumeView,
    /// Whether the instance refused the password of now, and took one of before.
    pub is_by_former_password: bool,
}

/// Looks at one instance again and again.
#[derive(Debug)]
pub struct Prober {
    access: Access,
    names: Endpoints,
    limit: Duration,
    at: Option<(SocketAddr, Session)>,
}

#[derive(Debug)]
struct Session {
    connection: Connection,
    life: Life,
    engine: Engine,
    /// As of which change of the password that is.
    password: u64,
    is_by_former_password: bool,
}

impl Prober {
    /// A prober whose looks take so long at most.
    #[must_use]
    pub const fn new(access: Access, names: Endpoints, limit: Duration) -> Self {
        Self { access, names, limit, at: None }
    }

    /// Looks, on the connection of the last look if that still stands and goes there.
    ///
    /// # Errors
    /// Why there is no answer.
    pub async fn look(&mut self, address: SocketAddr) -> Result<Look, Why> {
        let kept = self.at.take().filter(|(at, _)| *at == address).map(|(_, session)| session);
        let looked = timeout(self.limit, async {
            let mut session = match kept {
                Some(session) => session.renewed(address, &self.access).await?,
                None => Session::open(address, &self.access).await?,
            };
            let look = session.look(&self.names).await?;
            Ok::<_, Why>((session, look))
        });
        let (session, look) = looked.await.map_err(|_| Why::Silent)??;
        self.at = Some((address, session));
        Ok(look)
    }

    /// Waits until the connection of the last look ends; for ever if there is none.
    pub async fn closed(&mut self) {
        match &mut self.at {
            Some((_, session)) => session.connection.closed().await,
            None => std::future::pending().await,
        }
        self.at = None;
    }
}

impl Session {
    /// The same, or where the password is another by now a new one. Whoever lets in neither by it nor
    /// by the one before is still seen on the connection that there is.
    async fn renewed(mut self, address: SocketAddr, access: &Access) -> Result<Self, Why> {
        let password = access.changes();
        if self.password == password {
            return Ok(self);
        }
        match Self::open(address, access).await {
            Err(Why::Unauthorized) => {
                self.password = password;
                self.is_by_former_password = true;
                Ok(self)
            }
            opened => opened,
        }
    }

    async fn open(address: SocketAddr, access: &Access) -> Result<Self, Why> {
        let password = access.changes();
        let mut connection = Connection::open(address, access).await?;
        let life = read_life(&connection)?;
        let [version, config] = connection.queries([VERSION, CONFIG]).await?;
        let settings = rows::pairs(&config, "name", "current_value")?;
        let setting = |name| rows::setting(&settings, name);
        let is_on = |name| Ok::<_, Failed>(setting(name)?.eq_ignore_ascii_case("true"));
        let period = setting("replication_replica_check_frequency_sec")?;
        let engine = Engine {
            version: rows::version(&version)?,
            wal: is_on("storage_wal_enabled")?,
            transactional: true,
            recovers_data: is_on("data_recovery_on_startup")?,
            restores_state: is_on("replication_restore_state_on_startup")?,
            flushes_each_commit: setting("storage_wal_file_flush_every_n_tx")? == "1",
            check_period_s: period.parse().map_err(|_| {
                Failed::Foreign(format!("a number of seconds was expected: {period:?}"))
            })?,
        };
        let is_by_former_password = connection.is_by_former_password();
        Ok(Self { connection, life, engine, password, is_by_former_password })
    }

    async fn look(&mut self, names: &Endpoints) -> Result<Look, Failed> {
        let version = (self.engine.version.major, self.engine.version.minor);
        let storage =
            if version >= ON_CURRENT_DATABASE_FROM { STORAGE_OF_DATABASE } else { STORAGE };
        let [role, storage, content] = self.connection.queries([ROLE, storage, CONTENT]).await?;
        let role = if rows::is_main(&role)? {
            // A demotion in between makes this fail, and the next look sees a replica.
            let (mut moment, mut first) = (Moment::default(), None);
            loop {
                let table = self.connection.query(REPLICAS).await?;
                let since = first.get_or_insert_with(Instant::now).elapsed();
                if moment.shows(&table, since)? {
                    break rows::main(&table, names)?;
                }
                sleep(moment::PAUSE).await;
            }
        } else {
            RoleView::Replica
        };
        let storage = rows::pairs(&storage, "storage info", "value")?;
        let mode = storage.get("storage_mode").and_then(|value| value.as_str());
        let content = if content.rows.is_empty() { Content::Empty } else { Content::Data };
        let is_fresh =
            matches!(role, RoleView::Main { .. }) && content == Content::Empty && self.is_new();
        let engine = Engine { transactional: mode == Some(TRANSACTIONAL), ..self.engine };
        let database = rows::database(&storage);
        let incarnation = self.life.incarnation;
        let view = BoltView { incarnation, engine, role, content, database };
        // What became a replica, or holds data, is part of a cluster from then on.
        let volume = if is_fresh { VolumeView::New } else { VolumeView::Used };
        let is_by_former_password = self.is_by_former_password;
        Ok(Look { view, volume, is_by_former_password })
    }

    fn is_new(&self) -> bool {
        self.life.state == VolumeView::New
    }
}

/// The life that answers on a connection.
pub(super) fn read_life(connection: &Connection) -> Result<Life, Failed> {
    connection.server().parse().map_err(|error: super::NoLife| Failed::Foreign(error.to_string()))
}

/// Whether a connection leads to a main now.
pub(super) async fn read_role(connection: &mut Connection) -> Result<bool, Failed> {
    rows::is_main(&connection.query(ROLE).await?)
}
