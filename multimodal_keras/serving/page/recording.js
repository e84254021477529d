// Sound from the microphone, as a WAV file of 16-bit PCM.

import { make } from "./dom.js";
import { wavFile } from "./wav.js";

const LONGEST_SECONDS = 60;

/** A button that records and, pressed again, hands over the file. */
export function recordButton(facts, use) {
  const status = make("span", { className: "hint", role: "status" });
  if (!navigator.mediaDevices?.getUserMedia || !globalThis.AudioWorkletNode) {
    status.textContent = "Recording needs https.";
    return [status];
  }
  const button = make("button", { type: "button" }, "Record");
  const longest = Math.min(facts.max_seconds ?? LONGEST_SECONDS, LONGEST_SECONDS);
  let recording = null;

  async function begin() {
    status.textContent = "Asking for the microphone…";
    recording = await Recording.start(facts.sampling_rate);
    button.textContent = "Stop";
    status.textContent = `Recording, at most ${longest} s…`;
    recording.atEnd(longest, end);
  }

  async function end() {
    if (!recording) return;
    const file = await recording.stop();
    recording = null;
    button.textContent = "Record";
    status.textContent = "Recorded.";
    use(file);
  }

  button.addEventListener("click", async () => {
    button.disabled = true;
    try {
      await (recording ? end() : begin());
    } catch (error) {
      recording = null;
      status.textContent = `The microphone cannot be used: ${error.message}. Upload a file.`;
    }
    button.disabled = false;
    button.focus();
  });
  return [button, status];
}

class Recording {
  #context;
  #stream;
  #chunks = [];
  #timer;

  static async start(rate) {
    const recording = new Recording();
    recording.#stream = await navigator.mediaDevices.getUserMedia({ audio: { channelCount: 1 } });
    const context = (recording.#context = contextAt(rate));
    await context.audioWorklet.addModule(new URL("microphone.js", import.meta.url));
    const node = new AudioWorkletNode(context, "microphone");
    node.port.onmessage = ({ data }) => recording.#chunks.push(data);
    context.createMediaStreamSource(recording.#stream).connect(node).connect(context.destination);
    return recording;
  }

  atEnd(seconds, work) {
    this.#timer = setTimeout(work, 1000 * seconds);
  }

  async stop() {
    clearTimeout(this.#timer);
    for (const track of this.#stream.getTracks()) track.stop();
    const { sampleRate } = this.#context;
    await this.#context.close();
    return wavFile(this.#chunks, sampleRate, "recording.wav");
  }
}

/** At the model's own rate where the browser converts to it, so that nothing has to be resampled later. */
function contextAt(rate) {
  try {
    return new AudioContext(rate ? { sampleRate: rate } : {});
  } catch {
    return new AudioContext();
  }
}
