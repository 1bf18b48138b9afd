// A host that is not ours on a virtual radio: zigbee-herdsman's ember adapter over TCP. Usage:
//     node host.cjs PYTHON EZSP FOLDER        (FOLDER/node_modules holds zigbee-herdsman; network and database go there too)
// Prints one JSON line a step, {"step": "form", "ok": true, "seconds": 1.2, "detail": "..."}; exit code 1 when one failed.
"use strict";

const {spawn} = require("node:child_process");
const {rmSync} = require("node:fs");
const {createRequire} = require("node:module");
const path = require("node:path");
const readline = require("node:readline");

const [python, ezsp, folder] = process.argv.slice(2);
const herdsman = createRequire(path.join(folder, "node_modules", "x.js"))("zigbee-herdsman");
const STEP_MS = 30000;
herdsman.setLogger(Object.fromEntries(["debug", "info", "warning", "error"].map((level) => [level, () => {}])));

/** The radio's process, asked in JSON lines. */
class Radio {
    constructor(state) {
        const options = ["--tcp", "0", "--ezsp", ezsp, "--latency-ms", "1", "--state", state];
        this.process = spawn(python, ["-m", "device_plugins.virtual_radio", ...options], {stdio: ["pipe", "pipe", "inherit"]});
        this.waiting = new Map();
        this.number = 0;
        this.ready = new Promise((resolve, reject) => {
            this.process.once("exit", (code) => reject(new Error(`the virtual radio ended with code ${code}`)));
            readline.createInterface({input: this.process.stdout}).on("line", (line) => {
                const said = JSON.parse(line);
                if (said.event === "ready") resolve(said.address.replace("socket:", "tcp:"));
                const waiting = this.waiting.get(said.id);
                this.waiting.delete(said.id);
                if (waiting) "error" in said ? waiting.reject(new Error(said.error)) : waiting.resolve(said.result);
            });
        });
    }

    ask(verb, settings = {}) {
        const id = ++this.number;
        this.process.stdin.write(`${JSON.stringify({id, do: verb, ...settings})}\n`);
        return new Promise((resolve, reject) => this.waiting.set(id, {resolve, reject}));
    }

    end() {
        return new Promise((resolve) => {
            this.process.once("exit", resolve);
            this.process.stdin.end();
        });
    }
}

function within(promise, what, ms = STEP_MS) {
    let timer;
    const late = new Promise((_, reject) => {
        timer = setTimeout(() => reject(new Error(`${what} did not come within ${ms / 1000} s`)), ms);
    });
    return Promise.race([promise, late]).finally(() => clearTimeout(timer));
}

function host(address) {
    return new herdsman.Controller({
        network: {panID: 0x1a63, extendedPanID: [1, 2, 3, 4, 5, 6, 7, 8], channelList: [15], networkKey: Array.from({length: 16}, (_, n) => n + 1)},
        serialPort: {path: address, adapter: "ember"},
        databasePath: path.join(folder, `${ezsp}.db`),
        databaseBackupPath: path.join(folder, `${ezsp}.db.backup`),
        backupPath: path.join(folder, `${ezsp}.backup.json`),
        adapter: {disableLED: false},
        acceptJoiningDeviceHandler: async () => true,
    });
}

function heard(controller, event, wanted) {
    return within(new Promise((resolve) => {
        const listener = (data) => {
            if (!wanted(data)) return;
            controller.off(event, listener);
            resolve(data);
        };
        controller.on(event, listener);
    }), event);
}

function same(found, wanted) {
    if (JSON.stringify(found) !== JSON.stringify(wanted)) throw new Error(`${JSON.stringify(found)} instead of ${JSON.stringify(wanted)}`);
    return JSON.stringify(found);
}

let failed = false;

async function step(name, run) {
    const began = Date.now();
    try {
        const detail = await within(run(), name);
        console.log(JSON.stringify({step: name, ok: true, seconds: (Date.now() - began) / 1000, detail: String(detail ?? "")}));
    } catch (error) {
        failed = true;
        console.log(JSON.stringify({step: name, ok: false, seconds: (Date.now() - began) / 1000, detail: error.message}));
        throw error;
    }
}

async function pair(controller, radio, model, name) {
    await radio.ask("add", {model, name});
    const interviewed = heard(controller, "deviceInterview", (data) => data.status !== "started");
    await radio.ask("join", {device: name});
    const {status, device} = await interviewed;
    same(status, "successful");
    return device;
}

async function use(controller, radio) {
    const coordinator = controller.getDevicesByType("Coordinator")[0].getEndpoint(1);
    let lamp, sensor;
    await step("join", async () => {
        await controller.permitJoin(120);
        await radio.ask("add", {model: "lamp-color", name: "Lamp"});
        const joined = heard(controller, "deviceJoined", () => true);
        const interviewed = heard(controller, "deviceInterview", (data) => data.status !== "started");
        await radio.ask("join", {device: "Lamp"});
        const {device} = await joined;
        lamp = {device, interviewed};
        return device.ieeeAddr;
    });
    await step("interview", async () => {
        const {status, device} = await lamp.interviewed;
        same(status, "successful");
        lamp = device.getEndpoint(1);
        sensor = (await pair(controller, radio, "climate", "Climate")).getEndpoint(1);
        return same([device.manufacturerName, device.modelID, sensor.getDevice().modelID], ["Domovoi", "V-Lamp Color", "V-Climate"]);
    });
    await step("read", async () => same(await lamp.read("genOnOff", ["onOff"]), {onOff: 0}));
    await step("bind", async () => {
        await lamp.bind("genOnOff", coordinator);
        await sensor.bind("msTemperatureMeasurement", coordinator);
        return `${lamp.binds.length + sensor.binds.length} bindings`;
    });
    await step("configure reporting", async () => {
        const every = {minimumReportInterval: 0, maximumReportInterval: 300};
        await lamp.configureReporting("genOnOff", [{attribute: "onOff", ...every, reportableChange: 0}]);
        await sensor.configureReporting("msTemperatureMeasurement", [{attribute: "measuredValue", ...every, reportableChange: 10}]);
        const told = await lamp.readReportingConfig("genOnOff", [{attribute: "onOff"}]);
        return told ? JSON.stringify(told) : "configured";
    });
    await step("report", async () => {
        const report = heard(controller, "message", (data) => data.type === "attributeReport" && data.cluster === "msTemperatureMeasurement");
        await radio.ask("act", {device: "Climate", stimulus: "temperature", value: 23.45});
        return same((await report).data, {measuredValue: 2345});
    });
    await step("command", async () => {
        await lamp.command("genOnOff", "on", {});
        await lamp.command("genLevelCtrl", "moveToLevelWithOnOff", {level: 77, transtime: 0});
        return same([await radio.ask("get", {device: "Lamp", attribute: "on_off"}), await radio.ask("get", {device: "Lamp", attribute: "current_level"})], [true, 77]);
    });
    await step("group", async () => {
        const group = controller.createGroup(7);
        await lamp.addToGroup(group);
        const report = heard(controller, "message", (data) => data.type === "attributeReport" && data.cluster === "genOnOff");
        await group.command("genOnOff", "off", {});
        return same((await report).data, {onOff: 0});
    });
    await step("out of reach", async () => {
        await radio.ask("reachable", {device: "Lamp", on: false});
        const failure = await lamp.command("genOnOff", "on", {}, {timeout: 5000}).then(() => "", (error) => error.message);
        await radio.ask("reachable", {device: "Lamp", on: true});
        if (!failure) throw new Error("a command to a lamp out of reach was confirmed");
        return failure.slice(0, 60);
    });
    await step("install code", async () => {
        const plug = await radio.ask("add", {model: "plug-secure", name: "Secure"});
        const ieee = plug.ieee.replaceAll(":", "").toUpperCase();
        await controller.addInstallCode(`Z:${ieee}$I:${plug.install_code.toUpperCase()}`);
        const interviewed = heard(controller, "deviceInterview", (data) => data.status !== "started");
        await radio.ask("join", {device: "Secure"});
        return same((await interviewed).status, "successful");
    });
    await step("map", async () => {
        const table = await controller.getDevicesByType("Coordinator")[0].lqi();
        if (!table.length) throw new Error("the coordinator has no neighbours");
        return `${table.length} neighbours, LQI ${table.map((one) => one.lqi).join(", ")}`;
    });
}

async function resumed(controller, radio) {
    const lamp = controller.getDevices().find((device) => device.modelID === "V-Lamp Color").getEndpoint(1);
    await step("command after resuming", async () => {
        await lamp.command("genOnOff", "on", {});
        return same(await radio.ask("get", {device: "Lamp", attribute: "on_off"}), true);
    });
    await step("report after resuming", async () => {
        const report = heard(controller, "message", (data) => data.type === "attributeReport" && data.cluster === "msTemperatureMeasurement");
        await radio.ask("act", {device: "Climate", stimulus: "temperature", value: -5.5});
        return same((await report).data, {measuredValue: -550});
    });
}

async function main() {
    for (const name of [`${ezsp}.db`, `${ezsp}.db.backup`, `${ezsp}.backup.json`, `${ezsp}.radio.json`]) rmSync(path.join(folder, name), {force: true});
    const radio = new Radio(path.join(folder, `${ezsp}.radio.json`));
    let controller;
    try {
        const address = await within(radio.ready, "the virtual radio");
        controller = host(address);
        await step("form", async () => same(await controller.start(), "reset"));
        await use(controller, radio);
        await step("resume", async () => {
            await controller.stop();
            controller = host(address);
            return same(await controller.start(), "resumed");
        });
        await resumed(controller, radio);
        const {unknown_commands: unknown} = await radio.ask("status");
        await step("every command known", async () => same(unknown, {}));
    } finally {
        await within(controller?.stop() ?? Promise.resolve(), "the end of the host").catch(() => {});
        await within(radio.end(), "the end of the radio").catch(() => radio.process.kill("SIGKILL"));
    }
}

main().catch((error) => {
    if (!failed) console.log(JSON.stringify({step: "host", ok: false, seconds: 0, detail: error.message}));
    failed = true;
}).finally(() => process.exit(failed ? 1 : 0));
