import { createHash, sign, type KeyObject, type X509Certificate } from 'node:crypto';
import {
  Constructed,
  fromBER,
  Integer,
  Null,
  ObjectIdentifier,
  OctetString,
  Sequence,
  Set,
  type AsnType,
} from 'asn1js';

/** The key that signs, and its certificate chain. */
export interface Signer {
  /** A private key: RSA, or EC on P-256, P-384 or P-521. */
  readonly key: KeyObject;
  /** The key's certificate, then its chain without the root, which devices have. */
  readonly certificates: readonly [X509Certificate, ...X509Certificate[]];
}

const oid = {
  data: '1.2.840.113549.1.7.1',
  signedData: '1.2.840.113549.1.7.2',
  contentType: '1.2.840.113549.1.9.3',
  messageDigest: '1.2.840.113549.1.9.4',
  sha256: '2.16.840.1.101.3.4.2.1',
  /** RFC 8017, appendix C. */
  rsaEncryption: '1.2.840.113549.1.1.1',
  /** RFC 5758, 3.2. */
  ecdsaWithSha256: '1.2.840.10045.4.3.2',
};

/**
 * SignedData of CMS (RFC 5652) in DER that contains the file: the format in which Apple's devices accept a
 * signed configuration profile. It contains no signing time. With an RSA key, signing the same file twice
 * gives the same bytes; an EC signature contains a random number.
 */
export function signedData(content: Buffer, { key, certificates }: Signer): Buffer {
  const attributes = [
    attribute(oid.contentType, identifier(oid.data)),
    attribute(oid.messageDigest, octets(createHash('sha256').update(content).digest())),
  ];
  // The signature covers the attributes as a SET; in the structure they have an implicit tag instead
  // (RFC 5652, 5.4). DER sorts a SET by its members' bytes: `attributes` is in that order.
  const signature = sign('sha256', toDer(new Set({ value: attributes })), key);
  const signer = new Sequence({
    value: [
      new Integer({ value: 1 }),
      issuerAndSerialNumber(certificates[0]),
      algorithm(oid.sha256),
      tagged(0, attributes),
      key.asymmetricKeyType === 'rsa' ? algorithm(oid.rsaEncryption) : ecdsa(),
      octets(signature),
    ],
  });
  const sorted = certificates.map(({ raw }) => raw).sort((one, other) => one.compare(other));
  const signed = new Sequence({
    value: [
      new Integer({ value: 1 }),
      new Set({ value: [algorithm(oid.sha256)] }),
      new Sequence({ value: [identifier(oid.data), tagged(0, [octets(content)])] }),
      tagged(0, sorted.map(fromDer)),
      new Set({ value: [signer] }),
    ],
  });
  return toDer(new Sequence({ value: [identifier(oid.signedData), tagged(0, [signed])] }));
}

/** TBSCertificate (RFC 5280, 4.1): a version that may be left out, the serial number, an algorithm, the issuer. */
function issuerAndSerialNumber({ raw }: X509Certificate): Sequence {
  const [body] = membersOf(fromDer(raw));
  const fields = membersOf(body);
  const serial = fields.findIndex((field) => field instanceof Integer);
  return new Sequence({ value: [fields[serial + 2], fields[serial]] as AsnType[] });
}

function membersOf(value: AsnType | undefined): AsnType[] {
  return value instanceof Constructed ? value.valueBlock.value : [];
}

function attribute(type: string, value: AsnType): Sequence {
  return new Sequence({ value: [identifier(type), new Set({ value: [value] })] });
}

/** RFC 5754, 2 and 3.2: the parameters are NULL or absent. Every implementation accepts NULL. */
function algorithm(name: string): Sequence {
  return new Sequence({ value: [identifier(name), new Null()] });
}

/** RFC 5754, 3.3: the parameters are absent. */
function ecdsa(): Sequence {
  return new Sequence({ value: [identifier(oid.ecdsaWithSha256)] });
}

function identifier(value: string): ObjectIdentifier {
  return new ObjectIdentifier({ value });
}

function octets(bytes: Buffer): OctetString {
  return new OctetString({ valueHex: bytes });
}

function tagged(tagNumber: number, value: AsnType[]): Constructed {
  return new Constructed({ idBlock: { tagClass: 3, tagNumber }, value });
}

function toDer(value: AsnType): Buffer {
  return Buffer.from(value.toBER());
}

function fromDer(bytes: Buffer): AsnType {
  return fromBER(bytes).result;
}
