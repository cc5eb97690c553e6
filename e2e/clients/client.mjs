// One client with the JavaScript driver: writes or reads until a file tells it to stop, with a line of the
// ledger for each. Run in a folder that has `neo4j-driver` in its node_modules.
//
// client.mjs KIND SCHEME HOST PORT LEDGER FIRST-NUMBER PAUSE-MS STOP-FILE
//
// KIND is auto, managed or read; SCHEME bolt or neo4j.

import { appendFileSync, existsSync } from "node:fs";
import { createRequire } from "node:module";
import { join } from "node:path";

const neo4j = createRequire(join(process.cwd(), "package.json"))("neo4j-driver");
const [kind, scheme, host, port, ledger, first, pause, stop] = process.argv.slice(2);
const driver = neo4j.driver(`${scheme}://${host}:${port}`, neo4j.auth.basic("", ""));
const READ = "MATCH (n:Write) RETURN count(n) AS found";
const micros = () => Math.floor((performance.timeOrigin + performance.now()) * 1000);
const sleep = (ms) => new Promise((done) => setTimeout(done, ms));

// This driver repeats a transaction whose COMMIT had no answer, too, so that its work has to be such that
// twice is as good as once; how often it was begun is counted. What is begun again after its statement was
// answered may have been committed before, whatever becomes of it then.
async function perform(line, known) {
  const once = kind === "managed" ? "MERGE" : "CREATE";
  const statement = kind === "read" ? READ : `${once} (:Write {number: ${line.number}})`;
  const session = driver.session();
  const work = async (tx) => {
    line.tries += 1;
    known.doubt ||= known.answered;
    const result = await tx.run(statement);
    known.answered = true;
    return result;
  };
  const by = {
    auto: () => work(session),
    managed: () => session.executeWrite(work),
    read: () => session.executeRead(work),
  };
  try {
    const result = await by[kind]();
    line.at = result.summary.server.address;
    if (kind === "read") line.number = result.records[0].get("found").toNumber();
  } finally {
    await session.close().catch(() => {});
  }
}

// What the server did not say itself is about the connection, and tells nothing of the write, unless
// there was none.
function ending(error, known) {
  const answered = !["ServiceUnavailable", "SessionExpired", "N/A"].includes(error.code);
  const unsent = /Caused by: connect |Could not perform discovery/.test(error.message);
  return kind === "read" || ((answered || unsent) && !known.doubt) ? "failed" : "in-doubt";
}

for (let number = Number(first) + 1; !existsSync(stop); number += 1) {
  const line = { number, kind, began: micros(), ended: 0, end: "acked", tries: 0 };
  const known = { answered: false, doubt: false };
  try {
    await perform(line, known);
  } catch (error) {
    line.end = ending(error, known);
    line.why = `${error.code}: ${error.message}`;
  }
  line.ended = micros();
  appendFileSync(ledger, `${JSON.stringify(line)}\n`);
  await sleep(line.end === "acked" ? Number(pause) : Math.max(Number(pause), 20));
}
await driver.close();
