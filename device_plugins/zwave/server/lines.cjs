// JSON lines with the hub: the first line on stdin is the configuration, and the process ends when stdin does.
const fs = require("node:fs");
const { createRequire } = require("node:module");
const path = require("node:path");
const readline = require("node:readline");

// Whatever a library prints must not get between the lines.
const say = (message) => fs.writeSync(1, JSON.stringify(message) + "\n");
process.stdout.write = process.stderr.write.bind(process.stderr);

const fail = (kind, error) => {
  say({ event: "failed", kind, message: String(error?.message ?? error) });
  process.exit(1);
};
process.on("uncaughtException", (error) => fail("crash", error));

// begin(start): `start(config, require)` may give a function that takes each later line, and `closing` that ends it.
exports.say = say;
exports.fail = fail;
exports.begin = (start) => {
  let take;
  let closing = async () => {};
  const lines = readline.createInterface({ input: process.stdin });
  lines.on("line", (line) => {
    const message = JSON.parse(line);
    if (take) return void take(message);
    const early = [];
    take = (later) => early.push(later);
    const from = createRequire(path.join(message.packages, "package.json"));
    start(message, from).then((given) => {
      closing = given.closing ?? closing;
      take = given.take ?? (() => {});
      early.forEach(take);
    }).catch((error) => fail("start", error));
  });
  lines.on("close", async () => {
    setTimeout(() => process.exit(0), 2000).unref();
    await closing().catch(() => {});
    process.exit(0);
  });
};
