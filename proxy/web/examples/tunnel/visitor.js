import { PeerToPeerWebSocket } from "/lib/network-web-sockets-tunnel.mjs";

/** A visit to a server that is a page: requests go by one connection, and answers come in their order. */
export class Visitor {
  #answers;
  #echo;
  #last = Promise.resolve();

  constructor(relay, server, port) {
    this.socket = PeerToPeerWebSocket.toPort(port, server, relay);
    this.socket.binaryType = "arraybuffer";
    this.#answers = this.socket[Symbol.asyncIterator]();
    this.#echo = PeerToPeerWebSocket.toPort(7, server, relay);
  }

  /** Asks for what is at a path. */
  get(path) {
    return this.#ask({ method: "GET", path });
  }

  /** Hands in a form. */
  post(path, form) {
    return this.#ask({ method: "POST", path, form });
  }

  /** Milliseconds to the server and back. */
  async ping() {
    await this.#echo.opened;
    const answers = this.#echo[Symbol.asyncIterator]();
    const begun = performance.now();
    this.#echo.send("ping");
    await answers.next();
    await answers.return();
    return performance.now() - begun;
  }

  leave() {
    this.socket.close(1000);
    this.#echo.close(1000);
  }

  #ask(request) {
    const asked = this.#last.then(async () => {
      await this.socket.opened;
      this.socket.send(JSON.stringify(request));
      return { ...JSON.parse(await this.#next()), body: await this.#next() };
    });
    this.#last = asked.catch(() => {});
    return asked;
  }

  async #next() {
    const { value, done } = await this.#answers.next();
    if (done) throw new Error("The server has closed the connection");
    return value.data;
  }
}
