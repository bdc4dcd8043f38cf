// Sound by the official package: said whole and streamed, written down in each format and streamed, judged. Prints one JSON object.
import OpenAI, { toFile } from "openai";

const { BASE_URL: baseURL, TOKEN: apiKey, SPEAKER: speaker, LISTENER: model, JUDGE: judge } = process.env;
const client = new OpenAI({ baseURL, apiKey, maxRetries: 0 });
const got = {};

const speech = { model: speaker, voice: "nova", input: "Good evening. Where is Ada?" };
const spoken = await client.audio.speech.create({ ...speech, response_format: "wav" });
got.type = spoken.headers.get("content-type");
const sound = Buffer.from(await spoken.arrayBuffer());
got.wav = sound.subarray(0, 4).toString();

const streamed = await client.audio.speech.create(speech);
got.mp3 = 0;
for await (const chunk of streamed.body) got.mp3 += chunk.length;

const file = () => toFile(sound, "evening.wav", { type: "audio/wav" });
got.texts = {};
for (const response_format of ["json", "text", "srt", "vtt", "verbose_json"]) {
  got.texts[response_format] = await client.audio.transcriptions.create({ model, file: await file(), response_format });
}
got.events = [];
for await (const event of await client.audio.transcriptions.create({ model, file: await file(), stream: true })) {
  got.events.push([event.type, event.delta ?? event.text]);
}
got.english = (await client.audio.translations.create({ model, file: await file() })).text;

const judged = await client.moderations.create({ model: judge, input: ["Good evening.", "This is violence."] });
got.flagged = judged.results.map((result) => result.flagged);

const refused = async (act) => {
  try {
    await act();
    return null;
  } catch (error) {
    return [error.constructor.name, error.status, error.code, error.param];
  }
};
got.noVoice = await refused(() => client.audio.speech.create({ ...speech, voice: "no one" }));
got.words = await refused(async () =>
  client.audio.transcriptions.create({ model, file: await file(), timestamp_granularities: ["word"] }),
);
got.noSound = await refused(async () => client.audio.transcriptions.create({ model, file: await toFile("Hi", "a.mp3") }));
console.log(JSON.stringify(got));
