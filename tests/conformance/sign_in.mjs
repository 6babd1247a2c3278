// The TypeScript SDK's client (v2) signs in by code and PKCE: it finds the issuer by itself, prints where a person must
// go, waits for the browser on a loopback port, and calls a tool; then one that needs more, which makes it ask again.
// usage: node sign_in.mjs ADDRESS CLIENT_ID PORT MODE   prints JSON lines: {go: URL}, then {told: ...}.
import { createServer } from 'node:http';
import { Client, StreamableHTTPClientTransport, UnauthorizedError } from '@modelcontextprotocol/client';

const [, , address, clientId, port, mode] = process.argv;
const say = (told) => console.log(JSON.stringify(told));
const back = `http://127.0.0.1:${port}/callback`;
const kept = {};
let arrived;

const provider = {
  get redirectUrl() { return back; },
  get clientMetadata() { return { client_name: 'acceptance', redirect_uris: [back], token_endpoint_auth_method: 'none' }; },
  state: () => (kept.state = crypto.randomUUID()),
  clientInformation: () => ({ client_id: clientId }),
  tokens: () => kept.tokens,
  saveTokens: (tokens) => { kept.tokens = tokens; },
  codeVerifier: () => kept.verifier,
  saveCodeVerifier: (verifier) => { kept.verifier = verifier; },
  redirectToAuthorization: (url) => say({ go: String(url) }),
};

createServer((request, response) => {
  const told = new URL(request.url, back).searchParams;
  if (told.has('code') || told.has('error')) arrived?.(told);
  response.end('back');
}).listen(Number(port), '127.0.0.1');
const waiting = () => new Promise((resolve) => { arrived = resolve; });

async function through(work) {
  const came = waiting();
  try {
    return await work();
  } catch (error) {
    if (!(error instanceof UnauthorizedError)) throw error;
    const told = await came;
    if (told.get('state') !== kept.state) throw new Error('another state');
    await transport.finishAuth(told);
    return null;
  }
}

const options = mode === 'legacy' ? {} : { versionNegotiation: { mode: { pin: '2026-07-28' } } };
let client = new Client({ name: 'acceptance', version: '1' }, options);
let transport = new StreamableHTTPClientTransport(new URL(address), { authProvider: provider });
const connected = async () => {
  client = new Client({ name: 'acceptance', version: '1' }, options);
  transport = new StreamableHTTPClientTransport(new URL(address), { authProvider: provider });
  await client.connect(transport);
  return true;
};
if (!(await through(connected))) await connected();
const read = await client.callTool({ name: 'search_endpoints', arguments: { query: '주식현재가' } });
const first = kept.tokens.scope;
const act = () => client.callTool({ name: 'apply_plan', arguments: { plan_id: 'none', fingerprint: 'none' } });
const done = (await through(act)) ?? (await act());
say({ told: { protocol: client.getNegotiatedProtocolVersion?.(), read: !read.isError, first, then: kept.tokens.scope,
  act: done.structuredContent?.code } });
await client.close();
process.exit(0);
