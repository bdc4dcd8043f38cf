// Asking the API from a page: its token, its errors in words, and streams event by event. No text of a page is kept anywhere.

const root = document.getElementById("asking");
const words = root.dataset;

export const baseUrl = words.baseUrl;

let ephemeral = { token: "", until: 0 };

// A token of ten minutes with this person's limits, made anew shortly before its end.
export async function temporaryToken() {
    if (Date.now() < ephemeral.until - 30_000) return ephemeral.token;
    const csrf = root.querySelector("[name=csrfmiddlewaretoken]").value;
    const answer = await fetch(words.tokenUrl, { method: "POST", headers: { "X-CSRFToken": csrf } });
    if (answer.redirected || !answer.ok) throw new ApiError(words.signedOut);
    const given = await answer.json();
    ephemeral = { token: given.token, until: Date.now() + given.seconds * 1000 };
    return ephemeral.token;
}

// What went wrong, as the API tells it: message, code, and the id under which it can be explained.
export class ApiError extends Error {
    constructor(message, { code = null, status = 0, requestId = "" } = {}) {
        super(message);
        Object.assign(this, { code, status, requestId });
    }
}

// The response of a route; raises ApiError for every answer that is none.
export async function ask(path, { token, body, signal } = {}) {
    const headers = { Authorization: `Bearer ${token}` };
    if (body) headers["Content-Type"] = "application/json";
    let response;
    try {
        response = await fetch(`${baseUrl}${path}`, {
            method: body ? "POST" : "GET", headers, signal, body: body && JSON.stringify(body),
        });
    } catch (error) {
        throw error.name === "AbortError" ? error : new ApiError(words.unreachable);
    }
    if (response.ok) return response;
    const told = await response.json().catch(() => ({}));
    throw new ApiError(told.error?.message ?? `HTTP ${response.status}`, {
        code: told.error?.code ?? null, status: response.status, requestId: response.headers.get("x-request-id") ?? "",
    });
}

// The chunks of a streamed response, each an object; ends at [DONE], raises ApiError for an error event.
export async function* chunks(response) {
    const requestId = response.headers.get("x-request-id") ?? "";
    const reader = response.body.getReader();
    const decoder = new TextDecoder();
    let rest = "";
    let complete = false;
    for (;;) {
        const { done, value } = await reader.read();
        if (done && complete) return;
        if (done) throw new ApiError(words.cutOff, { requestId });
        const events = (rest + decoder.decode(value, { stream: true })).split("\n\n");
        rest = events.pop();
        for (const event of events) {
            const data = event.split("\n").find((line) => line.startsWith("data: "))?.slice(6);
            // Read on: a response that is left before its end counts as failed.
            complete ||= data === "[DONE]";
            if (complete || data === undefined) continue;
            const chunk = JSON.parse(data);
            if (chunk.error) throw new ApiError(chunk.error.message, { code: chunk.error.code, requestId });
            yield chunk;
        }
    }
}

// The ids of all models, in the order of the API.
export async function models(token) {
    const listed = await (await ask("/models", { token })).json();
    return listed.data.map((model) => model.id);
}

// Milliseconds as a person reads them.
export function duration(ms) {
    return ms < 1000 ? `${Math.round(ms)} ms` : `${(ms / 1000).toPrecision(3)} s`;
}

// An element with its members and children; texts stay texts.
export function element(name, members = {}, ...children) {
    const made = Object.assign(document.createElement(name), members);
    made.append(...children);
    return made;
}

// What went wrong as a paragraph, with a link to the page that explains the request where it has an id.
export function explained(error) {
    const told = element("p", { className: "mistake" }, error.message);
    if (error.code) told.append(" ", element("code", {}, error.code));
    if (error.requestId) {
        told.append(" ", element("a", { href: `${words.requestsUrl}?id=${error.requestId}` }, words.explain));
    }
    return told;
}
