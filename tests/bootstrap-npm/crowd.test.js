// Many joiners at once, and bad ones among them.
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { ours } from './servers.js'
import { join, root } from './sockets.js'

const bounded = { timeout: 300_000 }
const CROWD = Number(process.env.NWS_CROWD ?? 5000)

test(`${CROWD} joiners at once`, bounded, async () => {
  const server = await ours('timeout = "5m"')
  const listening = await root(server.host)
  const joiners = await Promise.all(Array.from({ length: CROWD }, () => join(server.host)))
  assert.equal((await server.figures()).joiners, CROWD)
  joiners.forEach((joiner, number) => joiner.send(JSON.stringify({ number })))
  const ids = new Array(CROWD)
  for (let left = CROWD; left > 0;) {
    const text = await listening.text()
    if (text === '"heartbeat"') continue
    const { number, origin } = JSON.parse(text)
    assert.equal(ids[number], undefined)
    ids[number] = origin
    left--
  }
  assert.equal(new Set(ids).size, CROWD)
  // Each is reached by its id, by one answerer after the other as the rate of one is limited.
  for (let from = 0; from < CROWD; from += 500) {
    const answerer = await join(server.host)
    for (const destination of ids.slice(from, from + 500)) answerer.send(JSON.stringify({ destination, signal: destination }))
    for (const [number, id] of ids.slice(from, from + 500).entries()) {
      assert.equal(JSON.parse(await joiners[from + number].text()).signal, id)
    }
    answerer.close()
  }
  for (const joiner of joiners) joiner.terminate()
  listening.close()
  await server.stop()
})

test('bad ones among good ones', bounded, async () => {
  const server = await ours()
  const listening = await root(server.host)
  const good = await join(server.host)
  const bad = [
    ['not json', 1007],
    ['', 1007],
    ['null', 1007],
    [Buffer.from([0xff]), 1003],
    [Buffer.from('not json'), 1003],
    [`"${'x'.repeat(3 * 1024 * 1024)}"`, 1009],
    ['['.repeat(100_000), 1007]
  ]
  for (const [words, code] of bad) {
    const joiner = await join(server.host)
    joiner.on('error', () => {})
    joiner.send(words)
    const end = await joiner.next()
    assert.equal(end.code, code)
    assert.notEqual(end.reason, '')
    good.send('{"still":"here"}')
    assert.equal(JSON.parse(await listening.text()).still, 'here')
  }
  good.close()
  listening.close()
  assert.equal(await server.stop(), 0)
})
