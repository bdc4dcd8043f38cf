// The official openai package on the Responses API. Prints one JSON object of what it got.
import OpenAI from "openai";
import { zodTextFormat } from "openai/helpers/zod";
import { z } from "zod";

const { BASE_URL, TOKEN: apiKey, MODEL: model } = process.env;
const client = new OpenAI({ baseURL: `${BASE_URL}/v1`, apiKey, maxRetries: 0 });
const input = "Say hello.";
const got = {};

const response = await client.responses.create({ model, input, instructions: "Be brief." });
got.plain = [response.output_text, response.status, response.usage.total_tokens];

got.events = [];
const stream = client.responses.stream({ model, input });
for await (const event of stream) got.events.push(event.type);
got.streamed = (await stream.finalResponse()).output_text;

const Person = z.object({ name: z.string(), age: z.number() });
const parsed = await client.responses.parse({
  model: `${model}-parse`,
  input: "Who?",
  text: { format: zodTextFormat(Person, "person") },
});
got.parsed = parsed.output_parsed;

const tools = [
  {
    type: "function",
    name: "get_weather",
    strict: true,
    parameters: {
      type: "object",
      properties: { city: { type: "string" } },
      required: ["city"],
      additionalProperties: false,
    },
  },
];
const history = [{ role: "user", content: "What is the weather in Oslo and in Rome?" }];
got.cities = [];
let turn;
do {
  turn = await client.responses.create({ model: `${model}-tools`, input: history, tools, store: false });
  history.push(...turn.output);
  for (const item of turn.output.filter(({ type }) => type === "function_call")) {
    const { city } = JSON.parse(item.arguments);
    got.cities.push(city);
    history.push({ type: "function_call_output", call_id: item.call_id, output: `sunny in ${city}` });
  }
} while (history.at(-1).type === "function_call_output");
got.answer = turn.output_text;

const failing = async (act) => {
  try {
    await act();
    return null;
  } catch (error) {
    return [error.constructor.name, error.status ?? null, error.code ?? null, error.param ?? null];
  }
};
got.badValue = await failing(() => client.responses.create({ model, input, temperature: 3 }));
got.badToken = await failing(() =>
  new OpenAI({ baseURL: `${BASE_URL}/v1`, apiKey: "wrong", maxRetries: 0 }).responses.create({ model, input }),
);
got.broken = await failing(async () => {
  const events = [];
  for await (const event of await client.responses.create({ model: `${model}-broken`, input, stream: true })) {
    events.push(event);
  }
  got.brokenEnd = [events.at(-1).type, events.at(-1).response.error.code];
});

console.log(JSON.stringify(got));
