// webrtc-bootstrap's own server on a free port of loopback. Its options come as JSON.
const http = require('node:http')
const { Server } = require('webrtc-bootstrap')

const { secret, ...opts } = JSON.parse(process.argv[2])
const httpServer = http.createServer()
httpServer.listen(0, '127.0.0.1', () => {
  new Server(secret, { ...opts, httpServer })
  console.log(`listening on 127.0.0.1:${httpServer.address().port}`)
})
