// Starts our server, and the original, each in a process of its own on a free port of loopback.
import { spawn, execFileSync } from 'node:child_process'
import { existsSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'

const here = dirname(fileURLToPath(import.meta.url))
const workspace = join(here, '..', '..')

export const SECRET = 's3cret-s3cret-s3cret'

function binary () {
  const given = process.env.NWS_BOOTSTRAP_SERVER
  if (given) return given
  const built = join(process.env.CARGO_TARGET_DIR ?? join(workspace, 'target'), 'debug', 'examples', 'server')
  execFileSync('cargo', ['build', '--quiet', '-p', 'nws-bootstrap', '--example', 'server'], { cwd: workspace, stdio: 'inherit' })
  if (!existsSync(built)) throw new Error(`there is no ${built}; name the server in NWS_BOOTSTRAP_SERVER`)
  return built
}

for (const signal of ['SIGINT', 'SIGTERM']) process.once(signal, () => process.exit(1))

let program

/** Our server. `settings` are lines of its file, such as `seed = 1`. */
export async function ours (...settings) {
  program ??= binary()
  const folder = mkdtempSync(join(tmpdir(), 'nws-bootstrap-'))
  const file = join(folder, 'settings.toml')
  writeFileSync(file, [`secret = "${SECRET}"`, 'port = 0', 'listen = "127.0.0.1"', ...settings].join('\n'))
  // Thousands of joiners are thousands of files.
  const script = 'ulimit -n "$(ulimit -Hn)"; exec "$0" "$1"'
  try {
    return await started('sh', ['-c', script, program, file])
  } finally {
    rmSync(folder, { recursive: true })
  }
}

/** webrtc-bootstrap's own server. */
export function original (opts = {}) {
  return started(process.execPath, [join(here, 'original.cjs'), JSON.stringify({ secret: SECRET, ...opts })])
}

/** Waits until a server says where it listens. */
async function started (command, args) {
  const child = spawn(command, args, { stdio: ['ignore', 'pipe', 'inherit'] })
  const ended = new Promise(resolve => child.once('exit', (code, signal) => resolve(code ?? signal)))
  // Nothing outlives the tests, also when one of them fails.
  const kill = () => child.kill('SIGKILL')
  process.once('exit', kill)
  ended.then(() => process.off('exit', kill))
  const host = await new Promise((resolve, reject) => {
    let said = ''
    child.stdout.on('data', data => {
      const found = /listening on (\S+)\n/.exec(said += data)
      if (found) resolve(found[1])
    })
    child.once('error', reject)
    ended.then(how => reject(new Error(`the server ended with ${how} before it listened`)))
  })
  return {
    host,
    pid: child.pid,
    ended,
    async figures () {
      const text = await (await fetch(`http://${host}/metrics`)).text()
      const lines = text.split('\n').filter(line => line && !line.startsWith('#'))
      return Object.fromEntries(lines.map(line => line.replace('nws_bootstrap_', '').split(' ')).map(([name, value]) => [name, Number(value)]))
    },
    stop () {
      child.kill('SIGTERM')
      return ended
    }
  }
}
