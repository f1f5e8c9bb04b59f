import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { profileNames } from '../providers/compatible/profiles.ts';
import { loadConfig } from './config.ts';
import { realProviders, sandboxProviders } from './create-providers.ts';
import { configPath, settings } from './settings.ts';

let home = '';
beforeEach(() => {
  home = mkdtempSync(join(tmpdir(), 'offpeak-config-'));
});
afterEach(() => rmSync(home, { recursive: true, force: true }));

function write(text: string): void {
  writeFileSync(configPath(home), text, { mode: 0o600 });
}

describe('keys', () => {
  test.each([
    [{ GEMINI_API_KEY: 'a', GOOGLE_API_KEY: 'b' }, 'a', 'GEMINI_API_KEY'],
    [{ GEMINI_API_KEY: '', GOOGLE_API_KEY: 'b' }, 'b', 'GOOGLE_API_KEY'],
    [{}, undefined, 'default'],
  ])("Gemini's under %j: %s", async (env, key, from) => {
    const config = await loadConfig(home, env);
    expect(config.text('providers.gemini.api_key')).toBe(key);
    expect(config.all().find(({ setting }) => setting.key === 'providers.gemini.api_key')?.from).toBe(from);
  });

  test('each server has its own variable, and its own place in the file', async () => {
    write(
      'providers:\n  mistral:\n    api_key: from-the-file\n  azure:\n    base_url: https://me.openai.azure.com/openai/v1\n',
    );
    const config = await loadConfig(home, { GROQ_API_KEY: 'g', AZURE_OPENAI_API_KEY: 'z', XAI_API_KEY: 'x' });
    expect(config.text('providers.groq.api_key')).toBe('g');
    expect(config.text('providers.azure.api_key')).toBe('z');
    expect(config.text('providers.xai.api_key')).toBe('x');
    expect(config.text('providers.mistral.api_key')).toBe('from-the-file');
    expect(config.text('providers.together.api_key')).toBeUndefined();
    expect(config.text('providers.azure.base_url')).toBe('https://me.openai.azure.com/openai/v1');
    expect(config.text('providers.together.base_url')).toBe('https://api.together.xyz/v1');
  });

  test('every key is known for a secret, in the file as in the environment', async () => {
    const keys = settings.filter(({ key }) => key.endsWith('.api_key'));
    expect(keys.length).toBe(3 + profileNames.length);
    expect(keys.every(({ secret, env }) => secret === true && env !== undefined)).toBe(true);
    expect(new Set(settings.map(({ key }) => key)).size).toBe(settings.length);
    writeFileSync(configPath(home), 'providers:\n  groq:\n    api_key: k\n', { mode: 0o644 });
    await expect(loadConfig(home, {})).rejects.toMatchObject({
      code: 'config',
      message: expect.stringMatching(/chmod 600/),
    });
  });
});

describe('prices', () => {
  test('are taken as they stand; their keys are names of models, with dots and colons', async () => {
    write('prices:\n  "openai:my-model.2": { input: 1, output: 2, cache_read: 0.1, batch_factor: 0.5 }\n');
    const config = await loadConfig(home, {});
    expect(config.prices).toEqual({
      'openai:my-model.2': { input: 1, output: 2, cache_read: 0.1, batch_factor: 0.5 },
    });
  });

  test.each(['prices: 3\n', 'prices: [1]\n', 'prices:\n  "openai:m": 3\n'])('%j is a slip', async (text) => {
    write(text);
    await expect(loadConfig(home, {})).rejects.toMatchObject({
      code: 'config',
      message: expect.stringMatching(/prices must hold/),
    });
  });

  test('without any, and without a file, there are none', async () => {
    expect((await loadConfig(home, {})).prices).toEqual({});
    write('prices:\nbatch:\n  retry_attempts: 2\n');
    const config = await loadConfig(home, {});
    expect(config.prices).toEqual({});
    expect(config.number('batch.retry_attempts')).toBe(2);
  });

  test('beside them an unknown setting is still named, and a file that is no mapping refused', async () => {
    write('prices: {}\nbatch:\n  max_concurency: 5\n');
    await expect(loadConfig(home, {})).rejects.toMatchObject({
      code: 'config',
      message: expect.stringMatching(/batch\.max_concurency/),
    });
    write('- 1\n');
    await expect(loadConfig(home, {})).rejects.toMatchObject({ code: 'config' });
  });
});

describe('providers', () => {
  const names = ['openai', 'anthropic', 'gemini', ...profileNames, 'ollama'];

  test('all are there without a key, and the one asked says what is missing', async () => {
    const providers = await realProviders(await loadConfig(home, {}));
    expect(providers.map(({ name }) => name)).toEqual(names);
    expect(providers.every(({ simulated }) => !simulated)).toBe(true);
    for (const provider of providers) {
      if (provider.name === 'ollama') continue;
      await expect(provider.check(), provider.name).rejects.toMatchObject({ code: 'auth' });
    }
  });

  test('settings reach the adapters', async () => {
    write(
      'providers:\n  anthropic: { batch: false }\n  gemini: { poll_interval: 9 }\n  groq: { poll_interval: 7, completion_window: 7d }\n',
    );
    const providers = await realProviders(await loadConfig(home, {}));
    const find = (name: string) => providers.find((provider) => provider.name === name);
    expect(find('anthropic')).not.toHaveProperty('batch');
    expect(find('gemini')?.batch?.limits.pollMinMs).toBe(9000);
    expect(find('groq')?.batch?.limits.pollMinMs).toBe(7000);
    expect(find('azure')?.batch?.limits.pollMinMs).toBe(60_000);
    write('providers:\n  groq: { completion_window: 1h }\n');
    await expect(loadConfig(home, {}).then(realProviders)).rejects.toMatchObject({ code: 'config' });
  });

  test('a sandbox stands in for all of them, at their own paths', async () => {
    const { startSandbox } = await import('../sandbox/sandbox.ts');
    const sandbox = await startSandbox({ stateDir: join(home, 'sandbox') });
    try {
      const providers = await sandboxProviders(sandbox.url);
      expect(providers.map(({ name }) => name)).toEqual(names);
      for (const provider of providers) {
        expect(provider.simulated).toBe(true);
        expect(await provider.check(), provider.name).toMatchObject({ detail: expect.stringContaining('reachable') });
      }
      const again = await sandboxProviders('http://127.0.0.1:1');
      expect(again.map(({ account }) => account)).toEqual(providers.map(({ account }) => account));
    } finally {
      await sandbox.close();
    }
  });
});
