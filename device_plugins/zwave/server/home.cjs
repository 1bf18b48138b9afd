// The mock's devices: a switch, a dimmer, a sensor, a sleeping door sensor and a lock.
module.exports = ({ core, testing }) => {
  const { CommandClasses: CC, SecurityClass } = core;
  const { ccCaps } = testing;
  const basics = [{ ccId: CC.Version }, { ccId: CC["Manufacturer Specific"] }, ccCaps({ ccId: CC["Z-Wave Plus Info"], version: 2 })];
  const node = (id, genericDeviceClass, specificDeviceClass, classes, more = {}) => ({
    id,
    capabilities: { genericDeviceClass, specificDeviceClass, commandClasses: [...basics, ...classes], ...more },
  });
  return {
    nodes: [
      node(2, 0x10, 1, [ccCaps({ ccId: CC["Binary Switch"], version: 2, defaultValue: false })]),
      node(3, 0x21, 1, [
        ccCaps({
          ccId: CC["Multilevel Sensor"],
          version: 11,
          sensors: { 1: { supportedScales: [0] }, 5: { supportedScales: [0] } },
          getValue: (type) => (type === 1 ? 20.5 : 40),
        }),
        ccCaps({ ccId: CC.Battery, version: 1 }),
      ]),
      node(4, 0x40, 3, [
        ccCaps({ ccId: CC["Security 2"], version: 1 }),
        ccCaps({ ccId: CC.Supervision, version: 1 }),
        ccCaps({ ccId: CC["Door Lock"], version: 4, secure: true }),
      ], { isListening: true, securityClasses: new Set([SecurityClass.S2_AccessControl]) }),
      node(5, 0x11, 1, [ccCaps({ ccId: CC["Multilevel Switch"], version: 4, defaultValue: 0 })]),
      node(6, 0x07, 1, [
        ccCaps({ ccId: CC["Wake Up"], version: 2 }),
        ccCaps({ ccId: CC["Binary Switch"], version: 2, defaultValue: false }),
        ccCaps({ ccId: CC.Notification, version: 8, supportsV1Alarm: false, notificationTypesAndEvents: { 6: [22, 23] } }),
      ], { isListening: false }),
    ],
  };
};
