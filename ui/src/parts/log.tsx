// A log as it is written.
import { useEffect, useRef, useState } from "preact/hooks";
import { Cli, Problem } from "./basics";

const MOST = 200_000;

export function Log({ open, line }: { open: (signal: AbortSignal) => Promise<Response>; line: string }) {
  const [text, setText] = useState("");
  const [error, setError] = useState<unknown>(null);
  const box = useRef<HTMLPreElement>(null);
  const held = useRef(false);
  useEffect(() => {
    const ending = new AbortController();
    const read = async () => {
      const answer = await open(ending.signal);
      const reader = answer.body?.pipeThrough(new TextDecoderStream()).getReader();
      for (let part = await reader?.read(); part?.done === false; part = await reader?.read()) {
        const { value } = part;
        setText((before) => (before + value).slice(-MOST));
      }
    };
    read().catch((problem: unknown) => ending.signal.aborted || setError(problem));
    return () => ending.abort();
  }, []);
  useEffect(() => {
    if (box.current !== null && !held.current) box.current.scrollTop = box.current.scrollHeight;
  }, [text]);
  const scrolled = () => {
    const node = box.current;
    if (node !== null) held.current = node.scrollTop + node.clientHeight < node.scrollHeight - 8;
  };
  return (
    <>
      <Problem error={error} />
      <pre ref={box} class="log" tabIndex={0} role="region" aria-label="Log" onScroll={scrolled}>
        {text === "" ? "Nothing was written yet." : text}
      </pre>
      <Cli line={line} />
    </>
  );
}
