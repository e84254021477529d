// A file: chosen, dropped, photographed or recorded; shown or played; removed.

import { photoControls } from "./camera.js";
import { make } from "./dom.js";
import { recordButton } from "./recording.js";
import { asWav } from "./sound.js";

/** What a control for a kind of file offers and says. */
export const FILES = {
  image: {
    // Named one by one: phones then turn their own formats into one of these.
    accept: "image/png,image/jpeg,image/gif,image/bmp,image/webp",
    hint: "PNG, JPEG, GIF, BMP or WebP. It can be dropped here.",
    need: "Choose a picture.",
    viewer: (name) => make("img", { alt: `The chosen ${name}` }),
    more: photoControls,
  },
  audio: {
    accept: "audio/*,.wav",
    hint: "WAV, or what this browser can turn into it. It can be dropped here.",
    need: "Choose or record a sound.",
    viewer: (name) => make("audio", { controls: true, "aria-label": `The chosen ${name}` }),
    more: recordButton,
    convert: asWav,
  },
  video: {
    accept: "video/*,image/gif",
    hint: "A video file. It can be dropped here.",
    need: "Choose a video.",
    viewer: (name) => make("video", { controls: true, playsInline: true, "aria-label": `The chosen ${name}` }),
    more: () => [],
  },
};

// Files that were made here, and are nowhere else: they can be saved.
const made = new WeakSet();

/** A control whose value is the one file of an input. */
export function fileControl(name, facts) {
  const kind = FILES[facts.kind];
  const input = make("input", { type: "file", accept: kind.accept });
  const use = (file) => {
    made.add(file);
    put(input, file);
  };
  const zone = make("div", { className: "drop" }, input, ...kind.more(facts, use));
  zone.append(preview(name, input, kind.viewer(name)));
  acceptDrops(zone, input);
  let ready = Promise.resolve();
  input.addEventListener("change", () => {
    const [file] = input.files;
    ready = file && kind.convert && !made.has(file) ? convert(file) : Promise.resolve();
    ready.catch(() => {}); // told when the file is read
  });

  async function convert(file) {
    const converted = await kind.convert(file, facts);
    if (converted && input.files[0] === file) use(converted);
  }

  return {
    element: zone,
    inputs: [input],
    hint: kind.hint,
    need: kind.need,
    isEmpty: () => !input.files.length,
    read: async () => {
      await ready;
      return input.files[0];
    },
  };
}

function put(input, ...files) {
  const transfer = new DataTransfer();
  for (const file of files) transfer.items.add(file);
  input.files = transfer.files;
  input.dispatchEvent(new Event("change", { bubbles: true }));
  input.dispatchEvent(new Event("input", { bubbles: true }));
}

function preview(name, input, viewer) {
  const bytes = make("span", { className: "hint" });
  const save = make("a", {}, "Save");
  const remove = make("button", { type: "button", "aria-label": `Remove ${name}` }, "Remove");
  const frame = make("div", { className: "preview", hidden: true }, viewer, make("div", { className: "row" }, remove, bytes, save));
  let address = "";
  input.addEventListener("change", () => {
    URL.revokeObjectURL(address);
    const [file] = input.files;
    frame.hidden = !file;
    if (!file) return;
    address = URL.createObjectURL(file);
    viewer.hidden = false;
    viewer.src = save.href = address;
    save.download = file.name;
    save.hidden = !made.has(file);
    bytes.textContent = size(file.size);
  });
  // What the browser cannot show, the model may still be able to read.
  viewer.addEventListener("error", () => (viewer.hidden = true));
  remove.addEventListener("click", () => {
    put(input);
    viewer.removeAttribute("src");
    input.focus();
  });
  return frame;
}

function acceptDrops(zone, input) {
  zone.addEventListener("dragover", (event) => {
    event.preventDefault();
    zone.classList.add("over");
  });
  zone.addEventListener("dragleave", () => zone.classList.remove("over"));
  zone.addEventListener("drop", (event) => {
    event.preventDefault();
    zone.classList.remove("over");
    if (event.dataTransfer.files.length) put(input, event.dataTransfer.files[0]);
  });
}

function size(bytes) {
  return bytes < 1e6 ? `${Math.ceil(bytes / 1e3)} KB` : `${(bytes / 1e6).toFixed(1)} MB`;
}
