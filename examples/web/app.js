// The page: a field for each modality of the contract, and the answers of the model in the same folder.

import { showAnswers } from "./answers.js";
import { makeField } from "./fields.js";
import { Model } from "./model.js";

const form = document.querySelector("#record");
const fieldset = document.querySelector("#fields");
const status = document.querySelector("#status");
const problem = document.querySelector("#problem");
const answers = document.querySelector("#answers");

async function start() {
  const model = await Model.load("model.tflite");
  const names = Object.keys(model.contract.modalities).sort();
  const fields = await Promise.all(names.map((name) => makeField(name, model.contract)));
  const button = Object.assign(document.createElement("button"), { textContent: "Answer" });
  fieldset.append(...fields.map((field) => field.element), button);
  form.addEventListener("submit", (event) => {
    event.preventDefault();
    guarded(() => answer(model, fields));
  });
  fieldset.disabled = false;
  status.textContent = `Ready: ${(model.size / 1e6).toFixed(1)} MB are loaded.`;
}

async function answer(model, fields) {
  const inputs = Object.assign({}, ...(await Promise.all(fields.map((field) => field.tensors()))));
  const begin = performance.now();
  const outputs = await model.run(inputs);
  const milliseconds = Math.ceil(performance.now() - begin);
  const chosen = showAnswers(answers, model.contract.tasks, outputs);
  status.textContent = `Answered in ${milliseconds} ms${chosen && `: ${chosen}`}.`;
}

/** Do something, and say on the page what went wrong. */
async function guarded(work) {
  problem.textContent = "";
  form.setAttribute("aria-busy", "true");
  try {
    await work();
  } catch (error) {
    console.error(error);
    status.textContent = "";
    problem.textContent = error.message;
  }
  form.removeAttribute("aria-busy");
}

guarded(start);
