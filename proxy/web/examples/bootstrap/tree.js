import { BootstrapClient } from "/lib/network-web-sockets-bootstrap.mjs";

/** How many children a node takes itself. More are passed on to them. */
const DEGREE = 2;

/** A node of a tree of peers. `change` is told when the tree is another, `say` when somebody says something. */
export class TreeNode extends EventTarget {
  id = [...crypto.getRandomValues(new Uint8Array(2))].map((byte) => byte.toString(16).padStart(2, "0")).join("");
  /** The whole tree, as the root last saw it. */
  whole = { id: this.id, children: [] };
  root = undefined;
  parent = undefined;

  #client;
  #children = new Map(); // by peer: who it is, and its own tree once it has told that
  #routes = new Map(); // by origin: the child that its requests go to
  #waiting = []; // requests that no child can take yet

  constructor(host, secure) {
    super();
    this.#client = new BootstrapClient(host, { secure });
  }

  /** Becomes the root: requests of all who come are brought to this page. */
  async lead(secret) {
    await new Promise((resolve, reject) => {
      const take = (request) => this.#take(request);
      this.root = this.#client.root(secret, take, (error) => (error ? reject(error) : resolve()));
      void this.root.closed.then((error) => {
        this.root = undefined;
        this.#changed(error);
      });
    });
    this.#changed();
  }

  /** Joins the tree. Who becomes the parent is decided on the way down. */
  join() {
    return new Promise((resolve, reject) => {
      const peer = this.#client.connect(null, { cb: (error) => (error ? reject(error) : resolve()) });
      peer.on("connect", () => {
        this.parent = peer;
        this.#changed();
      });
      peer.on("data", (text) => this.#hear(peer, JSON.parse(text)));
      peer.on("close", () => {
        if (this.parent !== peer) return;
        this.parent = undefined;
        this.#changed();
      });
    });
  }

  /** Answers a request, or passes it on to a child. All requests of one origin go the same way. */
  #take(request) {
    const known = this.#routes.get(request.origin);
    const child = known ?? (this.#children.size < DEGREE ? this.#adopt(request) : this.#smallestChild());
    if (!child) return void (this.#waiting.length < 1000 && this.#waiting.push(request));
    this.#routes.set(request.origin, child);
    if (this.#routes.size > 1000) this.#routes.delete(this.#routes.keys().next().value);
    if (child.origin !== request.origin) this.#send(child.peer, { request });
    // The client knows which peer answers this origin.
    else if (known) this.#client.connect(request);
  }

  #adopt(request) {
    const peer = this.#client.connect(request);
    const child = { origin: request.origin, peer, tree: undefined };
    this.#children.set(peer, child);
    peer.on("connect", () => this.#changed());
    peer.on("data", (text) => this.#hear(peer, JSON.parse(text)));
    peer.on("close", () => {
      this.#children.delete(peer);
      this.#changed();
    });
    return child;
  }

  #smallestChild() {
    const size = ({ children }) => children.reduce((sum, child) => sum + size(child), 1);
    const settled = [...this.#children.values()].filter(({ tree }) => tree);
    return settled.sort((a, b) => size(a.tree) - size(b.tree))[0];
  }

  #hear(from, { request, tree, whole, say }) {
    if (request) this.#take(request);
    const child = this.#children.get(from);
    if (tree && child) {
      child.tree = tree;
      this.#changed();
    }
    if (whole) this.#see(whole);
    if (say) this.#spread(say, from);
  }

  /** Says something to everybody: it goes along every edge of the tree once. */
  say(text) {
    this.#spread({ from: this.id, text }, undefined);
  }

  #spread(say, from) {
    this.dispatchEvent(new CustomEvent("say", { detail: say }));
    for (const peer of [this.parent, ...this.#children.keys()]) if (peer !== from) this.#send(peer, { say });
  }

  /** The tree grew or shrank here: the parent is told, and the root tells everybody. */
  #changed(error) {
    const tree = { id: this.id, children: [...this.#children.values()].flatMap((child) => child.tree ?? []) };
    if (this.parent) this.#send(this.parent, { tree });
    else this.#see(tree);
    for (const request of this.#waiting.splice(0)) this.#take(request);
    this.dispatchEvent(new CustomEvent("change", { detail: error }));
  }

  #see(whole) {
    this.whole = whole;
    for (const peer of this.#children.keys()) this.#send(peer, { whole });
    this.dispatchEvent(new CustomEvent("change"));
  }

  #send(peer, message) {
    if (peer?.connected) peer.send(JSON.stringify(message));
  }

  /** Leaves, and tells the neighbours so. */
  leave() {
    this.#client.close();
    for (const peer of [this.parent, ...this.#children.keys()]) peer?.destroy();
  }
}
