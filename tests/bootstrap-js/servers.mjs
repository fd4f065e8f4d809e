// Starts a bootstrap server, ours or the original's, in a process of its own on loopback.

import { execFile, spawn } from "node:child_process";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { createInterface } from "node:readline";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";

export const kinds = ["ours", "original"];
export const SECRET = "EMpGMQADK1oR5n8xffrx";

const here = fileURLToPath(new URL(".", import.meta.url));
let built;

/** The program of our server: that of the environment's NWS_BOOTSTRAP_SERVER, or it is built. */
function program() {
  built ??= process.env.NWS_BOOTSTRAP_SERVER ? Promise.resolve(process.env.NWS_BOOTSTRAP_SERVER) : build();
  return built;
}

async function build() {
  const { stdout } = await promisify(execFile)(
    "cargo",
    ["build", "--locked", "--quiet", "-p", "nws-bootstrap", "--example", "server", "--message-format=json"],
    { cwd: join(here, "../.."), maxBuffer: 64 * 1024 * 1024 },
  );
  const messages = stdout
    .trim()
    .split("\n")
    .map((line) => JSON.parse(line));
  return messages.findLast(({ executable, target }) => executable && target.name === "server").executable;
}

async function tlsSettings(folder, { cert, key }) {
  const [certFile, keyFile] = ["cert.pem", "key.pem"].map((name) => join(folder, name));
  await writeFile(certFile, cert);
  await writeFile(keyFile, key);
  return { "tls-cert": certFile, "tls-key": keyFile };
}

/**
 * @param {string} kind
 * @param {{ timeout?: number, port?: number, certificate?: { cert: string, key: string } }} settings With a certificate
 *   ours listens for TLS alone.
 */
export async function start(kind, { timeout = 30_000, port = 0, certificate } = {}) {
  const folder = await mkdtemp(join(tmpdir(), "nws-bootstrap-"));
  let child;
  if (kind === "ours") {
    const settings = join(folder, "settings.json");
    const tls = certificate ? await tlsSettings(folder, certificate) : {};
    const all = { secret: SECRET, listen: "127.0.0.1", port, timeout: `${timeout}ms`, ...tls };
    await writeFile(settings, JSON.stringify(all));
    child = spawn(await program(), [settings], { stdio: ["ignore", "pipe", "inherit"] });
  } else {
    child = spawn(process.execPath, [join(here, "original-server.cjs"), SECRET, String(timeout), String(port)], {
      stdio: ["ignore", "pipe", "inherit"],
    });
  }
  const ended = new Promise((resolve) => child.once("close", resolve));
  // Nothing outlives the tests, also when one of them fails.
  const kill = () => child.kill("SIGKILL");
  process.once("exit", kill);
  ended.then(() => process.off("exit", kill));
  // Ends without an address if the server does.
  const line = await new Promise((resolve) => {
    const lines = createInterface({ input: child.stdout });
    lines.once("line", resolve);
    lines.once("close", () => resolve(""));
  });
  const host = /\d+\.\d+\.\d+\.\d+:\d+/.exec(line)?.[0];
  const stop = async () => {
    child.kill("SIGKILL");
    await ended;
    await rm(folder, { recursive: true, force: true });
  };
  if (!host) {
    await stop();
    throw new Error(`the server (${kind}) did not start: ${line}`);
  }
  return { host, port: Number(host.split(":")[1]), stop };
}
