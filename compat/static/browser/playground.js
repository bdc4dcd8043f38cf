// The playground: a conversation that lives in this page alone.

import { ask, baseUrl, chunks, duration, element, explained, models, temporaryToken } from "./api.js";
import { rendered } from "./markdown.js";
import { LANGUAGES } from "./snippets.js";

const byId = (id) => document.getElementById(id);
const words = byId("playground").dataset;
const turns = byId("turns");
const prompt = byId("prompt");
const send = byId("send");
const stop = byId("stop");

// The conversation as the API takes it, and the pictures of the next message as data URLs.
let messages = [];
let attached = [];
let running = null;

// --- The request ---

function number(id) {
    const text = byId(id).value.trim();
    return text === "" ? undefined : Number(text);
}

function request(conversation) {
    const system = byId("system").value.trim();
    const body = {
        model: byId("model").value,
        messages: [...(system ? [{ role: "system", content: system }] : []), ...conversation],
        stream: true,
        stream_options: { include_usage: true },
        temperature: number("temperature"),
        top_p: number("top-p"),
        max_completion_tokens: number("max-tokens"),
        reasoning_effort: byId("effort").value || undefined,
        response_format: byId("json").checked ? { type: "json_object" } : undefined,
    };
    return Object.fromEntries(Object.entries(body).filter(([, value]) => value !== undefined));
}

function written() {
    const text = prompt.value.trim();
    if (!attached.length) return text;
    const pictures = attached.map((url) => ({ type: "image_url", image_url: { url } }));
    return [...(text ? [{ type: "text", text }] : []), ...pictures];
}

function showCode() {
    const content = written();
    const next = content.length ? [{ role: "user", content }] : [];
    const conversation = [...messages, ...next];
    const body = request(conversation.length ? conversation : [{ role: "user", content: words.example }]);
    byId("code").textContent = LANGUAGES[byId("language").value](baseUrl, body);
}

// --- Turns ---

function turn(role, name) {
    const said = element("div", { className: "said" });
    const box = element("li", { className: `turn ${role}` }, element("p", { className: "who-said" }, element("span", {}, name)), said);
    byId("empty").hidden = true;
    turns.append(box);
    return { box, said };
}

function showQuestion(content) {
    const { box, said } = turn("user", words.you);
    said.classList.add("plain");
    const parts = typeof content === "string" ? [{ type: "text", text: content }] : content;
    for (const part of parts) {
        if (part.type === "text") said.append(part.text);
        else box.append(element("img", { src: part.image_url.url, alt: words.picture }));
    }
}

function toTheEnd() {
    scrollTo({ top: document.documentElement.scrollHeight });
}

// An answer as it grows; drawn at most once a frame.
class Answer {
    constructor(model) {
        Object.assign(this, turn("assistant", model), { text: "", thought: "", images: [], usage: null, waiting: false });
        this.box.classList.add("busy");
        this.began = performance.now();
        this.first = null;
    }

    add(chunk) {
        this.usage = chunk.usage ?? this.usage;
        const delta = chunk.choices[0]?.delta ?? {};
        this.finish = chunk.choices[0]?.finish_reason ?? this.finish;
        if (delta.content || delta.reasoning_content || delta.images) this.first ??= performance.now();
        this.thought += delta.reasoning_content ?? "";
        this.text += delta.content ?? delta.refusal ?? "";
        this.images.push(...(delta.images ?? []).map((image) => image.image_url.url));
        if (this.waiting) return;
        this.waiting = true;
        requestAnimationFrame(() => { this.waiting = false; this.draw(); });
    }

    draw() {
        // Follow the text, unless the reader has scrolled away from it.
        const near = innerHeight + scrollY > document.documentElement.scrollHeight - 240;
        if (this.thought) {
            if (!this.thinking) {
                const said = element("div", { className: "said" });
                this.thinking = { said, fold: element("details", {}, element("summary", {}, words.reasoning), said) };
                this.said.before(this.thinking.fold);
            }
            this.thinking.said.replaceChildren(rendered(this.thought));
        }
        this.said.replaceChildren(rendered(this.text));
        for (const url of this.images) {
            if (url.startsWith("data:image/")) this.said.append(element("img", { src: url, alt: words.picture }));
        }
        if (near) toTheEnd();
    }

    end(response, note) {
        this.draw();
        this.box.classList.remove("busy");
        const facts = [response?.headers.get("x-tumbler-model"), note];
        if (this.usage) facts.push(counted(this.usage));
        if (this.first) facts.push(`${words.firstByte} ${duration(this.first - this.began)}`);
        facts.push(duration(performance.now() - this.began));
        const line = element("p", { className: "counts" }, facts.filter(Boolean).join(" · "));
        const id = response?.headers.get("x-request-id");
        if (id) line.append(" · ", element("a", { href: `${words.requestUrl}?id=${id}` }, words.explain));
        this.box.append(line);
    }
}

function counted(usage) {
    const thought = usage.completion_tokens_details?.reasoning_tokens;
    const answer = `${usage.completion_tokens}${thought ? ` (${words.ofItReasoning} ${thought})` : ""}`;
    return `${words.tokens} ${usage.prompt_tokens} + ${answer} = ${usage.total_tokens}`;
}

// --- Sending ---

function setRunning(controller) {
    running = controller;
    send.hidden = Boolean(controller);
    stop.hidden = !controller;
    // The focus stays where the hand is: on the button that took the other one's place.
    if (controller && document.activeElement === document.body) stop.focus();
    byId("state").textContent = controller ? words.answering : "";
}

async function converse() {
    const content = written();
    if (running || !content.length) return;
    const conversation = [...messages, { role: "user", content }];
    showQuestion(content);
    prompt.value = "";
    attach([]);
    const answer = new Answer(byId("model").value);
    const controller = new AbortController();
    setRunning(controller);
    toTheEnd();
    let response = null;
    let note = "";
    try {
        const token = await temporaryToken();
        response = await ask("/chat/completions", { token, body: request(conversation), signal: controller.signal });
        for await (const chunk of chunks(response)) answer.add(chunk);
        if (answer.finish && answer.finish !== "stop") note = answer.finish;
    } catch (error) {
        if (error.name === "AbortError") note = words.stopped;
        else answer.box.append(explained(error));
    }
    answer.end(response, note);
    setRunning(null);
    byId("state").textContent = note || words.done;
    // What was answered in part is part of the conversation; what failed is not, and may be sent again.
    if (answer.text) messages = [...conversation, { role: "assistant", content: answer.text }];
    else if (!prompt.value && typeof content === "string") prompt.value = content;
    prompt.focus();
    showCode();
}

// --- Pictures ---

function attach(urls) {
    attached = urls;
    byId("attached").replaceChildren(...urls.map((url, place) => {
        const remove = element("button", { type: "button", className: "plain", ariaLabel: words.remove }, "×");
        remove.addEventListener("click", () => {
            attach(attached.filter((_, other) => other !== place));
            byId("file").focus();
        });
        return element("li", {}, element("img", { src: url, alt: words.picture }), remove);
    }));
    showCode();
}

function read(file) {
    return new Promise((resolve, reject) => {
        const reader = new FileReader();
        reader.onload = () => resolve(reader.result);
        reader.onerror = () => reject(reader.error);
        reader.readAsDataURL(file);
    });
}

async function attachFiles(files) {
    const pictures = [...files].filter((file) => file.type.startsWith("image/") && file.size <= 10 * 1024 * 1024);
    byId("state").textContent = pictures.length < files.length ? words.notTaken : "";
    attach([...attached, ...(await Promise.all(pictures.map(read)))]);
}

byId("file").addEventListener("change", async (event) => {
    await attachFiles(event.target.files);
    event.target.value = "";
});
prompt.addEventListener("paste", (event) => {
    if (event.clipboardData.files.length) {
        event.preventDefault();
        attachFiles(event.clipboardData.files);
    }
});

// --- The page ---

byId("composer").addEventListener("submit", (event) => {
    event.preventDefault();
    converse();
});
prompt.addEventListener("keydown", (event) => {
    if (event.key === "Enter" && !event.shiftKey && !event.isComposing) {
        event.preventDefault();
        converse();
    }
});
stop.addEventListener("click", () => running?.abort());
byId("clear").addEventListener("click", () => {
    running?.abort();
    messages = [];
    turns.replaceChildren();
    byId("empty").hidden = false;
    attach([]);
    prompt.focus();
});
byId("playground").addEventListener("input", showCode);
byId("code-fold").addEventListener("toggle", showCode);

async function listModels() {
    try {
        const chosen = byId("model").value;
        const listed = await models(await temporaryToken());
        const chats = listed.filter((id) => !/embed|tts|veo|imagen|aqa/.test(id));
        if (!chats.includes(chosen)) chats.unshift(chosen);
        byId("model").replaceChildren(...chats.map((id) => element("option", { selected: id === chosen }, id)));
    } catch (error) {
        byId("model-mistake").replaceChildren(explained(error));
    }
}

// Where there is room beside the conversation the settings are open from the start.
byId("settings").open = matchMedia("(min-width: 75rem)").matches;
showCode();
listModels();
