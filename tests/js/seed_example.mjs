// The project's own example for JavaScript: a base URL without /v1. Prints one JSON object of what it got.
import OpenAI from "openai";

const { BASE_URL: baseURL, TOKEN: apiKey, MODEL: model } = process.env;
const client = new OpenAI({ baseURL, apiKey, maxRetries: 0 });
const messages = [{ role: "user", content: "Say hello." }];
const got = {};

const completion = await client.chat.completions.create({ model, messages });
got.plain = completion.choices[0].message.content;
got.requestId = completion._request_id;

got.pieces = [];
for await (const chunk of await client.chat.completions.create({ model, messages, stream: true })) {
  if (chunk.choices[0]?.delta?.content) got.pieces.push(chunk.choices[0].delta.content);
}

const tools = [
  { type: "function", function: { name: "get_weather", parameters: { type: "object", properties: {} } } },
];
const stream = client.chat.completions.stream({ model: `${model}-tools`, messages, tools });
const final = await stream.finalChatCompletion();
got.calls = final.choices[0].message.tool_calls.map((call) => [call.function.name, call.function.arguments]);
got.finish = final.choices[0].finish_reason;

const vectors = await client.embeddings.create({ model: "text-embedding-3-small", input: ["one", "three"] });
got.dimensions = vectors.data.map((item) => item.embedding.length);
got.lengths = vectors.data.map((item) => item.embedding.reduce((sum, value) => sum + value * value, 0));

got.models = [];
for await (const listed of client.models.list()) got.models.push(listed.id);
got.one = (await client.models.retrieve("models/gemini-3.8-flash")).id;

const failing = async (act) => {
  try {
    await act();
    return null;
  } catch (error) {
    return [error.constructor.name, error.status ?? null, error.code ?? null, error.param ?? null];
  }
};
got.badValue = await failing(() => client.chat.completions.create({ model, messages, temperature: 3 }));
got.badToken = await failing(() => new OpenAI({ baseURL, apiKey: "wrong", maxRetries: 0 }).models.list());
got.broken = await failing(async () => {
  for await (const _ of await client.chat.completions.create({ model: `${model}-broken`, messages, stream: true }));
});

console.log(JSON.stringify(got));
