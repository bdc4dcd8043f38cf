// Images by the official package: drawn, edited from two files, streamed, and opened by a link. Prints one JSON object.
import OpenAI, { toFile } from "openai";

const { BASE_URL: baseURL, TOKEN: apiKey, MODEL: model } = process.env;
const client = new OpenAI({ baseURL, apiKey, maxRetries: 0 });
const got = {};

const drawn = await client.images.generate({ model, prompt: "A cat", size: "1024x1024" });
const bytes = Buffer.from(drawn.data[0].b64_json, "base64");
got.size = [bytes.readUInt32BE(16), bytes.readUInt32BE(20)];

const files = ["a.png", "b.png"].map((name) => toFile(bytes, name, { type: "image/png" }));
const edited = await client.images.edit({ model, image: await Promise.all(files), prompt: "A hat", output_format: "jpeg" });
got.edited = edited.output_format;

got.types = [];
for await (const event of await client.images.generate({ model, prompt: "A cat", stream: true })) got.types.push(event.type);

const linked = await client.images.generate({ model, prompt: "A cat", response_format: "url" });
const opened = await fetch(linked.data[0].url);
got.link = [opened.headers.get("content-type"), opened.status];

try {
  await client.images.generate({ model, prompt: "A cat", size: "large" });
} catch (error) {
  got.refused = [error.status, error.code, error.param];
}
console.log(JSON.stringify(got));
