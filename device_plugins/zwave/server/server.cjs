// Z-Wave JS's driver and its WebSocket server, run by the plugin. Keys come in on stdin, never on the command line.
// `require` throughout: a mix of the ESM and CJS builds breaks Z-Wave JS's own type checks.
const { begin, fail, say } = require("./lines.cjs");

const bytes = (keys) => Object.fromEntries(Object.entries(keys).map(([name, hex]) => [name, Buffer.from(hex, "hex")]));

// Loading takes seconds and needs no stick, so it comes before the line that says where the stick is.
begin(async (_, require) => {
  const { Driver } = require("zwave-js");
  const { ZwavejsServer } = require("@zwave-js/server");
  let driver;
  let server;

  function open(config) {
    driver = new Driver(config.path, {
      securityKeys: bytes(config.keys),
      securityKeysLongRange: bytes(config.keys_long_range),
      storage: { cacheDir: config.cache },
      logConfig: { enabled: false },
      emitValueUpdateAfterSetValue: true,
      // The hub tries again, and says meanwhile what is wrong.
      attempts: { openSerialPort: 1 },
    });
    driver.on("error", (error) => {
      if (!driver.ready || error.code === 100) fail("driver", error);
      else console.error(error);
    });
    driver.once("driver ready", async () => {
      const quiet = () => {};
      const logger = { debug: quiet, info: quiet, warn: console.error, error: console.error };
      // A text: the server takes the number 0 for none.
      server = new ZwavejsServer(driver, { port: String(config.port), host: "127.0.0.1", logger });
      server.on("error", (error) => fail("port", error));
      await server.start(true);
      // The server has no password. Who does not know the path, such as a page in a browser here, gets no answer.
      server.wsServer.options.path = `/${config.token}`;
      say({ event: "ready", port: server.server.address().port });
    });
    driver.start().catch((error) => fail("driver", error));
  }

  return {
    take: open,
    async closing() {
      await server?.destroy();
      await driver?.destroy();
    },
  };
});
