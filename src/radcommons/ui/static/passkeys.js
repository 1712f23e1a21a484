// Passkeys (WebAuthn). Everything else on these pages works without this script.
"use strict";

const decode = (text) => {
  const plain = atob(text.replace(/-/g, "+").replace(/_/g, "/"));
  return Uint8Array.from(plain, (sign) => sign.charCodeAt(0));
};
const encode = (buffer) => {
  const plain = String.fromCharCode(...new Uint8Array(buffer));
  return btoa(plain).replace(/\+/g, "-").replace(/\//g, "_").replace(/=+$/, "");
};

const ask = async (address, formKey, members) => {
  const answer = await fetch(address, {
    method: "POST",
    headers: { "Content-Type": "application/json", Accept: "application/json", "X-Form-Key": formKey },
    body: JSON.stringify(members),
  });
  const found = await answer.json();
  if (!answer.ok) throw new Error(`${found.detail} ${found.mend || ""}`);
  return found;
};

const signIn = async (button) => {
  const options = await ask("/sign-in/passkey/options", "", {});
  options.challenge = decode(options.challenge);
  const made = await navigator.credentials.get({ publicKey: options });
  const response = {
    clientDataJSON: encode(made.response.clientDataJSON),
    authenticatorData: encode(made.response.authenticatorData),
    signature: encode(made.response.signature),
    userHandle: made.response.userHandle ? encode(made.response.userHandle) : null,
  };
  const answer = { id: made.id, rawId: encode(made.rawId), type: made.type, response, clientExtensionResults: {} };
  const to = encodeURIComponent(button.dataset.to || "/");
  return ask(`/sign-in/passkey?to=${to}`, "", answer);
};

const add = async (button) => {
  const key = button.form.elements.form_key.value;
  const options = await ask("/account/passkeys/options", key, {});
  options.challenge = decode(options.challenge);
  options.user.id = decode(options.user.id);
  options.excludeCredentials = (options.excludeCredentials || []).map((one) => ({ ...one, id: decode(one.id) }));
  const made = await navigator.credentials.create({ publicKey: options });
  const response = {
    clientDataJSON: encode(made.response.clientDataJSON),
    attestationObject: encode(made.response.attestationObject),
    transports: made.response.getTransports ? made.response.getTransports() : [],
  };
  const answer = { id: made.id, rawId: encode(made.rawId), type: made.type, response, clientExtensionResults: {} };
  const name = encodeURIComponent(button.form.elements.name.value.trim() || "Passkey");
  return ask(`/account/passkeys?name=${name}`, key, answer);
};

for (const button of document.querySelectorAll("[data-passkey]")) {
  if (!window.PublicKeyCredential) continue;
  button.hidden = false;
  for (const part of document.querySelectorAll("[data-with-passkeys]")) part.hidden = false;
  button.addEventListener("click", async (event) => {
    event.preventDefault();
    const problem = document.querySelector(".passkey-problem");
    problem.textContent = "";
    button.disabled = true;
    try {
      const done = await (button.dataset.passkey === "add" ? add(button) : signIn(button));
      window.location.assign(done.to);
    } catch (error) {
      // The browser's own words are for programmers; a person who closed the dialogue knows it.
      problem.textContent = error.name === "NotAllowedError" || error.name === "AbortError"
        ? "No passkey was used. Try again, or take another way."
        : error.name === "InvalidStateError" ? "This device has a passkey for your account already." : error.message;
      button.disabled = false;
    }
  });
}
