// A mock controller with virtual devices behind a TCP port, as a stick behind a serial port: for tests and the demo.
const net = require("node:net");
const { begin, say } = require("./lines.cjs");
const { operations: of } = require("./operations.cjs");

// Z-Wave JS's mock takes each chunk for one frame, but an acknowledgement and the next frame may come in one.
function* frames(buffer) {
  while (buffer.length) {
    const size = buffer[0] !== 1 ? 1 : buffer.length > 1 ? buffer[1] + 2 : Infinity;
    if (buffer.length < size) return buffer;
    yield buffer.subarray(0, size);
    buffer = buffer.subarray(size);
  }
  return buffer;
}

function listen(serial, wanted, faucet, isFrame) {
  const server = net.createServer({ noDelay: true }, (socket) => {
    let rest = Buffer.alloc(0);
    const writable = new WritableStream({
      write(chunk) {
        if (isFrame(chunk)) socket.write(typeof chunk.data === "number" ? Uint8Array.of(chunk.data) : chunk.data);
      },
    });
    faucet.connect(writable);
    socket.on("error", () => {});
    socket.on("close", () => {
      faucet.disconnect();
      writable.close().catch(() => {});
    });
    socket.on("data", async (chunk) => {
      const found = frames(Buffer.concat([rest, chunk]));
      let next;
      const whole = [];
      while (!(next = found.next()).done) whole.push(next.value);
      rest = next.value;
      for (const frame of whole) await serial.writeAsync(frame);
    });
  });
  server.maxConnections = 1;
  return new Promise((resolve, reject) => {
    server.once("error", reject);
    server.listen(wanted, "127.0.0.1", () => resolve(server));
  });
}

// A driver that is gone or slow acknowledges late or never. A stick goes on then; Z-Wave JS's mock would stay busy for ever.
function goOnWithoutAcknowledgement(controller) {
  const expected = controller.expectHostACK;
  controller.expectHostACK = (...terms) => expected.apply(controller, terms).catch((error) => console.error(error));
}

process.on("unhandledRejection", (error) => console.error(error));

begin(async (config, require) => {
  const inner = require("node:module").createRequire(require.resolve("zwave-js"));
  const testing = inner("@zwave-js/testing");
  const behaviours = require("zwave-js/Testing");
  const { createAndOpenMockedZWaveSerialPort } = inner("@zwave-js/serial/mock");
  const { Faucet, ZWaveSerialFrameType } = inner("@zwave-js/serial");
  const network = module.require(config.network)({ core: inner("@zwave-js/core"), testing });
  const { serial, port: mockPort } = await createAndOpenMockedZWaveSerialPort();
  const securityKeys = Object.fromEntries(
    Object.entries(config.keys).map(([name, hex]) => [name, new Uint8Array(Buffer.from(hex, "hex"))]),
  );
  // Beside what it does by itself: RemoveFailedNode and ReplaceFailedNode, which operations.cjs does.
  const capabilities = { supportedFunctionTypes: [...testing.getDefaultSupportedFunctionTypes(), 0x61, 0x63] };
  const controller = await testing.MockController.create({
    homeId: 0x7e570001, ownNodeId: 1, securityKeys, mockPort, serial, capabilities,
  });
  goOnWithoutAcknowledgement(controller);
  controller.defineBehavior(...behaviours.createDefaultMockControllerBehaviors());
  for (const described of network.nodes) {
    const node = await testing.MockNode.create({ ...described, controller });
    node.defineBehavior(...behaviours.createDefaultMockNodeBehaviors());
    controller.addNode(node);
  }
  const operations = of(controller, inner);
  const server = await listen(serial, config.port, new Faucet(serial.readable), (chunk) => chunk.type === ZWaveSerialFrameType.SerialAPI);
  say({ event: "ready", port: server.address().port });
  return {
    async take({ id, do: verb, ...what }) {
      try {
        if (!Object.hasOwn(operations, verb)) throw new Error(`there is no ${verb}`);
        say({ id, result: (await operations[verb](what)) ?? null });
      } catch (error) {
        say({ id, error: String(error?.message ?? error) });
      }
    },
  };
});
