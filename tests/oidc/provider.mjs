// A real OpenID Connect provider for tests: node provider.mjs PORT CALLBACK BACK. Whoever signs in as NAME (with any
// password) is NAME@university.example; what is vouched for follows from how the name begins.
import { Provider } from "oidc-provider";

const [port, callback, back] = process.argv.slice(2);

const claims = (name) => ({
  sub: name,
  name: `Person ${name}`,
  email: `${name}@university.example`,
  email_verified: !name.startsWith("unverified"),
  groups: name.startsWith("staff") ? ["radiology", "commons-curators"] : ["students"],
});

const provider = new Provider(`http://127.0.0.1:${port}`, {
  clients: [
    {
      client_id: "commons",
      client_secret: "a secret: of the test",
      redirect_uris: [callback],
      post_logout_redirect_uris: [back],
      grant_types: ["authorization_code"],
      response_types: ["code"],
    },
  ],
  pkce: { required: () => true },
  claims: { openid: ["sub"], email: ["email", "email_verified"], profile: ["name"], groups: ["groups"] },
  scopes: ["openid", "email", "profile", "groups"],
  findAccount: (_context, name) => ({ accountId: name, claims: async () => claims(name) }),
  features: { devInteractions: { enabled: true } },
  cookies: { keys: ["a key of the test"] },
});
provider.listen(Number(port), "127.0.0.1", () => console.log("ready"));
