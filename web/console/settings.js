import { element } from './element.js';
import { say } from './words.js';

const storageKey = 'parley.console';

/** The settings dialog and what was set in it; all of it is forgotten when the tab is closed. */
export function createSettings({ gateway, onKeyChange }) {
  const find = (id) => document.getElementById(id);
  const dialog = find('settings');
  const fields = {
    systemPrompt: find('system-prompt'),
    temperature: find('temperature'),
    apiKey: find('api-key'),
    model: find('model'),
  };
  const values = restore();
  for (const [name, field] of Object.entries(fields)) {
    if (name !== 'model') field.value = values[name] ?? '';
    field.addEventListener('change', () => {
      values[name] = field.value;
      keep(values);
      if (name === 'apiKey') onKeyChange();
    });
  }
  const open = () => {
    dialog.showModal();
    showServerFacts(gateway());
  };
  find('open-settings').addEventListener('click', open);
  return {
    open,
    /** Opens the dialog at the field for the API key. */
    askForKey() {
      open();
      fields.apiKey.focus();
    },
    apiKey: () => fields.apiKey.value.trim(),
    /** The model that was picked before the page was loaded again. */
    model: () => values.model ?? '',
    /** What a chat request takes from here; wrong values count as none. */
    forRequest() {
      const { model, temperature, systemPrompt } = fields;
      return {
        ...(model.value !== '' && { model: model.value }),
        ...(temperature.value !== '' &&
          temperature.validity.valid && { temperature: temperature.valueAsNumber }),
        ...(systemPrompt.value.trim() !== '' && { system_prompt: systemPrompt.value }),
      };
    },
  };
}

function restore() {
  try {
    return JSON.parse(sessionStorage.getItem(storageKey)) ?? {};
  } catch {
    return {};
  }
}

function keep(values) {
  try {
    sessionStorage.setItem(storageKey, JSON.stringify(values));
  } catch {
    // A browser that forbids storage forgets the settings with the page.
  }
}

async function showServerFacts(gateway) {
  const [health, cache] = await Promise.all([
    gateway.health().catch(() => null),
    gateway.cacheStats().catch(() => null),
  ]);
  const configured = Object.entries(health?.providers_configured ?? {}).filter(([, has]) => has);
  const facts = [
    [say('version'), health?.version],
    [say('environment'), health?.environment],
    [say('providers'), health && (configured.map(([name]) => name).join(', ') || say('none'))],
    [say('cache'), cache && say('cacheFacts', cacheFacts(cache))],
  ];
  const rows = facts.flatMap(([name, value]) => [
    element('dt', {}, name),
    element('dd', {}, value ?? say('unknown')),
  ]);
  document.getElementById('server-facts').replaceChildren(...rows);
}

function cacheFacts({ hits, total_requests, entries, cache_size_human }) {
  return { hits, total: total_requests, entries, size: cache_size_human };
}
