import { createRequire } from 'node:module';
import type jsqrType from 'jsqr';
import { PNG } from 'pngjs';
import QRCode from 'qrcode';

const jsqr = createRequire(import.meta.url)('jsqr') as typeof jsqrType.default;
const LIMIT = 500_000;

/** A picture of a login code that scans well: drawn anew from what it says, or as it was photographed when it can't be read. */
export async function codePicture(image: Buffer): Promise<{ png: Buffer; url: string | null }> {
  const url = readCode(image);
  if (url === null) return { png: image, url: null };
  return { png: await QRCode.toBuffer(url, { margin: 3, width: 360, errorCorrectionLevel: 'M' }), url };
}

function readCode(image: Buffer): string | null {
  try {
    const { data, width, height } = PNG.sync.read(image);
    return jsqr(new Uint8ClampedArray(data), width, height)?.data || null;
  } catch {
    return null;
  }
}

/** The picture as base64, or null when it is too large to send. */
export const sendable = (image: Buffer | null): string | null => (image && image.length <= LIMIT ? image.toString('base64') : null);
