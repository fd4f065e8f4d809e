// The same words to our server and to the original, with the same seed: the same words come out.
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { original, ours, SECRET } from './servers.js'
import { join, open, root } from './sockets.js'

const bounded = { timeout: 180_000 }
const SEED = 12345

/** A repeatable row of numbers below 2^32. */
function * numbers (state) {
  for (;;) {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0
    yield state
  }
}

/** JSON in all the ways there are to write it. */
function scribbler (seed) {
  const row = numbers(seed)
  const below = n => Math.floor(row.next().value / 2 ** 32 * n)
  const pick = list => list[below(list.length)]
  const space = () => pick(['', '', '', ' ', '\n', '\t\r '])
  const names = ['a', 'b', '0', '1', '10', '2', '01', 'é', '\\u00e9', '\\ud800', '__proto__', 'origin', 'orig\\u0069n', 'toJSON', '', '4294967295', '4294967294', 'destination ']
  const strings = ['', 'x', '\\/', '\\u0000\\u001f\\b', '\\ud83d\\ude00', '😀', '\\ud83d', '\\udc00\\ud800', '\\"\\\\', '\u2028', '\u007f', '\\uABCD', 'v=0\\r\\n']
  const numbersWritten = ['0', '-0', '1', '-1', '0.1', '1e3', '1E+21', '1e-7', '123456789012345678901', '0.000001', '5e-324', '1e400', '-1.50', '9007199254740993', '1.7976931348623157e308', '100e-2']
  const value = depth => {
    const kind = below(depth > 3 ? 5 : 7)
    if (kind === 0) return pick(['null', 'true', 'false'])
    if (kind <= 2) return pick(numbersWritten)
    if (kind <= 4) return `"${pick(strings)}"`
    const items = Array.from({ length: below(5) }, () => kind === 5
      ? space() + value(depth + 1) + space()
      : `${space()}"${pick(names)}"${space()}:${space()}${value(depth + 1)}${space()}`)
    return kind === 5 ? `[${items.join(',')}]` : `{${items.join(',')}${items.length ? '' : space()}}`
  }
  return () => {
    for (;;) {
      const text = space() + value(0) + space()
      // That killed the original.
      if (text.trim() !== 'null') return text
    }
  }
}

/** What the root and two joiners hear of a conversation. */
async function transcript (server) {
  const heard = { root: [], a: [], b: [] }
  const sockets = { root: await root(server.host), a: await join(server.host), b: await join(server.host) }
  const ids = {}
  for (const name of ['a', 'b']) {
    sockets[name].send('{}')
    ids[name] = JSON.parse(await sockets.root.text()).origin
    heard.root.push(ids[name])
  }
  const destinations = ['null', '""', '0', '-0', 'false', '1e-999', '[]', '{}', '"toString"', '"__proto__"', '1', 'true', '["A"]', '[["A"]]', '["A","A"]', '"A"', '"B"', '"\\u0041"']
  for (const destination of destinations) {
    const to = destination.replaceAll('A', ids.a).replaceAll('B', ids.b)
    sockets.b.send(`{"destination":${to},"signal":{"x":[1,{"b":1,"a":2}]}}`)
    sockets.b.send(`{"destination":1,"signal":1, "destination":${to}}`)
    sockets.b.send(Buffer.from(`{"origin":"forged","destination":${to}}`))
  }
  for (const text of ['5', '"str"', 'true', '[1,2]', '[]', '"heartbeat"', ' [ ] ']) sockets.a.send(text)
  const scribble = scribbler(7)
  for (let i = 0; i < 800; i++) sockets.a.send(scribble())
  sockets.root.send('"heartbeat"')
  sockets.root.send(`{"destination":"${ids.a}"}`)
  // What comes before these has come.
  for (const to of ['a', 'b']) sockets.b.send(`{"destination":"${ids[to]}","end":1}`)
  for (const from of ['a', 'b']) sockets[from].send('{"end":1}')
  for (const [name, ends] of [['a', 1], ['b', 1], ['root', 2]]) {
    for (let left = ends; left > 0;) {
      const item = await sockets[name].next()
      assert.notEqual(item.text, undefined, `${name} was closed with ${item.code} ${item.reason}`)
      assert.equal(item.isBinary, false)
      heard[name].push(item.text)
      if (item.text.includes('"end":1')) left--
    }
  }
  // Two senders' messages have no order between them.
  const end = { root: heard.root.filter(text => text.includes(ids.b)), rest: heard.root.filter(text => !text.includes(ids.b)) }
  sockets.a.close(4001, 'bye')
  heard.a.push(await sockets.a.next())
  for (const socket of Object.values(sockets)) socket.close()
  return { a: heard.a, b: heard.b, ...end }
}

test('a long conversation', bounded, async () => {
  const servers = [await original({ seed: SEED }), await ours(`seed = ${SEED}`, 'message-burst = 100000')]
  const [expected, actual] = [await transcript(servers[0]), await transcript(servers[1])]
  assert.ok(expected.rest.length > 800, `${expected.rest.length}: ${expected.rest.slice(-3)}`)
  assert.deepEqual(actual, expected)
  for (const server of servers) await server.stop()
})

test('what opens and what does not', bounded, async () => {
  const servers = [await original(), await ours()]
  const paths = ['/join', '/join?x=1', '/join/', '/Join', '//join', '/jo%69n', '/', '/other', '/wrong/webrtc-bootstrap-root',
    `/${SECRET}/webrtc-bootstrap-root`, `/${SECRET}/webrtc-bootstrap-root?a`, `/${SECRET}/webrtc-bootstrap-root/`,
    '/webrtc-bootstrap-root', `/${SECRET.toUpperCase()}/webrtc-bootstrap-root`]
  const opens = (server, path) => open(server.host, path).then(socket => { socket.close(); return true }, () => false)
  for (const path of paths) {
    assert.equal(await opens(servers[1], path), await opens(servers[0], path), path)
  }
  for (const server of servers) await server.stop()
})
