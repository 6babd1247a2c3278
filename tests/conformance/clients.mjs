// The TypeScript SDK's clients, v2 and v1, over HTTP and stdio: list the tools, call one well, badly, and into an error.
// usage: node clients.mjs ADDRESS COMMAND ARGUMENT...   prints one JSON line for each client.
import { Client as Client2, StreamableHTTPClientTransport as Http2 } from '@modelcontextprotocol/client';
import { StdioClientTransport as Stdio2 } from '@modelcontextprotocol/client/stdio';
import { Client as Client1 } from '@modelcontextprotocol/sdk/client/index.js';
import { StdioClientTransport as Stdio1 } from '@modelcontextprotocol/sdk/client/stdio.js';
import { StreamableHTTPClientTransport as Http1 } from '@modelcontextprotocol/sdk/client/streamableHttp.js';

const [, , address, command, ...args] = process.argv;
const info = { name: 'acceptance', version: '1' };
const started = () => ({ command, args, env: { ...process.env }, stderr: 'ignore' });
const era = (mode) => new Client2(info, { versionNegotiation: { mode } });

async function ask(name, client, transport) {
  const told = { name };
  try {
    await client.connect(transport);
    told.protocol = client.getNegotiatedProtocolVersion?.() ?? transport.protocolVersion ?? null;
    told.tools = (await client.listTools()).tools.map((tool) => tool.name);
    told.quote = (await client.callTool({ name: 'get_quote', arguments: { code: '005930' } })).structuredContent;
    const bad = await client.callTool({ name: 'get_quote', arguments: { code: 'x' } });
    told.refused = [bad.isError, bad.structuredContent?.code];
    const lost = await client.callTool({ name: 'get_quote', arguments: { code: '000000' } });
    told.lost = [lost.isError, lost.structuredContent?.code];
  } catch (error) {
    told.failed = String(error.message).slice(0, 300);
  }
  await client.close().catch(() => {});
  console.log(JSON.stringify(told));
}

await ask('v2 http default', new Client2(info), new Http2(new URL(address)));
await ask('v2 http auto', era('auto'), new Http2(new URL(address)));
await ask('v2 http 2026-07-28', era({ pin: '2026-07-28' }), new Http2(new URL(address)));
await ask('v2 stdio auto', era('auto'), new Stdio2(started()));
await ask('v2 stdio default', new Client2(info), new Stdio2(started()));
await ask('v1 http', new Client1(info), new Http1(new URL(address)));
await ask('v1 stdio', new Client1(info), new Stdio1(started()));
