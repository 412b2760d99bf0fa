import { describe, expect, it } from 'vitest';
import { readPlugin } from './read-plugin.ts';

const text = `
name: demo
title: Demo
description: What it is.
labels: { enabled: true }
versions:
  - version: '1'
    labels: {}
    processes: { service: [one, two] }
    required_image_tags: [demo]
    configs:
      - { name: Size, type: int, default: 3, target: service, scope: node }
      - { name: Web port, type: int, default: 80, target: service, scope: cluster }
      - { name: Mode, type: enum, values: [fast, safe], default: safe, target: general, scope: cluster }
      - { name: Password, type: string, secret: true, target: general, scope: cluster, variable: ADMIN_PASSWORD }
    lifecycle:
      one:
        install: { script: install.sh, root: true, timeout: 900 }
        start: { script: start.sh }
        health:
          - { name: Answers, command: { script: health.sh } }
          - { name: Page, http: { port: WEB_PORT, path: /status, status: 204 } }
        web:
          - { title: Console, port: 8080, path: /ui }
`;
const script = '#!/bin/sh\ntrue\n';
const scripts = new Map(['install.sh', 'start.sh', 'health.sh'].map((name) => [name, script]));
const read = (yaml: string, files: ReadonlyMap<string, string> = scripts) =>
  readPlugin({ path: 'demo/plugin.yaml', text: yaml, hash: 'h', scripts: files });

describe('a plugin file', () => {
  it('says what clusters can be made of, and how', () => {
    const plugin = read(text);
    expect(plugin).toMatchObject({ name: 'demo', hash: 'h', labels: { enabled: { status: true } } });
    const release = plugin.versions.get('1');
    expect(release).toMatchObject({
      processes: { service: ['one', 'two'], proxy: ['proxy'] },
      requiredImageTags: ['demo'],
      settings: [
        { variable: 'SIZE', secret: false, default: 3 },
        { variable: 'WEB_PORT' },
        { variable: 'MODE' },
        { variable: 'ADMIN_PASSWORD', secret: true, default: null },
      ],
    });
    expect(release?.configs[0]).toMatchObject({ name: 'Size', config_type: 'int', default_value: 3 });
    expect(release?.lifecycle.get('one')).toEqual({
      steps: {
        install: { file: 'scripts/install.sh', text: script, root: true, timeout: 900 },
        start: { file: 'scripts/start.sh', text: script, root: false, timeout: 600 },
      },
      health: [
        { name: 'Answers', check: { file: 'scripts/health.sh', text: script, root: false, timeout: 20 } },
        { name: 'Page', check: { port: 'WEB_PORT', path: '/status', status: 204, timeout: 20 } },
      ],
      web: [{ title: 'Console', port: 8080, path: '/ui' }],
    });
    expect(release?.lifecycle.has('proxy')).toBe(false);
  });

  it.each([
    ['an unknown key', ['title:', 'titel:'], 'the file: unknown field titel'],
    ['an unknown step', ['start: {', 'begin: {'], 'versions.0.lifecycle.one: unknown field begin'],
    ['a process that is no name', ['[one, two]', '["$(reboot)"]'], 'versions.0.processes.service.0: '],
    ['a process twice', ['[one, two]', '[one, one]'], 'versions.0.processes: one is there twice'],
    [
      'a proxy of its own',
      ['[one, two]', '[one, proxy]'],
      'versions.0.processes: proxy is there in every plugin',
    ],
    ['steps of no process', ['[one, two]', '[two]'], 'versions.0.lifecycle.one: there is no such process'],
    ['a version that is a number', ["'1'", '1.0'], 'versions.0.version: '],
    [
      'a script that is not there',
      ['start.sh', 'begin.sh'],
      'start.script: there is no file scripts/begin.sh',
    ],
    ['a script elsewhere', ['start.sh', '../start.sh'], 'versions.0.lifecycle.one.start.script: '],
    ['a variable twice', ['ADMIN_PASSWORD', 'SIZE'], 'configs.3.variable: SIZE is there twice'],
    ['a variable of Wadi', ['ADMIN_PASSWORD', 'WADI_STEP'], 'configs.3.variable: WADI_STEP cannot be'],
    ['a variable that bash lets nobody set', ['ADMIN_PASSWORD', 'UID'], 'configs.3.variable: UID cannot be'],
    [
      'a default of another type',
      ['default: 3', 'default: three'],
      'configs.0.default: is not of the type int',
    ],
    [
      'a default beside the values',
      ['default: safe', 'default: slow'],
      'configs.2.default: is not one of the values',
    ],
    ['a secret with a default', ['secret: true,', 'secret: true, default: x,'], 'configs.3.secret: '],
    [
      'a port of no config',
      ['port: WEB_PORT', 'port: WEB'],
      'health.1.http.port: WEB is the variable of no config',
    ],
    [
      'a check that checks nothing',
      ['command: { script: health.sh }', ''],
      'health.0: needs either command or http',
    ],
    [
      'a target of Wadi’s own',
      ['target: service', 'target: wadi'],
      'configs.0.target: wadi is for what every',
    ],
    ['a text that is no YAML', ['labels: {}', 'labels: {'], 'Flow map'],
  ] as const)('with %s is refused by its path and field', (_, [from, to], told) => {
    expect(() => read(text.replace(from, to))).toThrow(/^demo\/plugin\.yaml: /);
    expect(() => read(text.replace(from, to))).toThrow(told);
  });

  it('has scripts for the POSIX shell only', () => {
    const bash = new Map([...scripts, ['start.sh', '#!/bin/bash\n']]);
    expect(() => read(text, bash)).toThrow('scripts/start.sh does not begin with #!/bin/sh');
    const windows = new Map([...scripts, ['start.sh', '#!/bin/sh\r\ntrue\r\n']]);
    expect(() => read(text, windows)).toThrow('carriage returns');
  });
});
