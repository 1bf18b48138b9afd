"""Z-Wave devices, over Z-Wave JS: the hub runs its driver and server as a process, and speaks to it.

| module | what |
| --- | --- |
| `network` | what the plugin and the network say to each other, in plain data |
| `mapping` | pure: values → features, readings and actions |
| `inclusion`, `exclusion` | devices that come and go |
| `controlling`, `servicing` | services about the network, and about one device |
| `commands` | `hub zwave` |
| `server/` | the driver and the server (Node.js), and a mock controller to try it without a stick |
"""
