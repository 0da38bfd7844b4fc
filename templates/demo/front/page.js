const safe = (text) => String(text).replace(/[&<>"]/g, (sign) => `&#${sign.charCodeAt(0)};`);
const row = (name, value, id = '') => `<dt>${name}</dt><dd id="${id}">${safe(value)}</dd>`;
// `<` could end the script that the value stands in.
const inScript = (value) => JSON.stringify(value ?? null).replaceAll('<', '\\u003c');

/** Gives the page: who serves it, and what its API says, asked by this server and once more by the browser. */
export function renderPage({ theme, ticket, branch, api, apiUrl }) {
  const endpoints = api.endpoints?.length ? ` with ${api.endpoints.join(', ')}` : '';
  const answer = api.error ?? `${api.ticket} [${api.branch}]${endpoints}`;
  return `<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>${safe(theme.title)} · ${safe(ticket)}</title>
<style>
  body { margin: 0; min-height: 100vh; display: grid; place-items: center; font: 16px/1.6 system-ui, sans-serif;
         background: ${theme.background}; color: ${theme.text}; }
  main { width: min(34rem, 90vw); padding: 2rem; border-top: 6px solid ${theme.accent}; border-radius: 12px;
         background: ${theme.card}; box-shadow: 0 10px 40px #0002; }
  h1 { margin: 0 0 1rem; color: ${theme.accent}; }
  dl { display: grid; grid-template-columns: auto 1fr; gap: .25rem 1.5rem; margin: 0 0 1.5rem; }
  dt { opacity: .65; } dd { margin: 0; font-weight: 600; }
  form { display: flex; gap: .5rem; } input { flex: 1; } input, button { font: inherit; padding: .4rem .8rem; }
  button { border: 0; border-radius: 6px; background: ${theme.accent}; color: white; }
</style>
</head>
<body>
<main>
  <h1>${safe(theme.title)}</h1>
  <dl>
    ${row('ticket', ticket)}
    ${row('branch', branch)}
    ${row('its API', answer)}
    ${row('in the browser', 'asking …', 'browser')}
  </dl>
  <form><input name="name" placeholder="an item for the shared Postgres" required><button>Add</button></form>
  <ul></ul>
</main>
<script>
  const api = ${inScript(apiUrl)};
  const ask = async (path, options) => (await fetch(api + path, options)).json();
  const say = (text) => { document.querySelector('#browser').textContent = text; };
  const list = async () => {
    const { items, counter } = await ask('/items');
    const lines = items.map(({ name, ticket }) => Object.assign(document.createElement('li'), { textContent: name + ' (' + ticket + ')' }));
    document.querySelector('ul').replaceChildren(...lines);
    say(api + ' has ' + items.length + ' items, Redis counted ' + counter);
  };
  document.querySelector('form').onsubmit = async (event) => {
    event.preventDefault();
    await ask('/items', { method: 'POST', body: JSON.stringify({ name: event.target.name.value }) });
    event.target.reset();
    list();
  };
  list().catch((error) => say(api + ': ' + error.message));
</script>
</body>
</html>
`;
}
