// What a hand, or a fault, could do to the mock's devices; the workarounds are for faults of Z-Wave JS's mock.
exports.operations = (controller, require) => {
  const cc = require("@zwave-js/cc");
  const serial = require("@zwave-js/serial/serialapi");
  const { ccCaps, createMockZWaveRequestFrame } = require("@zwave-js/testing");
  const { MockControllerStateKeys, MockControllerInclusionState } = require("./lib/controller/MockControllerState.js");
  const idle = MockControllerInclusionState.Idle;
  let removal = 0;
  let joining;

  const refuse = (Report, callbackId, status) =>
    callbackId && controller.sendMessageToHost(new Report({ callbackId, status }));

  controller.defineBehavior({
    async onHostMessage(_controller, message) {
      const isRemove = message instanceof serial.RemoveNodeFromNetworkRequest;
      if (isRemove && message.removeNodeType !== serial.RemoveNodeType.Stop && message.callbackId) removal = message.callbackId;
      if ((controller.state.get(MockControllerStateKeys.InclusionState) ?? idle) !== idle) return undefined;
      // A Stop while idle would put it into the state of adding or removing, and every later inclusion would fail.
      if (message instanceof serial.AddNodeToNetworkRequest && message.addNodeType === serial.AddNodeType.Stop) {
        await refuse(serial.AddNodeToNetworkRequestStatusReport, message.callbackId, serial.AddNodeStatus.Failed);
        return true;
      }
      if (isRemove && message.removeNodeType === serial.RemoveNodeType.Stop) {
        await refuse(serial.RemoveNodeFromNetworkRequestStatusReport, message.callbackId, serial.RemoveNodeStatus.Failed);
        return true;
      }
      return undefined;
    },
  });

  const node = (id) => {
    const found = controller.nodes.get(id);
    if (!found) throw new Error(`there is no node ${id}`);
    return found;
  };
  const removing = (status, more = {}) =>
    controller.sendMessageToHost(new serial.RemoveNodeFromNetworkRequestStatusReport({ callbackId: removal, status, ...more }));

  return {
    nodes: () => [...controller.nodes.keys()],
    state: ({ node: id }) => Object.fromEntries([...node(id).state].filter(([, value]) => typeof value !== "object")),
    // Let a node say something: `report` is a class of @zwave-js/cc, `fields` its options, `state` what becomes true.
    async tell({ node: id, report, fields = {}, state = {}, endpoint = 0 }) {
      for (const [key, value] of Object.entries(state)) node(id).state.set(key, value);
      const said = new cc[report]({ nodeId: controller.ownNodeId, endpointIndex: endpoint, ...fields });
      await node(id).sendToController(createMockZWaveRequestFrame(said, { ackRequested: false }));
    },
    dead: ({ node: id, dead }) => void (node(id).autoAckControllerFrames = !dead),
    drop: ({ node: id }) => void controller.removeNode(node(id)),
    // A device on the shelf that joins as soon as the network is open; `s2` are the security classes that it asks for.
    pending({ node: id, s2 = [], generic = 0x10, specific = 1, classes = [{ ccId: 0x25, version: 2 }] }) {
      const secure = s2.length ? [ccCaps({ ccId: 0x9f, version: 1 })] : [];
      const basics = [{ ccId: 0x86 }, { ccId: 0x72 }, ccCaps({ ccId: 0x5e, version: 2 })];
      controller.nodePendingInclusion = {
        id,
        capabilities: {
          genericDeviceClass: generic,
          specificDeviceClass: specific,
          ...(s2.length ? { securityClasses: new Set(s2) } : {}),
          commandClasses: [...basics, ...secure, ...classes.map((one) => ccCaps({ secure: s2.length > 0, ...one }))],
        },
        setup: (made) => void (joining = made),
      };
    },
    joining() {
      if (!joining) return null;
      const key = joining.ecdhKeyPair.publicKey;
      return { node: joining.id, pin: String(key[0] * 256 + key[1]).padStart(5, "0") };
    },
    // Somebody presses the button of a device while the controller excludes.
    async exclude({ node: id }) {
      const leaving = node(id);
      await removing(serial.RemoveNodeStatus.NodeFound);
      const nodeInfo = { nodeId: id, ...leaving.capabilities, supportedCCs: [...leaving.implementedCCs.keys()] };
      await removing(serial.RemoveNodeStatus.RemovingSlave, { nodeId: id, nodeInfo });
      controller.removeNode(leaving);
      await removing(serial.RemoveNodeStatus.Done, { nodeId: id });
      controller.state.set(MockControllerStateKeys.InclusionState, idle);
    },
  };
};
