import { ForwardingServerWebSocket } from "/lib/network-web-sockets-tunnel.mjs";

/** A page becomes a server: it serves a site on port 80, and repeats on port 7 what it hears there. */
export async function serve(relay, site, seen) {
  const server = await ForwardingServerWebSocket.newThrough(relay);
  server.listen(80, (socket) => answer(socket, site, seen));
  server.listen(7, (socket) => (socket.onmessage = ({ data }) => socket.send(data)));
  return server;
}

/** Answers the requests of one visitor, one after the other. A visitor that does not read makes nobody else wait. */
async function answer(socket, site, seen) {
  try {
    for await (const { data } of socket) {
      const { method, path, form } = JSON.parse(data);
      const { status, type, body } = await site.at(method, path, form ?? {});
      seen(`${socket.address} ${method} ${path} ${status}`);
      socket.send(JSON.stringify({ status, type }));
      socket.send(body); // text, or the bytes of a picture
    }
    socket.close(1000);
  } catch {
    socket.close(4000, "That is no request, or you have left");
  }
}
