// Pictures from a camera: a phone's own way to take one, or a live view where there is a webcam.

import { make } from "./dom.js";

const QUALITY = 0.92;

/** What offers a camera; `use` gets the file. Nothing where there is none. */
export function photoControls(facts, use) {
  if (matchMedia("(pointer: coarse)").matches) return phoneCamera(use);
  return navigator.mediaDevices?.getUserMedia ? liveCamera(use) : [];
}

/** Phones and tablets open their camera for `capture`. */
function phoneCamera(use) {
  const camera = make("input", { type: "file", accept: "image/*", capture: "environment", hidden: true });
  const button = make("button", { type: "button" }, "Take a photo");
  button.addEventListener("click", () => camera.click());
  camera.addEventListener("change", (event) => {
    event.stopPropagation();
    if (camera.files.length) use(camera.files[0]);
    camera.value = "";
  });
  return [button, camera];
}

function liveCamera(use) {
  const open = make("button", { type: "button", "aria-expanded": "false" }, "Use the camera");
  const view = make("video", { muted: true, playsInline: true, "aria-label": "What the camera sees" });
  const take = make("button", { type: "button" }, "Take the picture");
  const status = make("span", { className: "hint", role: "status" });
  const frame = make("div", { className: "preview", hidden: true }, view, take);

  async function start() {
    status.textContent = "";
    try {
      view.srcObject = await navigator.mediaDevices.getUserMedia({ video: true });
      frame.hidden = false;
      await view.play();
    } catch (error) {
      stop();
      status.textContent = `The camera cannot be used: ${error.message}. Choose a file.`;
    }
    show();
  }

  function stop() {
    for (const track of view.srcObject?.getTracks() ?? []) track.stop();
    view.srcObject = null;
    frame.hidden = true;
    show();
  }

  function show() {
    open.setAttribute("aria-expanded", String(!frame.hidden));
    open.textContent = frame.hidden ? "Use the camera" : "Close the camera";
  }

  open.addEventListener("click", () => (frame.hidden ? start() : stop()));
  take.addEventListener("click", async () => {
    use(await stillOf(view));
    stop();
    open.focus();
  });
  return [open, status, frame];
}

/** The frame that a video shows, as a JPEG file. */
function stillOf(view) {
  const canvas = make("canvas", { width: view.videoWidth, height: view.videoHeight });
  canvas.getContext("2d").drawImage(view, 0, 0);
  return new Promise((resolve) => {
    const made = (blob) => resolve(new File([blob], "photo.jpg", { type: "image/jpeg" }));
    canvas.toBlob(made, "image/jpeg", QUALITY);
  });
}
