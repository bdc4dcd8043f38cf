// The AI SDK over its provider for OpenAI: the Responses API, which it speaks by default, and chat. Prints one JSON object.
import { createOpenAI } from "@ai-sdk/openai";
import { embed, generateObject, generateText, stepCountIs, streamObject, streamText, tool } from "ai";
import { z } from "zod";

const { BASE_URL, TOKEN: apiKey, MODEL } = process.env;
const openai = createOpenAI({ baseURL: `${BASE_URL}/v1`, apiKey });
const prompt = "Say hello.";
const weather = {
  get_weather: tool({
    description: "The weather in a city",
    inputSchema: z.object({ city: z.string() }),
    execute: async ({ city }) => `sunny in ${city}`,
  }),
};
const schema = z.object({ name: z.string(), age: z.number() });
const once = { maxRetries: 0 };

const drive = async (model) => {
  const got = {};
  const { text, finishReason, usage } = await generateText({ model: model(MODEL), prompt, ...once });
  got.generated = [text, finishReason, usage.totalTokens];

  const streamed = streamText({ model: model(MODEL), prompt, ...once });
  got.pieces = [];
  for await (const piece of streamed.textStream) got.pieces.push(piece);
  got.streamed = [await streamed.text, await streamed.finishReason, (await streamed.usage).totalTokens];

  const looped = await generateText({
    ...once,
    model: model(`${MODEL}-tools`),
    prompt: "What is the weather in Oslo?",
    tools: weather,
    stopWhen: stepCountIs(3),
  });
  got.steps = looped.steps.map(({ toolResults }) => toolResults.map(({ input, output }) => [input.city, output]));
  got.looped = looped.text;

  const streamedLoop = streamText({
    ...once,
    model: model(`${MODEL}-tools`),
    prompt: "What is the weather in Oslo?",
    tools: weather,
    stopWhen: stepCountIs(3),
  });
  got.streamedLoop = await streamedLoop.text;
  got.streamedSteps = (await streamedLoop.steps).length;

  got.object = (await generateObject({ ...once, model: model(`${MODEL}-object`), prompt: "Who?", schema })).object;
  const growing = streamObject({ ...once, model: model(`${MODEL}-object`), prompt: "Who?", schema });
  for await (const partial of growing.partialObjectStream) got.partial = partial;
  got.streamedObject = await growing.object;

  const failing = async (act) => {
    try {
      await act();
      return null;
    } catch (error) {
      return [error.name, error.statusCode ?? null, error.isRetryable ?? null];
    }
  };
  got.forbidden = await failing(() =>
    generateText({ model: model(MODEL), prompt, ...once, headers: { authorization: "Bearer wrong" } }),
  );
  got.overloaded = await failing(() => generateText({ model: model(`${MODEL}-overloaded`), prompt, ...once }));
  const errors = [];
  const broken = streamText({ ...once, model: model(`${MODEL}-broken`), prompt, onError: (told) => errors.push(told) });
  await broken.consumeStream();
  got.broken = errors.length;
  return got;
};

const got = { responses: await drive(openai.responses), chat: await drive(openai.chat) };
const { embedding } = await embed({ model: openai.embedding("text-embedding-3-small"), value: "one", ...once });
got.dimensions = embedding.length;
console.log(JSON.stringify(got));
