/**
 * Server-sent events of a fetched stream, since EventSource can't send a key.
 *
 * @param {ReadableStream<Uint8Array>} body
 * @param {function()} onSilence called when nothing, not even a heartbeat, came for so many milliseconds
 * @param {AbortSignal} [signal] ends it, as the end of its request alone may leave it waiting
 * @yields {{event: string, data: string}}
 */
export async function* serverEvents(body, onSilence, silence, signal) {
  const reader = body.pipeThrough(new TextDecoderStream()).getReader();
  signal?.addEventListener("abort", () => reader.cancel().catch(() => {}), { once: true });
  let rest = "";
  let timer = setTimeout(onSilence, silence);
  try {
    for (;;) {
      const { done, value } = await reader.read();
      if (done) return;
      clearTimeout(timer);
      timer = setTimeout(onSilence, silence);
      const blocks = (rest + value).split("\n\n");
      rest = blocks.pop();
      for (const block of blocks) {
        const found = parse(block);
        if (found.data !== "") yield found;
      }
    }
  } finally {
    clearTimeout(timer);
    reader.cancel().catch(() => {});
  }
}

function parse(block) {
  const found = { event: "message", data: [] };
  for (const line of block.split("\n")) {
    const [, field, value] = /^([^:]*):? ?(.*)$/s.exec(line);
    if (field === "event") found.event = value;
    if (field === "data") found.data.push(value);
  }
  return { event: found.event, data: found.data.join("\n") };
}
