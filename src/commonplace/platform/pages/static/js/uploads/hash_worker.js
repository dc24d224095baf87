/** Hashes one file after the other, beside the page: only one is in memory at a time. */

let last = Promise.resolve();

addEventListener("message", ({ data: { number, file } }) => {
  last = last.then(async () => {
    let hash = "";
    try {
      const digest = await crypto.subtle.digest("SHA-256", await file.arrayBuffer());
      hash = [...new Uint8Array(digest)].map((byte) => byte.toString(16).padStart(2, "0")).join("");
    } catch {
      // It cannot be read, or is too large for this machine: then it is sent.
    }
    postMessage({ number, hash });
  });
});
