// `ws` takes lengths of frames that are not in their shortest form; RFC 6455 section 5.2 and C-38 do not. It has no
// setting for that, so the two functions that read a length are replaced here. (They are private to `ws`: its version is
// fixed in package.json.)

import { Receiver } from 'ws';

const refusal = (receiver) =>
  receiver.createError(RangeError, 'a length that is not in its shortest form', true, 1002, 'WS_ERR_INVALID_PAYLOAD_LENGTH');

/** `bytes`: how many hold the length; `least`: the shortest length that is not written in fewer. */
function readLength(bytes, least) {
  return function (done) {
    if (this._bufferedBytes < bytes) {
      this._loop = false; // goes on with the next bytes
      return;
    }
    const length = BigInt(`0x${this.consume(bytes).toString('hex')}`);
    if (length < least || length >> 63n) return void done(refusal(this));
    this._payloadLength = Number(length);
    this.haveLength(done);
  };
}

Receiver.prototype.getPayloadLength16 = readLength(2, 126n);
Receiver.prototype.getPayloadLength64 = readLength(8, 65_536n);
