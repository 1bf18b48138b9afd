// What a hand, or a fault, could do to the mock's devices; the workarounds are for faults of Z-Wave JS's mock.
exports.operations = (controller, require) => {
  const cc = require("@zwave-js/cc");
  const { dskToString, generateECDHKeyPair } = require("@zwave-js/core");
  const serial = require("@zwave-js/serial/serialapi");
  const { Bytes } = require("@zwave-js/shared");
  const { ccCaps, createMockZWaveRequestFrame, MockNode } = require("@zwave-js/testing");
  const { createDefaultMockNodeBehaviors } = require("zwave-js/Testing");
  const { MockControllerStateKeys, MockControllerInclusionState } = require("./lib/controller/MockControllerState.js");
  const idle = MockControllerInclusionState.Idle;
  let removal = 0;
  let addition = 0;
  let joining;

  const key = MockControllerStateKeys.InclusionState;
  const is = (state) => (controller.state.get(key) ?? idle) === state;
  const adding = (callbackId, status, more = {}) =>
    callbackId && controller.sendMessageToHost(new serial.AddNodeToNetworkRequestStatusReport({ callbackId, status, ...more }));

  // A device repeats what the controller cannot read before it has the PIN; Z-Wave JS's mock says it once.
  function repeat(made, behaviours) {
    let timer;
    const sayAgain = async (heard) => {
      if (made.state.get("Security2_bootstrapState")?.stage !== 1) return clearInterval(timer);
      for (const one of behaviours) {
        const said = await one.handleCC?.(controller, made, heard);
        if (said?.cc) return made.sendToController(createMockZWaveRequestFrame(said.cc));
      }
    };
    made.defineBehavior({
      handleCC(_controller, _self, heard) {
        if (heard instanceof cc.Security2CCKEXFail) clearInterval(timer);
        if (heard instanceof cc.Security2CCPublicKeyReport) timer = setInterval(() => sayAgain(heard).catch(() => {}), 1000);
      },
    });
  }

  // What Z-Wave JS's messages cannot write: they are only ever read there.
  const answer = (message, payload) => controller.sendMessageToHost(Object.assign(message, { payload: Bytes.from(payload) }));

  async function make({ setup, keys, ...described }) {
    const made = await MockNode.create({ controller, ...described });
    made.ecdhKeyPair = keys;
    const behaviours = createDefaultMockNodeBehaviors();
    made.defineBehavior(...behaviours);
    repeat(made, behaviours);
    setup(made);
    return made;
  }

  // The device on the shelf shows itself to the controller, which adds it.
  async function join() {
    const made = await make(controller.nodePendingInclusion);
    const supportedCCs = [...made.implementedCCs].filter(([, info]) => info.isSupported && info.version > 0).map(([id]) => id);
    const { basicDeviceClass, genericDeviceClass, specificDeviceClass } = made.capabilities;
    const nodeInfo = { nodeId: made.id, basicDeviceClass, genericDeviceClass, specificDeviceClass, supportedCCs };
    await adding(addition, serial.AddNodeStatus.NodeFound);
    await adding(addition, serial.AddNodeStatus.AddingSlave, { nodeInfo });
    controller.addNode(made);
    await adding(addition, serial.AddNodeStatus.ProtocolDone);
  }

  // As a stick does it; Z-Wave JS's mock goes astray at a Stop, and lets nothing in that comes after the start.
  async function add(message) {
    const { Failed, Done, Ready } = serial.AddNodeStatus;
    if (message.addNodeType === serial.AddNodeType.Stop) {
      const nodeId = is(MockControllerInclusionState.AddingNode) ? controller.nodePendingInclusion?.id ?? 0 : undefined;
      if (nodeId !== undefined) controller.state.set(key, idle);
      if (nodeId) controller.nodePendingInclusion = undefined;
      await adding(message.callbackId, nodeId === undefined ? Failed : Done, nodeId === undefined ? {} : { nodeId });
    } else if (!is(idle)) {
      await adding(message.callbackId, Failed);
    } else {
      controller.state.set(key, MockControllerInclusionState.AddingNode);
      addition = message.callbackId;
      await adding(addition, Ready);
      if (controller.nodePendingInclusion) setTimeout(join, 10);
    }
  }

  // A stick removes a dead node by itself, and lets the device on the shelf take its place.
  async function removeFailed({ failedNodeId, callbackId }) {
    const [notRemoved, removed] = [0, 1];
    const isDead = !controller.nodes.get(failedNodeId)?.autoAckControllerFrames;
    await answer(new serial.RemoveFailedNodeResponse({ removeStatus: 0 }), [0]);
    if (isDead) controller.removeNode(controller.nodes.get(failedNodeId));
    await answer(new serial.RemoveFailedNodeRequestStatusReport({ callbackId }), [callbackId, isDead ? removed : notRemoved]);
  }

  // Its own asks itself for ever.
  serial.ReplaceFailedNodeRequest.from = serial.RemoveFailedNodeRequest.from;

  async function replaceFailed({ failedNodeId, callbackId }) {
    const { FailedNodeReplace, FailedNodeReplaceDone } = serial.ReplaceFailedNodeStatus;
    await answer(new serial.ReplaceFailedNodeResponse({ replaceStatus: 0 }), [0]);
    await answer(new serial.ReplaceFailedNodeRequestStatusReport({ callbackId }), [callbackId, FailedNodeReplace]);
    controller.removeNode(controller.nodes.get(failedNodeId));
    controller.addNode(await make({ ...controller.nodePendingInclusion, id: failedNodeId }));
    await answer(new serial.ReplaceFailedNodeRequestStatusReport({ callbackId }), [callbackId, FailedNodeReplaceDone]);
  }

  controller.defineBehavior({
    async onHostMessage(_controller, message) {
      if (message instanceof serial.RemoveFailedNodeRequest || message instanceof serial.ReplaceFailedNodeRequest) {
        await (message instanceof serial.RemoveFailedNodeRequest ? removeFailed(message) : replaceFailed(message));
        return true;
      }
      if (message instanceof serial.AddNodeToNetworkRequest) {
        await add(message);
        return true;
      }
      const isRemove = message instanceof serial.RemoveNodeFromNetworkRequest;
      if (isRemove && message.removeNodeType !== serial.RemoveNodeType.Stop && message.callbackId) removal = message.callbackId;
      if (isRemove && message.removeNodeType === serial.RemoveNodeType.Stop && is(idle)) {
        // A Stop while idle would put it into the state of removing, and every later inclusion would fail.
        if (message.callbackId) {
          const { Failed } = serial.RemoveNodeStatus;
          await controller.sendMessageToHost(
            new serial.RemoveNodeFromNetworkRequestStatusReport({ callbackId: message.callbackId, status: Failed }),
          );
        }
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
    // A device on the shelf that joins when the network is open, now or later; `s2` are the security classes that it asks for.
    // Returns the key on its label.
    async pending({ node: id, s2 = [], generic = 0x10, specific = 1, classes = [{ ccId: 0x25, version: 2 }] }) {
      const secure = s2.length ? [ccCaps({ ccId: 0x9f, version: 1 })] : [];
      const basics = [{ ccId: 0x86 }, { ccId: 0x72 }, ccCaps({ ccId: 0x5e, version: 2 })];
      const keys = await generateECDHKeyPair();
      controller.nodePendingInclusion = {
        id,
        keys,
        capabilities: {
          genericDeviceClass: generic,
          specificDeviceClass: specific,
          ...(s2.length ? { securityClasses: new Set(s2) } : {}),
          commandClasses: [...basics, ...secure, ...classes.map((one) => ccCaps({ secure: s2.length > 0, ...one }))],
        },
        setup: (made) => void (joining = made),
      };
      if (is(MockControllerInclusionState.AddingNode)) setTimeout(join, 10);
      return dskToString(keys.publicKey.slice(0, 16));
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
      controller.state.set(key, idle);
    },
  };
};
