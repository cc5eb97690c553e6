//! What controllers ask each other: each asks all others about once a second, and is given a word
//! that the core judges. Plain HTTP within the cluster, as gateways ask.

use crate::controller::{Controller, Heard, Move, Unavailable};
use gateway::controllers::{Lookup, Name, http::Address};
use ha_core::{ids::ControllerId, leadership::Word};
use http_body_util::{BodyExt, Full, Limited};
use hyper::{
    Request, Response, StatusCode,
    body::{Bytes, Incoming},
    header,
};
use hyper_util::{
    client::legacy::{Client, connect::HttpConnector},
    rt::TokioExecutor,
};
use serde::{Deserialize, Serialize, de::DeserializeOwned};
use std::{collections::BTreeSet, net::SocketAddr, time::Duration};
use tokio::time::{sleep, timeout};

/// The version of both messages.
pub const VERSION: u32 = 1;

/// The path at which a controller answers `POST`.
pub const PATH: &str = "/v1/promise";

/// The path at which a controller hears, by `POST`, that the lease was given up. Nobody's word is taken
/// for that: whoever hears it looks at the lease at once instead of in its period.
pub const FREE_PATH: &str = "/v1/lease-is-free";

/// The path at which a controller answers `GET` with the moves of the main that it remembers.
pub const MOVES_PATH: &str = "/v1/moves";

/// The bytes that either message may have.
pub(crate) const BYTES: usize = 4 << 10;
/// The bytes that moves may have.
const MOVES_BYTES: usize = 256 << 10;
/// So often a controller that begins asks for them.
const ROUNDS: u32 = 10;

/// How many addresses are asked at most.
const ADDRESSES: usize = 16;

/// How long a controller is waited for that is asked what it remembers, and the time between rounds.
const EACH: Duration = Duration::from_secs(1);

/// How long a look-up of a name may take. It then counts where the name pointed before.
const LOOK_UP: Duration = Duration::from_millis(300);

/// What a controller asks.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Question {
    /// [`VERSION`].
    pub version: u32,
    /// Who asks.
    pub by: ControllerId,
}

/// What another one answers.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Reply {
    /// [`VERSION`].
    pub version: u32,
    /// Who answers.
    pub controller: ControllerId,
    /// The uid of its pod.
    pub pod: String,
    /// Its word.
    pub word: Word,
}

/// The moves of the main that a controller remembers.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Remembered {
    /// [`VERSION`].
    pub version: u32,
    /// Who answers.
    pub controller: ControllerId,
    /// They, the latest at the end.
    pub moves: Vec<Move>,
}

/// The other controllers, at names that may have several addresses each, this one among them.
#[derive(Debug)]
pub struct Peers {
    names: Vec<Name>,
    client: Client<HttpConnector, Full<Bytes>>,
}

impl Peers {
    /// Controllers at these names.
    #[must_use]
    pub fn new(names: Vec<Address>) -> Self {
        let names = names.into_iter().map(|name| Name::new(name, Lookup::system())).collect();
        let client = Client::builder(TokioExecutor::new()).build_http();
        Self { names, client }
    }

    /// Where they are now. A name that cannot be looked up is where it was: an outage must not take
    /// away whom to ask in it.
    pub async fn addresses(&self) -> BTreeSet<SocketAddr> {
        let mut all = BTreeSet::new();
        for name in &self.names {
            match timeout(LOOK_UP, name.look_up()).await {
                Ok(Ok(found)) => all.extend(found),
                Ok(Err(_)) | Err(_) => all.extend(name.known()),
            }
        }
        all.into_iter().take(ADDRESSES).collect()
    }

    /// Asks the controller at an address, once.
    ///
    /// # Errors
    /// It does not answer, or not as a controller of this version does.
    pub async fn ask(&self, at: SocketAddr, by: ControllerId) -> Result<Heard, Unavailable> {
        let question = serde_json::to_vec(&Question { version: VERSION, by })
            .map_err(|error| failed(at, error.to_string()))?;
        let request = Request::post(format!("http://{at}{PATH}"))
            .header(header::CONTENT_TYPE, "application/json")
            .body(Full::new(Bytes::from(question)))
            .map_err(|error| failed(at, error.to_string()))?;
        let reply: Reply = self.told(at, request, BYTES, "the reply is").await?;
        if reply.version != VERSION {
            let found = reply.version;
            return Err(failed(at, format!("its reply is of version {found}, this is {VERSION}")));
        }
        Ok(Heard { from: reply.controller, pod: reply.pod, word: reply.word })
    }

    /// Tells the controller at an address that the lease was given up.
    ///
    /// # Errors
    /// It does not answer, or not as a controller of this version does.
    pub async fn tell_free(&self, at: SocketAddr) -> Result<(), Unavailable> {
        let request = Request::post(format!("http://{at}{FREE_PATH}"))
            .body(Full::default())
            .map_err(|error| failed(at, error.to_string()))?;
        self.send(at, request, StatusCode::NO_CONTENT).await.map(drop)
    }

    /// What the controller at an address remembers.
    ///
    /// # Errors
    /// It does not answer, or not as a controller of this version does.
    pub async fn moves(&self, at: SocketAddr) -> Result<Remembered, Unavailable> {
        let request = Request::get(format!("http://{at}{MOVES_PATH}"))
            .body(Full::default())
            .map_err(|error| failed(at, error.to_string()))?;
        let told: Remembered = self.told(at, request, MOVES_BYTES, "its moves are").await?;
        if told.version != VERSION {
            let found = told.version;
            return Err(failed(at, format!("its moves are of version {found}, this is {VERSION}")));
        }
        Ok(told)
    }

    /// Has a controller that begins hear what the others remember. Whoever does not answer may be gone
    /// or begin as well, so that all are asked a few times.
    pub async fn hand_over(&self, to: &Controller) {
        let mut rounds = 0;
        while rounds < ROUNDS {
            let mut is_heard = true;
            for at in self.addresses().await {
                let told = timeout(EACH, self.moves(at)).await;
                if let Ok(Ok(told)) = told
                    && told.controller != to.me()
                {
                    is_heard &= to.inherit(told.moves);
                }
            }
            // Until the record was read it cannot be told what is of the time before.
            rounds += u32::from(is_heard);
            sleep(EACH).await;
        }
    }

    /// What is answered, as JSON of so many bytes at most.
    async fn told<T: DeserializeOwned>(
        &self,
        at: SocketAddr,
        request: Request<Full<Bytes>>,
        most: usize,
        what: &str,
    ) -> Result<T, Unavailable> {
        let response = self.send(at, request, StatusCode::OK).await?;
        let body = Limited::new(response.into_body(), most).collect().await;
        let bytes = body.map_err(|error| failed(at, error.to_string()))?.to_bytes();
        serde_json::from_slice(&bytes)
            .map_err(|error| failed(at, format!("{what} not understood: {error}")))
    }

    async fn send(
        &self,
        at: SocketAddr,
        request: Request<Full<Bytes>>,
        expected: StatusCode,
    ) -> Result<Response<Incoming>, Unavailable> {
        let response = self.client.request(request).await;
        let response = response.map_err(|error| failed(at, error.to_string()))?;
        let status = response.status();
        if status != expected {
            return Err(failed(at, format!("it answers {status}")));
        }
        Ok(response)
    }
}

fn failed(at: SocketAddr, why: String) -> Unavailable {
    Unavailable(format!("controller at {at}: {why}"))
}
