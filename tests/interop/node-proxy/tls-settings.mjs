// TLS as links want it (02 section 3), in the words of Node's `tls`.

import tls from 'node:tls';

export const ALPN = 'nws/1';
export const HANDSHAKE_MS = 10_000;

/** L-4, L-5: the hybrid group where this OpenSSL has it (3.5 and newer), X25519, and no other. */
function groups() {
  try {
    tls.createSecureContext({ ecdhCurve: 'X25519MLKEM768:X25519' });
    return 'X25519MLKEM768:X25519';
  } catch {
    return 'X25519';
  }
}

const both = {
  minVersion: 'TLSv1.3', // L-1
  maxVersion: 'TLSv1.3',
  ciphers: 'TLS_AES_128_GCM_SHA256:TLS_AES_256_GCM_SHA384:TLS_CHACHA20_POLY1305_SHA256',
  ecdhCurve: groups(),
  ALPNProtocols: [ALPN], // L-2
};

/** Of I. No name is sent (L-12), and any certificate accepted (L-9); OpenSSL checks CertificateVerify all the same. */
export const clientSettings = ({ host, port }) => ({ ...both, host, port, servername: '', rejectUnauthorized: false });

/** Of R. That no tickets are sent (L-13) needs no-tickets.cnf besides: Node has no option for it. */
export const serverSettings = ({ cert, key }) => ({ ...both, cert, key, requestCert: false, handshakeTimeout: HANDSHAKE_MS });

/** L-3: an end that knows no ALPN does not fail the handshake. Behind an object, as all checks that faults replace. */
export const alpn = {
  isAgreed: (socket) => socket.alpnProtocol === ALPN,
};

/** What this TLS session, and no other, has in common at both ends (03 section 4). */
export const exported = (socket) => socket.exportKeyingMaterial(32, 'EXPERIMENTAL-nws-link', Buffer.from('nws/1'));
