import jsQr from 'jsqr';
import { PNG } from 'pngjs';

/** The text of the QR code in a PNG picture, which a decoder finds that our encoder does not know; null if there is none. */
export function qrCodeIn(picture: Buffer): string | null {
  const { data, width, height } = PNG.sync.read(picture);
  const code = jsQr(new Uint8ClampedArray(data), width, height, {
    inversionAttempts: 'dontInvert',
  });
  return code === null ? null : Buffer.from(code.binaryData).toString('utf8');
}
