// oidc-provider, a certified issuer of other hands, with one program that may ask for tokens by its own secret.
// usage: node issuer.mjs PORT RESOURCE...   prints "up" once it answers.
import Provider from 'oidc-provider';

const [, , port, ...resources] = process.argv;
const issuer = `http://127.0.0.1:${port}`;
const scopes = 'payments:read payments:write payments:replay';
const resource = (_, audience) => {
  if (!resources.includes(audience)) throw new Error('no such resource');
  return { scope: scopes, audience, accessTokenFormat: 'jwt', accessTokenTTL: 300, jwt: { sign: { alg: 'RS256' } } };
};
const provider = new Provider(issuer, {
  clients: [{
    client_id: 'payops', client_secret: 'payops-secret-of-a-test', grant_types: ['client_credentials'], redirect_uris: [],
    response_types: [], scope: scopes,
  }],
  scopes: scopes.split(' '),
  features: {
    clientCredentials: { enabled: true },
    devInteractions: { enabled: false },
    resourceIndicators: { enabled: true, defaultResource: () => resources[0], getResourceServerInfo: resource },
  },
});
provider.listen(Number(port), '127.0.0.1', () => console.log('up'));
