/* A photo made small on the phone, before it is kept or sent. Loaded when somebody chooses one. */

export const MOST_BYTES = 200_000;
const LONGEST = 1600;
const STEPS = [
  [1, 0.82],
  [1, 0.7],
  [0.8, 0.7],
  [0.65, 0.65],
  [0.5, 0.6],
  [0.4, 0.5],
  [0.3, 0.4],
];

/* A JPEG of at most 200 kB, 1600 pixels at its longest side, that shows what the file shows, the right way up and
   without what the camera noted (the place, the device). What is so already is answered as it is. Throws when the file
   is no picture the browser can read. */
export async function shrink(file) {
  const picture = await read(file);
  try {
    const fit = Math.min(1, LONGEST / Math.max(picture.width, picture.height));
    if (fit === 1 && file.size <= MOST_BYTES && (await bare(file))) return file;
    for (const [part, quality] of STEPS) {
      const small = await draw(picture, fit * part, quality);
      if (small.size <= MOST_BYTES) return small;
    }
    // It ends: a single pixel is small enough.
    for (let part = 0.15; ; part /= 2) {
      const small = await draw(picture, fit * part, 0.4);
      if (small.size <= MOST_BYTES) return small;
    }
  } finally {
    if (picture.close) picture.close();
  }
}

/* Whether a file is a JPEG that holds its pixels and nothing else: before them tables, sizes and a colour profile, after
   them nothing. */
async function bare(file) {
  const bytes = new Uint8Array(await file.arrayBuffer());
  if (bytes[0] !== 0xff || bytes[1] !== 0xd8) return false;
  let at = 2;
  while (bytes[at] === 0xff && bytes[at + 1] !== 0xda) {
    const kind = bytes[at + 1];
    const profile = kind === 0xe2 && String.fromCharCode(...bytes.subarray(at + 4, at + 15)) === "ICC_PROFILE";
    if (kind > 0xe0 && !profile) return false;
    at += 2 + bytes[at + 2] * 256 + bytes[at + 3];
  }
  while (at < bytes.length && !(bytes[at] === 0xff && bytes[at + 1] === 0xd9)) at += 1;
  return at === bytes.length - 2;
}

async function read(file) {
  if (window.createImageBitmap) {
    try {
      return await createImageBitmap(file, { imageOrientation: "from-image" });
    } catch {
      // Some browsers read more kinds as an image than as a bitmap.
    }
  }
  const image = new Image();
  const address = URL.createObjectURL(file);
  try {
    image.src = address;
    await image.decode();
  } finally {
    URL.revokeObjectURL(address);
  }
  return image;
}

function draw(picture, part, quality) {
  const canvas = document.createElement("canvas");
  canvas.width = Math.max(1, Math.round(picture.width * part));
  canvas.height = Math.max(1, Math.round(picture.height * part));
  const context = canvas.getContext("2d", { alpha: false });
  context.fillStyle = "#fff";
  context.fillRect(0, 0, canvas.width, canvas.height);
  context.drawImage(picture, 0, 0, canvas.width, canvas.height);
  return new Promise((resolve, reject) =>
    canvas.toBlob((blob) => (blob ? resolve(blob) : reject(new Error("no picture"))), "image/jpeg", quality),
  );
}
