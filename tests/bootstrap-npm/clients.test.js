// The usage of webrtc-bootstrap's README, with its own client and a real WebRTC stack, against our server.
import assert from 'node:assert/strict'
import { after, before, test } from 'node:test'
import { createRequire } from 'node:module'
import SimplePeer from 'simple-peer'
import { ours, SECRET } from './servers.js'
import { join, root } from './sockets.js'

const require = createRequire(import.meta.url)
const BootstrapClient = require('webrtc-bootstrap')
const wrtc = require('@roamhq/wrtc')

// Nobody outside is asked for our address.
const peerOpts = () => ({ wrtc, config: { iceServers: [] } })
const bounded = { timeout: 90_000 }

let server
before(async () => { server = await ours() })
after(() => server.stop())

const once = (emitter, event) => new Promise((resolve, reject) => {
  emitter.once(event, resolve)
  if (event !== 'error') emitter.once('error', reject)
})

/** A root as in the README, which answers `ping` with `pong`. */
function answering (client, secret = SECRET) {
  const newcomers = {}
  const requests = []
  const connected = []
  const registered = new Promise((resolve, reject) => {
    client.root(secret, req => {
      requests.push(req)
      if (!newcomers[req.origin]) {
        // What one root was asked for may go on at the next: what comes late belongs to no peer of this one.
        if (req.signal.type !== 'offer') return
        const peer = newcomers[req.origin] = client.connect(req, { peerOpts: peerOpts() })
        peer.on('data', data => { if (String(data) === 'ping') peer.send('pong') })
        connected.push(once(peer, 'connect'))
      } else {
        newcomers[req.origin].signal(req.signal)
      }
    }, error => error ? reject(error) : resolve())
  })
  // The simple-peer of webrtc-bootstrap fails if it is destroyed while it connects.
  const allConnected = () => Promise.all(connected)
  const destroy = () => {
    for (const peer of Object.values(newcomers)) peer.destroy()
    client.close()
  }
  return { newcomers, requests, registered, allConnected, destroy }
}

async function pingPong (client, answerer) {
  const peer = client.connect(null, { peerOpts: peerOpts() })
  await once(peer, 'connect')
  peer.send('ping')
  assert.equal(String(await once(peer, 'data')), 'pong')
  await answerer.allConnected()
  peer.destroy()
}

test('ping and pong over a data channel', bounded, async () => {
  const client = new BootstrapClient(server.host)
  const answerer = answering(client)
  await answerer.registered
  await pingPong(client, answerer)
  // Trickle ICE: several requests of one origin, all for one peer.
  assert.equal(Object.keys(answerer.newcomers).length, 1)
  assert.ok(answerer.requests.length > 1)
  const [first] = answerer.requests
  assert.match(first.origin, /^[0-9a-f]{32}$/)
  assert.equal(first.destination, null)
  assert.equal(first.signal.type, 'offer')
  assert.deepEqual(answerer.requests.map(req => req.rank), answerer.requests.map((_, rank) => rank))
  // The WebSockets are closed after the handshake.
  for (;;) {
    if ((await server.figures()).joiners === 0) break
  }
  answerer.destroy()
})

test('several joiners at once', bounded, async () => {
  const client = new BootstrapClient(server.host)
  const answerer = answering(client)
  await answerer.registered
  await Promise.all(Array.from({ length: 8 }, () => pingPong(client, answerer)))
  assert.equal(Object.keys(answerer.newcomers).length, 8)
  answerer.destroy()
})

test('a wrong secret is refused', bounded, async () => {
  const client = new BootstrapClient(server.host)
  const { registered } = answering(client, 'wrong')
  await assert.rejects(registered)
  client.close()
})

test('a root that leaves and returns', bounded, async () => {
  const first = new BootstrapClient(server.host)
  let answerer = answering(first)
  await answerer.registered
  await pingPong(first, answerer)
  answerer.destroy()
  const second = new BootstrapClient(server.host)
  answerer = answering(second)
  await answerer.registered
  await pingPong(second, answerer)
  answerer.destroy()
})

test('a root that dies in the middle of a handshake', bounded, async () => {
  const dying = new BootstrapClient(server.host)
  const died = new Promise((resolve, reject) => {
    dying.root(SECRET, () => resolve(dying.close()), error => error && reject(error))
  })
  const joining = new BootstrapClient(server.host)
  const timedOut = new Promise(resolve => {
    joining.connect(null, { peerOpts: peerOpts(), timeout: 1500, cb: error => resolve(error.message) })
  })
  await died
  // Others go on, with another root.
  const client = new BootstrapClient(server.host)
  const answerer = answering(client)
  await answerer.registered
  await pingPong(client, answerer)
  assert.equal(await timedOut, 'Bootstrap timeout')
  answerer.destroy()
  joining.close()
})

test('the time to join is over', bounded, async () => {
  const hurried = await ours('timeout = "700ms"')
  const start = performance.now()
  const joiner = await join(hurried.host)
  // 1005: a close frame without a code.
  assert.deepEqual(await joiner.next(), { code: 1005, reason: '' })
  const took = performance.now() - start
  // Clocks may differ by a little; and the default would be half a minute.
  assert.ok(took >= 690 && took < 15_000, `${took} ms`)
  assert.equal((await hurried.figures())['closed_total{reason="timeout"}'], 1)
  await hurried.stop()
})

test('simple-peer alone, without trickle', bounded, async () => {
  const listening = await root(server.host)
  const joiner = await join(server.host)
  const caller = new SimplePeer({ ...peerOpts(), initiator: true, trickle: false })
  const callee = new SimplePeer({ ...peerOpts(), trickle: false })
  caller.on('signal', signal => joiner.send(JSON.stringify({ signal })))
  const offer = JSON.parse(await listening.text())
  callee.signal(offer.signal)
  const answer = await once(callee, 'signal')
  const answerer = await join(server.host)
  answerer.send(JSON.stringify({ destination: offer.origin, signal: answer }))
  const connected = [once(caller, 'connect'), once(callee, 'connect')]
  caller.signal(JSON.parse(await joiner.text()).signal)
  await Promise.all(connected)
  const data = once(callee, 'data')
  caller.send('ping')
  assert.equal(String(await data), 'ping')
  caller.destroy()
  callee.destroy()
  for (const socket of [joiner, answerer, listening]) socket.close()
})
