// The playground's request as a program would send it.

function shortened(body) {
    // A picture would fill the page: what stands for it says so.
    return JSON.stringify(body, (_, value) =>
        typeof value === "string" && value.startsWith("data:") ? `${value.slice(0, value.indexOf(",") + 1)}…` : value, 2);
}

function asPython(value, depth = 1) {
    const pad = "    ".repeat(depth);
    const end = "    ".repeat(depth - 1);
    if (Array.isArray(value)) {
        return value.length ? `[\n${value.map((item) => `${pad}${asPython(item, depth + 1)},\n`).join("")}${end}]` : "[]";
    }
    if (value && typeof value === "object") {
        const members = Object.entries(value).map(([name, member]) => `${pad}${JSON.stringify(name)}: ${asPython(member, depth + 1)},\n`);
        return `{\n${members.join("")}${end}}`;
    }
    return { true: "True", false: "False", null: "None" }[String(value)] ?? JSON.stringify(value);
}

function python(baseUrl, body) {
    const members = Object.entries(JSON.parse(shortened(body)))
        .map(([name, value]) => `    ${name}=${asPython(value, 2)},\n`);
    return `import os

from openai import OpenAI

client = OpenAI(base_url=${JSON.stringify(baseUrl)}, api_key=os.environ["TUMBLER_TOKEN"])
stream = client.chat.completions.create(
${members.join("")})
for chunk in stream:
    if chunk.choices:
        print(chunk.choices[0].delta.content or "", end="", flush=True)
`;
}

function javascript(baseUrl, body) {
    return `import OpenAI from "openai";

const client = new OpenAI({ baseURL: ${JSON.stringify(baseUrl)}, apiKey: process.env.TUMBLER_TOKEN });
const stream = await client.chat.completions.create(${shortened(body)});
for await (const chunk of stream) {
  process.stdout.write(chunk.choices[0]?.delta?.content ?? "");
}
`;
}

function curl(baseUrl, body) {
    return `curl -N ${baseUrl}/chat/completions \\
  -H "Authorization: Bearer $TUMBLER_TOKEN" \\
  -H "Content-Type: application/json" \\
  -d '${shortened(body).replaceAll("'", "'\\''")}'
`;
}

export const LANGUAGES = { curl, python, javascript };
