// Runs beside the page: hands on the samples of the first channel, and plays nothing.

class Microphone extends AudioWorkletProcessor {
  process([input]) {
    if (input.length) this.port.postMessage(input[0].slice());
    return true;
  }
}

registerProcessor("microphone", Microphone);
