// The server of the npm package webrtc-bootstrap, in a process of its own: what it is sent may kill it. Its own
// bin/server, as it was published, does not start.
//
//   node original-server.cjs SECRET TIMEOUT_MS PORT

const http = require("node:http");
const { Server } = require("webrtc-bootstrap");

const [secret, timeout, port] = process.argv.slice(2);
const httpServer = http.createServer((_, answer) => answer.writeHead(404).end());
new Server(secret, { httpServer, timeout: Number(timeout) });
httpServer.listen(Number(port), "127.0.0.1", () => console.log(`listening on 127.0.0.1:${httpServer.address().port}`));
