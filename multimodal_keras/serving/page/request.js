// A record as a request: what the browser sends, and the curl command that sends the same.

// Linux takes no longer argument than 128 KiB.
const LONGEST_ARGUMENT = 100_000;
const NEXT = " \\\n  ";

/**
 * A request of one record.
 *
 * Texts and files go as a form, whose lines end otherwise than those of a text; so texts with line breaks, numbers, and
 * records without a file go as JSON.
 *
 * @param record field to a text, a `File`, or arrays
 * @param url where it goes
 * @param key for the server, or ""; the command names a variable in its place
 * @returns `{options, command}`: for `fetch`, and for a shell
 */
export async function makeRequest(record, url, key) {
  const headers = key ? { Authorization: `Bearer ${key}` } : {};
  const curl = [`curl --silent ${quoted(url)}`, ...(key ? ['--header "Authorization: Bearer $API_KEY"'] : [])];
  const values = Object.values(record);
  const fits = (value) => value instanceof File || (typeof value === "string" && !/[\r\n]/.test(value));
  if (values.some((value) => value instanceof File) && values.every(fits)) {
    return { options: { method: "POST", headers, body: formOf(record) }, command: formCommand(curl, record) };
  }
  headers["Content-Type"] = "application/json";
  curl.push("--header 'Content-Type: application/json'");
  const parts = await jsonParts(record);
  const body = parts.map((part) => part.text ?? part.base64).join("");
  return { options: { method: "POST", headers, body }, command: jsonCommand(curl, parts) };
}

function formOf(record) {
  const form = new FormData();
  for (const [name, value] of Object.entries(record)) form.append(name, value);
  return form;
}

function formCommand(curl, record) {
  const fields = Object.entries(record).map(([name, value]) =>
    value instanceof File ? `--form ${quoted(`${name}=@${formName(value.name)}`)}` : `--form-string ${quoted(`${name}=${value}`)}`,
  );
  return [...curl, ...fields].join(NEXT);
}

/** A file's name as curl reads it: in quotes where it has what curl would take for its own. */
function formName(name) {
  return /^[\w. -]+$/.test(name) ? name : `"${name.replace(/["\\]/g, "\\$&")}"`;
}

/** JSON in pieces: texts, and files in base64 with their names. */
async function jsonParts(record) {
  const parts = [{ text: "{" }];
  for (const [name, value] of Object.entries(record)) {
    const start = `${parts.length > 1 ? "," : ""}${JSON.stringify(name)}:`;
    if (value instanceof File) {
      parts.push({ text: `${start}{"b64":"` }, { file: value.name, base64: await base64(value) }, { text: '"}' });
    } else {
      parts.push({ text: start + JSON.stringify(value) });
    }
  }
  parts.push({ text: "}" });
  return joined(parts);
}

function joined(parts) {
  const found = [];
  for (const part of parts) {
    if (part.text && found.at(-1)?.text) found.at(-1).text += part.text;
    else found.push(part);
  }
  return found;
}

function jsonCommand(curl, parts) {
  if (parts.length === 1 && parts[0].text.length < LONGEST_ARGUMENT) {
    return [...curl, `--data-raw ${quoted(parts[0].text)}`].join(NEXT);
  }
  const pieces = parts.map(({ text, file }) =>
    text ? `printf %s ${quoted(text)}` : `base64 < ${quoted(file)} | tr -d '\\n'`,
  );
  return `{ ${pieces.join("; ")}; } |${NEXT}${[...curl, "--data-binary @-"].join(NEXT)}`;
}

function base64(file) {
  return new Promise((resolve, reject) => {
    const reader = new FileReader();
    reader.onload = () => resolve(reader.result.slice(reader.result.indexOf(",") + 1));
    reader.onerror = () => reject(reader.error);
    reader.readAsDataURL(file);
  });
}

/** A word of a shell that holds a text as it is. */
function quoted(text) {
  return `'${text.replaceAll("'", "'\\''")}'`;
}
