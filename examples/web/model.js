// A .tflite file on LiteRT.js, with the contract that travels inside it.
//
// The typed tensors of LiteRT.js know no bool, which tells whether a field is there. So the buffers of its WebAssembly
// module are filled and read here: this is written for the version in package.json.

import { getDefaultEnvironment, loadLiteRt } from "@litertjs/core";
import { packedFile } from "./packed.js";

const RUNTIME = new URL("node_modules/@litertjs/core/wasm/", import.meta.url).href;
const ARRAYS = { bool: Uint8Array, float32: Float32Array, int32: Int32Array, int8: Int8Array, uint8: Uint8Array };

/** A model that answers one record at a time. */
export class Model {
  #wasm;
  #environment;
  #model;
  #compiled;

  /** Load a file; `contract` tells what its inputs and outputs are. */
  static async load(url) {
    const response = await fetch(url);
    if (!response.ok) {
      throw new Error(
        `The page needs a model beside it. Received ${response.status} for ${url}. Copy an exported model.tflite there.`,
      );
    }
    const content = new Uint8Array(await response.arrayBuffer());
    const contract = JSON.parse(new TextDecoder().decode(packedFile(content, "contract.json")));
    if (contract.tflite.stateful) {
      throw new Error(
        "A page runs models that forget each record. Received an LSTM that goes on from the last one. " +
          "Export it with lstm='loop'.",
      );
    }
    const model = new Model();
    await model.#compile(content);
    return Object.assign(model, { contract, size: content.length });
  }

  async #compile(content) {
    this.#wasm = (await loadLiteRt(RUNTIME)).liteRtWasm;
    this.#environment = getDefaultEnvironment().liteRtEnvironment;
    const place = this.#wasm._malloc(content.length); // as long as the model lives
    this.#wasm.HEAPU8.set(content, place);
    this.#model = this.#wasm.loadModel(this.#environment, place, content.length);
    this.#compiled = await this.#wasm.compileModel(this.#environment, this.#model, { accelerator: "wasm" });
  }

  /**
   * Answer one record.
   *
   * @param inputs name to numbers, for each input of `contract.tflite`
   * @returns task to numbers
   */
  async run(inputs) {
    const signature = this.#model.getSignature(0);
    const [inputNames, outputNames] = [signature.inputNames(), signature.outputNames()].map(listed);
    const buffers = inputNames.map((name, index) => this.#filled(name, index, inputs[name]));
    const results = await this.#compiled.run(0, buffers);
    const outputs = outputNames.map((name, index) => [name, this.#read(results[index], this.contract.tflite.outputs[name])]);
    for (const used of [signature, ...buffers, ...results]) used.delete();
    this.#check(outputs);
    return Object.fromEntries(outputs);
  }

  #filled(name, index, values) {
    const { dtype } = this.contract.tflite.inputs[name];
    const type = this.#model.getInputTensorType(0, index);
    const numbers = ARRAYS[dtype].from(values);
    if (numbers.byteLength !== type.bytes()) {
      throw new RangeError(
        `The input ${name} has ${type.bytes()} bytes of ${dtype}. Received ${numbers.byteLength}. Prepare it by the contract.`,
      );
    }
    const { LiteRtTensorBuffer, LiteRtTensorBufferType, LiteRtTensorBufferLockMode } = this.#wasm;
    const kind = LiteRtTensorBufferType.HOST_MEMORY;
    const buffer = LiteRtTensorBuffer.createManaged(this.#environment, kind, type, numbers.byteLength);
    this.#wasm.HEAPU8.set(new Uint8Array(numbers.buffer), buffer.lock(LiteRtTensorBufferLockMode.WRITE));
    buffer.unlock();
    type.delete();
    return buffer;
  }

  #read(buffer, { dtype, quantization }) {
    const place = buffer.lock(this.#wasm.LiteRtTensorBufferLockMode.READ);
    const numbers = new ARRAYS[dtype](this.#wasm.HEAPU8.slice(place, place + buffer.packedSize()).buffer);
    buffer.unlock();
    if (!quantization) return numbers;
    return Float32Array.from(numbers, (number) => (number - quantization.zero_point) * quantization.scale);
  }

  /** LiteRT.js does not say when a run failed. */
  #check(outputs) {
    for (const [task, numbers] of outputs) {
      const sum = numbers.reduce((total, number) => total + number, 0);
      const wrong = this.contract.tasks[task]?.kind === "classification" ? Math.abs(sum - 1) > 0.1 : !Number.isFinite(sum);
      if (wrong) throw new Error(`The model failed. Received no answer for ${task}. The browser's console says why.`);
    }
  }
}

function listed(vector) {
  return Array.from({ length: vector.size() }, (_, index) => vector.get(index));
}
