// The official JavaScript driver against an instance: HOST PORT tls|plain. Exit code 77: it is not here.

const assert = require("node:assert/strict");

let neo4j;
try {
  neo4j = require("neo4j-driver");
} catch (error) {
  console.log(error.message.split("\n")[0]);
  process.exit(77);
}

const [host, port, secured] = process.argv.slice(2);
const scheme = secured === "tls" ? "bolt+ssc" : "bolt";
const CODE = "Memgraph.ClientError.MemgraphError.MemgraphError";
const COUNT = "MATCH (n:Tx) RETURN count(n) AS c";

const one = async (runner, query, parameters) => {
  const { records } = await runner.run(query, parameters);
  assert.equal(records.length, 1);
  return records[0];
};
const count = async (runner) => (await one(runner, COUNT)).get("c").toNumber();

async function autoCommit(session) {
  const at = new neo4j.types.DateTime(2024, 2, 29, 12, 30, 0, 0, 7200);
  const told = { text: "é", list: [neo4j.int(1), -2.5, null, true], at };
  const query = "CREATE (n:Js:Driver {name: 'a'}) SET n += $told RETURN n, id(n) AS id";
  const record = await one(session, query, { told });
  assert.deepEqual(record.keys, ["n", "id"]);
  const node = record.get("n");
  assert.deepEqual([...node.labels].sort(), ["Driver", "Js"]);
  assert.equal(node.identity.toString(), record.get("id").toString());
  assert.equal(node.properties.at.toString(), at.toString());
  assert.equal(node.properties.text, "é");
  const { summary } = await session.run("CREATE (:Js)-[:R {w: 1}]->(:Js)");
  assert.equal(summary.counters.updates().nodesCreated, 2);
  assert.equal(summary.counters.updates().relationshipsCreated, 1);
  const shown = await one(session, "MATCH p = (:Js)-[r:R]->() RETURN p, r");
  assert.equal(shown.get("p").length, 1);
  assert.equal(shown.get("r").type, "R");
}

async function streams(driver) {
  const session = driver.session({ fetchSize: 100 });
  const seen = [];
  for await (const record of session.run("UNWIND range(1, 2500) AS i RETURN i")) {
    seen.push(record.get("i").toNumber());
  }
  assert.deepEqual(seen, Array.from({ length: 2500 }, (_, i) => i + 1));
  await session.close();
}

async function explicit(driver) {
  const session = driver.session();
  const other = driver.session();
  let transaction = await session.beginTransaction();
  await transaction.run("CREATE (:Tx)");
  assert.equal(await count(transaction), 1);
  assert.equal(await count(other), 0);
  await transaction.commit();
  assert.equal(await count(other), 1);
  transaction = await session.beginTransaction();
  await transaction.run("CREATE (:Tx)");
  await transaction.rollback();
  assert.equal(await count(other), 1);
  await session.executeWrite((it) => it.run("CREATE (:Tx)"));
  assert.equal(await session.executeRead(count), 2);
  await session.close();
  await other.close();
}

async function failures(driver) {
  const session = driver.session();
  await assert.rejects(session.run("RETURN"), { code: CODE });
  assert.equal((await one(session, "RETURN 1 AS one")).get("one").toNumber(), 1);
  const transaction = await session.beginTransaction();
  await assert.rejects(transaction.run("SHOW REPLICAS"), {
    code: CODE,
    message: /multicommand transactions/,
  });
  await transaction.close();
  const role = await one(session, "SHOW REPLICATION ROLE");
  assert.equal(role.get("replication role"), "main");
  await session.close();
}

async function main() {
  const driver = neo4j.driver(`${scheme}://${host}:${port}`);
  await driver.verifyConnectivity();
  const session = driver.session();
  await autoCommit(session);
  await session.close();
  await streams(driver);
  await explicit(driver);
  await failures(driver);
  const server = await driver.getServerInfo();
  console.log(`neo4j-driver ${require("neo4j-driver/package.json").version}, ${scheme}, ${server.agent}`);
  await driver.close();
}

main().catch((error) => {
  console.error(error);
  process.exit(1);
});
