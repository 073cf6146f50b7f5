/* Reading a product's code with the camera: by the browser itself where it can, else by a reader fetched now. */

const KINDS = ["ean_13", "ean_8", "upc_a", "code_128", "qr_code"];
const EVERY = 120; // ms between two looks

/* Show the camera in a dialog until a code is read or typed. Answers the code, or null when the person gave up. */
export async function scan(dialog) {
  const video = dialog.querySelector("video");
  const typed = dialog.querySelector("input");
  const trouble = dialog.querySelector("[data-scan-trouble]");
  trouble.hidden = true;
  video.hidden = false;
  typed.value = "";
  dialog.showModal();
  let stream = null;
  let over = false;
  const answer = new Promise((resolve) => {
    dialog.onclose = () => resolve(dialog.returnValue === "typed" ? typed.value.trim() || null : dialog.returnValue || null);
  });
  dialog.returnValue = "";
  typed.onkeydown = (event) => {
    if (event.key !== "Enter") return;
    event.preventDefault();
    dialog.close("typed");
  };
  for (const button of dialog.querySelectorAll("button")) button.onclick = () => dialog.close(button.value);
  const look = async () => {
    try {
      const [camera, read] = await Promise.all([
        navigator.mediaDevices.getUserMedia({ video: { facingMode: "environment", width: { ideal: 1280 } } }),
        reader(dialog.dataset.reader),
      ]);
      stream = camera;
      if (over) return; // a code was typed meanwhile
      video.srcObject = stream;
      await video.play();
      while (!over) {
        const code = await read(video);
        if (code && !over) return dialog.close(plain(code));
        await new Promise((resolve) => setTimeout(resolve, EVERY));
      }
    } catch {
      if (over) return;
      video.hidden = true;
      trouble.hidden = false;
      typed.focus();
    }
  };
  const looking = look();
  const code = await answer;
  over = true;
  // A code that was typed does not wait for a camera that nobody has allowed yet.
  looking.then(() => {
    if (!stream) return;
    for (const track of stream.getTracks()) track.stop();
    if (video.srcObject === stream) video.srcObject = null;
  });
  return code;
}

/* A function that reads the code a video shows now; null when there is none. */
async function reader(address) {
  if ("BarcodeDetector" in window) {
    const known = await window.BarcodeDetector.getSupportedFormats();
    const formats = KINDS.filter((kind) => known.includes(kind));
    if (formats.includes("ean_13") && formats.includes("qr_code")) {
      const detector = new window.BarcodeDetector({ formats });
      return async (video) => (await detector.detect(video))[0]?.rawValue ?? null;
    }
  }
  const { decode } = await import(address);
  const canvas = document.createElement("canvas");
  const context = canvas.getContext("2d", { willReadFrequently: true });
  return async (video) => {
    if (!video.videoWidth) return null;
    const part = Math.min(1, 960 / video.videoWidth);
    canvas.width = Math.round(video.videoWidth * part);
    canvas.height = Math.round(video.videoHeight * part);
    context.drawImage(video, 0, 0, canvas.width, canvas.height);
    return decode(context.getImageData(0, 0, canvas.width, canvas.height));
  };
}

/* The article number in a QR address (GS1 Digital Link), else the code as it is. */
function plain(code) {
  const link = /\/01\/(\d{8,14})/.exec(code);
  return (link ? link[1] : code).trim().slice(0, 100);
}
