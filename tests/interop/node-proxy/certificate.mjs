// A self-signed certificate that names nobody, with a key made in this run (L-7, L-8).

import 'reflect-metadata'; // wanted by the next one
import { PemConverter, X509CertificateGenerator } from '@peculiar/x509';

const ALGORITHM = { name: 'ECDSA', namedCurve: 'P-256', hash: 'SHA-256' };

/** `{ cert, key }` in PEM. */
export async function makeCertificate() {
  const keys = await crypto.subtle.generateKey(ALGORITHM, true, ['sign', 'verify']);
  const certificate = await X509CertificateGenerator.createSelfSigned({
    serialNumber: '01',
    name: '',
    // Nobody looks at the dates (L-9); these are the same for all, so that they tell nothing.
    notBefore: new Date('1975-01-01T00:00:00Z'),
    notAfter: new Date('4096-01-01T00:00:00Z'),
    signingAlgorithm: ALGORITHM,
    keys,
  });
  const key = PemConverter.encode(await crypto.subtle.exportKey('pkcs8', keys.privateKey), 'PRIVATE KEY');
  return { cert: certificate.toString('pem'), key };
}
