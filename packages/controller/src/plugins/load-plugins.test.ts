import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, it, onTestFinished } from 'vitest';
import { builtInPlugins, loadPlugins, readPlugin } from './load-plugins.ts';

const text = `
name: demo
title: Demo
description: What it is.
labels: { enabled: true }
versions:
  - version: '1'
    labels: {}
    processes: { service: [one, two] }
    configs:
      - { name: Size, type: int, default: 3, target: service, scope: node }
`;

describe('a plugin file', () => {
  it('says what clusters can be made of', () => {
    const plugin = readPlugin('demo/plugin.yaml', text);
    expect(plugin).toMatchObject({ name: 'demo', title: 'Demo', labels: { enabled: { status: true } } });
    expect(plugin.versions.get('1')).toMatchObject({
      processes: { service: ['one', 'two'], proxy: ['proxy'] },
      configs: [{ name: 'Size', config_type: 'int', default_value: 3, is_optional: true, priority: 1 }],
    });
  });

  it.each([
    ['an unknown key', text.replace('title:', 'titel:')],
    ['a process that is no name', text.replace('[one, two]', '["$(reboot)"]')],
    ['no version', `${text.split('versions:')[0]}versions: []`],
    ['a version that is a number', text.replace("'1'", '1.0')],
  ])('with %s is refused by its path', (_, broken) => {
    expect(() => readPlugin('demo/plugin.yaml', broken)).toThrow(/^demo\/plugin\.yaml: /);
  });

  it('is found in its folder, and may not take the name of another', async () => {
    const folder = await mkdtemp(join(tmpdir(), 'wadi-plugins-'));
    onTestFinished(() => rm(folder, { recursive: true }));
    await mkdir(join(folder, 'demo'));
    await writeFile(join(folder, 'demo', 'plugin.yaml'), text);
    expect([...(await loadPlugins([builtInPlugins, folder])).keys()]).toEqual(['bare', 'demo']);
    await expect(loadPlugins([folder, folder])).rejects.toThrow('there is a plugin demo already');
  });
});
