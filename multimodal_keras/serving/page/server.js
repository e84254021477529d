// What is asked of the server, and its refusals.

/** A refusal: the server's own sentence, or what it amounts to. */
export class Refused extends Error {
  constructor(message, status) {
    super(message);
    this.status = status;
  }
}

/** The server that this page came from. Its key is kept in memory alone. */
export class Server {
  key = "";

  /** What a model is: `{model, version, contract}`, and perhaps `models`, the names of all. */
  contract(model) {
    const headers = this.key ? { Authorization: `Bearer ${this.key}` } : {};
    return this.send(address("contract", model), { headers });
  }

  /** A request's answer, as an object. */
  async send(url, options) {
    let response;
    try {
      response = await fetch(url, { ...options, cache: "no-store", credentials: "omit", redirect: "error" });
    } catch {
      throw new Refused("The server did not answer. See whether it runs, and ask again.", 0);
    }
    const answer = await response.json().catch(() => null);
    if (response.ok && answer) return answer;
    const sentence = answer?.error ?? `The server answered ${response.status}, without a reason.`;
    const wait = response.headers.get("Retry-After");
    throw new Refused(wait ? `${sentence} Ask again in ${wait} s.` : sentence, response.status);
  }
}

/** Where a path of the server is, for one of its models or its only one. */
export function address(path, model) {
  return new URL(model === undefined ? path : `${path}/${encodeURIComponent(model)}`, document.baseURI).href;
}
