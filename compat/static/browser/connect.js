// The connect page: the reader's token in the snippets, and the self-test.

import { ApiError, ask, chunks, duration, element, explained, models, temporaryToken } from "./api.js";

const token = document.getElementById("token");
const model = document.getElementById("model");
const checks = document.getElementById("checks");
const outcome = document.getElementById("outcome");
const words = checks.dataset;

// --- Snippets ---

const snippets = [...document.querySelectorAll("[data-token]")].map((code) => [code, code.textContent]);

function fillIn() {
    const given = token.value.trim();
    for (const [code, text] of snippets) {
        const quoted = "quotes" in code.dataset ? JSON.stringify(given) : given;
        code.textContent = given ? text.replaceAll(code.dataset.token, () => quoted) : text;
    }
}

token.addEventListener("input", fillIn);
// The page that has just made a token hands it over.
token.value = sessionStorage.getItem("carried") ?? "";
sessionStorage.removeItem("carried");
fillIn();

// --- Self-test ---

function need(condition, sentence) {
    if (!condition) throw new ApiError(sentence);
}

async function chat(secret, members) {
    const body = { model: model.value, ...members };
    return (await ask("/chat/completions", { token: secret, body })).json();
}

function user(content) {
    return { role: "user", content };
}

// A small picture, drawn here: half blue, half yellow.
function picture() {
    const canvas = element("canvas", { width: 32, height: 32 });
    const pen = canvas.getContext("2d");
    pen.fillStyle = "#2255cc";
    pen.fillRect(0, 0, 32, 32);
    pen.fillStyle = "#ffdd33";
    pen.fillRect(0, 16, 32, 16);
    return canvas.toDataURL("image/png");
}

const LOOK_UP = {
    type: "function",
    function: {
        name: "look_up_weather",
        description: "Tells the weather of a city.",
        parameters: { type: "object", properties: { city: { type: "string" } }, required: ["city"] },
    },
};
const PERSON = {
    type: "object",
    properties: { name: { type: "string" }, age: { type: "integer" } },
    required: ["name", "age"],
    additionalProperties: false,
};

const RUN = {
    async models(secret) {
        const listed = await models(secret);
        need(listed.length, words.noList);
        const chosen = model.value;
        model.replaceChildren(...listed.map((id) => element("option", { selected: id === chosen }, id)));
        return String(listed.length);
    },
    async chat(secret) {
        const answer = await chat(secret, { messages: [user("Say hello in one word.")] });
        need(answer.choices[0].message.content, words.noText);
    },
    async stream(secret) {
        const body = { model: model.value, stream: true, messages: [user("Count from one to ten.")] };
        let text = "";
        for await (const chunk of chunks(await ask("/chat/completions", { token: secret, body }))) {
            text += chunk.choices[0]?.delta.content ?? "";
        }
        need(text, words.noText);
    },
    async tools(secret) {
        const messages = [user("What is the weather in Lisbon? Use the tool.")];
        const first = await chat(secret, { messages, tools: [LOOK_UP], tool_choice: "required" });
        const [call] = first.choices[0].message.tool_calls ?? [];
        need(call?.function.name === "look_up_weather" && "city" in JSON.parse(call.function.arguments), words.noCall);
        const result = { role: "tool", tool_call_id: call.id, content: "Sunny, 24 degrees." };
        const second = await chat(secret, { messages: [...messages, first.choices[0].message, result], tools: [LOOK_UP] });
        need(second.choices[0].message.content || second.choices[0].message.tool_calls, words.noText);
    },
    async schema(secret) {
        const answer = await chat(secret, {
            messages: [user("Make up a person.")],
            response_format: { type: "json_schema", json_schema: { name: "person", schema: PERSON, strict: true } },
        });
        let person;
        try {
            person = JSON.parse(answer.choices[0].message.content);
        } catch {
            need(false, words.noFit);
        }
        need(typeof person.name === "string" && Number.isInteger(person.age), words.noFit);
    },
    async image(secret) {
        const parts = [
            { type: "text", text: "Which colours do you see?" },
            { type: "image_url", image_url: { url: picture() } },
        ];
        const answer = await chat(secret, { messages: [user(parts)] });
        need(answer.choices[0].message.content, words.noText);
    },
    async embeddings(secret) {
        const body = { model: words.embeddingModel, input: ["one", "two"], encoding_format: "float" };
        const answer = await (await ask("/embeddings", { token: secret, body })).json();
        need(answer.data.length === 2 && answer.data.every(({ embedding }) => embedding.length), words.noVector);
    },
};

function show(line, state, ...more) {
    line.className = state;
    line.querySelectorAll(".state, .mistake").forEach((old) => old.remove());
    line.append(element("span", { className: "state" }, words[state]), ...more);
}

async function runOne(line, secret) {
    show(line, "running");
    const began = performance.now();
    try {
        await RUN[line.dataset.check](secret);
        show(line, "passed");
        line.querySelector(".state").append(` · ${duration(performance.now() - began)}`);
        return true;
    } catch (error) {
        show(line, "failed", explained(error));
        return false;
    }
}

async function runAll() {
    const lines = [...checks.children];
    lines.forEach((line) => show(line, "waiting"));
    outcome.textContent = "";
    let passed = 0;
    try {
        const secret = token.value.trim() || await temporaryToken();
        for (const line of lines) passed += await runOne(line, secret);
    } catch (error) {
        outcome.replaceChildren(explained(error));
        return;
    }
    const all = passed === lines.length;
    outcome.className = `outcome notice ${all ? "good" : "bad"}`;
    outcome.textContent = all ? outcome.dataset.good : outcome.dataset.bad;
}

document.getElementById("self-test").addEventListener("submit", async (event) => {
    event.preventDefault();
    const button = document.getElementById("run");
    if (button.getAttribute("aria-disabled") === "true") return;
    button.setAttribute("aria-disabled", "true");
    await runAll();
    button.removeAttribute("aria-disabled");
});
