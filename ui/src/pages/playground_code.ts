// The same request for programs.
import { quoted } from "../format";
import type { Body } from "./playground_talk";

export const LANGUAGES = ["curl", "Python", "TypeScript"] as const;
export type Language = (typeof LANGUAGES)[number];

/** Methods of OpenAI's libraries by path. */
const METHODS: Record<string, readonly [python: string, typescript: string]> = {
  "/v1/chat/completions": ["chat.completions.create", "chat.completions.create"],
  "/v1/embeddings": ["embeddings.create", "embeddings.create"],
  "/v1/images/generations": ["images.generate", "images.generate"],
  "/v1/responses": ["responses.create", "responses.create"],
};

export function code(language: Language, path: string, body: Body): string {
  const method = METHODS[path];
  if (language === "curl" || method === undefined) return curl(path, body);
  return language === "Python" ? python(method[0], body) : typescript(method[1], body);
}

function curl(path: string, body: Body): string {
  const flags = body["stream"] === true ? "-N " : "";
  return [
    `curl ${flags}${location.origin}${path} \\`,
    `  -H "Authorization: Bearer $GLOWPLUG_KEY" \\`,
    `  -H "Content-Type: application/json" \\`,
    `  -d ${quoted(JSON.stringify(body, null, 2))}`,
  ].join("\n");
}

function python(method: string, body: Body): string {
  const said = Object.entries(body).filter(([name]) => name !== "stream_options");
  const call = `client.${method}(\n${said.map(([name, value]) => `    ${name}=${literal(value, 1)},\n`).join("")})`;
  return [
    "import os",
    "",
    "from openai import OpenAI",
    "",
    `client = OpenAI(base_url="${location.origin}/v1", api_key=os.environ["GLOWPLUG_KEY"])`,
    ...(body["stream"] === true
      ? [`for chunk in ${call}:`, "    for choice in chunk.choices:", '        print(choice.delta.content or "", end="", flush=True)']
      : [`print(${call})`]),
  ].join("\n");
}

function typescript(method: string, body: Body): string {
  const { stream_options: _, ...said } = body;
  const call = `await client.${method}(${JSON.stringify(said, null, 2)})`;
  return [
    'import OpenAI from "openai";',
    "",
    `const client = new OpenAI({ baseURL: "${location.origin}/v1", apiKey: process.env.GLOWPLUG_KEY });`,
    ...(body["stream"] === true
      ? [`const stream = ${call};`, "for await (const chunk of stream) {", '  process.stdout.write(chunk.choices[0]?.delta.content ?? "");', "}"]
      : [`console.log(${call});`]),
  ].join("\n");
}

/** A JSON value as Python writes it. */
function literal(value: unknown, depth: number): string {
  const indent = "    ".repeat(depth);
  const list = (open: string, close: string, items: readonly string[]) =>
    items.length === 0 ? open + close : `${open}\n${items.map((one) => `${indent}    ${one},\n`).join("")}${indent}${close}`;
  if (value === null || value === undefined) return "None";
  if (typeof value === "boolean") return value ? "True" : "False";
  if (Array.isArray(value)) return list("[", "]", value.map((one) => literal(one, depth + 1)));
  if (typeof value !== "object") return JSON.stringify(value);
  return list("{", "}", Object.entries(value).map(([name, one]) => `${JSON.stringify(name)}: ${literal(one, depth + 1)}`));
}
