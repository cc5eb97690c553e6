// One client with the JavaScript driver: writes until a file tells it to stop, with a line of the ledger
// for each write. Run in a folder that has `neo4j-driver` in its node_modules.
//
// client.mjs KIND HOST PORT LEDGER FIRST-NUMBER PAUSE-MS STOP-FILE

import { appendFileSync, existsSync } from "node:fs";
import { createRequire } from "node:module";
import { join } from "node:path";

const neo4j = createRequire(join(process.cwd(), "package.json"))("neo4j-driver");
const [kind, host, port, ledger, first, pause, stop] = process.argv.slice(2);
const driver = neo4j.driver(`bolt://${host}:${port}`, neo4j.auth.basic("", ""));
const managed = kind === "managed";
const micros = () => Math.floor((performance.timeOrigin + performance.now()) * 1000);
const sleep = (ms) => new Promise((done) => setTimeout(done, ms));

// This driver repeats a transaction whose COMMIT had no answer, too, so that its work has to be such that
// twice is as good as once; how often it was begun is counted.
async function write(number, line) {
  const once = managed ? "MERGE" : "CREATE";
  const statement = `${once} (:Write {number: ${number}})`;
  const session = driver.session();
  const work = (tx) => {
    line.tries += 1;
    return tx.run(statement);
  };
  try {
    await (managed ? session.executeWrite(work) : work(session));
  } finally {
    await session.close().catch(() => {});
  }
}

// What the server did not say itself is about the connection, and tells nothing of the write, unless
// there was none.
function ending(error) {
  const answered = !["ServiceUnavailable", "SessionExpired", "N/A"].includes(error.code);
  const unsent = /Caused by: connect /.test(error.message);
  return answered || unsent ? "failed" : "in-doubt";
}

for (let number = Number(first) + 1; !existsSync(stop); number += 1) {
  const line = { number, kind, began: micros(), ended: 0, end: "acked", tries: 0 };
  try {
    await write(number, line);
  } catch (error) {
    line.end = ending(error);
    line.why = `${error.code}: ${error.message}`;
  }
  line.ended = micros();
  appendFileSync(ledger, `${JSON.stringify(line)}\n`);
  await sleep(line.end === "acked" ? Number(pause) : Math.max(Number(pause), 20));
}
await driver.close();
