// A driver is short: each of the small servers has 150 lines of code at most, together with the application that all of them
// serve. Empty lines and comments do not count. `cargo fmt` says where lines end.
import { readFileSync, readdirSync } from "node:fs";

const MOST = 150;
const FOLDER = "examples/drivers/src";

const isCode = (line) => !/^\s*(\/\/.*)?$/.test(line);
const linesOfCode = (text) => text.split("\n").filter(isCode).length;

/** What every server has in common, without what starts it: the application. */
const application = /^\/\/\/ Answers each event[^]*?^}\n(?=\n\/\/\/ A server with)/m.exec(readFileSync(`${FOLDER}/lib.rs`, "utf8"));
if (application === null) throw new Error(`${FOLDER}/lib.rs has no application where this script looks for it`);
const shared = linesOfCode(application[0]);

const servers = readdirSync(`${FOLDER}/bin`).map((file) => {
  const text = readFileSync(`${FOLDER}/bin/${file}`, "utf8");
  return { file, lines: linesOfCode(text) + shared };
});
for (const { file, lines } of servers) console.log(`${file}: ${lines} lines with its application`);
const long = servers.filter(({ lines }) => lines > MOST);
if (long.length > 0 || servers.length === 0) {
  console.error(`more than ${MOST} lines: ${long.map(({ file }) => file).join(", ")}`);
  process.exit(1);
}
