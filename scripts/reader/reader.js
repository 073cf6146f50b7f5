/* Reads EAN, UPC, Code 128 and QR codes where the browser does not: only these readers of @zxing/library. */
import BarcodeFormat from "@zxing/library/es2015/core/BarcodeFormat.js";
import BinaryBitmap from "@zxing/library/es2015/core/BinaryBitmap.js";
import DecodeHintType from "@zxing/library/es2015/core/DecodeHintType.js";
import RGBLuminanceSource from "@zxing/library/es2015/core/RGBLuminanceSource.js";
import HybridBinarizer from "@zxing/library/es2015/core/common/HybridBinarizer.js";
import Code128Reader from "@zxing/library/es2015/core/oned/Code128Reader.js";
import EAN13Reader from "@zxing/library/es2015/core/oned/EAN13Reader.js";
import EAN8Reader from "@zxing/library/es2015/core/oned/EAN8Reader.js";
import QRCodeReader from "@zxing/library/es2015/core/qrcode/QRCodeReader.js";

const HINTS = new Map([
  [DecodeHintType.TRY_HARDER, true],
  [DecodeHintType.POSSIBLE_FORMATS, [BarcodeFormat.EAN_13, BarcodeFormat.EAN_8, BarcodeFormat.CODE_128, BarcodeFormat.QR_CODE]],
]);
// UPC-A is an EAN-13 that begins with 0.
const READERS = [new EAN13Reader(), new QRCodeReader(), new EAN8Reader(), new Code128Reader()];

/* The text of the code in an ImageData, or null when there is none to read. */
export function decode({ data, width, height }) {
  const grey = new Uint8ClampedArray(width * height);
  for (let at = 0, from = 0; at < grey.length; at += 1, from += 4) {
    grey[at] = (data[from] * 306 + data[from + 1] * 601 + data[from + 2] * 117) >> 10;
  }
  const bitmap = new BinaryBitmap(new HybridBinarizer(new RGBLuminanceSource(grey, width, height)));
  for (const reader of READERS) {
    try {
      return reader.decode(bitmap, HINTS).getText();
    } catch {
      // Not this kind, or not in sight.
    }
  }
  return null;
}
