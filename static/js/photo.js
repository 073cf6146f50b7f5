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

/* A JPEG of at most 200 kB that shows what the file shows, the right way up and without what the camera noted.
   A JPEG that is small already is answered as it is. Throws when the file is no picture the browser can read. */
export async function shrink(file) {
  const picture = await read(file);
  try {
    if (file.type === "image/jpeg" && file.size <= MOST_BYTES) return file;
    const fit = Math.min(1, LONGEST / Math.max(picture.width, picture.height));
    for (const [part, quality] of STEPS) {
      const small = await draw(picture, fit * part, quality);
      if (small.size <= MOST_BYTES) return small;
    }
    return await draw(picture, Math.min(fit, 480 / Math.max(picture.width, picture.height)), 0.4);
  } finally {
    if (picture.close) picture.close();
  }
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
