// What a client of JavaScript says for a recording. Run in a folder that has `neo4j-driver` in its
// node_modules.
//
// talk.mjs PORT

import { createRequire } from "node:module";
import { join } from "node:path";

const neo4j = createRequire(join(process.cwd(), "package.json"))("neo4j-driver");
const driver = neo4j.driver(`bolt://127.0.0.1:${process.argv[2]}`, neo4j.auth.basic("neo", "secret"), {
  fetchSize: 2,
});
const statement = (number) => `CREATE (:Write {number: ${number}})`;
const rows = "UNWIND range(1, 5) AS x RETURN x";

const session = driver.session();
await session.run(statement(1));
await session.run(rows);
const both = session.beginTransaction();
await both.run(statement(2));
await both.run(statement(3));
await both.commit();
await session.executeWrite((tx) => tx.run(statement(4)));
const undone = session.beginTransaction();
await undone.run(statement(5));
await undone.rollback();
await session.run("RETURN nothing(").catch(() => {});
await session.executeRead((tx) => tx.run(rows));
await session.run(statement(6));
await session.close();
await driver.close();
