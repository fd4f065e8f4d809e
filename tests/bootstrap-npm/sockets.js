// A WebSocket whose messages are waited for.
import WebSocket from 'ws'
import { SECRET } from './servers.js'

/** Opens a WebSocket; fails if it is refused. */
export function open (host, path) {
  const socket = new WebSocket(`ws://${host}${path}`, { perMessageDeflate: false })
  const queue = []
  const waiting = []
  const push = item => waiting.length ? waiting.shift()(item) : queue.push(item)
  socket.on('message', (data, isBinary) => push({ text: data.toString(), isBinary }))
  socket.on('close', (code, reason) => push({ code, reason: reason.toString() }))
  socket.next = () => queue.length ? Promise.resolve(queue.shift()) : new Promise(resolve => waiting.push(resolve))
  socket.text = async () => {
    const item = await socket.next()
    if (item.text === undefined) throw new Error(`closed with ${item.code} ${item.reason}`)
    return item.text
  }
  return new Promise((resolve, reject) => {
    socket.once('open', () => resolve(socket))
    socket.once('error', reject)
  })
}

export const join = host => open(host, '/join')
export const root = host => open(host, `/${SECRET}/webrtc-bootstrap-root`)
