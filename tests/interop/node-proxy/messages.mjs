// The messages of both kinds of lane, read from spec/proto. What comes out of here has known fields of the right
// type and length (02 sections 7 and 8, 03 section 7, 04 section 2); whether it is allowed now, others say.

import { fileURLToPath } from 'node:url';
import protobuf from 'protobufjs';
import { malformed, Code, LinkFault } from './codes.mjs';

const folder = new URL('../../../spec/proto/nws/v1/', import.meta.url);
const schema = protobuf.loadSync(['control.proto', 'data.proto'].map((file) => fileURLToPath(new URL(file, folder))));
const Control = schema.lookupType('nws.v1.Control');
const Data = schema.lookupType('nws.v1.Data');

/** `[bytes, most]`: how long the field is, or of how many entries of that length it is a list. */
const LENGTHS = {
  hello: { instanceId: [16] },
  query: { blinded: [32, 1024] },
  answer: { evaluated: [32, 1024], offer: [16, 1024] },
  offer: { tags: [16, 1024] },
  revoke: { tags: [16, 1024] },
  accept: { tags: [16, 1024] },
  leave: { channelId: [8] },
  open: { channelId: [8] },
  members: { peerIds: [16, 2048] },
  join: { peerId: [16] },
  part: { peerId: [16] },
  broadcast: { source: [16] },
  direct: { source: [16], target: [16] },
  undeliverable: { source: [16], target: [16] },
};

export const encodeControl = (kind, fields) => encode(Control, kind, fields);
export const encodeData = (kind, fields) => encode(Data, kind, fields);

/** `{ kind: 'ping', nonce }` and so on; bytes are Buffers. Throws LinkFault. */
export const decodeControl = (bytes) => decode(Control, bytes);
export const decodeData = (bytes) => decode(Data, bytes);

/** The 16-byte ids or tags, or 32-byte elements, of a list. */
export function entries(list, size) {
  return Array.from({ length: list.length / size }, (_, at) => list.subarray(at * size, (at + 1) * size));
}

function encode(type, kind, fields) {
  return Buffer.from(type.encode({ [kind]: fields }).finish());
}

function decode(type, bytes) {
  let message;
  try {
    const reader = protobuf.Reader.create(bytes);
    reader.discardUnknown = false; // what is unknown has to be looked at, see below
    message = type.decode(reader);
  } catch (error) {
    throw malformed(`not a message: ${error.message}`);
  }
  checks.unknownFields(type, message);
  const kind = message.body;
  if (!kind) throw malformed('a message without a body that is known');
  const field = type.fields[kind];
  checks.unknownFields(field.resolvedType, message[kind]);
  if (kind === 'hello') checks.version(message.hello); // L-32: before any limit
  const body = { kind, ...plain(field.resolvedType, message[kind]) };
  check(body);
  return body;
}

/** Behind one object, as all checks that faults replace. */
export const checks = {
  /** L-29: a known number with another wire type, which protobufjs takes for an unknown field, is a fault. L-30: others are none. */
  unknownFields(type, message) {
    for (const unknown of message.$unknowns ?? []) {
      const number = protobuf.Reader.create(unknown).uint32() >>> 3;
      if (type.fieldsById[number]) throw malformed(`field ${number} of ${type.name} has a wrong type`);
    }
  },

  version({ version }) {
    if (version !== 1) throw new LinkFault(Code.Version, `version ${version} is not spoken here`);
  },
};

/** All fields, absent ones with their default, bytes as Buffers. */
function plain(type, message) {
  const fields = {};
  for (const { name, type: kind, repeated } of type.fieldsArray) {
    const value = message[name];
    if (repeated) fields[name] = value ?? [];
    else if (kind === 'bytes') fields[name] = Buffer.from(value);
    else fields[name === 'kind' ? 'format' : name] = value; // the kind of a payload, beside the kind of the message
  }
  return fields;
}

function check(body) {
  if (body.kind === 'hello') checkHello(body);
  if (body.kind === 'goodbye' && Buffer.byteLength(body.reason) > 256) throw malformed('a reason of more than 256 bytes');
  for (const [name, [size, most]] of Object.entries(LENGTHS[body.kind] ?? {})) {
    const length = body[name].length;
    if (most ? length % size !== 0 || length > size * most : length !== size) {
      throw malformed(`${body.kind}.${name} has ${length} bytes`);
    }
  }
}

function checkHello(hello) {
  const sizes = hello.capabilities.map((name) => Buffer.byteLength(name));
  if (sizes.length > 32 || sizes.some((size) => size < 1 || size > 64)) throw malformed('capabilities over the limits');
  if (Buffer.byteLength(hello.agent) > 128) throw malformed('an agent of more than 128 bytes');
  if (hello.maxFrameBytes < 65_536 || hello.maxFrameBytes > 67_108_864) throw malformed('max_frame_bytes out of range');
}
