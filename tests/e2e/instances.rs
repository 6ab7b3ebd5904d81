//! As many instances of a deployment as its storage can be shared by: two on PostgreSQL, one elsewhere.

use e2e::{Answer, Deployment, Fan, Server, Show, Storage};
use futures_util::future::join_all;

/// Whether an answer is the problem of that code.
pub fn refused(answer: &Answer, code: &str) -> bool {
    answer.status >= 400 && answer.json["code"] == code
}

pub struct Instances(Vec<Server>);

impl Instances {
    pub async fn of(deployment: &Deployment) -> Self {
        let many = match deployment.storage() {
            Storage::Postgres => 2,
            Storage::Memory | Storage::Sqlite => 1,
        };
        Self(join_all((0..many).map(|_| deployment.start())).await)
    }

    pub fn first(&self) -> &Server {
        &self.0[0]
    }

    pub fn get(&self, place: usize) -> &Server {
        &self.0[place % self.0.len()]
    }

    /// The fan at one of the instances, evenly spread.
    pub fn spread(&self, fan: &Fan, place: usize) -> Fan {
        fan.at(self.get(place))
    }

    /// So many fans whose turn it is, spread over the instances.
    pub async fn guests(&self, many: usize, show: &Show) -> Vec<Fan> {
        let enter = |place| async move {
            let mut fan = self.get(place).fan(&format!("Fan {place}")).await;
            fan.enter(show).await;
            fan
        };
        join_all((0..many).map(enter)).await
    }

    /// So many fans whose turn it is, each with money.
    pub async fn guests_with(&self, money: i64, many: usize, show: &Show) -> Vec<Fan> {
        let fans = self.guests(many, show).await;
        for charged in join_all(fans.iter().map(|fan| fan.charge(money).into_future())).await {
            charged.expect(201);
        }
        fans
    }

    /// A fan whose turn it is, with money.
    pub async fn guest_with(&self, money: i64, show: &Show) -> Fan {
        let fan = self.guests_with(money, 1, show).await.pop();
        fan.expect("one was asked for")
    }

    /// The end of a story: the audit is clean and every instance stops with exit code 0.
    pub async fn finish(self) {
        for server in self.0 {
            server.finish().await;
        }
    }
}
