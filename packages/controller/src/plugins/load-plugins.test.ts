import { chmod, mkdir, mkdtemp, rm, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, it, onTestFinished } from 'vitest';
import { builtInPlugins, loadPlugins } from './load-plugins.ts';

const text = `
name: demo
title: Demo
description: What it is.
labels: { enabled: true }
versions:
  - version: '1'
    labels: {}
    processes: { service: [one] }
    lifecycle: { one: { start: { script: start.sh } } }
`;

async function newFolder(): Promise<string> {
  const folder = await mkdtemp(join(tmpdir(), 'wadi-plugins-'));
  onTestFinished(() => rm(folder, { recursive: true }));
  await mkdir(join(folder, 'demo', 'scripts'), { recursive: true });
  await writeFile(join(folder, 'demo', 'plugin.yaml'), text);
  await writeFile(join(folder, 'demo', 'scripts', 'start.sh'), '#!/bin/sh\necho up\n');
  return folder;
}

const hashOf = async (folder: string) => (await loadPlugins([folder])).get('demo')?.hash;

describe('plugins in a folder', () => {
  it('are offered beside those that come with Wadi, and may not take the name of another', async () => {
    const folder = await newFolder();
    const names = [...(await loadPlugins([builtInPlugins, folder])).keys()];
    expect(names).toEqual([...new Set(names)]);
    expect(names).toEqual(expect.arrayContaining(['bare', 'demo']));
    await expect(loadPlugins([folder, folder])).rejects.toThrow('there is a plugin demo already');
  });

  it('have a hash that any change of any file changes', async () => {
    const folder = await newFolder();
    const first = await hashOf(folder);
    expect(first).toMatch(/^[0-9a-f]{64}$/);
    expect(await hashOf(await newFolder())).toBe(first);
    await writeFile(join(folder, 'demo', 'scripts', 'start.sh'), '#!/bin/sh\necho up \n');
    const second = await hashOf(folder);
    await writeFile(join(folder, 'demo', 'scripts', 'unused'), '');
    expect(new Set([first, second, await hashOf(folder)]).size).toBe(3);
  });

  it('are refused when others may write to them', async () => {
    const folder = await newFolder();
    const script = join(folder, 'demo', 'scripts', 'start.sh');
    await chmod(script, 0o666);
    await expect(loadPlugins([folder])).rejects.toThrow(`${script}: others may write to it`);
    await chmod(script, 0o644);
    await chmod(join(folder, 'demo', 'scripts'), 0o777);
    await expect(loadPlugins([folder])).rejects.toThrow('others may write to it');
  });

  it('hold no links to files elsewhere', async () => {
    const folder = await newFolder();
    await symlink('/etc/hostname', join(folder, 'demo', 'scripts', 'other'));
    await expect(loadPlugins([folder])).rejects.toThrow('is not a file');
  });

  it('without plugin.yaml, or under another name, are told by their path', async () => {
    const folder = await newFolder();
    await writeFile(join(folder, 'demo', 'plugin.yaml'), text.replace('name: demo', 'name: other'));
    await expect(loadPlugins([folder])).rejects.toThrow('the plugin is called other, its folder demo');
    await rm(join(folder, 'demo', 'plugin.yaml'));
    await expect(loadPlugins([folder])).rejects.toThrow(join(folder, 'demo', 'plugin.yaml'));
  });
});
